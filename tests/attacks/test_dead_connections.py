"""Every connection to the database is ended between two requests, as a restart or a timeout does.

Each thread answered its next request with a 503.
"""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.db import OperationalError, connection, transaction
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext

from access.models import User
from customers.models import Customer
from items.models import Item
from notifications.models import Message
from simulators.testing import running_simulator
from tests.faults.deliveries import order_for, settled, worker_environment
from tests.faults.engines import Loop, running
from tests.faults.outages import proxied
from tests.faults.server import THREADS, Server, nobody_else_is_connected, serving
from tests.processes import database_url, eventually

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no connections."),
]

ROUNDS = 3
PASSWORD = "correct horse battery"


def end_all_others() -> int:
    """Ends every connection to the database but this one; how many those were."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return len(cursor.fetchall())


def end_this_one() -> None:
    """Ends this connection, without its knowing."""
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(%s, 10000)", [connection.connection.get_backend_pid()]
        )
    other.close()


# --- Over HTTP ------------------------------------------------------------------------------


@pytest.fixture
def cookies(client: Client, admin: User) -> dict[str, str]:
    """Of a superuser who has logged in."""
    client.force_login(admin)
    return {name: morsel.value for name, morsel in client.cookies.items()}


@pytest.fixture
def server(key: str) -> Iterator[Server]:
    with serving(key, {"RATE_LIMIT_READ": "1000000", "LOGIN_RATE": "1000/min"}) as server:
        yield server
    eventually(nobody_else_is_connected)


def requests_of(number: int, john: Customer, shirt: Item) -> Iterator[tuple[str, str, Any]]:
    """A request of every kind; no two alike."""
    yield "GET", f"/v1/customers/{john.pk}/", None
    yield "GET", "/v1/items/?limit=5", None
    yield "GET", "/v1/orders/?status=received&count=true", None
    yield "POST", "/v1/items/", {"name": f"Pen {number}", "price": "1.00"}
    order = {"customer_code": john.code, "item": f"Laptop {number}", "amount": "5.00"}
    yield "POST", "/v1/orders/", order
    yield "PATCH", f"/v1/items/{shirt.pk}/", {"price": f"{number % 90 + 1}.00"}
    yield "GET", "/readyz", None
    yield "GET", "/admin/customers/customer/", None
    yield "GET", f"/admin/items/item/{shirt.pk}/change/", None
    yield "POST", "/api-token-auth/", {"username": "ada", "password": PASSWORD}


def test_no_request_notices(
    server: Server, cookies: dict[str, str], john: Customer, shirt: Item
) -> None:
    """As many connections die as the server has threads, each time before another request."""
    seen: Counter[tuple[str, str, int]] = Counter()

    def send(request: tuple[str, str, Any]) -> None:
        method, path, body = request
        response = requests.request(
            method,
            server.url(path),
            json=body,
            headers={} if path.startswith("/admin/") else server.headers,
            cookies=cookies if path.startswith("/admin/") else {},
            timeout=30,
        )
        seen[method, path, response.status_code] += 1

    ended = 0
    count = len(list(requests_of(0, john, shirt)))
    with ThreadPoolExecutor(THREADS) as senders:
        list(senders.map(send, [("GET", f"/v1/items/{shirt.pk}/", None)] * (4 * THREADS)))
        for number in range(ROUNDS * count):
            # One kind of request comes first in each round.
            kinds = list(requests_of(number, john, shirt))
            ended += end_all_others()
            list(senders.map(send, [kinds[(number + place) % count] for place in range(count)]))

    assert ended >= ROUNDS * count
    assert {key: n for key, n in seen.items() if key[2] not in {200, 201}} == {}
    assert Item.objects.filter(name__startswith="Pen").count() == ROUNDS * count
    assert Message.objects.count() == ROUNDS * count


def test_a_network_that_was_cut_and_is_back(key: str, john: Customer) -> None:
    url = database_url()
    address = urlsplit(url)
    with (
        proxied(url, address.hostname or "", address.port or 5432) as proxy,
        serving(key, {"DATABASE_URL": proxy.url}) as server,
    ):
        for number in range(THREADS):
            item = {"name": f"Pen {number}", "price": "1.00"}
            assert server.send("POST", "/v1/items/", item).status_code == 201
            proxy.stop()
            proxy.start()
            assert server.send("GET", f"/v1/customers/{john.pk}/", None).status_code == 200
    eventually(nobody_else_is_connected)


def test_a_worker_delivers_on() -> None:
    with (
        running_simulator() as simulator,
        running(Loop(), worker_environment(simulator)) as (worker,),
    ):
        for number in range(1, 6):
            order_for(f"+25471100000{number}")
            eventually(settled)
            assert end_all_others() > 0
        assert worker.process.poll() is None
        assert len(simulator.messages()) == Message.objects.filter(status="sent").count() == 5
    eventually(nobody_else_is_connected)


# --- What may run twice, and what may not ---------------------------------------------------


@pytest.fixture
def pen() -> Item:
    return Item.objects.create(name="Pen", price=1)


def test_a_read(pen: Item) -> None:
    end_this_one()
    assert list(Item.objects.all()) == [pen]


def test_a_read_in_pieces(pen: Item) -> None:
    end_this_one()
    assert list(Item.objects.iterator()) == [pen]


def test_a_write_without_a_transaction_happens_once(pen: Item) -> None:
    end_this_one()
    assert Item.objects.update(price=F("price") + 1) == 1
    pen.refresh_from_db()
    assert pen.price == 2


def test_a_new_row(pen: Item) -> None:
    end_this_one()
    Item.objects.create(name="Mug", price=1)
    assert Item.objects.count() == 2


@pytest.mark.parametrize("inner", [nullcontext, transaction.atomic])
@pytest.mark.parametrize("first", ["plain", "prepared"])
def test_the_beginning_of_a_transaction(pen: Item, inner: Any, first: str) -> None:
    committed = []
    with transaction.atomic():
        transaction.on_commit(lambda: committed.append(True))
        end_this_one()
        with inner():
            if first == "plain":
                Item.objects.update(price=F("price") + 1)
            Item.objects.create(name="Mug", price=2)
        assert connection.in_atomic_block
        assert not connection.get_autocommit()
    assert Item.objects.filter(price=2).count() == (2 if first == "plain" else 1)
    assert committed == [True]
    assert connection.get_autocommit()


def test_a_transaction_is_not_torn_in_two(pen: Item) -> None:
    """What ran on the old connection is gone; what comes after it must not be stored alone."""

    @transaction.atomic
    def create_two() -> None:
        Item.objects.create(name="Mug", price=1)
        end_this_one()
        Item.objects.create(name="Cup", price=1)

    with pytest.raises(OperationalError):
        create_two()
    assert list(Item.objects.all()) == [pen]


def test_a_commit_is_not_repeated(pen: Item) -> None:

    @transaction.atomic
    def create() -> None:
        Item.objects.create(name="Mug", price=1)
        end_this_one()

    with pytest.raises(OperationalError):
        create()
    assert list(Item.objects.all()) == [pen]


def statements_until_it_ends(sql: str) -> int:
    """How often a statement is sent that ends its own connection."""
    with (
        CaptureQueriesContext(connection) as captured,
        connection.cursor() as cursor,
        pytest.raises(OperationalError),
    ):
        cursor.execute(sql)
    return len(captured)


def test_a_read_that_itself_ends_the_connection_is_tried_once_more(pen: Item) -> None:
    assert statements_until_it_ends("SELECT pg_terminate_backend(pg_backend_pid())") == 2
    assert list(Item.objects.all()) == [pen]


def test_a_write_that_itself_ends_the_connection_is_not(pen: Item) -> None:
    """Nobody can tell whether it was stored."""
    write = (
        "WITH ended AS (SELECT pg_terminate_backend(pg_backend_pid()))"
        " INSERT INTO common_chore (name) SELECT 'torn' FROM ended"
    )
    assert statements_until_it_ends(write) == 1
    assert list(Item.objects.all()) == [pen]


def test_a_database_that_stays_away() -> None:
    url = database_url()
    address = urlsplit(url)
    with proxied(url, address.hostname or "", address.port or 5432) as proxy:
        through = connection.copy()
        through.settings_dict["HOST"], through.settings_dict["PORT"] = "127.0.0.1", proxy.port

        def one() -> Any:
            with through.cursor() as cursor:
                cursor.execute("SELECT 1")
                return cursor.fetchone()

        assert one() == (1,)
        proxy.stop()
        with pytest.raises(OperationalError):
            one()
        proxy.start()
        assert one() == (1,)
        through.close()
