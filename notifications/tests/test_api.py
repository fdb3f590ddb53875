"""It shows every message, and lets nobody write one."""

from typing import Any

import pytest
from pytest_django.fixtures import DjangoAssertNumQueries
from rest_framework.test import APIClient

from common.tests.problems import UNKNOWN_ID, problem
from customers.models import Customer
from notifications.models import Message

URL = "/v1/notifications/"


@pytest.fixture
def messages(
    partner: APIClient, john: Customer, savannah_order: dict[str, Any]
) -> list[dict[str, Any]]:
    """The orders behind two messages, newest first."""
    return [partner.post("/v1/orders/", savannah_order).json() for _ in range(2)][::-1]


def test_lists_the_newest_first(partner: APIClient, messages: list[dict[str, Any]]) -> None:
    listed = partner.get(URL).json()

    assert [message["order_id"] for message in listed] == [order["id"] for order in messages]
    assert [partner.get(f"{URL}{message['id']}/").json() for message in listed] == listed


def test_shows_every_member(
    partner: APIClient, john: Customer, messages: list[dict[str, Any]]
) -> None:
    shown = partner.get(URL).json()[0]

    stored = Message.objects.get(pk=shown["id"])
    assert shown == {
        "id": str(stored.pk),
        "kind": "order_received",
        "status": "queued",
        "reason": "",
        "to": "+254712345678",
        "text": stored.text,
        "order_id": messages[0]["id"],
        "customer_id": str(john.pk),
        "attempts": 0,
        "provider_id": "",
        "sent_at": None,
        "created_at": stored.created_at.isoformat().replace("+00:00", "Z"),
        "updated_at": stored.updated_at.isoformat().replace("+00:00", "Z"),
    }


@pytest.mark.parametrize(
    ("status", "shown"),
    [(each, "queued" if each == "pending" else each) for each in Message.Status.values],
)
def test_calls_a_status_what_the_order_calls_it(
    partner: APIClient, messages: list[dict[str, Any]], status: str, shown: str
) -> None:
    Message.objects.update(status=status)

    assert [message["status"] for message in partner.get(URL).json()] == [shown] * 2
    assert partner.get("/v1/orders/").json()[0]["sms_status"] == shown


@pytest.mark.parametrize(
    ("method", "detail"),
    [
        ("post", False),
        ("put", False),
        ("delete", False),
        ("post", True),
        ("put", True),
        ("patch", True),
        ("delete", True),
    ],
)
def test_is_read_only(
    partner: APIClient, messages: list[dict[str, Any]], method: str, *, detail: bool
) -> None:
    before = partner.get(URL).json()
    url = f"{URL}{before[0]['id']}/" if detail else URL

    response = getattr(partner, method)(url, {"text": "x", "to": "+254712345678"})

    assert problem(response, 405)["code"] == "method_not_allowed"
    assert partner.get(URL).json() == before


@pytest.mark.parametrize("message_id", [UNKNOWN_ID, "x"])
def test_knows_no_such_message(
    partner: APIClient, messages: list[dict[str, Any]], message_id: str
) -> None:
    assert problem(partner.get(f"{URL}{message_id}"), 404)["detail"] == "Message not found"


def test_lists_a_page_at_a_time(partner: APIClient, messages: list[dict[str, Any]]) -> None:
    first = partner.get(f"{URL}?limit=1")

    second = partner.get(first["Link"].partition("<")[2].partition(">")[0])
    listed = first.json() + second.json()
    assert [message["order_id"] for message in listed] == [order["id"] for order in messages]


@pytest.mark.parametrize("rows", [1, 50])
def test_costs_one_statement(
    partner: APIClient, db: None, django_assert_num_queries: DjangoAssertNumQueries, rows: int
) -> None:
    messages = Message.objects.bulk_create(
        Message(kind="order_received", text="x") for _ in range(rows)
    )

    with django_assert_num_queries(2):  # One of them for the credential, then remembered.
        assert len(partner.get(URL).json()) == rows
    with django_assert_num_queries(1):
        partner.get(URL)
    with django_assert_num_queries(1):
        partner.get(f"{URL}{messages[0].pk}")
