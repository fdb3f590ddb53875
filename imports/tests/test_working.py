"""It works imports off in batches that commit with their position, whatever comes between."""

import threading
from decimal import InvalidOperation
from typing import Any
from unittest import mock

import pytest
from django.db import (
    DataError,
    IntegrityError,
    OperationalError,
    connection,
    connections,
    transaction,
)
from rest_framework.test import APIClient

from common.bulk import insert_rows
from customers import bulk
from customers.models import Customer
from imports import work as working
from imports.models import Import, ImportChunk
from imports.tests.uploads import IMPORTS, counts, hand_in, imported, report, work_all
from imports.work import work
from orders.models import Order

ROWS = 20
CUSTOMERS = "code,name\n" + "".join(f"C{number:02},Ann {number}\n" for number in range(ROWS))
BAD = CUSTOMERS.replace("C07,Ann 7", "C07,")
RUNNING = threading.Event()


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three rows at a time."""
    monkeypatch.setattr("imports.resources.customers.Customers.batch", 3)
    monkeypatch.setattr("imports.resources.orders.Orders.batch", 3)


def state(client: APIClient, answer: Any) -> dict[str, Any]:
    shown: dict[str, Any] = client.get(f"{IMPORTS}{answer.json()['id']}/").json()
    return shown


# --- Modes ----------------------------------------------------------------------------


def test_all_stores_nothing_unless_every_row_is_good(partner: APIClient) -> None:
    shown = imported(partner, BAD, mode="all")

    assert (shown["state"], counts(shown)) == ("failed", {"rows": ROWS, "refused": 1})
    assert shown["detail"] == f"Nothing is stored: 1 of {ROWS} rows are refused."
    said = "A customer needs at least one of name, domain, document."
    assert report(partner, shown) == [
        (9, field, "required", said) for field in ("name", "domain", "document")
    ]
    assert not Customer.objects.exists()
    assert not ImportChunk.objects.exists()


def test_all_stores_everything_if_every_row_is_good(partner: APIClient) -> None:
    shown = imported(partner, CUSTOMERS, mode="all")

    assert (shown["state"], shown["percent"]) == ("done", 100)
    assert counts(shown) == {"rows": ROWS, "created": ROWS}
    assert Customer.objects.count() == ROWS


def test_all_checks_before_it_stores(partner: APIClient) -> None:
    answer = hand_in(partner, CUSTOMERS, mode="all")
    seen = []
    while work(RUNNING):
        shown = state(partner, answer)
        seen.append((shown["state"], shown["percent"], shown["rows"], Customer.objects.count()))

    assert seen[0] == ("running", 9, 3, 0)
    assert seen[-3:] == [
        ("running", 50, ROWS, 0),
        ("running", 50, ROWS, 0),
        ("done", 100, ROWS, ROWS),
    ]


def test_all_takes_back_everything_for_a_row_that_is_refused_after_all(partner: APIClient) -> None:
    """Two rows of one file, far apart, that want the same."""
    rows = CUSTOMERS.replace("code,name", "code,domain,name").replace(",Ann", ",,Ann")
    rows = rows.replace("C01,", "C01,a.example").replace("C18,", "C18,a.example")

    shown = imported(partner, rows, mode="all")

    assert (shown["state"], counts(shown)) == ("failed", {"rows": ROWS, "refused": 1})
    assert shown["detail"] == working.RIVAL
    assert report(partner, shown) == [(20, "domain", "unique", "Another customer has this domain.")]
    assert not Customer.objects.exists()


def test_all_begins_anew_when_it_is_stopped(partner: APIClient) -> None:
    answer = hand_in(partner, CUSTOMERS, mode="all")
    stopping = mock.Mock(**{"is_set.side_effect": [False, False, True]})
    while state(partner, answer)["percent"] < 50:
        work(RUNNING)

    work(stopping)

    assert (state(partner, answer)["state"], Customer.objects.count()) == ("running", 0)
    work_all()
    assert counts(state(partner, answer)) == {"rows": ROWS, "created": ROWS}
    assert Customer.objects.count() == ROWS


@pytest.mark.parametrize(("mode", "ends"), [("good", "done"), ("all", "failed")])
def test_a_dry_run_counts_and_stores_nothing(partner: APIClient, mode: str, ends: str) -> None:
    Customer.objects.create(code="C03", name="Somebody")
    before = list(Customer.objects.values())

    shown = imported(partner, BAD, mode=mode, dry_run="true")

    assert (shown["state"], shown["dry_run"]) == (ends, True)
    assert counts(shown) == {"rows": ROWS, "created": ROWS - 2, "updated": 1, "refused": 1}
    assert {line for line, *_ in report(partner, shown)} == {9}
    assert list(Customer.objects.values()) == before


def test_a_dry_run_places_no_order(partner: APIClient, john: Customer) -> None:
    content = "customer_code,item,amount\nCUST001,Laptop,1\nNOBODY,Laptop,1\n"

    shown = imported(partner, content, "orders", dry_run="true")

    assert counts(shown) == {"rows": 2, "created": 1, "refused": 1}
    assert not Order.objects.exists()


# --- What comes between ---------------------------------------------------------------


def test_goes_on_where_the_last_batch_ended(partner: APIClient) -> None:
    """Whatever a batch did when its worker died is gone with its transaction."""
    answer = hand_in(partner, CUSTOMERS)
    work(RUNNING)
    with mock.patch.object(Import, "save", side_effect=OperationalError("killed")):
        with pytest.raises(OperationalError):
            work(RUNNING)
        assert Customer.objects.count() == 3

    work_all()

    assert counts(state(partner, answer)) == {"rows": ROWS, "created": ROWS}
    assert Customer.objects.count() == ROWS


def test_a_fault_of_ours_ends_it(partner: APIClient, caplog: pytest.LogCaptureFixture) -> None:
    answer = hand_in(partner, CUSTOMERS)
    work(RUNNING)

    with mock.patch.object(bulk, "plan", side_effect=ZeroDivisionError("secret")):
        work(RUNNING)

    shown = state(partner, answer)
    assert (shown["state"], shown["detail"]) == ("failed", working.FAULT)
    assert counts(shown) == {"rows": 3, "created": 3}
    assert f"Import {shown['id']} failed behind line 4" not in caplog.text
    assert f"Import {shown['id']} failed behind line 5" in caplog.text
    assert not work(RUNNING)


def test_works_at_several_in_turns(partner: APIClient) -> None:
    first, second = hand_in(partner, CUSTOMERS), hand_in(partner, CUSTOMERS)

    for _ in range(4):
        work(RUNNING)

    assert [state(partner, each)["rows"] for each in (first, second)] == [6, 6]


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer")
@pytest.mark.django_db(transaction=True)
def test_leaves_alone_what_another_works_at(partner: APIClient) -> None:
    hand_in(partner, CUSTOMERS)
    found: list[bool] = []

    def another() -> None:
        found.append(work(RUNNING))
        connections.close_all()

    with transaction.atomic():
        Import.objects.select_for_update().get()
        other = threading.Thread(target=another)
        other.start()
        other.join()

    assert found == [False]
    assert not Customer.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_write_each_row_once(partner: APIClient) -> None:
    answers = [hand_in(partner, CUSTOMERS), hand_in(partner, CUSTOMERS.replace("C1", "D1"))]

    def worker() -> None:
        work_all()
        connections.close_all()

    workers = [threading.Thread(target=worker) for _ in range(2)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    work_all()

    first, second = (counts(state(partner, answer)) for answer in answers)
    assert first["rows"] == second["rows"] == ROWS
    made = first.get("created", 0) + second.get("created", 0)
    assert made == Customer.objects.count() == ROWS + 10
    assert "refused" not in first | second


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer")
@pytest.mark.django_db(transaction=True)
def test_a_rival_who_stores_the_same_meanwhile_is_found(
    partner: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and the writing. The database refuses that, and it looks again."""
    plan = bulk.plan
    rivals = [threading.Thread(target=rival)]

    def overtaken(*args: Any) -> Any:
        if rivals:
            rivals[0].start()
            rivals.pop().join()
        return plan(*args)

    monkeypatch.setattr(bulk, "plan", overtaken)

    shown = imported(partner, "code,name\nC01,Ann\nC02,Bob\n")

    assert counts(shown) == {"rows": 2, "created": 1, "updated": 1}
    after = Customer.objects.get(code="C01")
    assert (after.name, after.domain) == ("Ann", "rival.example")


