from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db import transaction
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.principals import caller
from access.tokens import issue
from common.answers import saved
from common.documents.operations import Operation
from common.errors import Conflict, NotFound
from common.viewsets import ResourceViewSet
from customers import examples
from customers.erasing import delete_customer, erase_customer
from customers.exporting import export_of
from customers.filters import CustomerFilter
from customers.lookup import id_in, merge_of
from customers.merging import lock_both, merge_customers
from customers.models import Customer
from customers.registration import register_login
from customers.serializers import (
    CustomerSerializer,
    ErasureSerializer,
    ExportSerializer,
    MergeRequestSerializer,
    RegistrationSerializer,
)


class CustomerViewSet(ResourceViewSet):
    """Customers: who they are."""

    resource = "customers"
    queryset = Customer.objects.all()
    serializer_class = CustomerSerializer
    filterset_class = CustomerFilter
    ordering_fields = ("created_at", "name")
    known_by = ("id", "uuid", "domain")
    sample = examples.JOHN
    # The id in the path, if its customer was merged into another.
    merged_from: UUID | None = None
    operations = {
        "create": Operation(
            description="With a domain that is known already: 200 and the original, unchanged; of "
            "that one, who may not read customers is shown `id`, `uuid` and `domain`.",
            statuses=(200, 201),
            examples=examples.CREATE,
            links={
                "orders_customer": {"customer_id": "id"},
                "orders_by_customer": {"customer_code": "code"},
            },
        ),
        "merge": Operation(
            description="Everything that is this customer's becomes the other's, and this id "
            "answers with the other from then on. What stands in the way is listed in a 409.",
            request=MergeRequestSerializer,
            examples=examples.MERGE,
            sample=examples.JOHN,
        ),
        "export": Operation(
            description="`read` does not cover this: it shows orders and messages as well.",
            response=ExportSerializer,
            sample=examples.EXPORT,
        ),
        "erase": Operation(
            description="Overwrites what is personal, in logs and history too. Orders and sums "
            "stay. It cannot be undone; once more gives the first receipt. `write` does not "
            "cover this.",
            response=ErasureSerializer,
            sample=examples.ERASURE,
        ),
    }

    def found(self, find: Callable[[], Any]) -> Any:
        """The customer with the id in the path, or whom that one was merged into."""
        try:
            return super().found(find)
        except NotFound:
            if (merge := merge_of(self.kwargs["pk"])) is None:
                raise
        self.kwargs["pk"], self.merged_from = str(merge.survivor_id), merge.merged_id
        customer = super().found(find)
        if isinstance(customer, Customer):
            customer.merged_from = merge.merged_id
        return customer

    def shown(self, row: dict[str, Any]) -> dict[str, Any]:
        return {**super().shown(row), "merged_from": self.merged_from}

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Registers a customer; with a domain that is known already, answers the original (200)."""
        return saved(CustomerSerializer(data=request.data))

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Deletes a customer to whom nothing refers, and erases everything personal."""
        customer = self.get_object()
        require_unmerged(customer)
        delete_customer(customer, by=str(request.auth))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @action(detail=True, methods=["post"], required_permission="delete")
    def merge(self, request: Request, pk: str) -> Response:
        """Merges a customer into another."""
        wanted = MergeRequestSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        # Both, in the order of their ids, before this one is locked to look at its version.
        if (customer_id := id_in(pk)) is not None:
            lock_both(customer_id, wanted.validated_data["into"])
        customer = self.get_object()
        require_unmerged(customer)
        survivor = merge_customers(
            customer.pk, **wanted.validated_data, by=str(request.auth), reader=caller(request)
        )
        return Response(self.get_serializer(survivor).data)

    @action(detail=True, serializer_class=ExportSerializer, required_permission="export")
    def export(self, request: Request, pk: str) -> Response:
        """Exports everything that is held about a customer."""
        everything = export_of(self.get_object())
        return self.narrowed(Response(self.get_serializer(everything).data))

    @action(detail=True, methods=["post"], required_permission="erase")
    def erase(self, request: Request, pk: str) -> Response:
        """Erases a customer's personal data."""
        receipt = erase_customer(self.get_object(), by=str(request.auth))
        return Response(ErasureSerializer(receipt).data)


def require_unmerged(customer: Customer) -> None:
    """Raises Conflict for a customer found by the id of another who was merged into them."""
    if customer.merged_from:
        raise Conflict(f"The customer was merged into {customer.pk}.", code="merged")


class RegistrationView(APIView):
    """`POST /api/rest-auth/registration/`: a customer makes their own login (lori)."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()

    def post(self, request: Request) -> Response:
        """Makes a login and its customer, and answers `{key, customer}`, a token to go on with."""
        given = RegistrationSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        members = given.validated_data
        with transaction.atomic():
            user = register_login(
                username=members["username"],
                email=members["email"],
                password=members["password1"],
            )
            key = issue(user).access
        # Their own id and code, which they need to order and can read nowhere else.
        customer = {"id": str(user.customer.pk), "code": user.customer.code}
        return Response({"key": key, "customer": customer}, status=status.HTTP_201_CREATED)
