"""A worker that is killed in the middle of its work."""

from collections import Counter

import pytest
from django.core.management import call_command

from notifications.models import Message
from simulators.testing import running_simulator
from tests.faults.deliveries import order_for, settled, worker_environment
from tests.processes import eventually, manage

ORDERS = 200
THREADS = 8


@pytest.mark.django_db(transaction=True)
def test_nothing_is_lost_and_nothing_sent_twice() -> None:
    """It leaves each message sent, or `unknown` where the kill made it unknowable."""
    for number in range(ORDERS):
        order_for(f"+25471234{number:04}")

    with running_simulator(latency=0.1) as simulator:
        environment = worker_environment(simulator, DELIVERY_POLL_SECONDS="0.05")
        arguments = ("deliver", "--threads", str(THREADS))
        with manage(*arguments, **environment) as worker:
            eventually(lambda: len(simulator.messages()) >= ORDERS // 4)
            worker.kill()
            worker.wait()
        left = Message.objects.filter(status="pending").count()
        assert 0 < left < ORDERS

        with manage(*arguments, **environment):
            eventually(settled)
        received = Counter(sms["to"] for sms in simulator.messages())

    statuses = Counter(Message.objects.values_list("status", flat=True))
    sent = set(Message.objects.filter(status="sent").values_list("to", flat=True))
    unknown = set(Message.objects.filter(status="unknown").values_list("to", flat=True))
    print(f"after SIGKILL in the middle of {ORDERS}: {dict(statuses)}")
    assert len(sent) + len(unknown) == ORDERS
    assert len(unknown) <= THREADS
    assert all(count == 1 for count in received.values())
    assert sent <= set(received)


@pytest.mark.django_db(transaction=True)
def test_sigterm_finishes_what_is_under_way() -> None:
    order_for("+254712345678")

    with (
        running_simulator(latency=1.0) as simulator,
        manage("deliver", **worker_environment(simulator)) as worker,
    ):
        eventually(lambda: len(simulator.messages()) == 1)
        worker.terminate()
        assert worker.wait(timeout=20) == 0

    assert Message.objects.get().status == "sent"
    call_command("deliver", once=True, threads=1)
    assert Message.objects.get().attempts == 1
