"""It places an order, in each of the three ways."""

from typing import Any

from rest_framework.test import APIClient

from customers.models import Customer
from items.models import Item


def test_smoke(
    partner: APIClient, john: Customer, shirt: Item, savannah_order: dict[str, Any]
) -> None:
    r = partner.post("/v1/orders/", savannah_order)
    assert r.status_code == 201, r.json()
    r = partner.get("/v1/orders/" + r.json()["id"])
    assert r.json()["lines"][0]["unit_price"] == "1299.99"
    r = partner.post(
        "/v1/orders/", {"customer": str(john.pk), "item": str(shirt.pk), "quantity": 3}
    )
    assert r.json()["total"] == "76.50"
    assert partner.patch("/v1/orders/" + r.json()["id"], {"quantity": 2}).json()["total"] == "51.00"
    assert partner.delete(f"/v1/items/{shirt.pk}").json() == {}
