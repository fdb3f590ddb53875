from typing import Any

from django.db.models import QuerySet
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from common.documents.operations import Operation
from common.errors import FieldError, Invalid, NotFound
from common.reach import Reach
from common.serializers import reused
from common.viewsets import ResourceViewSet
from customers.lookup import customer_id_of, find_customer, id_in
from customers.models import Customer
from orders import examples
from orders.filters import OrderFilter
from orders.models import Order
from orders.serializers import OrderRequestSerializer, OrderSerializer
from orders.services import set_status

FOR_LOGINS = """
    A customer's own login orders items of the catalogue: it gives no `code`, and, unless this
    installation allows it, no prices, `currency` or `order_time` (403).
"""


class OrderViewSet(ResourceViewSet):
    """Orders: what customers have ordered. Making one sends the customer an SMS."""

    resource = "orders"
    queryset = Order.objects.all()
    serializer_class = OrderSerializer
    filterset_class = OrderFilter
    ordering_fields = ("created_at", "order_time", "amount")

    owner = "customer__user"
    borrowed = (
        *("customer_code", "customer_name", "customer_first_name", "customer_last_name"),
        "customer_phone",
    )
    sample = examples.SAVANNAH_ORDER
    operations = {
        "create": Operation(
            description=f"{OrderRequestSerializer.__doc__}\n{FOR_LOGINS}",
            request=OrderRequestSerializer,
            examples=examples.CREATE,
        ),
        "update": Operation(request=OrderRequestSerializer, examples=examples.CHANGE),
        "partial_update": Operation(request=OrderRequestSerializer, examples=examples.CHANGE),
        "by_customer": Operation(
            required=frozenset({"customer_code"}), errors={404: "There is no such customer."}
        ),
    }

    def rows(self) -> QuerySet[Order]:
        return Order.objects.with_members()

    def customers(self) -> QuerySet[Customer] | None:
        """The customers for whom the caller may order; None for all."""
        if self.reach is Reach.ALL:
            return None
        return self.within_reach(Customer.objects.all(), "user")

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Places an order, in one of three ways."""
        return self.save(None, status=status.HTTP_201_CREATED)

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Changes the members that are given."""
        return self.save(self.get_object())

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Changes the members that are given."""
        return self.save(self.get_object())

    def save(self, order: Order | None, status: int = status.HTTP_200_OK) -> Response:
        """Makes or changes an order as the body asks, and answers with it."""
        wanted = reused(
            OrderRequestSerializer,
            order,
            data=self.request.data,
            partial=order is not None,
            context={"customers": self.customers(), "by_customer": self.reach is Reach.OWN},
        )
        wanted.is_valid(raise_exception=True)
        return Response(self.columns.show_instance(wanted.save()), status=status)

    @action(detail=True, methods=["post"], required_permission="change")
    def cancel(self, request: Request, pk: str) -> Response:
        """Cancels an order that is not completed."""
        order = set_status(self.get_object(), Order.Status.CANCELLED)
        return Response(self.columns.show_instance(order))

    @action(detail=False, url_path="by-customer")
    def by_customer(self, request: Request) -> Response:
        """The orders of the customer with a code, newest first."""
        if not (code := request.query_params.get("customer_code")):
            raise Invalid(FieldError("customer_code", "required", "This parameter is required."))
        return self.list_of(code=code)

    @action(detail=False, url_path=r"customer/(?P<customer_id>[^/.]+)")
    def customer(self, request: Request, customer_id: str) -> Response:
        """The orders of the customer with an id, newest first."""
        if (pk := id_in(customer_id)) is None:
            raise NotFound("Customer not found")
        return self.list_of(pk=pk)

    def list_of(self, **customer: Any) -> Response:
        """One customer's orders; 404 when there is no such customer."""
        theirs = customer_id_of(**customer)
        page = self.page_of(self.readable().filter(customer=theirs))
        if not page.data and not find_customer(self.customers(), **customer):
            raise NotFound("Customer not found")
        return page
