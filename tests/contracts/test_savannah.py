"""Savannah's document, call by call: customers, orders, and its errors.

The access flows of the document are tested with the OpenID provider.
"""

from typing import Any
from uuid import uuid4

import pytest
import requests
from pytest_django.live_server_helper import LiveServer

CUSTOMER = {"code": "CUST001", "name": "John Doe", "phone_number": "+254712345678"}
ORDER = {"customer_code": "CUST001", "item": "Laptop Computer", "amount": 1299.99}
CUSTOMER_MEMBERS = {"id", "code", "name", "phone_number", "created_at", "updated_at"}
ORDER_MEMBERS = {
    "id",
    "item",
    "amount",
    "order_time",
    "created_at",
    "customer_id",
    "customer_code",
    "customer_name",
    "customer_phone",
}


class Savannah:
    """A client written against the document: base `/api`, Bearer, trailing slashes, JSON."""

    def __init__(self, base: str, token: str) -> None:
        self.base = base
        self.headers = {"Authorization": f"Bearer {token}"}

    def call(self, method: str, path: str, json: dict[str, Any] | None = None) -> Any:
        url = f"{self.base}/api{path}"
        # A client that follows no redirect: the document's addresses are the real ones.
        return requests.request(
            method, url, json=json, headers=self.headers, timeout=10, allow_redirects=False
        )


@pytest.fixture
def savannah(live_server: LiveServer, token: str) -> Savannah:
    return Savannah(live_server.url, token)


@pytest.fixture
def customer(savannah: Savannah) -> dict[str, Any]:
    created: dict[str, Any] = savannah.call("POST", "/customers/", CUSTOMER).json()
    return created


@pytest.fixture
def order(savannah: Savannah, customer: dict[str, Any]) -> dict[str, Any]:
    created: dict[str, Any] = savannah.call("POST", "/orders/", ORDER).json()
    return created


def test_customers_are_created(savannah: Savannah) -> None:
    answer = savannah.call("POST", "/customers/", CUSTOMER)

    assert answer.status_code == 201
    assert answer.json().items() >= CUSTOMER.items()
    assert answer.json().keys() >= CUSTOMER_MEMBERS


def test_customers_are_listed(savannah: Savannah, customer: dict[str, Any]) -> None:
    answer = savannah.call("GET", "/customers/")

    assert answer.status_code == 200
    assert answer.json() == [customer]


def test_a_customer_is_shown(savannah: Savannah, customer: dict[str, Any]) -> None:
    answer = savannah.call("GET", f"/customers/{customer['id']}/")

    assert answer.status_code == 200
    assert answer.json() == customer


def test_a_customer_is_updated(savannah: Savannah, customer: dict[str, Any]) -> None:
    changes = {
        "code": "CUST001_UPDATED",
        "name": "John Doe Updated",
        "phone_number": "+254712345679",
    }

    answer = savannah.call("PUT", f"/customers/{customer['id']}/", changes)

    assert answer.status_code == 200
    assert answer.json().items() >= changes.items()


def test_put_with_one_member_changes_that_one(savannah: Savannah, customer: dict[str, Any]) -> None:
    answer = savannah.call("PUT", f"/customers/{customer['id']}/", {"name": "Jane"})

    assert answer.status_code == 200
    assert answer.json() == {**customer, "name": "Jane", "updated_at": answer.json()["updated_at"]}


def test_a_customer_is_deleted(savannah: Savannah, customer: dict[str, Any]) -> None:
    answer = savannah.call("DELETE", f"/customers/{customer['id']}/")

    assert (answer.status_code, answer.content) == (204, b"")
    assert savannah.call("GET", "/customers/").json() == []


def test_orders_are_created(savannah: Savannah, customer: dict[str, Any]) -> None:
    answer = savannah.call("POST", "/orders/", ORDER)

    assert answer.status_code == 201
    assert answer.json().keys() >= ORDER_MEMBERS | {"sms_sent"}
    assert (
        answer.json().items()
        >= {
            "item": "Laptop Computer",
            "amount": "1299.99",
            "customer_id": customer["id"],
            "customer_code": "CUST001",
            "customer_name": "John Doe",
            "customer_phone": "+254712345678",
            "sms_sent": True,
        }.items()
    )


def test_orders_are_listed_newest_first(savannah: Savannah, order: dict[str, Any]) -> None:
    newer = savannah.call("POST", "/orders/", {**ORDER, "item": "Mouse", "amount": 10}).json()

    answer = savannah.call("GET", "/orders/")

    assert answer.status_code == 200
    assert [each["id"] for each in answer.json()] == [newer["id"], order["id"]]
    assert answer.json()[0].keys() >= ORDER_MEMBERS


def test_an_order_is_shown(savannah: Savannah, order: dict[str, Any]) -> None:
    answer = savannah.call("GET", f"/orders/{order['id']}/")

    assert answer.status_code == 200
    assert answer.json() == order


def test_an_order_is_updated(savannah: Savannah, order: dict[str, Any]) -> None:
    answer = savannah.call(
        "PUT", f"/orders/{order['id']}/", {"item": "Updated Item Name", "amount": 1499.99}
    )

    assert answer.status_code == 200
    assert (answer.json()["item"], answer.json()["amount"]) == ("Updated Item Name", "1499.99")


def test_an_order_is_deleted(savannah: Savannah, order: dict[str, Any]) -> None:
    answer = savannah.call("DELETE", f"/orders/{order['id']}/")

    assert (answer.status_code, answer.content) == (204, b"")
    assert savannah.call("GET", f"/orders/{order['id']}/").status_code == 404


def test_a_customers_orders_by_code(savannah: Savannah, order: dict[str, Any]) -> None:
    answer = savannah.call("GET", "/orders/by-customer/?customer_code=CUST001")

    assert answer.status_code == 200
    assert answer.json() == [order]


def test_a_customers_orders_by_id(savannah: Savannah, order: dict[str, Any]) -> None:
    answer = savannah.call("GET", f"/orders/customer/{order['customer_id']}/")

    assert answer.status_code == 200
    assert answer.json() == [order]


def test_a_missing_field_is_named(savannah: Savannah, customer: dict[str, Any]) -> None:
    answer = savannah.call("POST", "/orders/", {"item": "Laptop Computer", "amount": 1299.99})

    assert answer.status_code == 400
    assert answer.json()["error"] == "Missing required field: customer_code"


def test_without_credentials(live_server: LiveServer) -> None:
    answer = requests.get(f"{live_server.url}/api/customers/", timeout=10)

    assert answer.status_code == 401
    assert answer.json()["detail"] == "Authentication credentials were not provided."


@pytest.mark.parametrize(
    "path",
    ["/customers/{}/", "/orders/customer/{}/", "/orders/by-customer/?customer_code={}"],
)
def test_a_customer_that_is_not_there(savannah: Savannah, path: str) -> None:
    answer = savannah.call("GET", path.format(uuid4()))

    assert answer.status_code == 404
    assert answer.json()["error"] == "Customer not found"
