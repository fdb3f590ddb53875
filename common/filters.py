"""Query parameters of lists: what the FilterSet declares, and nothing else."""

from typing import Any

from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.request import Request

from common.errors import FieldError, Invalid
from common.pagination import KeysetPagination

PAGING = {KeysetPagination.page_size_query_param, KeysetPagination.cursor_query_param}


class StrictFilterBackend(DjangoFilterBackend):
    """django-filter, with a 400 for a parameter that the list does not have.

    A mistyped filter that is ignored answers with everybody's rows.
    """

    def filter_queryset(
        self, request: Request, queryset: QuerySet[Any], view: Any
    ) -> QuerySet[Any]:
        filterset = self.get_filterset_class(view, queryset)
        refuse_unknown(request, known=PAGING | set(filterset.base_filters if filterset else ()))
        filtered: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return filtered


def refuse_unknown(request: Request, *, known: set[str]) -> None:
    """Raises Invalid naming every query parameter that is not among `known`."""
    if unknown := sorted(set(request.query_params) - known):
        raise Invalid(
            *(FieldError(name, "unknown", "There is no such parameter.") for name in unknown)
        )
