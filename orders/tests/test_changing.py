"""It changes what is given, at the prices that the order has."""

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from common.tests.problems import UNKNOWN_ID, problem, wrong_fields
from customers.models import Customer
from items.models import Item
from orders.models import OrderLine

URL = "/v1/orders/"
PEN = {"description": "Pen", "quantity": 2, "unit_price": "0.35"}
METHODS = pytest.mark.parametrize("method", ["put", "patch"])


def steady(order: dict[str, Any]) -> dict[str, Any]:
    """A representation without the time of its last change."""
    return {name: value for name, value in order.items() if name != "updated_at"}


class Placed:
    """An order as a partner sees and changes it."""

    def __init__(self, partner: APIClient, body: dict[str, Any]) -> None:
        self.partner = partner
        self.url = f"{URL}{partner.post(URL, body).json()['id']}/"
        self.before = self.read()

    def read(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.partner.get(self.url).json()
        return answer

    def change(self, body: dict[str, Any], method: str = "patch") -> dict[str, Any]:
        """The answer to a change that is taken, which is what is then read."""
        response = getattr(self.partner, method)(self.url, body)
        assert response.status_code == 200, response.content
        answer: dict[str, Any] = response.json()
        assert answer == self.read()
        assert answer["updated_at"] >= self.before["updated_at"]
        return answer

    def refuse(self, body: Any, status: int = 400) -> dict[str, str]:
        """Which fields the refusal of a change names; nothing is changed."""
        response = self.partner.patch(self.url, body)
        wrong = wrong_fields(response, status)
        assert self.read() == self.before
        return wrong


@pytest.fixture
def laptop(partner: APIClient, john: Customer, savannah_order: dict[str, Any]) -> Placed:
    """An order of free text."""
    return Placed(partner, savannah_order)


@pytest.fixture
def shirts(partner: APIClient, john: Customer, shirt: Item) -> Placed:
    """An order of two shirts at 25.50, which now cost 99.00."""
    placed = Placed(partner, {"customer": str(john.pk), "item": str(shirt.pk), "quantity": 2})
    Item.objects.filter(pk=shirt.pk).update(price="99.00", name="Polo")
    return placed


@pytest.fixture
def mixed(partner: APIClient, john: Customer, shirt: Item) -> Placed:
    """An order of two lines."""
    lines = [{"item": str(shirt.pk), "quantity": 2}, PEN]
    return Placed(partner, {"customer": str(john.pk), "code": "A-1", "lines": lines})


@METHODS
def test_takes_savannahs_change(laptop: Placed, method: str) -> None:
    after = laptop.change({"item": "Updated Item Name", "amount": 1499.99}, method)

    changed = {"item": "Updated Item Name", "amount": "1499.99"}
    assert changed.items() <= after.items()
    assert (after["total"], after["item_name"]) == ("1499.99", "Updated Item Name")
    assert after["lines"] == [
        {
            "item": None,
            "description": "Updated Item Name",
            "quantity": 1,
            "unit_price": "1499.99",
            "total": "1499.99",
        }
    ]
    untouched = ("id", "code", "customer", "order_time", "created_at", "status", "sms_status")
    assert all(after[name] == laptop.before[name] for name in untouched)


@pytest.mark.parametrize(
    ("change", "item", "amount"),
    [
        ({"item": "Mouse"}, "Mouse", "1299.99"),
        ({"amount": "5"}, "Laptop Computer", "5.00"),
        ({"amount": 0}, "Laptop Computer", "0.00"),
        ({"item": "Laptop Computer", "amount": "5"}, "Laptop Computer", "5.00"),
    ],
)
def test_changes_one_member_of_free_text(
    laptop: Placed, change: dict[str, Any], item: str, amount: str
) -> None:
    after = laptop.change(change)

    assert (after["item"], after["amount"]) == (item, amount)


@METHODS
def test_prices_another_quantity_as_it_was(shirts: Placed, shirt: Item, method: str) -> None:
    after = shirts.change({"quantity": 3}, method)

    assert (after["quantity"], after["amount"], after["total"]) == (3, "76.50", "76.50")
    assert after["item_name"] == "Shirt"
    assert after["lines"][0]["unit_price"] == "25.50"
    assert after["item"] == str(shirt.pk)


def test_prices_another_item_as_it_is(shirts: Placed) -> None:
    mug = Item.objects.create(name="Mug", price="5.00")

    after = shirts.change({"item": str(mug.pk)})

    assert (after["item"], after["item_name"], after["quantity"]) == (str(mug.pk), "Mug", 2)
    assert after["amount"] == "10.00"


def test_turns_free_text_into_an_item(laptop: Placed, shirt: Item) -> None:
    after = laptop.change({"item": str(shirt.pk), "quantity": 2})

    assert (after["item"], after["amount"], after["quantity"]) == (str(shirt.pk), "51.00", 2)


def test_turns_an_item_into_free_text(shirts: Placed) -> None:
    after = shirts.change({"item": "Two shirts", "amount": "40"})

    assert (after["item"], after["amount"], after["quantity"]) == ("Two shirts", "40.00", 1)


@METHODS
def test_replaces_the_lines(mixed: Placed, shirt: Item, method: str) -> None:
    lines = [
        {"description": "Ink", "quantity": 1, "unit_price": "3.10"},
        {"item": str(shirt.pk), "quantity": 1},
        {"description": "Pen", "quantity": 1, "unit_price": "0.40"},
    ]

    after = mixed.change({"lines": lines}, method)

    assert (after["item"], after["amount"], after["quantity"]) == ("Ink and 2 more", "29.00", 3)
    assert [line["description"] for line in after["lines"]] == ["Ink", "Shirt", "Pen"]
    assert OrderLine.objects.count() == 3


@METHODS
@pytest.mark.parametrize("kind", ["laptop", "shirts", "mixed"])
def test_takes_back_what_was_read(request: pytest.FixtureRequest, kind: str, method: str) -> None:
    placed: Placed = request.getfixturevalue(kind)

    assert steady(placed.change(placed.before, method)) == steady(placed.before)


@pytest.mark.parametrize("kind", ["shirts", "mixed"])
def test_takes_back_what_was_read_with_sorted_keys(
    request: pytest.FixtureRequest, kind: str
) -> None:
    placed: Placed = request.getfixturevalue(kind)
    body = json.loads(json.dumps(placed.before, sort_keys=True))

    assert steady(placed.change(body)) == steady(placed.before)


def test_takes_back_what_was_read_before_another_change(laptop: Placed) -> None:
    laptop.change({"code": "A-1"})

    assert laptop.change(laptop.before)["code"] is None


@METHODS
def test_takes_back_what_was_read_with_another_quantity(shirts: Placed, method: str) -> None:
    after = shirts.change(shirts.before | {"quantity": 4}, method)

    assert (after["quantity"], after["amount"]) == (4, "102.00")


@METHODS
def test_takes_back_what_was_read_with_another_amount(laptop: Placed, method: str) -> None:
    after = laptop.change(laptop.before | {"amount": "1500.00"}, method)

    assert (after["amount"], after["total"]) == ("1500.00", "1500.00")


def test_takes_back_what_was_read_with_a_changed_line(mixed: Placed) -> None:
    first, second = mixed.before["lines"]

    after = mixed.change(mixed.before | {"lines": [first | {"quantity": 3}, second]})

    assert after["amount"] == "77.20"


def test_gives_it_to_another_customer(laptop: Placed) -> None:
    jane = Customer.objects.create(code="CUST002", name="Jane Doe")

    by_code = laptop.change({"customer_code": "CUST002"})
    assert (by_code["customer"], by_code["customer_name"]) == (str(jane.pk), "Jane Doe")
    by_id = laptop.change({"customer": laptop.before["customer"]})
    assert by_id["customer_code"] == "CUST001"
    assert by_id["amount"] == laptop.before["amount"]


@pytest.mark.parametrize(
    "change",
    [
        {"code": "A-2"},
        {"order_time": "2026-01-02T03:04:05Z"},
        {"code": None, "order_time": "2026-01-02T03:04:05Z"},
    ],
)
def test_changes_what_is_no_content(mixed: Placed, change: dict[str, Any]) -> None:
    assert steady(mixed.change(change)) == steady(mixed.before) | change


def test_takes_none_for_a_code(laptop: Placed) -> None:
    assert laptop.change({"code": "None"})["code"] == "None"


def test_relabels_free_text(laptop: Placed) -> None:
    after = laptop.change({"currency": "USD"})

    assert (after["currency"], after["amount"]) == ("USD", "1299.99")


@pytest.mark.parametrize("change", [{}, {"quantity": 3}])
def test_keeps_the_currency_of_its_items(shirts: Placed, change: dict[str, Any]) -> None:
    assert set(shirts.refuse({"currency": "USD"} | change)) == {"currency"}


def test_is_announced_again_in_a_new_status_alone(laptop: Placed) -> None:
    laptop.change({"amount": "5"})
    assert len(laptop.partner.get("/v1/notifications/").json()) == 1

    laptop.change({"status": "ready"})
    laptop.change({"code": "A-1"})
    laptop.change({"status": "completed"})

    kinds = [each["kind"] for each in laptop.partner.get("/v1/notifications/").json()]
    assert kinds == ["order_ready", "order_received"]


@pytest.mark.parametrize(
    ("kind", "change", "wrong"),
    [
        ("shirts", {"amount": "5.00"}, {"amount": "clash"}),
        ("shirts", {"item": "Polo"}, {"item": "not_found"}),
        ("shirts", {"item": UNKNOWN_ID}, {"item": "not_found"}),
        ("shirts", {"quantity": 0}, {"quantity": "min_value"}),
        ("shirts", {"quantity": 1_000_001}, {"quantity": "max_value"}),
        ("laptop", {"quantity": 2}, {"quantity": "clash"}),
        ("laptop", {"quantity": 2, "amount": "5"}, {"quantity": "clash", "amount": "clash"}),
        ("laptop", {"item": "Shirt", "quantity": 2}, {"item": "not_found"}),
        ("laptop", {"item": ""}, {"item": "blank"}),
        ("laptop", {"amount": "-1"}, {"amount": "min_value"}),
        ("laptop", {"amount": None, "item": None}, {"amount": "null", "item": "null"}),
        ("laptop", {"lines": []}, {"lines": "empty"}),
        ("laptop", {"lines": [PEN], "item": "x"}, {"lines": "clash", "item": "clash"}),
        ("laptop", {"customer": UNKNOWN_ID}, {"customer": "not_found"}),
        ("laptop", {"customer_code": "CUST002"}, {"customer_code": "not_found"}),
        ("laptop", {"currency": "usd"}, {"currency": "currency"}),
        ("laptop", {"order_time": "x"}, {"order_time": "invalid"}),
        ("laptop", {"status": "lost"}, {"status": "invalid_choice"}),
        ("laptop", {"code": "x" * 51}, {"code": "max_length"}),
        ("laptop", {"colour": "red"}, {"colour": "unknown"}),
        ("mixed", {"item": "x"}, {"item": "clash"}),
        ("mixed", {"quantity": 2}, {"quantity": "clash"}),
        ("mixed", {"amount": "5"}, {"amount": "clash"}),
        ("mixed", {"item": "x", "amount": "5"}, {"item": "clash", "amount": "clash"}),
        ("mixed", {"lines": [{"item": UNKNOWN_ID, "quantity": 1}]}, {"lines[0].item": "not_found"}),
    ],
)
def test_changes_nothing_when_something_is_wrong(
    request: pytest.FixtureRequest, kind: str, change: dict[str, Any], wrong: dict[str, str]
) -> None:
    placed: Placed = request.getfixturevalue(kind)

    assert (
        placed.refuse(change | {"status": "ready"} if "status" not in change else change) == wrong
    )


def test_refuses_a_code_that_another_order_has(laptop: Placed, mixed: Placed) -> None:
    assert laptop.refuse({"code": "A-1", "amount": "5"}, 409) == {"code": "unique"}


def test_refuses_an_item_in_another_currency(shirts: Placed) -> None:
    mug = Item.objects.create(name="Mug", price="5.00", currency="USD")

    assert shirts.refuse({"item": str(mug.pk)}) == {"item": "currency"}


@pytest.mark.parametrize("body", ["[]", "null", "5", "{", "[" * 100_000])
def test_needs_an_object(laptop: Placed, body: str) -> None:
    response = laptop.partner.generic("PATCH", laptop.url, body, content_type="application/json")

    problem(response, 400)
    assert laptop.read() == laptop.before


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
@pytest.mark.parametrize("order_id", [UNKNOWN_ID, "A-1", "0", "%00"])
def test_knows_no_such_order(mixed: Placed, method: str, order_id: str) -> None:
    response = getattr(mixed.partner, method)(f"{URL}{order_id}/", {})

    assert problem(response, 404)["detail"] == "Order not found"
    assert mixed.read() == mixed.before


def test_takes_a_form(laptop: Placed) -> None:
    response = laptop.partner.put(
        laptop.url,
        "item=Updated+Item+Name&amount=1499.99",
        content_type="application/x-www-form-urlencoded",
    )

    assert (response.json()["item"], response.json()["amount"]) == ("Updated Item Name", "1499.99")
    assert laptop.read() == response.json()
