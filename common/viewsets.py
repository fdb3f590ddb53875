"""The base of every endpoint: one transaction for a write, and one way to answer."""

from collections.abc import Callable, Collection, Mapping
from functools import cache, partial
from typing import Any, final

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import DatabaseError, transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework import mixins, viewsets
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.status import (
    HTTP_201_CREATED,
    HTTP_202_ACCEPTED,
    HTTP_400_BAD_REQUEST,
    is_success,
)
from rest_framework.views import APIView

from common.acting import acting_as
from common.documents.operations import NOTHING_DECLARED, WITH_BODY, Operation
from common.errors import NotFound, Problem
from common.etag import etag_of, is_current, is_known
from common.filters import FIELDS, refuse_unknown, wanted_fields
from common.idempotency import key_of, once
from common.models import BaseModel
from common.prepared import STALE
from common.rate_limits import PrincipalRateLimit, Standing
from common.reach import Reach, only_reads
from common.representation import Columns, columns_behind
from common.serializers import given
from common.statements import Placeholder, Statement

# PostgreSQL's serialization_failure and deadlock_detected; and foreign_key_violation: what is
# referred to went while the request ran, as a customer does who is merged into another. The
# second time it is looked for where it is then. STALE plans are made anew the second time.
RUN_AGAIN = STALE | {"40001", "40P01", "23503"}


def every_challenge(view: APIView, request: Request) -> str:
    """`WWW-Authenticate` naming every scheme the view takes (RFC 9110, 11.6.1)."""
    challenges = (scheme.authenticate_header(request) for scheme in view.get_authenticators())
    return ", ".join(challenge for challenge in challenges if challenge)


