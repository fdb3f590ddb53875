"""What either engine keeps: one contract for the loop and for Celery."""

from collections import Counter

import pytest
from django.db import connection

from customers.models import Customer
from notifications.models import Message
from simulators.testing import Simulator, running_simulator
from tests.faults.deliveries import settled, worker_environment
from tests.faults.engines import Engine, running
from tests.faults.server import Server, serving
from tests.processes import eventually

MESSAGES = 60
THREADS = 8
# Seconds; longer than any test.
NEVER = 1000.0
ORDER = {"customer_code": "CUST001", "item": "Laptop", "amount": "5.00"}

pytestmark = pytest.mark.django_db(transaction=True)


def queue(count: int) -> None:
    """Puts so many rows there and wakes nobody."""
    Message.objects.bulk_create(
        Message(kind="order_received", to=f"+25471234{number:04}", text="Hello")
        for number in range(count)
    )


def test_it_delivers_each_once(engine: Engine) -> None:
    queue(MESSAGES)

    with running_simulator(latency=0.1) as simulator:
        with running(engine, worker_environment(simulator), workers=2):
            eventually(settled)
        received = Counter(sms["to"] for sms in simulator.messages())

    assert Counter(Message.objects.values_list("status", "attempts")) == {("sent", 1): MESSAGES}
    assert received == dict.fromkeys(Message.objects.values_list("to", flat=True), 1)


def test_it_attempts_as_many_at_a_time_as_it_has_threads(engine: Engine) -> None:
    """And claims no more than those."""
    queue(MESSAGES)

    with (
        running_simulator(latency=NEVER) as simulator,
        running(engine, worker_environment(simulator), threads=THREADS),
    ):
        eventually(lambda: len(simulator.messages()) == THREADS)
        assert Message.objects.filter(claimed_at__isnull=False).count() == THREADS


def test_a_kill_leaves_no_more_unknown_than_threads(engine: Engine) -> None:
    queue(MESSAGES)

    with running_simulator(latency=0.3) as simulator:
        environment = worker_environment(simulator)
        with running(engine, environment, threads=THREADS) as (worker,):
            eventually(lambda: len(simulator.messages()) >= MESSAGES // 4)
            worker.kill()
        left = Message.objects.filter(status="pending").count()
        with running(engine, environment, threads=THREADS):
            eventually(settled)
        received = Counter(sms["to"] for sms in simulator.messages())

    statuses = Counter(Message.objects.values_list("status", flat=True))
    print(f"{engine.name}: killed with {left} of {MESSAGES} left: {dict(statuses)}")
    sent = set(Message.objects.filter(status="sent").values_list("to", flat=True))
    assert 0 < left < MESSAGES
    assert statuses["sent"] + statuses["unknown"] == MESSAGES
    assert statuses["unknown"] <= THREADS
    assert set(received.values()) == {1}
    assert sent <= set(received)


def test_sigterm_finishes_what_is_under_way_and_starts_nothing_more(engine: Engine) -> None:
    queue(MESSAGES)

    with running_simulator(latency=1.0) as simulator:
        with running(engine, worker_environment(simulator), threads=2) as (worker,):
            eventually(lambda: len(simulator.messages()) >= 2)
            assert worker.stop() == 0
        received = {sms["to"] for sms in simulator.messages()}

    sent = set(Message.objects.filter(status="sent").values_list("to", flat=True))
    assert sent == received
    assert len(sent) < MESSAGES // 4
    assert not Message.objects.filter(claimed_at__isnull=False).exists()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="on SQLite the loop only polls")
def test_it_is_woken_by_an_order(engine: Engine, key: str, john: Customer) -> None:
    """Neither the loop nor beat would look by itself before the test is over."""
    with running_simulator() as simulator:
        environment = worker_environment(simulator, DELIVERY_POLL_SECONDS="1000")
        with running(engine, environment), serving(key, engine.environment) as server:
            # Once something was delivered, all of them have started.
            queue(1)
            eventually(lambda: ordered_until_delivered(server, simulator))
            before = len(simulator.messages())
            assert server.send("POST", "/v1/orders/", ORDER).status_code == 201
            eventually(lambda: len(simulator.messages()) > before, seconds=10)


def ordered_until_delivered(server: Server, simulator: Simulator) -> bool:
    """Places orders until the first message arrives."""
    server.send("POST", "/v1/orders/", ORDER)
    return bool(simulator.messages())
