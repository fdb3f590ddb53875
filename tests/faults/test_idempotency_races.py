"""One key, one order: whoever asks at the same time, and whoever is killed in between."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from django.db import OperationalError, connection
from rest_framework.test import APIClient

from common.models import IdempotencyRecord
from common.tests.problems import problem
from customers.models import Customer
from items.models import Item
from notifications.models import Message
from orders.models import Order, OrderLine
from tests.faults.server import Server, nobody_else_is_connected
from tests.processes import eventually

AT_ONCE = 50
ITEMS, ORDERS = "/v1/items/", "/v1/orders/"
BODY = {"customer_code": "CUST001", "item": "Laptop", "amount": "5.00"}
POSTGRES = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="on SQLite one transaction writes at a time"
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server(key: str, john: Customer) -> Iterator[Server]:
    """A running server, with a customer who can order."""
    server = Server(key)
    server.start()
    yield server
    server.kill()
    eventually(nobody_else_is_connected)


def at_once(send: Callable[[], requests.Response]) -> list[requests.Response]:
    """The answers to AT_ONCE requests that start together."""
    start = threading.Barrier(AT_ONCE)

    def wait_and_send() -> requests.Response:
        start.wait()
        return send()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [future.result() for future in [pool.submit(wait_and_send) for _ in range(AT_ONCE)]]


def test_fifty_at_once_with_one_key_make_one_order(server: Server) -> None:
    answers = at_once(lambda: server.send("POST", ORDERS, BODY, **{"Idempotency-Key": "one"}))

    made = [answer for answer in answers if answer.status_code == 201]
    first = [answer for answer in made if "Idempotency-Replayed" not in answer.headers]
    others = [answer for answer in answers if answer.status_code != 201]
    print(f"{len(first)} made, {len(made) - 1} replayed, {len(others)} refused")
    assert len(first) == 1
    assert {answer.content for answer in made} == {first[0].content}
    assert {answer.headers["ETag"] for answer in made} == {first[0].headers["ETag"]}
    for refused in others:
        assert (refused.status_code, refused.json()["code"]) == (409, "in_flight")
        assert int(refused.headers["Retry-After"]) > 0
    counted = (Order, OrderLine, Message, IdempotencyRecord)
    assert [model._default_manager.count() for model in counted] == [1, 1, 1, 1]
    assert str(Order.objects.get().pk) == first[0].json()["id"]


def test_fifty_at_once_with_one_etag_make_one_change(server: Server, shirt: Item) -> None:
    path = f"{ITEMS}{shirt.pk}/"
    etag = requests.get(server.url(path), headers=server.headers, timeout=30).headers["ETag"]
    names = iter(range(AT_ONCE))

    answers = at_once(
        lambda: server.send("PATCH", path, {"name": f"Shirt {next(names)}"}, **{"If-Match": etag})
    )

    assert Counter(answer.status_code for answer in answers) == {200: 1, 412: AT_ONCE - 1}
    [changed] = [answer for answer in answers if answer.status_code == 200]
    shirt.refresh_from_db()
    assert shirt.name == changed.json()["name"]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 412} == {
        "precondition_failed"
    }


@contextmanager
def elsewhere() -> Iterator[Any]:
    """A transaction of another process, which is rolled back at the end."""
    other = connection.copy()
    other.set_autocommit(False)
    try:
        yield other.cursor()
    finally:
        other.rollback()
        other.close()


@pytest.fixture
def impatient() -> Iterator[None]:
    """Our own connection waits no longer than a tenth of a second for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")
        yield
        cursor.execute("SET lock_timeout = '5s'")


@POSTGRES
def test_a_request_that_is_under_way_elsewhere_is_waited_for_and_then_given_up(
    partner: APIClient, john: Customer, key: str, impatient: None
) -> None:
    with elsewhere() as other:
        other.execute(
            "INSERT INTO common_idempotencyrecord"
            " (principal, key, fingerprint, headers, body, created_at)"
            " VALUES (%s, 'one', '', '{}', '', now())",
            [f"key:{key.partition('.')[0]}"],
        )
        response = partner.post(ORDERS, BODY, HTTP_IDEMPOTENCY_KEY="one")

        refused = problem(response, 409)
        assert (refused["code"], response["Retry-After"]) == ("in_flight", "1")
        assert refused["detail"] == "Another request with this Idempotency-Key is under way."
        assert not Order.objects.exists()
        # Another key has nothing to wait for.
        assert partner.post(ORDERS, BODY, HTTP_IDEMPOTENCY_KEY="two").status_code == 201

    # The other was rolled back: the key is free.
    made = partner.post(ORDERS, BODY, HTTP_IDEMPOTENCY_KEY="one")
    assert made.status_code == 201
    assert "Idempotency-Replayed" not in made
    assert Order.objects.count() == 2


@POSTGRES
def test_a_row_that_is_held_elsewhere_is_given_up(
    partner: APIClient, shirt: Item, impatient: None
) -> None:
    with elsewhere() as other:
        other.execute("SELECT 1 FROM items_item WHERE id = %s FOR UPDATE", [str(shirt.pk)])
        response = partner.patch(f"{ITEMS}{shirt.pk}/", {"name": "Blouse"})

    assert problem(response, 503)["code"] == "unavailable"
    assert response["Retry-After"] == "1"
    shirt.refresh_from_db()
    assert shirt.name == "Shirt"


