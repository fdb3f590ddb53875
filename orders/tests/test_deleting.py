"""It deletes an order with its lines; what became of its message stays known."""

from typing import Any

from django.apps import apps
from rest_framework.test import APIClient

from common.tests.problems import problem
from customers.models import Customer
from orders.models import Order, OrderLine


def test_deletes_the_order_and_keeps_the_message(
    partner: APIClient, john: Customer, savannah_order: dict[str, Any]
) -> None:
    url = f"/v1/orders/{partner.post('/v1/orders/', savannah_order).json()['id']}/"
    message = partner.get("/v1/notifications/").json()[0]
    other = partner.post("/v1/orders/", savannah_order).json()

    response = partner.delete(url)

    assert (response.status_code, response.content) == (204, b"")
    assert [str(order.pk) for order in Order.objects.all()] == [other["id"]]
    assert OrderLine.objects.count() == 1
    kept = partner.get(f"/v1/notifications/{message['id']}/").json()
    assert kept == message | {"order_id": None}
    assert apps.get_model("notifications", "Message").objects.count() == 2
    problem(partner.get(url), 404)
    problem(partner.delete(url), 404)


def test_keeps_the_item(partner: APIClient, john: Customer, shirt: Any) -> None:
    body = {"customer": str(john.pk), "item": str(shirt.pk), "quantity": 1}
    order = partner.post("/v1/orders/", body).json()

    partner.delete(f"/v1/orders/{order['id']}")

    assert partner.get(f"/v1/items/{shirt.pk}").json()["price"] == "25.50"
    assert partner.delete(f"/v1/items/{shirt.pk}").status_code == 204


def test_is_not_deleted_by_a_reader(
    partner: APIClient, reader: APIClient, john: Customer, savannah_order: dict[str, Any]
) -> None:
    order = partner.post("/v1/orders/", savannah_order).json()

    assert "orders:write" in problem(reader.delete(f"/v1/orders/{order['id']}"), 403)["detail"]
    assert partner.get("/v1/orders/").json() == [order]
