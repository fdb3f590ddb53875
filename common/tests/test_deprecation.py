"""An operation that is about to end says so, on its answers and in both documents."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import override_settings
from django.urls import include, path
from drf_spectacular.generators import SchemaGenerator
from drf_yasg import openapi
from drf_yasg.generators import OpenAPISchemaGenerator
from rest_framework.test import APIClient

from common.documents.operations import Operation
from common.routers import Router
from items.models import Item
from items.views import ItemViewSet


class OldItemViewSet(ItemViewSet):
    """Items, as they were."""

    operations = {
        **ItemViewSet.operations,
        "list": Operation(
            deprecated=datetime(2026, 1, 1, tzinfo=UTC), sunset=datetime(2027, 1, 1, tzinfo=UTC)
        ),
    }


router = Router()
router.register("toys", OldItemViewSet)
urlpatterns = [path("v1/", include(router.urls))]


@pytest.mark.django_db
@override_settings(ROOT_URLCONF=__name__)
def test_answers_say_when_it_ends(partner: APIClient, shirt: Item) -> None:
    response = partner.get("/v1/toys/")

    assert (response.status_code, len(response.json())) == (200, 1)
    # RFC 9745: a date of RFC 9651. RFC 8594: an HTTP date.
    assert response["Deprecation"] == "@1767225600"
    assert response["Sunset"] == "Fri, 01 Jan 2027 00:00:00 GMT"


@pytest.mark.django_db
@override_settings(ROOT_URLCONF=__name__)
def test_refusals_say_so_too(stranger: APIClient) -> None:
    response = stranger.get("/v1/toys/")

    assert (response.status_code, response["Deprecation"]) == (401, "@1767225600")


@pytest.mark.django_db
@override_settings(ROOT_URLCONF=__name__)
def test_other_operations_say_nothing(partner: APIClient, shirt: Item) -> None:
    response = partner.get(f"/v1/toys/{shirt.pk}")

    assert response.status_code == 200
    assert "Deprecation" not in response
    assert "Sunset" not in response


def in_openapi() -> dict[str, Any]:
    document = SchemaGenerator(patterns=urlpatterns).get_schema(public=True)
    return dict(document["paths"])


def in_swagger() -> dict[str, Any]:
    generator = OpenAPISchemaGenerator(openapi.Info("Toys", "v1"), patterns=urlpatterns)
    return dict(json.loads(json.dumps(generator.get_schema(public=True)["paths"])))


@pytest.mark.parametrize("paths", [in_openapi, in_swagger])
def test_documents_say_so(paths: Any) -> None:
    listing, create = paths()["/toys/"]["get"], paths()["/toys/"]["post"]

    assert listing["deprecated"] is True
    assert {"Deprecation", "Sunset"} <= listing["responses"]["200"]["headers"].keys()
    assert "deprecated" not in create
    assert "Sunset" not in create["responses"]["201"]["headers"]
