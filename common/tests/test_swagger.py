"""It documents itself, for anybody, and shows one base path alone."""

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient


@pytest.fixture
def document(stranger: APIClient, db: None) -> dict[str, Any]:
    """`/swagger.json`."""
    response = stranger.get("/swagger.json")
    assert response.status_code == 200
    content: dict[str, Any] = response.json()
    return content


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/swagger", "/swagger/", "/redoc", "/redoc/"])
def test_shows_a_page(client: Client, path: str) -> None:
    response = client.get(path, HTTP_ACCEPT="text/html,*/*;q=0.8")

    assert response.status_code == 200
    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert b"Klanten" in response.content


def test_is_swagger_2(document: dict[str, Any]) -> None:
    assert document["swagger"] == "2.0"
    assert (document["info"]["title"], document["info"]["version"]) == ("Klanten", "v1")


def test_names_both_credentials(document: dict[str, Any]) -> None:
    definitions = document["securityDefinitions"]

    assert set(definitions) == {"API key", "Bearer"}
    assert all(
        (definition["type"], definition["in"], definition["name"])
        == ("apiKey", "header", "Authorization")
        for definition in definitions.values()
    )
    # Either is enough.
    assert document["security"] == [{"API key": []}, {"Bearer": []}]


def test_shows_one_base_path(document: dict[str, Any]) -> None:
    assert document["basePath"] == "/v1"
    assert set(document["paths"]) == {
        "/apps/",
        "/apps/{slug}/",
        "/customers/",
        "/customers/{id}/",
        "/customers/{id}/erase/",
        "/customers/{id}/export/",
        "/customers/{id}/merge/",
        "/items/",
        "/items/{id}/",
        "/mappings/",
        "/mappings/{app}/{customer_app_id}/",
        "/notifications/",
        "/notifications/{id}/",
        "/notifications/{id}/resend/",
        "/orders/",
        "/orders/by-customer/",
        "/orders/customer/{customer_id}/",
        "/orders/{id}/",
        "/orders/{id}/cancel/",
        "/query/",
        "/query/{app}/{customer_app_id}/",
        "/imports/",
        "/imports/{id}/",
        "/imports/{id}/report/",
    }


def test_shows_how_an_order_is_made_and_read(document: dict[str, Any]) -> None:
    create = document["paths"]["/orders/"]["post"]

    request = document["definitions"]["OrderRequest"]["properties"]
    answer = document["definitions"]["Order"]["properties"]
    assert create["parameters"][0]["schema"] == {"$ref": "#/definitions/OrderRequest"}
    assert create["responses"]["201"]["schema"] == {"$ref": "#/definitions/Order"}
    assert set(request) == {
        *("customer", "customer_code", "item", "quantity", "amount", "lines"),
        *("currency", "order_time", "code", "status"),
    }
    assert answer.keys() >= {"id", "item", "amount", "customer_code", "lines", "sms_sent"}


@pytest.mark.parametrize("path", ["/customers/", "/orders/", "/notifications/"])
def test_shows_lists_as_plain_arrays(document: dict[str, Any], path: str) -> None:
    listing = document["paths"][path]["get"]

    assert listing["responses"]["200"]["schema"]["type"] == "array"
    assert {each["name"] for each in listing["parameters"]} >= {"limit", "cursor"}
