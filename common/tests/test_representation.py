"""It shows a row that is read exactly as one that was just written: the same bytes."""

from decimal import Decimal
from typing import Any

import pytest
from rest_framework import serializers
from rest_framework.test import APIClient

from common.rendering import encode
from common.representation import columns_behind
from common.tests.lists import LISTS, VIEWSETS, fill
from customers.models import Customer
from items.models import Item
from orders.models import Order


def both_ways(name: str) -> tuple[list[bytes], list[bytes]]:
    """The rows of a list, shown from their columns and from their instances."""
    view = VIEWSETS[name]()
    rows = view.rows().order_by("id")
    columns = columns_behind(view.serializer_class)
    shown = [encode(columns.show(row)) for row in columns.select(rows)]
    by_serializer = [encode(view.serializer_class(row).data) for row in rows]
    assert [encode(columns.show_instance(row)) for row in rows] == by_serializer
    return shown, by_serializer


@pytest.mark.parametrize("name", LISTS)
def test_shows_both_alike(partner: APIClient, name: str) -> None:
    fill(name, 6)

    from_columns, from_instances = both_ways(name)

    assert len(from_columns) >= 6
    assert from_columns == from_instances


def test_shows_orders_alike(partner: APIClient, john: Customer, shirt: Item) -> None:
    item = {"item": str(shirt.pk), "quantity": 3}
    pen = {"description": "Pen \u2027 \u00e9 \U0001f58a", "quantity": 2, "unit_price": "0.10"}
    Customer.objects.filter(pk=john.pk).update(name="", domain="doe.example", phone_number="")
    bodies: list[dict[str, Any]] = [
        {"customer_code": "CUST001", "item": "Laptop", "amount": "999999999999.99"},
        {"customer": str(john.pk), **item},
        {"customer": str(john.pk), "lines": [item, pen]},
        {"customer": str(john.pk), "lines": [pen], "order_time": "2026-01-01T00:00:00Z"},
    ]
    made = [partner.post("/v1/orders/", body) for body in bodies]
    assert [answer.status_code for answer in made] == [201] * 4
    # One without any line or message, which no API call leaves.
    Order.objects.filter(pk=made[0].json()["id"]).get().messages.all().delete()
    Order.objects.get(pk=made[1].json()["id"]).lines.all().delete()

    from_columns, from_instances = both_ways("orders")

    assert from_columns == from_instances
    assert [answer.content for answer in made[2:]] == from_columns[2:]


@pytest.mark.parametrize("amount", [Decimal(0), Decimal("1.5"), Decimal("123456789012.99"), 7])
def test_shows_money_with_two_decimals(amount: Any) -> None:
    from common.serializers import MoneyField  # noqa: PLC0415 - beside DRF's own

    ours, drfs = MoneyField(), serializers.DecimalField(max_digits=14, decimal_places=2)

    assert ours.to_representation(amount) == drfs.to_representation(amount)


def test_refuses_to_show_what_it_does_not_know() -> None:
    with pytest.raises(TypeError, match="serializable"):
        encode({"x": object()})
