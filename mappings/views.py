from collections.abc import Mapping as MappingOf
from typing import Any

from rest_framework import mixins
from rest_framework.request import Request
from rest_framework.response import Response

from access.permissions import MayAccess, StaffAloneWrite
from access.principals import caller
from common.answers import made, saved
from common.documents.operations import Operation
from common.errors import Problem
from common.filters import take_form_as_query
from common.parsers import JSONParser
from common.raw_path import decoded_part, raw_path
from common.viewsets import BaseViewSet, ListModelMixin, ResourceViewSet
from customers.examples import JOHN
from customers.models import Customer
from customers.serializers import CustomerSerializer
from mappings import examples
from mappings.filters import AppFilter, MappingFilter
from mappings.models import App, Mapping
from mappings.serializers import (
    LONGEST_ID,
    LONGEST_SLUG,
    MOST_PAIRS,
    AppSerializer,
    MappingSerializer,
    PairSerializer,
    UpsertSerializer,
    pairs_in,
)
from mappings.services import behind, upsert

APP, ID_THERE = "mappings__app__slug", "mappings__customer_app_id"
# The second may be anything that the application chose, slashes included.
PAIR = r"(?P<app>[^/\0]+)/(?P<customer_app_id>[^\0]+?)"
SLUG = {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$", "maxLength": LONGEST_SLUG}
PAIR_SCHEMAS = {
    "app": SLUG,
    "customer_app_id": {"type": "string", "minLength": 1, "maxLength": LONGEST_ID},
}


WITHOUT_RIGHT = "Without the scope `customers:read`, only `id`, `uuid` and `domain` are shown."


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


class PairInPath(BaseViewSet):
    """An application and an id there stand in the path."""

    lookup_regex = PAIR
    path_schemas = PAIR_SCHEMAS

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.detail:
            self.kwargs["customer_app_id"] = self.customer_app_id(request)

    def customer_app_id(self, request: Request) -> str:
        """The id as the application spells it: a `/` at its end that was sent as `%2F` is its own.

        The path that was matched is decoded, and has lost what tells it from the one that may
        follow any address. Where the server does not give the raw one, an id that is known with
        the `/` is taken for meant, but for a PUT. Raises NotFound where the other parts of the
        address only decode to what was matched.
        """
        app, matched = self.kwargs["app"], self.kwargs["customer_app_id"]
        raw, path = raw_path(request), request.path_info
        if raw is None:
            known = Mapping.objects.filter(app__slug=app, customer_app_id=f"{matched}/")
            is_doubtful = path.endswith("/") and request.method != "PUT"
            return f"{matched}/" if is_doubtful and known.exists() else matched
        without_slash = len(path) - len(matched)
        before = next(
            path[:length]
            for length in (without_slash, without_slash - 1)
            if path[:length].endswith(f"/{app}/")
        )
        *outer, last = raw.split("/", before.count("/"))
        try:
            if [*map(decoded_part, outer), ""] == before.split("/"):
                return decoded_part(last.removesuffix("/") or last)
        except UnicodeDecodeError:
            pass
        raise self.not_found()


class MappingViewSet(mixins.CreateModelMixin, mixins.DestroyModelMixin, ListModelMixin, PairInPath):
    """Mappings: by which id each application knows a customer."""

    resource = "mappings"
    queryset = Mapping.objects.select_related("customer", "app")
    serializer_class = MappingSerializer
    filterset_class = MappingFilter
    path_members = {"app": "app", "customer_app_id": "customer_app_id"}
    known_by = ("id", "customer", "customer_app_id", "app", "app_id")
    borrowed = ("domain",)
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
            "one is registered with them. That needs the scope `customers:write` as well.",
            request=UpsertSerializer,
            statuses=(200, 201),
            examples=examples.UPSERT,
        ),
    }

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Maps a customer; the very same once more answers the first (200)."""
        return saved(MappingSerializer(data=request.data))

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Makes or changes the mapping of an application's id, and its customer."""
        pair = PairSerializer(data=self.kwargs)
        pair.is_valid(raise_exception=True)
        mapping = self.filter_queryset(self.get_queryset()).filter(**self.named()).first()
        if mapping:
            self.check_precondition(mapping)
        elif "If-Match" in request.headers:
            raise Problem("There is no such mapping.", status=412, code="precondition_failed")
        wanted = UpsertSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        mapping, created = upsert(
            mapping, by=caller(request), **pair.validated_data, **wanted.validated_data
        )
        return Response(self.get_serializer(mapping).data, status=made(created))

    def named(self) -> dict[str, Any]:
        return {"app__slug": self.kwargs["app"], "customer_app_id": self.kwargs["customer_app_id"]}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.action == "list":
            # So that Klanten's document asks for the mappings of a customer.
            take_form_as_query(request)


class QueryViewSet(PairInPath):
    """The customer behind an application's id."""

    resource = "mappings"
    document_name = "query"
    shown_resource = "customers"
    queryset = Customer.objects.all()
    serializer_class = CustomerSerializer
    known_by = ("id", "uuid", "domain")
    parser_classes = (JSONParser,)
    # Also to ask about many of them, with a POST.
    required_permission = "view"
    rate_policy = "read"
    path_members: MappingOf[str, str] = {}
    sample = JOHN
    operations = {
        "retrieve": Operation(summary="Find the customer behind an id", description=WITHOUT_RIGHT),
        "create": Operation(
            summary="Find the customers behind many ids",
            description=f"In the order of the pairs; null where there is none. {WITHOUT_RIGHT}",
            request=PairSerializer,
            most=MOST_PAIRS,
            many=True,
            gaps=True,
            statuses=(200,),
        ),
    }

    def named(self) -> dict[str, Any]:
        return {APP: self.kwargs["app"], ID_THERE: self.kwargs["customer_app_id"]}

    def create(self, request: Request) -> Response:
        """Finds the customers behind up to 1,000 pairs."""
        pairs = pairs_in(request.data)
        known = behind(self.get_queryset(), pairs).values(APP, ID_THERE, *self.columns.names)
        found = {(row[APP], row[ID_THERE]): self.shown(row) for row in known}
        if not self.may_read:
            found = {
                pair: {name: customer[name] for name in self.known_by}
                for pair, customer in found.items()
            }
        return Response([found.get(pair) for pair in pairs])
