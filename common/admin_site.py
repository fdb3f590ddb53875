"""The admin, with pages that are no model's: an app registers them in `AppConfig.ready`."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig as DjangosAdminConfig
from django.contrib.admin.views.main import ERROR_FLAG, SEARCH_VAR
from django.core.exceptions import FieldError, PermissionDenied, ValidationError
from django.db import DataError, models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import path, reverse

from common.errors import Malformed
from common.forms import DateAndTimeField, DateField, NumberField, WholeNumberField
from common.text import has_nul

logger = logging.getLogger(__name__)

View = Callable[[HttpRequest], HttpResponse]
AdminView = Callable[..., HttpResponseBase]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the admin, listed first among an app's models.

    It is for whoever has the permission `permission` ("app.codename"), which should be one
    that shows a model of the app: who sees none of them does not see the app.
    """

    app_label: str
    name: str
    title: str
    view: View
    permission: str

    @property
    def url_name(self) -> str:
        return f"{self.app_label}_{self.name}"

    def entry(self) -> dict[str, Any]:
        """What the index's template needs, as it is for a model that can only be looked at."""
        return {
            "name": self.title,
            "object_name": self.name,
            "admin_url": reverse(f"admin:{self.url_name}"),
            "add_url": None,
            "view_only": True,
            "perms": {"view": True},
        }

    def guarded_view(self) -> View:
        """The view; whoever may not see the page is refused."""

        @wraps(self.view)
        def guarded(request: HttpRequest) -> HttpResponse:
            if not request.user.has_perm(self.permission):
                raise PermissionDenied
            return self.view(request)

        return guarded


# What Django's admin raises for values that it does not validate: no number, no id, a day that no
# calendar has, an unknown field, a NUL that PostgreSQL cannot store.
TAMPERED = (
    ValueError,
    TypeError,
    # A text where a widget expects a time.
    AttributeError,
    OverflowError,
    ValidationError,
    FieldError,
    DataError,
)
LONGEST_SEARCH = 200


def refusing_tampered(view: AdminView) -> AdminView:
    """`view`, with a 400 where a query, a form or an id that was tampered with makes it fail.

    A fault of ours may raise the same exceptions, so the log has the traceback. A page without
    query, form and id cannot have been tampered with, and fails with a 500.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            refuse_nul(request)
            refuse_costly(request)
            response = view(request, *args, **kwargs)
            refuse_failed_list(response)
            # Lists are read, and dates looked up, when the page is put together.
            return response.render() if isinstance(response, TemplateResponse) else response
        except TAMPERED as error:
            if not (request.GET or request.POST or args or kwargs):
                raise
            logger.warning("Refused as malformed: %s", request.path, exc_info=error)
            raise Malformed("The address or the form has a value that makes no sense.") from error

    return guarded


def refuse_nul(request: HttpRequest) -> None:
    """Raises Malformed for a NUL, which no row of PostgreSQL can hold; Http404 if in a path."""
    if "\0" in request.path_info:
        raise Http404
    if has_nul(request.GET) or has_nul(request.POST):
        raise Malformed("The query or the form has a NUL.")


def refuse_costly(request: HttpRequest) -> None:
    """Raises Malformed for a costly search: by a regular expression, or for many words."""
    if any("regex" in name.split("__") or "iregex" in name.split("__") for name in request.GET):
        raise Malformed("A list cannot be narrowed by a regular expression.")
    if len(request.GET.get(SEARCH_VAR, "")) > LONGEST_SEARCH:
        raise Malformed(f"A search can have {LONGEST_SEARCH} characters at most.")


def refuse_failed_list(response: HttpResponseBase) -> None:
    """Raises Malformed where Django sends the browser to a page that says "Database error"."""
    if isinstance(response, HttpResponseRedirect) and response.url.endswith(f"?{ERROR_FLAG}=1"):
        raise Malformed("The list cannot be narrowed by that.")


# Numbers and times in the forms of every model have ASCII digits.
FIELDS: dict[type[models.Field[Any, Any]], dict[str, Any]] = {
    models.IntegerField: {"form_class": WholeNumberField},
    models.DecimalField: {"form_class": NumberField},
    models.DateField: {"form_class": DateField},
    models.DateTimeField: {"form_class": DateAndTimeField},
}


_pages: list[Page] = []


def register(page: Page) -> None:
    """Puts a page into the admin."""
    _pages.append(page)


class Site(AdminSite):
    """Django's admin and the pages."""

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        options.setdefault("formfield_overrides", FIELDS)
        super().register(model_or_iterable, admin_class, **options)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        return super().admin_view(refusing_tampered(view), cacheable)

    def get_urls(self) -> list[Any]:
        pages = [
            path(
                f"{page.app_label}/{page.name}/",
                self.admin_view(page.guarded_view()),
                name=page.url_name,
            )
            for page in _pages
        ]
        return [*pages, *super().get_urls()]

    def get_app_list(self, request: Any, app_label: str | None = None) -> list[Any]:
        apps = super().get_app_list(request, app_label)
        for app in apps:
            app["models"][:0] = [
                page.entry()
                for page in _pages
                if page.app_label == app["app_label"] and request.user.has_perm(page.permission)
            ]
        return apps


class AdminConfig(DjangosAdminConfig):
    default_site = "common.admin_site.Site"
