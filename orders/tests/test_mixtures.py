"""It refuses a mixture of the three ways to order, and says which members clash."""

from typing import Any

import pytest
from django.apps import apps
from rest_framework.test import APIClient

from common.tests.problems import wrong_fields
from customers.models import Customer
from items.models import Item
from orders.models import Order, OrderLine

URL = "/v1/orders/"
LINES = "lines"

# Which members are given together, which of them clash, and what is missing besides.
MIXTURES: list[tuple[set[str], set[str], set[str]]] = [
    (
        {"customer_code", "item", "amount", "customer"},
        {"customer", "customer_code", "amount"},
        set(),
    ),
    (
        {"customer_code", "item", "amount", "quantity"},
        {"customer_code", "amount", "quantity"},
        set(),
    ),
    ({"customer_code", "item", "quantity"}, {"customer_code", "quantity"}, set()),
    ({"customer", "item", "amount"}, {"customer", "amount"}, set()),
    ({"customer", "item", "quantity", "amount"}, {"quantity", "amount"}, set()),
    ({"customer", "customer_code", LINES}, {"customer", "customer_code"}, set()),
    ({"customer", LINES, "item"}, {LINES, "item"}, set()),
    ({"customer", LINES, "quantity"}, {LINES, "quantity"}, set()),
    ({"customer_code", LINES, "amount"}, {LINES, "amount"}, set()),
    ({"customer_code", LINES, "item", "amount"}, {LINES, "item", "amount"}, set()),
    ({"customer", LINES, "item", "quantity"}, {LINES, "item", "quantity"}, set()),
    (
        {"customer", "customer_code", "item", "quantity", "amount", LINES},
        {"customer", "customer_code", "item", "quantity", "amount", LINES},
        set(),
    ),
    ({LINES, "amount"}, {LINES, "amount"}, {"customer_code"}),
    ({"item", "amount", "quantity"}, {"amount", "quantity"}, {"customer"}),
]


@pytest.mark.parametrize(
    ("given", "clashing", "missing"),
    MIXTURES,
    ids=["+".join(sorted(given)) for given, _, _ in MIXTURES],
)
def test_names_exactly_the_members_that_clash(
    partner: APIClient,
    john: Customer,
    shirt: Item,
    *,
    given: set[str],
    clashing: set[str],
    missing: set[str],
) -> None:
    everything: dict[str, Any] = {
        "customer": str(john.pk),
        "customer_code": "CUST001",
        "item": str(shirt.pk),
        "quantity": 1,
        "amount": "5.00",
        LINES: [{"item": str(shirt.pk), "quantity": 1}],
    }

    response = partner.post(URL, {name: everything[name] for name in sorted(given)})

    assert wrong_fields(response) == dict.fromkeys(clashing, "clash") | dict.fromkeys(
        missing, "required"
    )
    assert_nothing_was_written()


@pytest.mark.parametrize(
    ("line", "clashing"),
    [
        ({"item", "quantity", "description"}, {"item", "description"}),
        ({"item", "quantity", "unit_price"}, {"item", "unit_price"}),
        (
            {"item", "quantity", "description", "unit_price"},
            {"item", "description", "unit_price"},
        ),
    ],
)
def test_names_what_clashes_in_a_line(
    partner: APIClient, john: Customer, shirt: Item, line: set[str], clashing: set[str]
) -> None:
    everything = {
        "item": str(shirt.pk),
        "quantity": 1,
        "description": "Pen",
        "unit_price": "5.00",
    }
    good = {"item": str(shirt.pk), "quantity": 1}
    mixture = {name: everything[name] for name in sorted(line)}

    response = partner.post(URL, {"customer_code": "CUST001", "lines": [good, mixture]})

    assert wrong_fields(response) == {f"lines[1].{name}": "clash" for name in clashing}
    assert_nothing_was_written()


def test_takes_no_status_for_a_new_order(
    partner: APIClient, john: Customer, savannah_order: dict[str, Any]
) -> None:
    response = partner.post(URL, savannah_order | {"status": "ready"})

    assert wrong_fields(response) == {"status": "clash"}
    assert_nothing_was_written()


def test_refuses_a_code_that_another_order_has(
    partner: APIClient, john: Customer, savannah_order: dict[str, Any]
) -> None:
    order = partner.post(URL, savannah_order | {"code": "A-1"}).json()

    response = partner.post(URL, savannah_order | {"code": "A-1", "item": "Mouse"})

    assert wrong_fields(response, 409) == {"code": "unique"}
    assert response.json()["detail"] == "Another order has this code."
    assert partner.get(URL).json() == [order]
    assert OrderLine.objects.count() == 1
    assert apps.get_model("notifications", "Message").objects.count() == 1


def test_says_what_does_not_go_together(
    partner: APIClient, john: Customer, savannah_order: dict[str, Any]
) -> None:
    body = partner.post(URL, savannah_order | {"quantity": 2}).json()

    assert body["detail"] in {
        "These fields do not go together: amount, quantity.",
        "These fields do not go together: customer_code, quantity.",
    }


def assert_nothing_was_written() -> None:
    assert not Order.objects.exists()
    assert not OrderLine.objects.exists()
    assert not apps.get_model("notifications", "Message").objects.exists()
