"""It goes from received to ready to completed, may be cancelled on the way, and then rests."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from common.tests.problems import UNKNOWN_ID, problem, wrong_fields
from customers.models import Customer
from orders.models import Order

STATUSES = ("received", "ready", "completed", "cancelled")
ALLOWED = {
    ("received", "ready"),
    ("received", "cancelled"),
    ("ready", "completed"),
    ("ready", "cancelled"),
}
CLOSED = ("completed", "cancelled")


@pytest.fixture
def url(partner: APIClient, john: Customer, savannah_order: dict[str, Any]) -> str:
    """The address of an order, which is received."""
    return f"/v1/orders/{partner.post('/v1/orders/', savannah_order).json()['id']}"


@pytest.mark.parametrize("method", ["put", "patch"])
@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("present", STATUSES)
def test_moves_on_where_it_may(
    partner: APIClient, url: str, present: str, status: str, method: str
) -> None:
    Order.objects.update(status=present)
    before = partner.get(url).json()

    response = getattr(partner, method)(url, {"status": status})

    after = partner.get(url).json()
    if present == status or (present, status) in ALLOWED:
        assert response.status_code == 200
        assert response.json() == after
        assert after | {"updated_at": ""} == before | {"status": status, "updated_at": ""}
    else:
        body = problem(response, 409)
        assert body["code"] == "transition"
        assert f"An order that is {present} cannot become {status};" in body["detail"]
        assert after == before


def test_refuses_a_status_that_no_text_holds(partner: APIClient, url: str) -> None:
    partner.raise_request_exception = False

    response = partner.patch(url, '{"status": "\\ud800"}', content_type="application/json")

    assert wrong_fields(response) == {"status": "invalid_choice"}
    assert partner.get(url).json()["status"] == "received"


@pytest.mark.parametrize("present", STATUSES)
def test_is_cancelled_unless_it_is_closed(partner: APIClient, url: str, present: str) -> None:
    Order.objects.update(status=present)
    before = partner.get(url).json()

    response = partner.post(f"{url}/cancel")

    after = partner.get(url).json()
    if present in CLOSED:
        assert problem(response, 409)["code"] == "transition"
        assert after == before
    else:
        assert response.status_code == 200
        assert response.json() == after
        assert after["status"] == "cancelled"
        assert after["updated_at"] > before["updated_at"]


@pytest.mark.parametrize("status", CLOSED)
@pytest.mark.parametrize(
    "change",
    [
        {"item": "Mouse"},
        {"amount": "5.00"},
        {"quantity": 2},
        {"currency": "USD"},
        {"customer_code": "CUST002"},
        {"customer": UNKNOWN_ID},
        {"lines": [{"description": "Pen", "quantity": 1, "unit_price": "5"}]},
        {"amount": "5.00", "code": "A-1"},
    ],
)
def test_keeps_its_content_once_it_is_closed(
    partner: APIClient, url: str, status: str, change: dict[str, Any]
) -> None:
    Order.objects.update(status=status)
    before = partner.get(url).json()

    body = problem(partner.patch(url, change), 409)

    assert body["code"] == "closed"
    assert body["detail"] == f"An order that is {status} cannot be changed."
    assert partner.get(url).json() == before


@pytest.mark.parametrize("status", CLOSED)
def test_takes_a_code_once_it_is_closed(partner: APIClient, url: str, status: str) -> None:
    Order.objects.update(status=status)
    before = partner.get(url).json()

    response = partner.patch(url, {"code": "A-1"})

    assert response.json() | {"updated_at": ""} == before | {"code": "A-1", "updated_at": ""}


@pytest.mark.parametrize("status", CLOSED)
def test_takes_back_what_was_read_once_it_is_closed(
    partner: APIClient, url: str, status: str
) -> None:
    Order.objects.update(status=status)
    before = partner.get(url).json()

    assert partner.put(url, before).status_code == 200
    assert partner.get(url).json() | {"updated_at": ""} == before | {"updated_at": ""}


def test_changes_content_and_status_together_or_not_at_all(partner: APIClient, url: str) -> None:
    before = partner.get(url).json()

    refused = partner.patch(url, {"amount": "5.00", "status": "completed"})

    assert problem(refused, 409)["code"] == "transition"
    assert partner.get(url).json() == before
    taken = partner.patch(url, {"amount": "5.00", "status": "ready"}).json()
    assert (taken["amount"], taken["status"]) == ("5.00", "ready")


def test_is_not_cancelled_by_a_get(partner: APIClient, url: str) -> None:
    problem(partner.get(f"{url}/cancel"), 405)

    assert partner.get(url).json()["status"] == "received"


def test_is_not_cancelled_by_a_reader(partner: APIClient, reader: APIClient, url: str) -> None:
    assert "orders:write" in problem(reader.post(f"{url}/cancel"), 403)["detail"]

    assert partner.get(url).json()["status"] == "received"


def test_cancels_no_unknown_order(partner: APIClient, url: str) -> None:
    problem(partner.post(f"/v1/orders/{UNKNOWN_ID}/cancel"), 404)

    assert partner.get(url).json()["status"] == "received"
