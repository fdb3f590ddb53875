from collections.abc import Mapping as MappingOf
from typing import Any

from rest_framework import mixins, status
from rest_framework.request import Request
from rest_framework.response import Response

from access.permissions import MayAccess, StaffAloneWrite
from common.documents.operations import Operation
from common.errors import Problem
from common.filters import FIELDS, refuse_unknown, take_form_as_query
from common.parsers import JSONParser
from common.viewsets import BaseViewSet, ResourceViewSet
from customers.examples import JOHN
from customers.models import Customer
from customers.serializers import CustomerSerializer
from mappings import examples
from mappings.filters import AppFilter, MappingFilter
from mappings.models import App, Mapping
from mappings.serializers import (
    LONGEST_ID,
    AppSerializer,
    MappingSerializer,
    PairSerializer,
    UpsertSerializer,
)
from mappings.services import resolve, upsert

MOST_PAIRS = 1000
# The second may be anything that the application chose, slashes included.
PAIR = r"(?P<app>[^/\0]+)/(?P<customer_app_id>[^\0]+?)"
SLUG = {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$", "maxLength": 50}
PAIR_SCHEMAS = {
    "app": SLUG,
    "customer_app_id": {"type": "string", "minLength": 1, "maxLength": LONGEST_ID},
}


class AppViewSet(ResourceViewSet):
    """Applications: whose ids for customers are kept. Only staff may change them."""

    resource = "apps"
    queryset = App.objects.all()
    serializer_class = AppSerializer
    filterset_class = AppFilter
    permission_classes = (MayAccess, StaffAloneWrite)
    lookup_field = "slug"
    path_schemas = {"slug": SLUG}
    path_members = {"slug": "slug"}
    sample = examples.AMC


class MappingViewSet(
    mixins.CreateModelMixin, mixins.DestroyModelMixin, mixins.ListModelMixin, BaseViewSet
):
    """Mappings: by which id each application knows a customer."""

    resource = "mappings"
    queryset = Mapping.objects.select_related("customer", "app")
    serializer_class = MappingSerializer
    filterset_class = MappingFilter
    lookup_regex = PAIR
    path_schemas = PAIR_SCHEMAS
    path_members = {"app": "app", "customer_app_id": "customer_app_id"}
    sample = examples.USERNAME
    operations = {
        "create": Operation(
            description="The very same once more: 200 and the first.",
            statuses=(200, 201),
            examples=examples.MAP,
        ),
        "update": Operation(
            summary="Make or change a mapping, and its customer",
            description="With `customer`, the id is that customer's from now on. With a "
            "customer's members, the customer behind the id takes them over; behind a new id "
            "one is registered with them.",
            request=UpsertSerializer,
            statuses=(200, 201),
            examples=examples.UPSERT,
        ),
    }

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Maps a customer; the very same once more answers the first (200)."""
        serializer = MappingSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        serializer.save()
        return Response(serializer.data, status=made(serializer.created))

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Makes or changes the mapping of an application's id, and its customer."""
        pair = PairSerializer(data=self.kwargs)
        pair.is_valid(raise_exception=True)
        mapping = self.present()
        if mapping:
            self.check_precondition(mapping)
        elif "If-Match" in request.headers:
            raise Problem("There is no such mapping.", status=412, code="precondition_failed")
        wanted = UpsertSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        mapping, created = upsert(mapping, **pair.validated_data, **wanted.validated_data)
        return Response(self.get_serializer(mapping).data, status=made(created))

    def find(self) -> Mapping:
        """The mapping of the pair in the path; locked when it is about to be changed."""
        if mapping := self.present():
            return mapping
        raise self.not_found()

    def present(self) -> Mapping | None:
        """The mapping of the pair in the path, if there is one; locked likewise."""
        rows = self.filter_queryset(self.get_queryset())
        app, customer_app_id = self.kwargs["app"], self.kwargs["customer_app_id"]
        mapping: Mapping | None = rows.filter(
            app__slug=app, customer_app_id=customer_app_id
        ).first()
        return mapping

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.action == "list":
            # So that Klanten's document asks for the mappings of a customer.
            take_form_as_query(request)


class QueryViewSet(BaseViewSet):
    """The customer behind an application's id."""

    resource = "mappings"
    document_name = "query"
    queryset = Customer.objects.all()
    serializer_class = CustomerSerializer
    parser_classes = (JSONParser,)
    # Also to ask about many of them, with a POST.
    required_permission = "view"
    rate_policy = "read"
    lookup_regex = PAIR
    path_schemas = PAIR_SCHEMAS
    path_members: MappingOf[str, str] = {}
    sample = JOHN
    operations = {
        "retrieve": Operation(summary="Find the customer behind an id"),
        "create": Operation(
            summary="Find the customers behind many ids",
            description="In the order of the pairs; null where there is none.",
            request=PairSerializer,
            most=MOST_PAIRS,
            many=True,
            gaps=True,
            statuses=(200,),
        ),
    }

    def find(self) -> Customer:
        """The customer behind the pair in the path: one statement, by unique index."""
        refuse_unknown(self.request, known={FIELDS})
        app, customer_app_id = self.kwargs["app"], self.kwargs["customer_app_id"]
        customer: Customer | None = (
            self.get_queryset()
            .filter(mappings__app__slug=app, mappings__customer_app_id=customer_app_id)
            .first()
        )
        if customer is None:
            raise self.not_found()
        return customer

    def create(self, request: Request) -> Response:
        """Finds the customers behind up to 1,000 pairs."""
        wanted = PairSerializer(
            data=request.data,
            many=True,
            max_length=MOST_PAIRS,  # type: ignore[call-arg]  # ListSerializer takes it
        )
        wanted.is_valid(raise_exception=True)
        found = resolve([(pair["app"], pair["customer_app_id"]) for pair in wanted.validated_data])
        shown = iter(self.get_serializer([each for each in found if each], many=True).data)
        return Response([next(shown) if each else None for each in found])


def made(created: bool) -> int:
    """The status of an answer with something that is new, or was there."""
    return status.HTTP_201_CREATED if created else status.HTTP_200_OK
