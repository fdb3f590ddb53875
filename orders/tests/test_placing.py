"""It places an order, in each of the three ways."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from common.tests.problems import wrong_fields
from customers.models import Customer
from items.models import Item
from orders.models import Order, OrderLine

URL = "/v1/orders/"
FORM = "application/x-www-form-urlencoded"


def lines_of(order: dict[str, Any]) -> list[tuple[Any, ...]]:
    """The lines of a representation, as tuples."""
    members = ("item", "description", "quantity", "unit_price", "total")
    return [tuple(line[name] for name in members) for line in order["lines"]]


def test_takes_free_text(
    partner: APIClient, john: Customer, savannah_order: dict[str, Any]
) -> None:
    before = timezone.now()

    response = partner.post(URL, savannah_order)

    order = Order.objects.get()
    answer = response.json()
    assert response.status_code == 201
    # Every member of Savannah's sample.
    assert {
        "id": str(order.pk),
        "item": "Laptop Computer",
        "amount": "1299.99",
        "customer_id": str(john.pk),
        "customer_code": "CUST001",
        "customer_name": "John Doe",
        "customer_phone": "+254712345678",
        "sms_sent": True,
    }.items() <= answer.items()
    # And every member of ours.
    assert {
        "code": None,
        "total": "1299.99",
        "quantity": 1,
        "currency": "KES",
        "status": "received",
        "customer": str(john.pk),
        "customer_first_name": "",
        "customer_last_name": "",
        "item_name": "Laptop Computer",
        "sms_status": "queued",
        "sms_reason": None,
    }.items() <= answer.items()
    assert lines_of(answer) == [(None, "Laptop Computer", 1, "1299.99", "1299.99")]
    assert answer["order_time"].endswith("Z")
    assert answer["created_at"].endswith("Z")
    assert before <= order.order_time <= timezone.now()
    assert OrderLine.objects.count() == 1


@pytest.mark.parametrize("size", ["M", ""])
def test_takes_an_item_and_a_quantity(
    partner: APIClient, john: Customer, shirt: Item, size: str
) -> None:
    Item.objects.update(size=size)
    Customer.objects.update(first_name="John", last_name="Doe")

    response = partner.post(URL, {"customer": str(john.pk), "item": str(shirt.pk), "quantity": 3})

    assert response.status_code == 201
    assert {
        "item": str(shirt.pk),
        "item_name": "Shirt",
        "quantity": 3,
        "amount": "76.50",
        "total": "76.50",
        "customer": str(john.pk),
        "customer_first_name": "John",
        "customer_last_name": "Doe",
    }.items() <= response.json().items()
    assert lines_of(response.json()) == [(str(shirt.pk), "Shirt", 3, "25.50", "76.50")]


@pytest.mark.parametrize("by", ["customer", "customer_code"])
def test_takes_lines(partner: APIClient, john: Customer, shirt: Item, by: str) -> None:
    body = {
        by: {"customer": str(john.pk), "customer_code": "CUST001"}[by],
        "lines": [
            {"item": str(shirt.pk), "quantity": 2},
            {"description": "Gift wrapping", "quantity": 3, "unit_price": "0.35"},
            {"item": str(shirt.pk), "quantity": 1},
        ],
    }

    response = partner.post(URL, body)

    assert response.status_code == 201
    assert {
        "item": "Shirt and 2 more",
        "item_name": "Shirt and 2 more",
        "quantity": 6,
        "amount": "77.55",
        "total": "77.55",
    }.items() <= response.json().items()
    assert lines_of(response.json()) == [
        (str(shirt.pk), "Shirt", 2, "25.50", "51.00"),
        (None, "Gift wrapping", 3, "0.35", "1.05"),
        (str(shirt.pk), "Shirt", 1, "25.50", "25.50"),
    ]
    assert list(OrderLine.objects.values_list("position", flat=True)) == [0, 1, 2]


def test_takes_a_hundred_lines(partner: APIClient, john: Customer) -> None:
    line = {"description": "Pen", "quantity": 1, "unit_price": "0.01"}

    response = partner.post(URL, {"customer_code": "CUST001", "lines": [line] * 100})

    assert (response.status_code, response.json()["amount"]) == (201, "1.00")
    assert response.json()["item"] == "Pen and 99 more"
    assert OrderLine.objects.count() == 100


LINES_OF_A_FORM = (
    "customer_code=CUST001&lines[0]item={item}&lines[0]quantity=2"
    "&lines[1]description=Pen&lines[1]quantity=1&lines[1]unit_price=5"
)


@pytest.mark.parametrize(
    ("body", "amount", "lines"),
    [
        ("customer_code=CUST001&item=Laptop+Computer&amount=1299.99", "1299.99", 1),
        ("customer={customer}&item={item}&quantity=2", "51.00", 1),
        (LINES_OF_A_FORM, "56.00", 2),
    ],
)
def test_takes_a_form(
    partner: APIClient, john: Customer, shirt: Item, *, body: str, amount: str, lines: int
) -> None:
    form = body.format(customer=john.pk, item=shirt.pk)

    response = partner.post(URL, form, content_type=FORM)

    assert (response.status_code, response.json()["amount"]) == (201, amount)
    assert OrderLine.objects.filter(order=response.json()["id"]).count() == lines


@pytest.mark.parametrize("way", [1, 2, 3])
def test_answers_as_a_detail_does(
    partner: APIClient, john: Customer, shirt: Item, savannah_order: dict[str, Any], way: int
) -> None:
    body = {
        1: savannah_order,
        2: {"customer": str(john.pk), "item": str(shirt.pk), "quantity": 3},
        3: {
            "customer": str(john.pk),
            "currency": "KES",
            "code": "A-1",
            "order_time": "2026-01-02T03:04:05.678901Z",
            "lines": [
                {"item": str(shirt.pk), "quantity": 2},
                {"description": "Pen", "quantity": 1, "unit_price": 5},
            ],
        },
    }[way]

    answer = partner.post(URL, body).json()

    assert partner.get(f"{URL}{answer['id']}/").json() == answer
    assert partner.get(URL).json() == [answer]


def test_keeps_the_price_it_was_made_at(partner: APIClient, john: Customer, shirt: Item) -> None:
    body = {"customer": str(john.pk), "item": str(shirt.pk), "quantity": 3}
    order = partner.post(URL, body).json()

    partner.patch(f"/v1/items/{shirt.pk}", {"price": "99.00", "name": "Polo", "currency": "USD"})

    assert partner.get(f"{URL}{order['id']}/").json() == order
    assert partner.post(URL, body).json()["amount"] == "297.00"


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("2026-01-02T03:04:05", "2026-01-02T03:04:05Z"),
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        ("2026-01-02T03:04:05+03:00", "2026-01-02T00:04:05Z"),
        ("2026-01-01T23:30:00-05:30", "2026-01-02T05:00:00Z"),
        ("2026-01-02 03:04", "2026-01-02T03:04:00Z"),
        ("2026-01-02", "2026-01-02T00:00:00Z"),
    ],
)
def test_stores_its_time_in_utc(
    partner: APIClient, john: Customer, savannah_order: dict[str, Any], given: str, stored: str
) -> None:
    answer = partner.post(URL, savannah_order | {"order_time": given}).json()

    assert answer["order_time"] == stored
    assert Order.objects.get().order_time.isoformat() == stored.replace("Z", "+00:00")
    assert partner.get(f"{URL}{answer['id']}").json()["order_time"] == stored


def test_keeps_every_line_of_a_text(
    partner: APIClient, john: Customer, savannah_order: dict[str, Any]
) -> None:
    text = "Laptop:\n\t16 GB,\r\n512 GB — “Ünïcode” 🖥"

    answer = partner.post(URL, savannah_order | {"item": text}).json()

    assert answer["item"] == answer["lines"][0]["description"] == text
    assert Order.objects.get().description == text


@pytest.mark.parametrize("currency", [None, "USD"])
def test_is_in_the_currency_of_its_items(
    partner: APIClient, john: Customer, currency: str | None
) -> None:
    mug = Item.objects.create(name="Mug", price="5", currency="USD")
    wrapping = {"description": "Wrapping", "quantity": 1, "unit_price": "1"}
    body = {
        "customer": str(john.pk),
        "lines": [{"item": str(mug.pk), "quantity": 1}, wrapping],
        **({"currency": currency} if currency else {}),
    }

    answer = partner.post(URL, body).json()

    assert (answer["amount"], answer["currency"]) == ("6.00", "USD")


def test_takes_the_currency_of_free_text(
    partner: APIClient, john: Customer, savannah_order: dict[str, Any]
) -> None:
    assert partner.post(URL, savannah_order | {"currency": "EUR"}).json()["currency"] == "EUR"


@pytest.mark.parametrize(
    ("currency", "wrong"),
    [
        (None, {"lines[1].item": "currency"}),
        ("KES", {"lines[1].item": "currency"}),
        ("USD", {"lines[0].item": "currency"}),
        ("EUR", {"lines[0].item": "currency", "lines[1].item": "currency"}),
    ],
)
def test_is_in_one_currency(
    partner: APIClient, john: Customer, shirt: Item, currency: str | None, wrong: dict[str, str]
) -> None:
    mug = Item.objects.create(name="Mug", price="5", currency="USD")
    body: dict[str, Any] = {
        "customer": str(john.pk),
        "lines": [{"item": str(item.pk), "quantity": 1} for item in (shirt, mug)],
        **({"currency": currency} if currency else {}),
    }

    assert wrong_fields(partner.post(URL, body)) == wrong
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (0, "0.00"),
        ("0.01", "0.01"),
        (1299.9, "1299.90"),
        (0.1, "0.10"),
        ("999999999999.99", "999999999999.99"),
        (999999999999.99, "999999999999.99"),
    ],
)
def test_takes_an_amount(
    partner: APIClient, john: Customer, savannah_order: dict[str, Any], amount: Any, shown: str
) -> None:
    answer = partner.post(URL, savannah_order | {"amount": amount}).json()

    assert (answer["amount"], answer["lines"][0]["unit_price"]) == (shown, shown)
    assert partner.get(f"{URL}{answer['id']}").json() == answer
    assert Order.objects.get().amount == Decimal(shown)


def test_takes_the_most_of_an_item(partner: APIClient, john: Customer) -> None:
    item = Item.objects.create(name="Grain", price="999999.99")
    body = {"customer": str(john.pk), "item": str(item.pk), "quantity": 1_000_000}

    answer = partner.post(URL, body).json()

    assert answer["amount"] == "999999990000.00"
    assert partner.get(f"{URL}{answer['id']}").json() == answer


def test_keeps_a_given_code(
    partner: APIClient, john: Customer, savannah_order: dict[str, Any]
) -> None:
    assert partner.post(URL, savannah_order | {"code": "A-1"}).json()["code"] == "A-1"
    assert partner.post(URL, savannah_order).json()["code"] is None
    assert partner.post(URL, savannah_order | {"code": None}).json()["code"] is None
    assert Order.objects.count() == 3


def test_says_why_no_sms_is_sent(
    partner: APIClient, john: Customer, savannah_order: dict[str, Any]
) -> None:
    Customer.objects.update(phone_number="")

    answer = partner.post(URL, savannah_order).json()

    assert (answer["sms_status"], answer["sms_sent"]) == ("skipped", False)
    assert answer["sms_reason"] == "The customer has no phone number."
    assert partner.get(f"{URL}{answer['id']}").json() == answer


def test_is_named_by_the_customer_of_whom_nothing_but_a_domain_is_known(
    partner: APIClient, savannah_order: dict[str, Any]
) -> None:
    Customer.objects.create(code="CUST001", domain="acme.example")

    assert partner.post(URL, savannah_order).json()["customer_name"] == "acme.example"


def test_has_a_time_ordered_id(
    partner: APIClient, john: Customer, savannah_order: dict[str, Any]
) -> None:
    ids = [partner.post(URL, savannah_order).json()["id"] for _ in range(5)]

    assert sorted(ids) == ids
    assert all(re.fullmatch("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}", each) for each in ids)
