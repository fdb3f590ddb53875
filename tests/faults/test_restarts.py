"""The database or the broker goes away under load, and comes back."""

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg2
import pytest
import requests
from django.db import connection

from simulators.testing import Simulator, running_simulator
from tests.faults.engines import BROKER_URL, Celery, Engine, Loop, broker_answers, running
from tests.faults.outages import (
    Outage,
    own_postgres,
    own_rabbit,
    program_of_rabbitmq,
    programs_of_postgres,
    proxied,
)
from tests.faults.server import Server, nobody_else_is_connected, serving
from tests.processes import ROOT, database_url, eventually

THREADS = 8
CUSTOMER = {"code": "CUST001", "name": "John Doe", "phone_number": "+254712345678"}
# Seconds for which the database stays away.
AWAY_SECONDS = 2.0
RECOVERY_SECONDS = 10

SHORT, LONG = 60, 1000

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite is no server"),
]
needs_broker = pytest.mark.skipif(not broker_answers(), reason="no broker answers")


class Load:
    """Somebody who places one order after the other, whatever is answered."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.accepted: dict[str, str] = {}
        self.refused: Counter[int] = Counter()
        self.slowest = 0.0
        self.over = threading.Event()

    def run(self) -> None:
        number = 0
        while not self.over.is_set():
            number += 1
            self.place(f"Laptop {number}.")

    def place(self, item: str) -> None:
        begin = time.monotonic()
        order = {"customer_code": CUSTOMER["code"], "item": item, "amount": "5.00"}
        try:
            answer = self.server.send("POST", "/v1/orders/", order)
        except requests.RequestException:
            self.refused[0] += 1
            return
        self.slowest = max(self.slowest, time.monotonic() - begin)
        if answer.status_code == 201:
            self.accepted[answer.json()["id"]] = item
        else:
            self.refused[answer.status_code] += 1


@contextmanager
def loading(server: Server) -> Iterator[Load]:
    """A load on the server, for the customer that it is made with."""
    assert server.send("POST", "/v1/customers/", CUSTOMER).status_code == 201
    load = Load(server)
    thread = threading.Thread(target=load.run)
    thread.start()
    try:
        yield load
    finally:
        load.over.set()
        thread.join()


def worker_environment(simulator: Simulator, database: str) -> dict[str, str]:
    return {
        "DATABASE_URL": database,
        "SMS_GATEWAY": "africastalking",
        "AFRICAS_TALKING_API_KEY": "secret",
        "AFRICAS_TALKING_URL": simulator.url,
        "DELIVERY_LEASE_SECONDS": "20",
        "DELIVERY_POLL_SECONDS": "0.5",
    }


def rows(database: str, query: str) -> list[tuple[str, ...]]:
    """What the database itself says."""
    direct = psycopg2.connect(database)
    try:
        with direct.cursor() as cursor:
            cursor.execute(query)
            return [tuple(map(str, row)) for row in cursor.fetchall()]
    finally:
        direct.close()


def survive(
    engine: Engine, outage: Outage, *, key: str, via: str, database: str, orders: int, away: float
) -> Load:
    """Orders and deliveries go on through an outage; what was answered is checked.

    `via` is the address of the database for Klanten, `database` the one for the checks. With
    `away` the outage lasts so many seconds, without it as long as it takes to accept orders.
    """
    environment = {"DATABASE_URL": via, **engine.environment}
    with (
        running_simulator(latency=0.05) as simulator,
        serving(key, environment) as server,
        running(engine, worker_environment(simulator, via), threads=THREADS, workers=2),
        loading(server) as load,
    ):
        eventually(lambda: len(load.accepted) >= orders // 3 and len(simulator.messages()) > 5)
        outage.stop()
        if away:
            time.sleep(away)
        else:
            before = len(load.accepted)
            eventually(lambda: len(load.accepted) >= before + orders // 3)
        outage.start()
        back, before = time.monotonic(), len(simulator.messages())
        eventually(lambda: len(simulator.messages()) > before + THREADS, seconds=RECOVERY_SECONDS)
        recovered = time.monotonic() - back
        eventually(lambda: len(load.accepted) >= orders, seconds=30 + orders / 10)
        load.over.set()
        pending = "SELECT id FROM notifications_message WHERE status = 'pending'"
        eventually(lambda: not rows(database, pending), seconds=60)
        received = Counter(sms["message"] for sms in simulator.messages())

    stored = {order_id for (order_id,) in rows(database, "SELECT id FROM orders_order")}
    outcomes = rows(database, "SELECT status, count(*) FROM notifications_message GROUP BY 1")
    statuses = {status: int(count) for status, count in outcomes}
    print(
        f"\n{engine.name}: {len(load.accepted)} orders answered 201, {dict(load.refused)} other"
        f" answers, the slowest after {load.slowest:.1f} s; {len(stored)} orders stored;"
        f" workers delivered again {recovered:.1f} s after it was back; {statuses},"
        f" {received.total()} SMS received, {received.total() - len(received)} of them twice"
    )
    assert set(load.accepted) <= stored
    assert set(received.values()) == {1}
    assert set(statuses) <= {"sent", "unknown"}
    assert statuses["sent"] <= len(received)
    assert statuses.get("unknown", 0) <= 2 * THREADS
    assert sum(statuses.values()) == len(stored)
    return load


@pytest.mark.parametrize("engine", [Loop(), pytest.param(Celery(), marks=needs_broker)])
def test_it_survives_a_cut_from_the_database(engine: Engine, key: str) -> None:
    url = database_url()
    address = urlsplit(url)
    host, port = address.hostname or "", address.port or 5432
    with engine.installed(), proxied(url, host, port) as proxy:
        survive(
            engine, proxy, key=key, via=proxy.url, database=url, orders=SHORT, away=AWAY_SECONDS
        )
    eventually(nobody_else_is_connected)


@needs_broker
def test_it_survives_a_cut_from_the_broker(key: str) -> None:
    """No order is refused meanwhile, and none waits for the broker."""
    url, address = database_url(), urlsplit(BROKER_URL)
    with proxied(BROKER_URL, address.hostname or "", address.port or 5672) as proxy:
        engine = Celery(proxy.url)
        with engine.installed():
            load = survive(engine, proxy, key=key, via=url, database=url, orders=SHORT, away=0)
    eventually(nobody_else_is_connected)
    assert load.refused == Counter()


@pytest.mark.long
@pytest.mark.skipif(not programs_of_postgres(), reason="PostgreSQL is not installed here")
@pytest.mark.parametrize("engine", [Loop(), pytest.param(Celery(), marks=needs_broker)])
def test_it_survives_a_crash_of_the_database(engine: Engine) -> None:
    with engine.installed(), own_postgres() as cluster:
        survive(
            engine,
            cluster,
            key=new_key(cluster.url),
            via=cluster.url,
            database=cluster.url,
            orders=LONG,
            away=AWAY_SECONDS,
        )


@pytest.mark.long
@pytest.mark.skipif(not program_of_rabbitmq(), reason="RabbitMQ is not installed here")
def test_it_survives_a_crash_of_the_broker(key: str) -> None:
    url = database_url()
    with own_rabbit() as node:
        engine = Celery(node.url)
        load = survive(engine, node, key=key, via=url, database=url, orders=LONG, away=0)
    eventually(nobody_else_is_connected)
    assert load.refused == Counter()


def new_key(database: str) -> str:
    """An API key in another database than the test's."""
    made = subprocess.run(
        [sys.executable, "manage.py", "create_api_key", "Partner", "--scopes", "read write"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database},
        capture_output=True,
        text=True,
        check=True,
    )
    return made.stdout.split()[-1]
