"""A merge and its rivals: whatever is under way ends at the survivor, or waits for it."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, connections, transaction
from rest_framework.test import APIClient

from customers.erasing import erase_customer
from customers.merging import merge_customers, undo_merge
from customers.models import Customer, Merge
from notifications.models import Message
from orders.models import Order
from tests.processes import eventually

pytestmark = [
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="on SQLite one transaction writes at a time"
    ),
    pytest.mark.django_db(transaction=True),
]
ORDERS = "/v1/orders/"


@pytest.fixture
def jane(transactional_db: None) -> Customer:
    return Customer.objects.create(code="CUST002", name="Jane Roe")


class Rival:
    """Somebody else's call, on a connection of its own."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.answers: list[Any] = []
        self.thread = threading.Thread(target=self.run, args=[call])

    def run(self, call: Callable[[], Any]) -> None:
        try:
            self.answers.append(call())
        finally:
            connections.close_all()

    def answer(self) -> Any:
        """What it came to."""
        self.thread.join()
        (answer,) = self.answers
        return answer


@pytest.fixture
def rivals() -> Iterator[list[Rival]]:
    started: list[Rival] = []
    yield started
    for rival in started:
        rival.thread.join()


def start(rivals: list[Rival], call: Callable[[], Any]) -> Rival:
    """Starts a rival, and goes on once it waits for a lock of ours."""
    rival = Rival(call)
    rivals.append(rival)
    rival.thread.start()
    eventually(somebody_waits)
    return rival


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        # Within a transaction it would say for ever what it said first.
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT 1 FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(cursor.fetchone())


def body(john: Customer) -> dict[str, Any]:
    return {"customer_code": john.code, "item": "Laptop", "amount": "5.00"}


def test_an_order_that_waited_ends_at_the_survivor(
    partner: APIClient, john: Customer, jane: Customer, rivals: list[Rival]
) -> None:
    with transaction.atomic():
        merge_customers(john.pk, into=jane.pk, by="user:1")
        rival = start(rivals, lambda: partner.post(ORDERS, body(john)))

    answer = rival.answer()
    assert answer.status_code == 201
    assert answer.json()["customer"] == str(jane.pk)
    assert (Order.objects.get().customer, Message.objects.get().customer) == (jane, jane)


def test_an_order_with_a_key_that_waited_is_placed_once(
    partner: APIClient, john: Customer, jane: Customer, rivals: list[Rival]
) -> None:
    key = {"idempotency-key": "k"}
    with transaction.atomic():
        merge_customers(john.pk, into=jane.pk, by="user:1")
        rival = start(rivals, lambda: partner.post(ORDERS, body(john), headers=key))

    first = rival.answer()
    again = partner.post(ORDERS, body(john), headers=key)
    assert (first.status_code, again.json()) == (201, first.json())
    assert Order.objects.get().customer == jane


def test_a_change_that_waited_reaches_the_survivor(
    partner: APIClient, john: Customer, jane: Customer, rivals: list[Rival]
) -> None:
    path = f"/v1/customers/{john.pk}/"
    with transaction.atomic():
        merge_customers(john.pk, into=jane.pk, by="user:1")
        rival = start(rivals, lambda: partner.patch(path, {"name": "Jo"}))

    assert rival.answer().json()["merged_from"] == str(john.pk)
    assert Customer.objects.get().name == "Jo"


@pytest.mark.parametrize("member", ["code", "domain"])
def test_a_registration_that_waited_takes_no_old_name(
    partner: APIClient, john: Customer, jane: Customer, rivals: list[Rival], member: str
) -> None:
    Customer.objects.filter(pk=john.pk).update(domain="old.example")
    Customer.objects.filter(pk=jane.pk).update(domain="jane.example")
    old = {"code": "CUST001", "domain": "old.example"}[member]
    with transaction.atomic():
        merge_customers(john.pk, into=jane.pk, by="user:1")
        new = {"name": "New", member: old}
        rival = start(rivals, lambda: partner.post("/v1/customers/", new))

    answer = rival.answer()
    assert answer.status_code == {"code": 409, "domain": 200}[member]
    assert Customer.objects.get() == jane


def test_an_order_under_way_stays_with_its_customer(
    partner: APIClient, john: Customer, jane: Customer, rivals: list[Rival]
) -> None:
    path = f"/v1/customers/{john.pk}/merge/"
    with transaction.atomic():
        Order.objects.create(customer=john, description="Laptop", amount=5)
        with connection.cursor() as cursor:
            # What a commit does first.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        rival = start(rivals, lambda: partner.post(path, {"into": str(jane.pk)}))

    assert rival.answer().status_code == 200
    assert Order.objects.get().customer == jane


def test_two_merges_across_end_with_one_of_them(
    partner: APIClient, john: Customer, jane: Customer, rivals: list[Rival]
) -> None:
    path = f"/v1/customers/{jane.pk}/merge/"
    with transaction.atomic():
        merge_customers(john.pk, into=jane.pk, by="user:1")
        rival = start(rivals, lambda: partner.post(path, {"into": str(john.pk)}))

    assert rival.answer().status_code == 409
    assert Customer.objects.get() == jane
    assert Merge.objects.count() == 1


def test_an_erasure_that_waited_erases_the_survivor(
    john: Customer, jane: Customer, rivals: list[Rival]
) -> None:
    from tests.cast import key_in_use  # noqa: PLC0415 - makes a key, which needs the database

    eraser = APIClient(
        HTTP_AUTHORIZATION=f"Api-Key {key_in_use(name='E', scopes='customers:erase')}"
    )
    path = f"/v1/customers/{john.pk}/erase/"
    with transaction.atomic():
        merge_customers(john.pk, into=jane.pk, by="user:1")
        rival = start(rivals, lambda: eraser.post(path))

    assert rival.answer().json()["customer_id"] == str(jane.pk)
    assert Customer.objects.get().name == "Erased customer"


def test_an_undoing_that_waited_knows_of_the_erasure(
    john: Customer, jane: Customer, rivals: list[Rival]
) -> None:
    merge_customers(john.pk, into=jane.pk, by="user:1")
    merge = Merge.objects.get()

    def undo() -> str:
        try:
            undo_merge(merge.pk, by="user:1")
        except Exception as error:  # noqa: BLE001 - whatever it comes to
            return str(error)
        return "undone"

    with transaction.atomic():
        erase_customer(Customer.objects.select_for_update().get(), by="user:1")
        rival = start(rivals, undo)

    assert "erased" in rival.answer()
    assert Customer.objects.get() == jane
