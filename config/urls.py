"""Every address. The API answers alike under `/v1/`, `/api/` and `/api/v1/`."""

import sys
from typing import Any

from csp.decorators import csp_update
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import RedirectView

from access.throttling import (
    LOGIN_PAGE,
    LOGIN_REFRESH,
    PASSWORD_CHANGE,
    REGISTRATION,
    limited,
)
from access.urls import root_urlpatterns as provider_at_the_root
from access.views import AuthTokenView, TokenPairView, TokenRefreshView
from common.errors import NotFound, Problem, as_problem, fault, page_problem
from config.api import documents, openapi_json, router
from customers.views import RegistrationView
from imports.views import UploadCheck
from notifications import callbacks

# Longer before shorter: `/api/v1/` would otherwise be looked for under `/api/`.
OTHER_BASES = ("api/v1", "api")


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


def page_of_documents(name: str) -> Any:
    """Swagger UI or ReDoc. Both style themselves inline, and ReDoc searches in a worker.

    Scripts stay as limited as everywhere: those of our own files.
    """
    loosened = {"style-src": ["'self'", "'unsafe-inline'"], "worker-src": ["'self'", "blob:"]}
    return csp_update(loosened)(documents.with_ui(name, cache_timeout=0))


log_in_page = LoginView.as_view(template_name="access/login.html")

urlpatterns = [
    # The most asked for is found first: addresses are compared in this order.
    path("", api_under("v1")),
    path("", page_of_documents("swagger"), name="home"),
    path("swagger", page_of_documents("swagger")),
    path("swagger/", page_of_documents("swagger")),
    path("redoc", page_of_documents("redoc")),
    path("redoc/", page_of_documents("redoc")),
    re_path(r"^swagger\.(?P<format>json)$", documents.without_ui()),
    path("openapi.json", openapi_json),
    # Browsers ask for it on pages that name no icon.
    path("favicon.ico", RedirectView.as_view(url=static("common/favicon.svg"))),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    # Before the admin's own addresses: the same pages, behind the limit.
    path("admin/login/", limited(admin.site.login, LOGIN_PAGE)),
    path("admin/password_change/", limited(admin.site.password_change, PASSWORD_CHANGE)),
    path("admin/", admin.site.urls),
    path("login/", limited(log_in_page, LOGIN_PAGE), name="login"),
    path("o/", include("access.urls")),
    *provider_at_the_root,
    *([path("oidc/", include("mozilla_django_oidc.urls"))] if settings.OIDC_RP_CLIENT_ID else []),
    re_path(r"^api-token-auth/?$", AuthTokenView.as_view()),
    re_path(r"^api/token/?$", TokenPairView.as_view()),
    re_path(r"^api/token/refresh/?$", limited(TokenRefreshView.as_view(), LOGIN_REFRESH)),
    re_path(r"^api/rest-auth/registration/?$", limited(RegistrationView.as_view(), REGISTRATION)),
    path("uploads/check", UploadCheck.as_view()),
    path("notifications/africastalking/", include(callbacks.urlpatterns)),
    *(path("", api_under(base)) for base in OTHER_BASES),
]


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    problem = as_problem(exception) or Problem("The request is malformed.", code="malformed")
    return page_problem(request, problem)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    problem = Problem("You may not do this.", status=403, code="permission_denied")
    return page_problem(request, problem)


def server_error(request: HttpRequest) -> HttpResponse:
    """For a page what an error of its view means: the database away is a 503 here as well."""
    error = sys.exception()
    problem = as_problem(error) if isinstance(error, Exception) else None
    return page_problem(request, problem or fault())


handler400 = bad_request
handler403 = forbidden
handler404 = no_such_path
handler500 = server_error
