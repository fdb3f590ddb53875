"""CustOrder's document, call by call: customers, items and orders.

The authorization flow of the document is tested with the OpenID provider.
"""

from typing import Any

import pytest
import requests
from pytest_django.live_server_helper import LiveServer

CUSTOMER = {"first_name": "Jane", "last_name": "Wanjiru", "phone_number": "+254712345678"}
ITEM = {"name": "T-Shirt", "size": "XL", "price": "25.50"}


class CustOrder:
    """A client written against the document: Bearer, JSON, no slash at the end."""

    def __init__(self, base: str, token: str) -> None:
        self.base = base
        self.headers = {"Authorization": f"Bearer {token}"}

    def call(self, method: str, path: str, json: dict[str, Any] | None = None) -> Any:
        return requests.request(
            method,
            f"{self.base}/{path}",
            json=json,
            headers=self.headers,
            timeout=10,
            allow_redirects=False,
        )

    def create(self, resource: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.call("POST", resource, body)
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created


@pytest.fixture(params=["v1", "api/v1"])
def custorder(live_server: LiveServer, token: str, request: pytest.FixtureRequest) -> CustOrder:
    """The same client under both of the document's bases."""
    return CustOrder(f"{live_server.url}/{request.param}", token)


@pytest.fixture
def order(custorder: CustOrder) -> dict[str, Any]:
    customer = custorder.create("customers", CUSTOMER)
    item = custorder.create("items", ITEM)
    body = {"customer": customer["id"], "item": item["id"], "quantity": 3}
    return custorder.create("orders", body)


def test_the_endpoints_are_listed_without_credentials(live_server: LiveServer) -> None:
    answer = requests.get(f"{live_server.url}/api", timeout=10, allow_redirects=False)

    assert answer.status_code == 200
    assert answer.json().keys() >= {"customers", "items", "orders"}


def test_customers(custorder: CustOrder) -> None:
    created = custorder.create("customers", CUSTOMER)
    path = f"customers/{created['id']}"

    assert created.items() >= CUSTOMER.items()
    assert custorder.call("GET", "customers").json() == [created]
    assert custorder.call("GET", path).json() == created
    changed = custorder.call("PATCH", path, {"last_name": "Njeri"})
    assert (changed.status_code, changed.json()["last_name"]) == (200, "Njeri")
    assert custorder.call("DELETE", path).status_code == 204
    assert custorder.call("GET", path).status_code == 404


@pytest.mark.parametrize("size", ["S", "M", "L", "XL", "XXL"])
def test_items(custorder: CustOrder, size: str) -> None:
    created = custorder.create("items", {**ITEM, "size": size})
    path = f"items/{created['id']}"

    assert created.items() >= {**ITEM, "size": size}.items()
    assert custorder.call("GET", "items").json() == [created]
    assert custorder.call("GET", path).json() == created
    changed = custorder.call("PATCH", path, {"price": "30.00"})
    assert (changed.status_code, changed.json()["price"]) == (200, "30.00")
    assert custorder.call("DELETE", path).status_code == 204
    assert custorder.call("GET", path).status_code == 404


def test_an_order_is_created(order: dict[str, Any]) -> None:
    assert (
        order.items()
        >= {
            "quantity": 3,
            "total": "76.50",
            "customer_first_name": "Jane",
            "customer_last_name": "Wanjiru",
            "item_name": "T-Shirt",
        }.items()
    )


def test_orders(custorder: CustOrder, order: dict[str, Any]) -> None:
    path = f"orders/{order['id']}"

    assert custorder.call("GET", "orders").json() == [order]
    assert custorder.call("GET", path).json() == order
    changed = custorder.call("PATCH", path, {"quantity": 4})
    assert (changed.status_code, changed.json()["total"]) == (200, "102.00")
    assert custorder.call("DELETE", path).status_code == 204
    assert custorder.call("GET", path).status_code == 404


@pytest.mark.parametrize("resource", ["customer", "item"])
def test_what_an_order_holds_is_not_deleted(
    custorder: CustOrder, order: dict[str, Any], resource: str
) -> None:
    path = f"{resource}s/{order[resource]}"

    answer = custorder.call("DELETE", path)

    assert answer.status_code == 409
    assert custorder.call("GET", path).status_code == 200
