"""It refuses an order that makes no sense, says why of every field, and writes nothing."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from rest_framework.test import APIClient

from common.tests.problems import UNKNOWN_ID, problem, wrong_fields
from customers.models import Customer
from items.models import Item
from orders.models import Order, OrderLine

URL = "/v1/orders/"


@pytest.fixture(autouse=True)
def nothing_is_written(john: Customer, shirt: Item) -> Iterator[None]:
    """Whatever is sent here, no order, line or message comes of it."""
    yield
    assert Order.objects.count() == 0
    assert OrderLine.objects.count() == 0
    assert apps.get_model("notifications", "Message").objects.count() == 0


@pytest.fixture
def ways(john: Customer, shirt: Item, savannah_order: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """A good body of each way to order."""
    return {
        1: savannah_order,
        2: {"customer": str(john.pk), "item": str(shirt.pk), "quantity": 1},
        3: {"customer_code": "CUST001", "lines": [{"item": str(shirt.pk), "quantity": 1}]},
    }


@pytest.mark.parametrize(
    ("way", "missing", "named"),
    [
        (1, ["customer_code"], ["customer_code"]),
        (1, ["item"], ["item"]),
        (1, ["amount"], ["amount"]),
        (1, ["customer_code", "item"], ["customer_code", "item"]),
        (1, ["customer_code", "item", "amount"], ["customer_code", "item", "amount"]),
        (2, ["customer"], ["customer"]),
        (2, ["item"], ["item"]),
        (2, ["quantity"], ["quantity"]),
        (2, ["item", "quantity"], ["item", "quantity"]),
        (3, ["customer_code"], ["customer_code"]),
        (3, ["lines"], ["item", "amount"]),
    ],
)
def test_names_what_is_missing(
    partner: APIClient,
    ways: dict[int, dict[str, Any]],
    way: int,
    missing: list[str],
    named: list[str],
) -> None:
    body = {name: value for name, value in ways[way].items() if name not in missing}

    response = partner.post(URL, body)

    assert list(wrong_fields(response)) == named
    assert set(wrong_fields(response).values()) == {"required"}
    assert response.json()["detail"] == f"Missing required field: {named[0]}"
    assert response.json()["error"] == f"Missing required field: {named[0]}"


BAD: list[tuple[int, str, Any, str]] = [
    (1, "customer_code", "", "blank"),
    (1, "customer_code", None, "null"),
    (1, "customer_code", "x" * 51, "max_length"),
    (1, "customer_code", [], "invalid"),
    (1, "customer_code", {}, "invalid"),
    (1, "customer_code", True, "invalid"),
    (1, "customer_code", "a\0", "null_characters_not_allowed"),
    (1, "customer_code", "\ud800", "surrogate_characters_not_allowed"),
    (1, "customer_code", "CUST002", "not_found"),
    (1, "customer_code", "cust001", "not_found"),
    (1, "item", "", "blank"),
    (1, "item", " \n", "blank"),
    (1, "item", None, "null"),
    (1, "item", "x" * 251, "max_length"),
    (1, "item", [], "invalid"),
    (1, "item", {}, "invalid"),
    (1, "item", True, "invalid"),
    (1, "item", "a\0", "null_characters_not_allowed"),
    (1, "item", "\udfff", "surrogate_characters_not_allowed"),
    (1, "amount", "", "invalid"),
    (1, "amount", None, "null"),
    (1, "amount", [], "invalid"),
    (1, "amount", {}, "invalid"),
    (1, "amount", True, "invalid"),
    (1, "amount", "KES 5", "invalid"),
    (1, "amount", "1,299.99", "invalid"),
    (1, "amount", -1, "min_value"),
    (1, "amount", "-0.01", "min_value"),
    (1, "amount", "0.001", "max_decimal_places"),
    (1, "amount", "1000000000000", "max_whole_digits"),
    (1, "amount", "1e30", "max_digits"),
    (1, "amount", 10**300, "max_digits"),
    (1, "amount", "NaN", "invalid"),
    (1, "amount", "Infinity", "invalid"),
    (1, "amount", "-inf", "invalid"),
    (1, "amount", "1" * 1001, "max_string_length"),
    (1, "currency", "", "blank"),
    (1, "currency", "kes", "currency"),
    (1, "currency", "KESX", "currency"),
    (1, "currency", "K€S", "currency"),
    (1, "currency", None, "null"),
    (1, "currency", [], "invalid"),
    (1, "order_time", "", "invalid"),
    (1, "order_time", "yesterday", "invalid"),
    (1, "order_time", "2026-02-30T00:00:00Z", "invalid"),
    (1, "order_time", "0001-01-01T00:00:00+14:00", "overflow"),
    (1, "order_time", "9999-12-31T23:59:59-14:00", "overflow"),
    (1, "order_time", 1767225600, "invalid"),
    (1, "order_time", [], "invalid"),
    (1, "order_time", None, "null"),
    (1, "code", "", "blank"),
    (1, "code", "x" * 51, "max_length"),
    (1, "code", [], "invalid"),
    (1, "code", True, "invalid"),
    (1, "code", "\0", "null_characters_not_allowed"),
    (1, "customer_name", "John", "unknown"),
    (1, "id", UNKNOWN_ID, "unknown"),
    (1, "sms_sent", False, "unknown"),
    (2, "customer", "", "invalid"),
    (2, "customer", None, "null"),
    (2, "customer", "CUST001", "invalid"),
    # A number is an id's 128 bits to Python: one of nobody.
    (2, "customer", 5, "invalid"),
    (2, "customer", True, "invalid"),
    (2, "customer", -1, "invalid"),
    (2, "customer", 10**300, "invalid"),
    (2, "customer", [], "invalid"),
    (2, "customer", UNKNOWN_ID, "not_found"),
    (2, "item", "", "blank"),
    (2, "item", "Shirt", "not_found"),
    (2, "item", "a\0", "null_characters_not_allowed"),
    (2, "item", UNKNOWN_ID, "not_found"),
    (2, "quantity", 0, "min_value"),
    (2, "quantity", -1, "min_value"),
    (2, "quantity", 1_000_001, "max_value"),
    (2, "quantity", 10**300, "max_value"),
    (2, "quantity", 1.5, "invalid"),
    (2, "quantity", "1e3", "invalid"),
    (2, "quantity", "two", "invalid"),
    (2, "quantity", "", "invalid"),
    (2, "quantity", None, "null"),
    (2, "quantity", True, "invalid"),
    (2, "quantity", [], "invalid"),
    (2, "quantity", {}, "invalid"),
    (2, "quantity", "1" * 1001, "max_string_length"),
    (3, "lines", [], "empty"),
    (3, "lines", None, "null"),
    (3, "lines", "", "not_a_list"),
    (3, "lines", {}, "not_a_list"),
    (3, "lines", 5, "not_a_list"),
    (3, "lines", True, "not_a_list"),
]


def ident(value: Any) -> str:
    return repr(value)[:24]


@pytest.mark.parametrize(("way", "field", "value", "code"), BAD, ids=ident)
def test_refuses(
    partner: APIClient,
    ways: dict[int, dict[str, Any]],
    *,
    way: int,
    field: str,
    value: Any,
    code: str,
) -> None:
    body = json.dumps(ways[way] | {field: value})

    response = partner.post(URL, body, content_type="application/json")

    assert wrong_fields(response) == {field: code}


BAD_LINES: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({}, {"item": "required", "quantity": "required"}),
    ({"quantity": 1}, {"item": "required"}),
    ({"quantity": 1, "item": None}, {"item": "required"}),
    ({"item": UNKNOWN_ID}, {"quantity": "required"}),
    ({"quantity": 1, "description": "Pen"}, {"unit_price": "required"}),
    ({"quantity": 1, "unit_price": "5.00"}, {"description": "required"}),
    ({"quantity": 1, "item": "Shirt"}, {"item": "invalid"}),
    ({"quantity": 1, "item": ["x"]}, {"item": "invalid"}),
    ({"quantity": 0, "item": UNKNOWN_ID}, {"quantity": "min_value"}),
    ({"quantity": 1_000_001, "item": UNKNOWN_ID}, {"quantity": "max_value"}),
    ({"quantity": "x", "description": "", "unit_price": -1, "sku": 1},
     {"quantity": "invalid", "description": "blank", "unit_price": "min_value", "sku": "unknown"}),
    ({"quantity": 1, "description": "x" * 251, "unit_price": "1"}, {"description": "max_length"}),
    ({"quantity": 1, "description": "Pen", "unit_price": "0.001"},
     {"unit_price": "max_decimal_places"}),
    ({"quantity": 1, "description": "Pen", "unit_price": None}, {"unit_price": "null"}),
    ({"quantity": 1, "description": None, "unit_price": 5}, {"description": "null"}),
]  # fmt: skip


# What is only known once the prices are.
UNPRICED_LINES: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"quantity": 1, "item": UNKNOWN_ID}, {"item": "not_found"}),
    ({"quantity": 1_000_000, "description": "Pen", "unit_price": "999999999999.99"},
     {"quantity": "max_value"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "wrong"),
    [*BAD_LINES, *UNPRICED_LINES],
    ids=ident,
)
def test_refuses_a_line(
    partner: APIClient, shirt: Item, line: dict[str, Any], wrong: dict[str, str]
) -> None:
    good = {"item": str(shirt.pk), "quantity": 1}

    response = partner.post(URL, {"customer_code": "CUST001", "lines": [good, line]})

    assert wrong_fields(response) == {f"lines[1].{name}": code for name, code in wrong.items()}


@pytest.mark.parametrize("line", ["x", 5, None, True, []])
def test_needs_an_object_for_a_line(partner: APIClient, line: Any) -> None:
    response = partner.post(URL, {"customer_code": "CUST001", "lines": [line]})

    assert list(wrong_fields(response)) == ["lines[0]"]


def test_refuses_a_hundred_and_one_lines(partner: APIClient, shirt: Item) -> None:
    lines = [{"item": str(shirt.pk), "quantity": 1}] * 101

    response = partner.post(URL, {"customer_code": "CUST001", "lines": lines})

    assert wrong_fields(response) == {"lines": "max_length"}


def test_refuses_an_amount_that_no_column_holds(
    partner: APIClient, ways: dict[int, dict[str, Any]]
) -> None:
    Item.objects.update(price="1000000.00")

    response = partner.post(URL, ways[2] | {"quantity": 1_000_000})

    assert wrong_fields(response) == {"quantity": "max_value"}


def test_refuses_lines_that_together_are_too_much(partner: APIClient) -> None:
    line = {"description": "Ship", "quantity": 1, "unit_price": "999999999999.99"}

    response = partner.post(URL, {"customer_code": "CUST001", "lines": [line] * 2})

    assert wrong_fields(response) == {"lines[1].quantity": "max_value"}


@pytest.mark.parametrize("by", ["customer", "customer_code"])
def test_names_all_that_is_unknown_together(partner: APIClient, shirt: Item, by: str) -> None:
    good, bad = str(shirt.pk), UNKNOWN_ID
    lines = [{"item": item, "quantity": 1} for item in (bad, good, bad)]

    response = partner.post(URL, {by: UNKNOWN_ID, "lines": lines})

    assert wrong_fields(response) == dict.fromkeys(
        (by, "lines[0].item", "lines[2].item"), "not_found"
    )
    assert response.json()["detail"] == response.json()["error"] == "Customer not found"


def test_names_an_unknown_customer_and_item_together(partner: APIClient) -> None:
    response = partner.post(URL, {"customer": UNKNOWN_ID, "item": UNKNOWN_ID, "quantity": 1})

    assert wrong_fields(response) == {"customer": "not_found", "item": "not_found"}


@pytest.mark.parametrize("text", ["Shirt", "x" * 36])
def test_names_an_unknown_customer_and_what_is_no_item_together(
    partner: APIClient, text: str
) -> None:
    response = partner.post(URL, {"customer": UNKNOWN_ID, "item": text, "quantity": 1})

    assert wrong_fields(response) == {"customer": "not_found", "item": "not_found"}


def test_names_every_wrong_field_at_once(partner: APIClient) -> None:
    response = partner.post(
        URL,
        {
            "customer_code": "",
            "item": "",
            "amount": -1,
            "currency": "kes",
            "order_time": "x",
            "code": "x" * 51,
            "colour": "red",
        },
    )

    assert wrong_fields(response) == {
        "customer_code": "blank",
        "item": "blank",
        "amount": "min_value",
        "currency": "currency",
        "order_time": "invalid",
        "code": "max_length",
        "colour": "unknown",
    }


@pytest.mark.parametrize("body", ["[]", "null", "5", '"x"', "{", '{"amount": NaN}', "[" * 100_000])
def test_needs_an_object(partner: APIClient, body: str) -> None:
    problem(partner.generic("POST", URL, body, content_type="application/json"), 400)


@pytest.mark.parametrize("member", ["code[0]", "amount[", "item[x]"])
def test_refuses_a_member_with_brackets(
    partner: APIClient, savannah_order: dict[str, Any], member: str
) -> None:
    response = partner.post(URL, savannah_order | {member: "x"})

    Order.objects.all().delete()
    apps.get_model("notifications", "Message").objects.all().delete()
    assert wrong_fields(response) == {member: "unknown"}
