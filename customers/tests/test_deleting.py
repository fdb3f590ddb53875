"""It deletes a customer, unless orders refer to it."""

from typing import Any

from rest_framework.test import APIClient

from common.tests.problems import problem
from customers.models import Customer


def test_deletes(partner: APIClient, john: Customer) -> None:
    url = f"/v1/customers/{john.pk}/"

    response = partner.delete(url)

    assert (response.status_code, response.content) == (204, b"")
    assert not Customer.objects.exists()
    problem(partner.get(url), 404)
    problem(partner.delete(url), 404)


def test_keeps_a_customer_with_orders(
    partner: APIClient, john: Customer, savannah_order: dict[str, Any]
) -> None:
    url = f"/v1/customers/{john.pk}/"
    order = partner.post("/v1/orders/", savannah_order).json()
    before = partner.get(url).json()

    body = problem(partner.delete(url), 409)

    assert body["code"] == "referenced"
    assert "orders" in body["detail"]
    assert partner.get(url).json() == before
    assert partner.get("/v1/orders/").json() == [order]


def test_deletes_once_the_orders_are_gone(
    partner: APIClient, john: Customer, savannah_order: dict[str, Any]
) -> None:
    order = partner.post("/v1/orders/", savannah_order).json()
    partner.delete(f"/v1/orders/{order['id']}/")

    assert partner.delete(f"/v1/customers/{john.pk}/").status_code == 204
    assert not Customer.objects.exists()
