"""Workers that are killed in the middle of an import."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from customers.models import Customer
from imports.models import Import, ImportChunk
from imports.tests.uploads import hand_in
from notifications.models import Message
from orders.models import Order
from tests.processes import eventually, manage

WORKER: dict[str, Any] = {"DELIVERY_POLL_SECONDS": "0.05", "LOG_LEVEL": "WARNING"}


def rows_done() -> int:
    return Import.objects.values_list("rows", flat=True).get()


def is_done() -> bool:
    return Import.objects.filter(state="done").exists()


@pytest.mark.django_db(transaction=True)
def test_no_customer_is_lost_and_none_comes_twice(partner: APIClient) -> None:
    """Without any code of their own: only the position tells which rows are stored."""
    rows = 15_000
    names = "".join(f"Customer {number}\n" for number in range(rows))
    assert hand_in(partner, f"name\n{names}").status_code == 202

    killed_at = []
    for part in (1, 2):
        with manage("deliver", **WORKER) as worker:
            eventually(lambda part=part: rows_done() >= part * rows // 4)  # type: ignore[misc]
            worker.kill()
            worker.wait()
        killed_at.append(rows_done())
        assert 0 < killed_at[-1] < rows
        assert Customer.objects.count() == killed_at[-1]
    with manage("deliver", **WORKER):
        eventually(is_done, seconds=60)

    print(f"killed after {killed_at} of {rows} rows")
    found = Customer.objects.values_list("name", flat=True)
    assert sorted(found) == sorted(f"Customer {number}" for number in range(rows))
    one = Import.objects.get()
    assert (one.rows, one.created, one.refused) == (rows, rows, 0)
    assert not ImportChunk.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_no_order_is_lost_and_none_comes_twice(partner: APIClient, john: Customer) -> None:
    rows = 1500
    lines = "".join(f"CUST001,Laptop {number},1\n" for number in range(rows))
    content = f"customer_code,item,amount\n{lines}"
    assert hand_in(partner, content, "orders").status_code == 202

    with manage("deliver", **WORKER) as worker:
        eventually(lambda: rows_done() >= rows // 5)
        worker.kill()
        worker.wait()
    killed_at = rows_done()
    with manage("deliver", **WORKER):
        eventually(is_done, seconds=60)

    assert 0 < killed_at < rows
    found = Order.objects.values_list("description", flat=True)
    assert sorted(found) == sorted(f"Laptop {number}" for number in range(rows))
    assert Message.objects.values("order").distinct().count() == Message.objects.count() == rows


@pytest.mark.django_db(transaction=True)
def test_sigterm_ends_between_two_batches(partner: APIClient) -> None:
    rows = 15_000
    names = "".join(f"Customer {number}\n" for number in range(rows))
    hand_in(partner, f"name\n{names}")

    with manage("deliver", **WORKER) as worker:
        eventually(lambda: rows_done() > 0)
        worker.terminate()
        assert worker.wait(timeout=20) == 0

    assert 0 < rows_done() < rows
    assert Customer.objects.count() == rows_done()