def rival() -> None:
    Customer.objects.create(code="C01", name="Rival", domain="rival.example")
    connections.close_all()


def test_what_the_database_goes_on_refusing_is_refused_alone(
    partner: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    Customer.objects.create(code="C01", name="Somebody")
    monkeypatch.setattr(bulk, "find_all", mock.Mock(return_value=[]))

    shown = imported(partner, "code,name\nC01,Ann\nC02,Bob\n")

    assert counts(shown) == {"rows": 2, "created": 1, "refused": 1}
    assert report(partner, shown) == [(2, "code", "unique", "Another customer has this code.")]
    assert list(Customer.objects.order_by("code").values_list("name", flat=True)) == [
        "Somebody",
        "Bob",
    ]


@pytest.mark.parametrize(
    "error", [DataError("x"), OverflowError("x"), InvalidOperation(), "\ud800", IntegrityError("x")]
)
def test_what_cannot_be_stored_is_refused_alone(
    partner: APIClient, monkeypatch: pytest.MonkeyPatch, error: Exception | str
) -> None:
    """Whatever a database or its driver raises for one value of a batch."""

    def failing(model: Any, rows: Any) -> None:
        if any(row.code == "C07" for row in rows):
            if isinstance(error, str):
                error.encode()
            else:
                raise error
        insert_rows(model, rows)

    monkeypatch.setattr("customers.bulk.insert_rows", failing)

    shown = imported(partner, CUSTOMERS)

    assert (shown["state"], counts(shown)) == (
        "done",
        {"rows": ROWS, "created": ROWS - 1, "refused": 1},
    )
    assert [line for line, *_ in report(partner, shown)] == [9]
    assert Customer.objects.count() == ROWS - 1