@POSTGRES
def test_a_deadlock_is_tried_again(
    partner: APIClient, shirt: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the victim of a real deadlock, and has made one item in the end."""
    create, tries = Item.objects.create, 0
    rival = threading.Thread(target=wait_for_the_second_lock)

    def deadlock(**members: Any) -> Item:
        nonlocal tries
        tries += 1
        item = create(**members)
        if tries == 1:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(2)")
                rival.start()
                eventually(lambda: waits_for_us(cursor))
                cursor.execute("SET LOCAL deadlock_timeout = '10ms'")
                cursor.execute("SELECT pg_advisory_xact_lock(1)")
        return item

    monkeypatch.setattr("items.serializers.Item.objects.create", deadlock)
    try:
        response = partner.post(ITEMS, {"name": "Pen", "price": 1}, HTTP_IDEMPOTENCY_KEY="one")
    finally:
        rival.join()

    assert response.status_code == 201, response.content
    assert tries == 2
    assert Item.objects.filter(name="Pen").count() == 1
    assert IdempotencyRecord.objects.get().status == 201


def wait_for_the_second_lock() -> None:
    """In a transaction of its own that holds the first."""
    with elsewhere() as cursor:
        # It looks for deadlocks later than we do: we are the victim.
        cursor.execute("SET deadlock_timeout = '10s'")
        cursor.execute("SELECT pg_advisory_xact_lock(1)")
        cursor.execute("SELECT pg_advisory_xact_lock(2)")


def waits_for_us(cursor: Any) -> bool:
    """Whether another session waits for an advisory lock."""
    cursor.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    return bool(cursor.fetchone())


class FailureError(Exception):
    """What psycopg2 raises, with an SQLSTATE."""

    def __init__(self, pgcode: str) -> None:
        super().__init__(pgcode)
        self.pgcode = pgcode


@pytest.mark.parametrize(
    ("pgcode", "times", "status", "tries"),
    [
        ("40001", 1, 201, 2),
        ("40P01", 1, 201, 2),
        ("40001", 2, 503, 2),
        ("57014", 1, 503, 1),
        ("53300", 1, 503, 1),
    ],
)
@pytest.mark.parametrize("headers", [{}, {"HTTP_IDEMPOTENCY_KEY": "one"}], ids=["", "key"])
def test_a_transaction_that_lost_is_tried_once_more(
    partner: APIClient,
    monkeypatch: pytest.MonkeyPatch,
    headers: dict[str, Any],
    *,
    pgcode: str,
    times: int,
    status: int,
    tries: int,
) -> None:
    create, tried = Item.objects.create, 0

    def lose(**members: Any) -> Item:
        nonlocal tried
        tried += 1
        item = create(**members)
        if tried <= times:
            raise OperationalError from FailureError(pgcode)
        return item

    monkeypatch.setattr("items.serializers.Item.objects.create", lose)

    response = partner.post(ITEMS, {"name": "Pen", "price": 1}, **headers)

    made = int(status == 201)
    assert (response.status_code, tried) == (status, tries)
    assert Item.objects.count() == made
    assert IdempotencyRecord.objects.count() == (made if headers else 0)


CLIENTS = 8
# At least, and at most until a kill falls between a commit and its answer.
KILLS = (3, 20)


def order_until_killed(
    server: Server, name: str, answered: dict[str, str], unanswered: set[str]
) -> None:
    """Makes one order after the other, each with a key of its own, until there is no answer."""
    for number in range(10_000):
        key = f"{name}-{number}"
        try:
            answered[key] = server.send("POST", ORDERS, BODY, **{"Idempotency-Key": key}).json()[
                "id"
            ]
        except requests.RequestException:
            unanswered.add(key)
            return


def test_a_server_that_is_killed_makes_one_order_of_each_key(server: Server) -> None:
    """It is killed in the midst of orders; each that had no answer is asked for again."""
    answered: dict[str, str] = {}
    unanswered: set[str] = set()
    kills = committed = 0
    while kills < KILLS[0] or (not committed and kills < KILLS[1]):
        enough = len(answered) + 20
        with ThreadPoolExecutor(CLIENTS) as pool:
            for client in range(CLIENTS):
                pool.submit(order_until_killed, server, f"{kills}-{client}", answered, unanswered)
            eventually(lambda enough=enough: len(answered) >= enough)  # type: ignore[misc]
            server.kill()
        kills += 1
        eventually(nobody_else_is_connected)
        committed = IdempotencyRecord.objects.filter(key__in=unanswered).count()
        server.start()

    for key in sorted(unanswered):
        retried = server.send("POST", ORDERS, BODY, **{"Idempotency-Key": key})
        assert retried.status_code == 201
        answered[key] = retried.json()["id"]

    print(
        f"{kills} kills: {len(answered)} keys, {len(unanswered)} without an answer,"
        f" of which {committed} had been committed"
    )
    assert len(unanswered) == kills * CLIENTS
    assert set(IdempotencyRecord.objects.values_list("key", flat=True)) == set(answered)
    orders = {str(pk) for pk in Order.objects.values_list("pk", flat=True)}
    assert orders == set(answered.values())
    assert len(orders) == len(answered)
    assert Message.objects.count() == OrderLine.objects.count() == len(orders)
    if connection.vendor == "postgresql":
        assert committed > 0
