"""The admin, with pages that are no model's: an app registers them in `AppConfig.ready`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig as DjangosAdminConfig
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse

View = Callable[[HttpRequest], HttpResponse]


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


_pages: list[Page] = []


def register(page: Page) -> None:
    """Puts a page into the admin."""
    _pages.append(page)


class Site(AdminSite):
    """Django's admin and the pages."""

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
