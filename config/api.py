"""The one router: every endpoint of the API, and the documents about it."""

import json
from functools import cache

from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_yasg import openapi
from drf_yasg.views import get_schema_view
from rest_framework.permissions import AllowAny

from common.documents.swagger import SwaggerGenerator
from common.routers import Router
from customers.views import CustomerViewSet
from imports.views import ImportViewSet
from items.views import ItemViewSet
from mappings.views import AppViewSet, MappingViewSet, QueryViewSet
from notifications.views import MessageViewSet
from orders.views import OrderViewSet

router = Router()
router.register("customers", CustomerViewSet)
router.register("apps", AppViewSet)
router.register("mappings", MappingViewSet)
router.register("query", QueryViewSet, basename="query")
router.register("items", ItemViewSet)
router.register("orders", OrderViewSet)
router.register("notifications", MessageViewSet, basename="notification")
router.register("imports", ImportViewSet)

DESCRIPTION = """Who your customers are, and what you have with them.

**Credentials**: `Authorization: Api-Key <key>`, or `Authorization: Bearer <token>` with an
access token from `/o/token/` (OpenID Connect; see `/.well-known/openid-configuration`), from
`POST /api/token/` or from `POST /api-token-auth/`. Each operation names the scope it needs;
`read` and `write` stand for all of them.

**Errors** are `application/problem+json` (RFC 9457), with every member's error at once.

**Safe repetition**: give each POST an `Idempotency-Key`. **Safe changes**: give the `ETag` that
you read as `If-Match`. **Lists** are plain arrays in pages; follow the `Link` header.
"""
INFO = openapi.Info(title="Klanten", default_version="v1", description=DESCRIPTION)
PATTERNS = [path("v1/", include(router.urls))]

documents = get_schema_view(
    INFO,
    public=True,
    permission_classes=(AllowAny,),
    authentication_classes=(),
    patterns=PATTERNS,
    generator_class=SwaggerGenerator,
)


@cache
def openapi_document() -> bytes:
    """The OpenAPI 3.1 document; made once per process, it takes a third of a second."""
    document = SchemaGenerator(patterns=PATTERNS).get_schema(public=True)
    document["info"] = {"title": "Klanten", "version": "v1", "description": DESCRIPTION}
    return json.dumps(document, default=str).encode()


@require_safe
def openapi_json(request: HttpRequest) -> HttpResponse:
    """`/openapi.json`."""
    return HttpResponse(openapi_document(), content_type="application/json")
