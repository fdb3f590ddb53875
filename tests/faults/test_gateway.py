"""What becomes of a message when the gateway accepts, refuses, fails, or breaks off."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django.fixtures import Settings

from notifications.gateways import gateway
from notifications.models import Message
from orders.models import Order
from simulators.testing import Simulator, running_simulator
from tests.faults.deliveries import order_for


@pytest.fixture
def simulator(settings: Settings) -> Iterator[Simulator]:
    """The gateway's stand-in, in use."""
    with running_simulator() as running:
        settings.SMS_GATEWAY = "africastalking"
        settings.AFRICAS_TALKING_API_KEY = "secret"
        settings.AFRICAS_TALKING_URL = running.url
        gateway.cache_clear()
        yield running
    gateway.cache_clear()


def delivered(phone: str) -> Message:
    """The message of a new order, after the worker has done what was due."""
    order = order_for(phone)
    call_command("deliver", once=True, threads=2)
    return Message.objects.get(order=order)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("ending", "status", "received"),
    [
        ("100", "sent", 1),
        ("101", "sent", 1),
        ("102", "sent", 1),
        ("403", "failed", 0),
        ("406", "failed", 0),
        ("502", "failed", 0),
        ("600", "failed", 0),
        ("609", "failed", 0),
        ("405", "pending", 0),
        ("500", "pending", 0),
        ("601", "pending", 0),
        ("629", "pending", 0),
        ("650", "pending", 0),
        ("653", "pending", 0),
        ("700", "unknown", 0),
        ("701", "unknown", 1),
        ("703", "unknown", 1),
        ("704", "unknown", 1),
    ],
)
def test_each_answer_has_its_state(
    simulator: Simulator, ending: str, status: str, received: int
) -> None:
    message = delivered(f"+254711000{ending}")

    assert (message.status, message.attempts) == (status, 1)
    assert len(simulator.messages()) == received
    assert Order.objects.count() == 1
    if status == "sent":
        assert message.provider_id.startswith("ATPid_")
        assert message.last_error == ""
    else:
        assert message.last_error
        assert message.sent_at is None
    if status == "pending":
        assert message.next_attempt_at > timezone.now()


@pytest.mark.django_db(transaction=True)
def test_silence_is_unknown_and_never_repeated(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient: Any = (3.05, 0.3)
    monkeypatch.setattr(gateway(), "_timeout", impatient)

    message = delivered("+254711000702")
    call_command("deliver", once=True, threads=2)

    message.refresh_from_db()
    assert (message.status, message.attempts) == ("unknown", 1)
    assert len(simulator.messages()) == 1


@pytest.mark.django_db(transaction=True)
def test_a_gateway_that_is_down_is_tried_again(settings: Settings, simulator: Simulator) -> None:
    up = settings.AFRICAS_TALKING_URL
    settings.AFRICAS_TALKING_URL = "http://127.0.0.1:9"
    gateway.cache_clear()
    message = delivered("+254712345678")
    assert (message.status, message.attempts) == ("pending", 1)

    settings.AFRICAS_TALKING_URL = up
    gateway.cache_clear()
    Message.objects.update(next_attempt_at=timezone.now())
    call_command("deliver", once=True, threads=2)

    message.refresh_from_db()
    assert (message.status, message.attempts) == ("sent", 2)
    assert len(simulator.messages()) == 1


@pytest.mark.django_db(transaction=True)
def test_attempts_that_certainly_failed_are_used_up(
    settings: Settings, simulator: Simulator
) -> None:
    settings.DELIVERY_MAX_ATTEMPTS = 3
    settings.DELIVERY_BACKOFF_SECONDS = 0

    message = delivered("+254711000650")

    assert (message.status, message.attempts) == ("failed", 3)
    assert simulator.messages() == []