class BaseViewSet(viewsets.GenericViewSet[Any]):
    """Opens one transaction around an unsafe request: all it writes commits together or not.

    `resource` is the word that stands in the scopes (`orders:read`); `required_permission`
    overrides, for one action, the Django permission that its method stands for.
    """

    resource: str
    required_permission: str | None = None
    queryset: QuerySet[Any]
    # What a list can be ordered by; each has an index that ends in the id.
    ordering_fields: tuple[str, ...] = ("created_at",)
    # The class of rate limit, where it is not simply read or write.
    rate_policy: str | None = None
    throttle_classes = (PrincipalRateLimit,)
    standing: Standing | None = None
    # The path from a row to the user whose own it is (`customer__user`), if it is anybody's.
    owner: str | None = None
    # What the documents say beyond what they derive, by the name of the action.
    operations: Mapping[str, Operation] = {}
    # A representation, as an example.
    sample: Mapping[str, Any] | None = None
    # What stands in the path, where it is not a UUID: JSON Schemas by name.
    path_schemas: Mapping[str, Mapping[str, Any]] = {}
    # Which members of a row stand in its address, by their names there.
    path_members: Mapping[str, str] = {"id": "id"}
    # What the documents call it, where that is not the resource.
    document_name: str | None = None
    # The resource whose rows are shown, if that is not the view's own.
    shown_resource: str | None = None
    # The members by which others know a row: all that those see of it who may not read it.
    known_by: tuple[str, ...] = ("id",)
    # Members of a row that are another resource's, such as an order's customer_name.
    borrowed: tuple[str, ...] = ()
    # Set by the permission check. Until then nobody sees anything.
    reach = Reach.NONE
    # How far the caller reads what is shown; set by the permission check, too.
    reads = Reach.NONE

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        method = (request.method or "").lower()
        if method in {"post", "put", "patch", "delete"} and hasattr(self, method):
            handler = partial(self.in_transaction, getattr(self, method))
            setattr(self, method, handler)
        response = super().dispatch(request, *args, **kwargs)
        self.let_go(response)
        return response

    def let_go(self, response: HttpResponseBase) -> None:
        """Undoes that view, request and answer refer to each other and to themselves.

        So a page of rows goes when it was sent, and does not wait for the garbage collector.
        """
        self.request.parser_context.clear()
        vars(self).clear()
        if isinstance(response, Response):
            response.add_post_render_callback(forget_context)

    def in_transaction(
        self, handler: Callable[..., Response], request: Request, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        """`handler`'s answer, once everything it wrote is committed.

        Credentials were checked before; the body is read now, so that a slow sender does not
        hold the transaction (on SQLite, the one write lock) open.
        """
        key = key_of(request)
        _ = request.data
        if only_reads(self.required_permission or ""):
            # A question with a body. Nothing is stored for it, not even its key.
            return handler(request, *args, **kwargs)

        def write() -> Response:
            return self.for_caller(handler(request, *args, **kwargs))

        with acting_as(str(request.auth or "")):
            if key is None:
                return self.committed(write)
            return self.committed(lambda: once(key, request, write, for_caller=self.for_caller))

    def committed(self, write: Callable[[], HttpResponseBase]) -> HttpResponseBase:
        """What `write` answers, once it is committed.

        What is in RUN_AGAIN has rolled all of it back: it runs once more.
        """
        try:
            return in_one_transaction(write)
        except DatabaseError as error:
            if getattr(error.__cause__, "pgcode", None) not in RUN_AGAIN:
                raise
        return in_one_transaction(write)

    def narrowed(self, response: Response) -> Response:
        """`response` with only the members that `?fields=` names."""
        if FIELDS not in self.request.query_params:
            return response
        serializer: Any = self.get_serializer()
        wanted = wanted_fields(self.request, serializer.get_fields())
        one = isinstance(response.data, dict)
        rows = [response.data] if one else response.data
        kept = [{name: row[name] for name in row if name in wanted} for row in rows]
        response.data = kept[0] if one else kept
        return response

    def for_caller(self, response: Response) -> Response:
        """`response`, if it shows a row, with what the caller may see of it, and its ETag."""
        if self.may_read or not self.shows_row(response):
            return tagged(response)
        row = response.data
        visible = self.visible_to_writer(row, status=response.status_code)
        response.data = {name: row[name] for name in row if name in visible}
        if "updated_at" in row:
            # Of nothing else: a digest of all members would let them be guessed.
            response["ETag"] = etag_of({**response.data, "updated_at": row["updated_at"]})
        return response

    def shows_row(self, response: Response) -> bool:
        """Whether `response` shows a row of the view's resource."""
        operation = self.operations.get(self.action or "", NOTHING_DECLARED)
        is_row = isinstance(response.data, dict) and not operation.response
        return is_row and is_success(response.status_code)

    @property
    def may_read(self) -> bool:
        """Whether the caller may read each row that they reach."""
        return self.reads is Reach.ALL or (self.reads is Reach.OWN and self.reach is Reach.OWN)

    def visible_to_writer(self, row: Mapping[str, Any], *, status: int) -> Collection[str]:
        """The members of a row that somebody may see who wrote it and may not read it.

        Of a new row, what is its own: they sent it, or it was made up. Of one that was there, by
        what it is known; of one that they changed, what they sent.
        """
        if status in {HTTP_201_CREATED, HTTP_202_ACCEPTED}:
            return row.keys() - (set(self.borrowed) - self.sent())
        if self.action in {"create", "retrieve"}:
            return self.known_by
        return {"id", "uuid", "updated_at", *self.path_members.values()} | self.sent()

    def sent(self) -> set[str]:
        """The members that the request has written. Those only shown are passed over by it."""
        operation = self.operations.get(self.action or "", NOTHING_DECLARED)
        serializer = operation.request
        if serializer is None and self.action in WITH_BODY:
            serializer = self.serializer_class  # type: ignore[assignment]
        body = self.request.data
        if serializer is None or not isinstance(body, Mapping):
            return set()
        return given(body) & writable(serializer)

    @property
    def columns(self) -> Columns:
        """How a row is read and shown."""
        return columns_behind(self.serializer_class)  # type: ignore[arg-type]

    def shown(self, row: dict[str, Any]) -> dict[str, Any]:
        """The representation of one row that was read."""
        return self.columns.show(row)

    def page_of(self, rows: QuerySet[Any]) -> Response:
        """A page of readable `rows`, as the query narrows it, of the members it asks for."""
        page = self.paginate_queryset(self.filter_queryset(rows))
        shown = [self.columns.show(row) for row in page or ()]
        return self.narrowed(self.get_paginated_response(shown))

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """The `Allow` header alone; what the methods mean stands in the documents."""
        return Response()

    def get_authenticate_header(self, request: Request) -> str:
        return every_challenge(self, request)

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        if self.standing:
            self.standing.write_on(response)
        # An unknown method has no action.
        operation = self.operations.get(self.action or "", NOTHING_DECLARED)
        for name, value in operation.farewell().items():
            response[name] = value
        return super().finalize_response(request, response, *args, **kwargs)

    def rows(self) -> QuerySet[Any]:
        """What the resource consists of, whoever asks."""
        return self.queryset.all()

    @final
    def get_queryset(self) -> QuerySet[Any]:
        """The rows that the caller may touch."""
        return self.within_reach(self.rows(), self.owner)

    def readable(self) -> QuerySet[Any, dict[str, Any]]:
        """The rows that the caller may see, as columns."""
        return self.within_reach(selected(type(self)), self.owner)

    def within_reach(self, rows: QuerySet[Any], owner: str | None) -> QuerySet[Any]:
        """Those of `rows` that the caller may touch; `owner` leads from a row to its user."""
        lookups = self.reached(owner)
        if lookups is None:
            return rows.none()
        return rows.filter(**lookups) if lookups else rows

    def is_everything(self, rows: QuerySet[Any]) -> bool:
        """Whether these are all rows of the resource, with nothing that narrows them."""
        return rows is selected(type(self))

    def reached(self, owner: str | None) -> dict[str, Any] | None:
        """The lookups that the caller's rows meet; None where there can be no such rows."""
        if self.reach is Reach.ALL:
            return {}
        if self.reach is Reach.OWN and owner:
            return {owner: self.request.user.pk}
        return None

    def get_object(self) -> Any:
        """The row behind the path; locked, and as expected, when it is about to be changed."""
        rows = self.filter_queryset(self.get_queryset())
        if self.request.method in SAFE_METHODS:
            return self.found(lambda: rows.get(**self.named()))
        if rows.query.annotations:
            self.lock()
        row = self.found(lambda: rows.get(**self.named()))
        self.check_precondition(row)
        return row

    def found(self, find: Callable[[], Any]) -> Any:
        """What `find` finds of that which the path names. 404 by its name."""
        try:
            return find()
        # What is no id is nobody's.
        except (ObjectDoesNotExist, ValueError, ValidationError) as error:
            raise self.not_found() from error

    def named(self) -> dict[str, Any]:
        """The lookups that the row meets which the path names."""
        return {self.lookup_field: self.kwargs[self.lookup_field]}

    def read(self) -> dict[str, Any]:
        """The columns of the row that the path names."""
        reached = self.reached(self.owner)
        if reached is None:
            raise self.not_found()
        lookups = reached | self.named()
        if rows := statement(type(self), tuple(lookups)).run(lookups):
            return rows[0]
        raise self.not_found()

    def not_found(self) -> NotFound:
        """The 404 for a row of this resource."""
        model: type[Model] = self.queryset.model
        return NotFound(f"{str(model._meta.verbose_name).capitalize()} not found")

    def lock(self) -> None:
        """Waits for the row's lock. What is read after that is as it is now.

        A statement that waits itself takes the row as it is afterwards, but what its annotations
        find in other tables (an order's lines) as it was before.
        """
        mine = self.within_reach(self.queryset.all(), self.owner)
        locked = mine.select_for_update(of=("self",)).only("pk")
        self.found(lambda: locked.get(**self.named()))

    def check_precondition(self, row: BaseModel) -> None:
        """412 if `If-Match` names another version than this, whose lock we hold; 428 without.

        The latter for callers who have asked to be held to it.
        """
        expected = self.request.headers.get("If-Match")
        if expected is None:
            if getattr(self.request.auth, "if_match_required", False):
                raise Problem(
                    "This key must say with If-Match which version it changes.",
                    status=428,
                    code="precondition_required",
                )
        elif not is_current(expected, row):
            raise Problem(
                "It was changed since you read it. Read it again.",
                status=412,
                code="precondition_failed",
            )

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One row; 304 without it for who has this very representation."""
        refuse_unknown(request, known={FIELDS})
        response = self.narrowed(self.for_caller(Response(self.shown(self.found(self.read)))))
        known = request.headers.get("If-None-Match")
        if known and is_known(known, response["ETag"]):
            return Response(status=304, headers={"ETag": response["ETag"]})
        return response

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.detail:
            refuse_unknown(self.request, known={FIELDS})
            safe = self.request.method in SAFE_METHODS
            return queryset if safe else queryset.select_for_update(of=("self",))
        return super().filter_queryset(queryset)


@cache
def selected(view: type[BaseViewSet]) -> QuerySet[Any, dict[str, Any]]:
    """The columns of a resource's rows.

    To put an order's statement together takes as long as to read the order: it is done once.
    """
    return columns_behind(view.serializer_class).select(view().rows())  # type: ignore[arg-type]


@cache
def statement(view: type[BaseViewSet], lookups: tuple[str, ...]) -> Statement:
    """What reads the rows of a resource that meet some lookups."""
    wanted = {lookup: Placeholder(lookup) for lookup in lookups}
    return Statement(selected(view).filter(**wanted).order_by())


def in_one_transaction(write: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """What `write` answers. A refusal takes back what was written, also if it is returned."""
    with transaction.atomic():
        response = write()
        if response.status_code >= HTTP_400_BAD_REQUEST:
            transaction.set_rollback(True)
        return response


@cache
def writable(serializer: type[Serializer[Any]]) -> frozenset[str]:
    """The names of the members that a serializer takes in."""
    return frozenset(name for name, field in serializer().fields.items() if not field.read_only)


def forget_context(response: Response) -> None:
    """What an answer was rendered with names the answer itself."""
    vars(response).pop("renderer_context", None)


def tagged(response: Response) -> Response:
    """`response` with an ETag, if it shows one row."""
    if isinstance(response.data, dict) and "updated_at" in response.data:
        response["ETag"] = etag_of(response.data)
    return response


class ListModelMixin:
    """The rows that the caller may see, in pages."""

    def list(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        response: Response = self.page_of(self.readable())
        return response


class UpdateModelMixin(mixins.UpdateModelMixin):
    """PUT changes the members it carries and leaves the others, as PATCH does (Savannah)."""

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        kwargs["partial"] = True
        return super().update(request, *args, **kwargs)


class ResourceViewSet(
    mixins.CreateModelMixin,
    UpdateModelMixin,
    mixins.DestroyModelMixin,
    ListModelMixin,
    BaseViewSet,
):
    """A resource with all five actions."""
