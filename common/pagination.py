"""Lists: plain arrays, keyset pages, and `Link` headers (RFC 8288)."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import DateTimeField, Field, Model, Q, QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from common.documents.parameters import Parameter, parameter
from common.errors import FieldError, Invalid, encodable
from common.statements import Placeholder, Statement
from common.text import validate_one_line

DEFAULT_LIMIT = 100
MOST = 1000


@dataclass(frozen=True, slots=True)
class Cursor:
    """The row beside a page: its place in the ordering, and on which side of it the page lies."""

    value: str
    id: str
    backwards: bool = False

    def encode(self) -> str:
        """As it stands in a link: opaque, and safe in a URL."""
        members = [self.value, self.id, int(self.backwards)]
        # Not escaped: a long name would no longer fit into a URL.
        content = json.dumps(members, separators=(",", ":"), ensure_ascii=False)
        return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> "Cursor":
        """The cursor in a link. ValueError for anything else."""
        try:
            content = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except RecursionError:
            raise ValueError("no cursor") from None
        match content:
            case [str(value), str(row_id), 0 | 1 as backwards] if storable(value):
                return cls(value, row_id, bool(backwards))
            case _:
                raise ValueError("no cursor")


def storable(text: str) -> bool:
    """Whether a database takes it for text: without a NUL or half a surrogate pair."""
    return "\0" not in text and text == encodable(text)


class KeysetPagination(BasePagination):
    """Pages by the ordering's field and the id: page 10,000 costs what page 1 does.

    The rows are dictionaries of columns, the id and what they are ordered by among them.
    Newest first unless `?ordering=` names one of the view's `ordering_fields`, with a minus for
    descending. Nothing is counted unless `?count=true` asks for it.
    """

    def paginate_queryset(  # type: ignore[override]  # it also allows lists
        self, queryset: QuerySet[Any], request: Request, view: Any = None
    ) -> list[Any]:
        self.request, self.model = request, queryset.model
        self.total = queryset.count() if wants_count(request) else None
        self.field, self.descending = ordering(request, view)
        self.limit = limit(request)
        self.cursor = cursor(request)
        backwards = self.cursor is not None and self.cursor.backwards
        descending = self.descending != backwards
        place = place_of(self.cursor, self.model, self.field) if self.cursor else None
        if view.is_everything(queryset):
            page_of = page_statement(queryset, self.field, descending, place is not None)
            rows = page_of.run({**(place or {}), "limit": self.limit + 1})
        else:
            ordered = keyset(queryset, self.field, place, descending=descending)
            rows = list(ordered[: self.limit + 1])
        more, page = len(rows) > self.limit, rows[: self.limit]
        self.page = page[::-1] if backwards else page
        self.has_next = self.cursor is not None if backwards else more
        self.has_previous = more if backwards else self.cursor is not None
        return self.page

    def get_paginated_response(self, data: Any) -> Response:
        headers = {}
        if links := ", ".join(self.links()):
            headers["Link"] = links
        if self.total is not None:
            headers["X-Total-Count"] = str(self.total)
        return Response(data, headers=headers)

    def links(self) -> list[str]:
        """The links to the pages on both sides, as far as there are any."""
        links = []
        if self.page and self.has_next:
            links.append(self.link("next", self.page[-1], backwards=False))
        if self.page and self.has_previous:
            links.append(self.link("prev", self.page[0], backwards=True))
        return links

    def link(self, relation: str, row: dict[str, Any], *, backwards: bool) -> str:
        """The link to the page beside `row`."""
        field: Field[Any, Any] = self.model._meta.get_field(self.field)
        value = field.value_to_string(self.model(**{self.field: row[self.field]}))
        target = Cursor(value, str(row["id"]), backwards).encode()
        url = replace_query_param(self.request.build_absolute_uri(), "cursor", target)
        return f'<{url}>; rel="{relation}"'

    def get_schema_operation_parameters(self, view: Any) -> list[Parameter]:
        orderings = [sign + name for name in view.ordering_fields for sign in ("", "-")]
        return [
            parameter(
                "limit",
                "query",
                "How many at most.",
                {"type": "integer", "minimum": 1, "maximum": MOST, "default": DEFAULT_LIMIT},
            ),
            parameter(
                "cursor",
                "query",
                "Where the page begins, as a Link header gave it.",
                {"type": "string"},
            ),
            parameter(
                "ordering",
                "query",
                "By what to order; a minus for descending. Newest first if not given.",
                {"type": "string", "enum": orderings},
            ),
            parameter("count", "query", "Whether to answer X-Total-Count.", {"type": "boolean"}),
        ]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return schema


def keyset(
    rows: QuerySet[Any], field: str, place: Mapping[str, Any] | None, *, descending: bool
) -> QuerySet[Any]:
    """`rows` in the order of `field` and the id, from behind the row at `place` on."""
    sign, comparison = ("-", "lt") if descending else ("", "gt")
    rows = rows.order_by(*dict.fromkeys([f"{sign}{field}", f"{sign}id"]))
    if place is None:
        return rows
    if field == "id":
        return rows.filter(**{f"id__{comparison}": place["id"]})
    value = place["value"]
    # The first condition is implied by the second, and is the one an index can answer.
    behind = Q(**{f"{field}__{comparison}": value}) | Q(**{f"id__{comparison}": place["id"]})
    return rows.filter(behind, **{f"{field}__{comparison}e": value})


@lru_cache(maxsize=256)
def page_statement(rows: QuerySet[Any], field: str, descending: bool, behind: bool) -> Statement:
    """What reads a page of `rows`, from the beginning or from `behind` a place."""
    place = {name: Placeholder(name) for name in ("value", "id")} if behind else None
    ordered = keyset(rows, field, place, descending=descending)
    return Statement(ordered[: MOST + 1], limit="limit")


def wants_count(request: Request) -> bool:
    """What `?count=` says: true or false."""
    given = request.query_params.get("count", "false")
    if given not in {"true", "false"}:
        raise Invalid(FieldError("count", "invalid", "Give true or false."))
    return given == "true"


def limit(request: Request) -> int:
    """What `?limit=` says."""
    given = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if not (re.fullmatch("[0-9]{1,4}", given) and 1 <= int(given) <= MOST):
        raise Invalid(FieldError("limit", "invalid", f"Give a number from 1 to {MOST}."))
    return int(given)


def ordering(request: Request, view: Any) -> tuple[str, bool]:
    """The field that `?ordering=` names, and whether it is descending."""
    given = request.query_params.get("ordering", newest_first(request, view))
    name = given.removeprefix("-")
    if name not in view.ordering_fields:
        known = ", ".join(view.ordering_fields)
        raise Invalid(FieldError("ordering", "invalid", f"It can be ordered by {known}."))
    # The id carries the time of creation.
    return ("id" if name == "created_at" else name), given.startswith("-")


def newest_first(request: Request, view: Any) -> str:
    """The ordering that is meant when none is given: by the time that is filtered by, if any.

    By another time, PostgreSQL would read all that is newer before it came to what is wanted.
    """
    times: dict[str, str] = getattr(getattr(view, "filterset_class", None), "times", {})
    asked_for = (field for name, field in times.items() if request.query_params.get(name))
    return f"-{next(asked_for, 'created_at')}"


def cursor(request: Request) -> Cursor | None:
    """What `?cursor=` says; an empty one is the first page."""
    if not (given := request.query_params.get("cursor")):
        return None
    try:
        return Cursor.decode(given)
    except ValueError:
        raise bad_cursor() from None


def bad_cursor() -> Invalid:
    return Invalid(FieldError("cursor", "invalid", "Use a cursor from a Link header as it came."))


def place_of(cursor: Cursor, model: type[Model], field: str) -> dict[str, Any]:
    """The value and the id of the row that a cursor names. Raises Invalid if they are none."""
    try:
        return {
            "value": position(model, field, cursor.value),
            "id": position(model, "id", cursor.id),
        }
    except ValidationError:
        raise bad_cursor() from None


def position(model: type[Model], name: str, text: str) -> Any:
    """The value of a field that a cursor holds as text. ValidationError if it is none."""
    field: Field[Any, Any] = model._meta.get_field(name)  # type: ignore[assignment]
    if isinstance(field, DateTimeField) and not text.endswith("+00:00"):
        raise ValidationError("no time in UTC")
    value = field.to_python(text)
    if value not in field.empty_values:
        for validate in field.validators:
            # A row that is older than the rule for text has its place, too.
            if validate is not validate_one_line:
                validate(value)
    return value
