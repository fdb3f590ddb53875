"""Two changes of one order at the same time: the second knows of the first."""

import threading
from typing import Any

import pytest
from django.db import connection, connections
from rest_framework.test import APIClient

from customers.models import Customer
from items.models import Item
from tests.processes import eventually

ORDERS = "/v1/orders/"


@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="on SQLite one transaction writes at a time"
)
@pytest.mark.django_db(transaction=True)
def test_a_change_that_waited_is_made_to_the_lines_as_they_are_then(
    partner: APIClient, john: Customer, shirt: Item
) -> None:
    body = {"customer": str(john.pk), "item": str(shirt.pk), "quantity": 1}
    order = partner.post(ORDERS, body).json()
    pen = Item.objects.create(name="Pen", price="1.50")
    answers: list[Any] = []

    def change() -> None:
        answers.append(partner.patch(f"{ORDERS}{order['id']}/", {"item": str(pen.pk)}))
        connections.close_all()

    rival = connection.copy()
    rival.set_autocommit(False)
    changing = threading.Thread(target=change)
    try:
        cursor = rival.cursor()
        cursor.execute(
            "UPDATE orders_order SET amount = 127.5, updated_at = now() WHERE id = %s",
            [order["id"]],
        )
        cursor.execute(
            "UPDATE orders_orderline SET quantity = 5 WHERE order_id = %s", [order["id"]]
        )
        changing.start()
        eventually(somebody_waits)
        rival.commit()
    finally:
        rival.close()
        changing.join()

    [answer] = answers
    assert answer.status_code == 200
    assert answer.json() == partner.get(f"{ORDERS}{order['id']}/").json()
    assert (answer.json()["quantity"], answer.json()["amount"]) == (5, "7.50")


def somebody_waits() -> bool:
    """Whether a session of this database waits for a lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(cursor.fetchone())
