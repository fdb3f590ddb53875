"""Every address. The API answers alike under `/v1/`, `/api/` and `/api/v1/`."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import RedirectView

from common.errors import NotFound, Problem, fault, page_problem
from config.api import documents, router

# Longer before shorter: `/api/v1/` would otherwise be looked for under `/api/`.
BASES = ("v1", "api/v1", "api")

# A page is made once and kept: the document takes a third of a second.
DOCUMENT_SECONDS = 3600


@csrf_exempt
def no_such_path(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return page_problem(request, NotFound("There is nothing at this address."))


def api_under(base: str) -> Any:
    """The API's routes below `base`, and its root with and without the slash."""
    routes: list[URLPattern | URLResolver] = [
        path(base, router.get_api_root_view()),
        path(f"{base}/", include(router.urls)),
        re_path(f"^{base}/", no_such_path),
    ]
    return include((routes, "api"), namespace=base.replace("/", "-"))


urlpatterns = [
    path("", documents.with_ui("swagger", cache_timeout=0), name="home"),
    path("swagger", documents.with_ui("swagger", cache_timeout=0)),
    path("swagger/", documents.with_ui("swagger", cache_timeout=0)),
    path("redoc", documents.with_ui("redoc", cache_timeout=0)),
    path("redoc/", documents.with_ui("redoc", cache_timeout=0)),
    re_path(r"^swagger\.(?P<format>json)$", documents.without_ui(cache_timeout=DOCUMENT_SECONDS)),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("o/", include("oauth2_provider.urls")),
    *(path("", api_under(base)) for base in BASES),
]


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return page_problem(request, Problem("The request is malformed.", code="malformed"))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    problem = Problem("You may not do this.", status=403, code="permission_denied")
    return page_problem(request, problem)


def server_error(request: HttpRequest) -> HttpResponse:
    return page_problem(request, fault())


handler400 = bad_request
handler403 = forbidden
handler404 = no_such_path
handler500 = server_error
