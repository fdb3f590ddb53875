"""Query parameters of lists: what the FilterSet declares, and nothing else."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import django_filters
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import QueryDict
from django_filters.fields import IsoDateTimeField
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.request import Request

from common.errors import FieldError, Invalid, Problem
from common.forms import IdField
from common.models import first_id_at
from common.text import refuse_foreign_digits

# Between the making of an id and the taking of the time there is a moment: a wait for a lock.
SLACK = timedelta(minutes=1)
# What a trigram index can answer; anything shorter would read the whole table.
SHORTEST_SEARCH = 3
FIELDS = "fields"
PAGING = {"limit", "cursor", "ordering", "count", FIELDS}


class MomentField(IsoDateTimeField):
    """A time, to the microsecond. One that is none in UTC, at the end of the years, is refused."""

    def to_python(self, value: Any) -> datetime | None:
        refuse_foreign_digits(value, self.error_messages["invalid"])
        moment: datetime | None = super().to_python(value)
        try:
            return moment and moment.astimezone(UTC)
        except OverflowError:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None


class IdFilter(django_filters.UUIDFilter):
    """By an id."""

    field_class = IdField


class MomentFilter(django_filters.IsoDateTimeFilter):
    """By a time with its offset (RFC 3339)."""

    field_class = MomentField


def moved(moment: datetime, by: timedelta) -> datetime:
    """`moment` and `by`, or the end of the years that lies between."""
    try:
        return moment + by
    except OverflowError:
        return moment


class CreatedFilter(django_filters.FilterSet):
    """`created_after` and `created_before`, for every list.

    The ids are in the order of creation, so both go by the primary index; the times
    themselves are compared as well, because an id is exact to the millisecond only.
    """

    # Filters by another time, with the ordering field by which their rows come newest first.
    times: ClassVar[dict[str, str]] = {}

    created_after = MomentFilter(method="after", help_text="Made after this time.")
    created_before = MomentFilter(method="before", help_text="Made before this time.")

    def after(self, rows: QuerySet[Any], name: str, moment: datetime) -> QuerySet[Any]:
        return rows.filter(id__gte=first_id_at(moved(moment, -SLACK)), created_at__gt=moment)

    def before(self, rows: QuerySet[Any], name: str, moment: datetime) -> QuerySet[Any]:
        return rows.filter(id__lt=first_id_at(moved(moment, SLACK)), created_at__lt=moment)


class NameSearch(django_filters.CharFilter):
    """Rows with a text anywhere in their `name`, whatever its case."""

    def __init__(self) -> None:
        super().__init__(
            "name",
            "icontains",
            min_length=SHORTEST_SEARCH,
            max_length=100,
            help_text="With this in their name.",
        )


class StrictFilterBackend(DjangoFilterBackend):
    """django-filter, with a 400 for a parameter that the list does not have.

    A mistyped filter that is ignored answers with everybody's rows.
    """

    def filter_queryset(
        self, request: Request, queryset: QuerySet[Any], view: Any
    ) -> QuerySet[Any]:
        filterset = self.get_filterset_class(view, queryset)
        filters = set(filterset.base_filters if filterset else ())
        refuse_unknown(request, known=PAGING | filters)
        refuse_empty(request, filters)
        if not filters & set(request.query_params):
            return queryset
        filtered: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return filtered


def take_form_as_query(request: Request) -> None:
    """Lets the form in the body of a GET count as its query, in the links of the answer as well.

    Raises a Problem for a body that is no form: what it asks for would be passed over.
    """
    form = request.data
    if not form:
        return
    if not isinstance(form, QueryDict):
        raise Problem("The body of a GET can only be a form.", code="malformed")
    query = request.query_params.copy()
    for name, values in form.lists():
        query.setlist(name, values)
    original = request._request  # noqa: SLF001 - DRF's view of it is read-only
    original.GET = query  # type: ignore[assignment]
    original.META["QUERY_STRING"] = query.urlencode()


def wanted_fields(request: Request, known: Iterable[str]) -> set[str]:
    """The members that `?fields=a,b` names. Raises Invalid for an unknown one."""
    # Some generated clients repeat the parameter instead: `fields=a&fields=b`.
    given = ",".join(request.query_params.getlist(FIELDS))
    wanted = {name.strip() for name in given.split(",")}
    if unknown := sorted(wanted - set(known)):
        raise Invalid(FieldError(FIELDS, "unknown", f"There is no field {', '.join(unknown)}."))
    return wanted


def refuse_empty(request: Request, filters: set[str]) -> None:
    """Raises Invalid naming every filter without a value; django-filter would pass it over."""
    given = request.query_params
    if empty := sorted(name for name in filters & set(given) if not given[name]):
        raise Invalid(
            *(FieldError(name, "blank", "Give a value, or leave it out.") for name in empty)
        )


def refuse_unknown(request: Request, *, known: set[str]) -> None:
    """Raises Invalid naming every query parameter that is not among `known`."""
    if unknown := sorted(set(request.query_params) - known):
        raise Invalid(
            *(FieldError(name, "unknown", "There is no such parameter.") for name in unknown)
        )
