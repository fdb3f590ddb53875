"""It refuses what it would otherwise pass over: found by `make fuzz`."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from customers.models import Customer
from items.models import Item

JSON_LINES = '[{"description": "Mouse", "quantity": 2, "unit_price": "9.99"}]'


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("orders", "customer"),
        ("orders", "ordered_before"),
        ("items", "created_before"),
        ("items", "size"),
        ("customers", "code"),
        ("notifications", "order"),
    ],
)
def test_refuses_a_filter_without_a_value(partner: APIClient, path: str, name: str) -> None:
    response = partner.get(f"/v1/{path}/?{name}=")

    assert response.status_code == 400
    assert response.json()["errors"] == [
        {"field": name, "code": "blank", "detail": "Give a value, or leave it out."}
    ]


def test_an_unknown_field_is_told_before_not_modified(partner: APIClient, shirt: Item) -> None:
    response = partner.get(f"/v1/items/{shirt.pk}/?fields=prize", headers={"if-none-match": "*"})

    assert response.status_code == 400
    assert response.json()["detail"] == "fields: There is no field prize."


def test_takes_fields_that_are_repeated(partner: APIClient, shirt: Item) -> None:
    response = partner.get(f"/v1/items/{shirt.pk}/?fields=name&fields=price")

    assert response.json() == {"name": "Shirt", "price": "25.50"}


def put(partner: APIClient, item: Item, body: bytes) -> Any:
    kind = "multipart/form-data; boundary=xyz"
    return partner.put(f"/v1/items/{item.pk}/", body, content_type=kind)


def test_refuses_a_multipart_body_without_parts(partner: APIClient, shirt: Item) -> None:
    response = put(partner, shirt, b"--xyz\r\n-1.17--xyz--\r\n")

    assert response.status_code == 400
    assert response.json()["detail"] == "The multipart body has no parts."


def test_takes_an_empty_multipart_form(partner: APIClient, shirt: Item) -> None:
    assert put(partner, shirt, b"--xyz--\r\n").status_code == 200


@pytest.mark.parametrize("kind", ["multipart", "json"])
def test_takes_lines_as_json_in_a_form(partner: APIClient, john: Customer, kind: str) -> None:
    body: dict[str, Any] = {"customer_code": "CUST001", "lines": JSON_LINES}
    response = partner.post("/v1/orders/", body, format=kind)

    # In JSON itself an array is an array, and not its text.
    expected = (201, "19.98") if kind == "multipart" else (400, None)
    assert (response.status_code, response.json().get("amount")) == expected


@pytest.mark.parametrize("lines", ["x", "{}", "[1]", "[", "[" * 100_000, "NaN", ""])
def test_refuses_lines_that_are_none(partner: APIClient, john: Customer, lines: str) -> None:
    body = {"customer_code": "CUST001", "lines": lines}
    response = partner.post("/v1/orders/", body, format="multipart")

    assert response.status_code == 400
    assert response.json()["errors"][0]["field"].startswith("lines")
