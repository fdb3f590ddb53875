"""The base of every endpoint: one transaction for a write, and one way to answer."""

import functools
from collections.abc import Callable
from typing import Any, final

from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from rest_framework import mixins, viewsets
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from common.errors import NotFound
from common.filters import refuse_unknown
from common.reach import Reach


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
    # The path from a row to the user whose own it is (`customer__user`), if it is anybody's.
    owner: str | None = None
    # Set by the permission check. Until then nobody sees anything.
    reach = Reach.NONE

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        method = (request.method or "").lower()
        if method in {"post", "put", "patch", "delete"} and hasattr(self, method):
            handler = functools.partial(self.in_transaction, getattr(self, method))
            setattr(self, method, handler)
        return super().dispatch(request, *args, **kwargs)

    def in_transaction(
        self, handler: Callable[..., Response], request: Request, *args: Any, **kwargs: Any
    ) -> Response:
        """`handler`'s answer, once everything it wrote is committed.

        Credentials were checked before; the body is read now, so that a slow sender does not
        hold the transaction (on SQLite, the one write lock) open.
        """
        _ = request.data
        with transaction.atomic():
            return handler(request, *args, **kwargs)

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """The `Allow` header alone; what the methods mean stands in the documents."""
        return Response()

    def get_authenticate_header(self, request: Request) -> str:
        return every_challenge(self, request)

    def rows(self) -> QuerySet[Any]:
        """What the resource consists of, before anybody's reach is considered."""
        return self.queryset.all()

    @final
    def get_queryset(self) -> QuerySet[Any]:
        """The rows that the caller may touch."""
        return self.within_reach(self.rows(), self.owner)

    def within_reach(self, rows: QuerySet[Any], owner: str | None) -> QuerySet[Any]:
        """Those of `rows` that the caller may touch; `owner` leads from a row to its user."""
        if self.reach is Reach.ALL:
            return rows
        if self.reach is Reach.OWN and owner:
            return rows.filter(**{owner: self.request.user.pk})
        return rows.none()

    def get_object(self) -> Any:
        """The row behind the path; locked when it is about to be changed. 404 by its name."""
        try:
            return super().get_object()
        except Http404 as error:
            model: type[Model] = self.queryset.model
            name = str(model._meta.verbose_name).capitalize()
            raise NotFound(f"{name} not found") from error

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.detail:
            refuse_unknown(self.request, known=set())
            safe = self.request.method in SAFE_METHODS
            return queryset if safe else queryset.select_for_update(of=("self",))
        return super().filter_queryset(queryset)


class UpdateModelMixin(mixins.UpdateModelMixin):
    """PUT changes the members it carries and leaves the others, as PATCH does (Savannah)."""

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        kwargs["partial"] = True
        return super().update(request, *args, **kwargs)


class ResourceViewSet(
    mixins.CreateModelMixin,
    mixins.RetrieveModelMixin,
    UpdateModelMixin,
    mixins.DestroyModelMixin,
    mixins.ListModelMixin,
    BaseViewSet,
):
    """A resource with all five actions."""
