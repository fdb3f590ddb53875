"""Workers are killed all the time, and the gateway fails, cuts connections and repeats itself."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from django.db import connection

from notifications.models import Message
from orders.models import Order
from simulators.testing import Simulator, running_simulator
from tests.faults.deliveries import order_for, settled, worker_environment
from tests.faults.engines import Background, Celery, Engine
from tests.faults.server import nobody_else_is_connected, serving
from tests.processes import eventually

SECRET = "of-the-callbacks"
WORKERS, THREADS = 4, 8
KILL_EVERY_SECONDS = 1.0
FAIL_RATE, CUT_RATE, DOUBLE_RATE = 0.2, 0.02, 0.05

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("orders", [pytest.param(120), pytest.param(2000, marks=pytest.mark.long)])
def test_nothing_is_lost_and_nothing_doubled(engine: Engine, key: str, orders: int) -> None:
    """Each message is there exactly once, or says why it is not known."""
    server_environment = {"AFRICAS_TALKING_CALLBACK_SECRET": SECRET}
    with (
        serving(key, server_environment) as server,
        running_simulator(
            latency=0.05,
            fail_rate=FAIL_RATE,
            cut_rate=CUT_RATE,
            report_url=server.url(f"/notifications/africastalking/{SECRET}/reports"),
            report_delay=0.2,
            double_rate=DOUBLE_RATE,
        ) as simulator,
        placing(orders),
        raging(engine, simulator) as storm,
    ):
        eventually(lambda: Order.objects.count() == orders and settled(), seconds=30 + orders / 4)
        received = Counter(sms["to"] for sms in simulator.messages())
        eventually(lambda: reported(simulator), seconds=30 + orders / 20)
    eventually(nobody_else_is_connected)

    statuses = Counter(Message.objects.values_list("status", flat=True))
    unknown = Message.objects.filter(status="unknown")
    print(
        f"\n{engine.name}, {connection.vendor}: {orders} orders, {storm.kills} workers killed,"
        f" {len(received)} SMS received, {received.total() - len(received)} of them twice;"
        f" {dict(statuses)}"
    )
    arrived = set(
        Message.objects.filter(status__in=["sent", "delivered"]).values_list("to", flat=True)
    )
    assert Order.objects.count() == Message.objects.count() == orders
    assert set(statuses) <= {"sent", "delivered", "unknown"}
    assert set(received.values()) == {1}
    assert arrived <= set(received)
    assert set(received) - arrived <= set(unknown.values_list("to", flat=True))
    assert not unknown.filter(last_error="").exists()
    assert unknown.count() <= storm.kills * THREADS + orders * CUT_RATE * 3


@contextmanager
def placing(orders: int) -> Iterator[None]:
    """Places so many orders meanwhile."""

    def place_all() -> None:
        try:
            for number in range(orders):
                order_for(f"+25471234{number:04}")
        finally:
            connection.close()

    thread = threading.Thread(target=place_all)
    thread.start()
    yield
    thread.join()


def reported(simulator: Simulator) -> bool:
    """Whether every SMS that was received is known to be there."""
    return not Message.objects.filter(status="sent").exists()


class Storm:
    """Workers of which one is killed and another started, every second.

    Each has worked a little before it is killed: on a slow machine there are fewer kills.
    """

    def __init__(self, engine: Engine, simulator: Simulator) -> None:
        self.engine = engine
        self.environment = worker_environment(
            simulator, DELIVERY_LEASE_SECONDS="5", DELIVERY_BACKOFF_SECONDS="0.2"
        )
        self.kills = 0
        self.over = threading.Event()
        self.workers: list[tuple[float, Background]] = []
        self.start_seconds = 0.0

    def begin(self, simulator: Simulator) -> None:
        """Starts all workers, and measures how long it takes until they deliver."""
        begin = time.monotonic()
        for _ in range(WORKERS):
            self.start_one()
        eventually(lambda: bool(simulator.messages()))
        self.start_seconds = time.monotonic() - begin

    def start_one(self) -> None:
        worker = self.engine.start(self.environment, threads=THREADS)
        self.workers.append((time.monotonic(), worker))

    def kill_all(self) -> None:
        for _, worker in self.workers:
            worker.kill()

    def rage(self) -> None:
        """Kills until it is over."""
        while not self.over.wait(KILL_EVERY_SECONDS):
            started, worker = self.workers[0]
            if time.monotonic() > started + self.start_seconds + KILL_EVERY_SECONDS:
                self.workers.pop(0)
                worker.kill()
                self.kills += 1
                self.start_one()


@contextmanager
def raging(engine: Engine, simulator: Simulator) -> Iterator[Storm]:
    """A storm, as soon as something was delivered."""
    with ExitStack() as stack:
        storm = Storm(engine, simulator)
        stack.callback(storm.kill_all)
        if isinstance(engine, Celery):
            stack.callback(engine.start_beat(storm.environment).kill)
        storm.begin(simulator)
        thread = threading.Thread(target=storm.rage)
        thread.start()
        stack.callback(thread.join)
        stack.callback(storm.over.set)
        yield storm
