"""It learns what became of an SMS from the gateway itself, whenever that says so."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from threading import Thread
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from customers.models import Customer
from notifications import reports
from notifications.consent import opt_out
from notifications.gateways import gateway
from notifications.models import Decision, Message, Report, Spending
from orders.pricing import WantedLine
from orders.services import place_order
from outbox.outcomes import Accepted, Unknown
from outbox.recording import record
from outbox.services import claim
from simulators.testing import Simulator, running_simulator
from tests.processes import eventually

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "s3cret-of-the-callbacks"
PATH = f"/notifications/africastalking/{SECRET}/reports"
PHONE = "+254712345678"


def order_for(phone: str, principal: str = "") -> Message:
    """The message of a new order of a customer with this phone."""
    customer = Customer.objects.create(name="John", phone_number=phone)
    line = WantedLine(quantity=1, description="Laptop", unit_price=Decimal(1))
    order = place_order(customer=customer.pk, lines=[line])
    return Message.objects.get(order=order)


# --- Against the simulator -----------------------------------------------------------


@contextmanager
def gateway_that_reports(
    settings: Settings, server: LiveServer, **options: float
) -> Iterator[Simulator]:
    settings.AFRICAS_TALKING_CALLBACK_SECRET = SECRET
    with running_simulator(report_url=f"{server.url}{PATH}", **options) as running:
        settings.SMS_GATEWAY = "africastalking"
        settings.AFRICAS_TALKING_API_KEY = "secret"
        settings.AFRICAS_TALKING_URL = running.url
        gateway.cache_clear()
        try:
            yield running
        finally:
            gateway.cache_clear()


@pytest.mark.parametrize(
    ("ending", "status", "reports_on_it", "why"),
    [
        ("801", "delivered", 1, ""),
        ("802", "undelivered", 1, "DeliveryFailure"),
        ("803", "undelivered", 1, "UserInBlackList"),
        ("804", "undelivered", 1, "AbsentSubscriber"),
        ("805", "undelivered", 1, "Expired"),
        ("806", "sent", 1, ""),
        ("810", "delivered", 3, ""),
        ("811", "delivered", 2, ""),
        ("812", "delivered", 2, ""),
        ("813", "delivered", 1, ""),
        ("814", "delivered", 1, ""),
        # Received, and the answer was lost: the report settles what is unknown.
        ("701", "delivered", 1, ""),
        ("703", "delivered", 1, ""),
    ],
)
def test_follows_the_reports(  # noqa: PLR0917 - one value for each of the things compared
    settings: Settings,
    live_server: LiveServer,
    ending: str,
    status: str,
    reports_on_it: int,
    why: str,
) -> None:
    message = order_for(f"+254711000{ending}")

    with gateway_that_reports(settings, live_server, report_delay=0.02) as simulator:
        call_command("deliver", once=True, threads=2)
        eventually(lambda: Report.objects.filter(message=message).count() == reports_on_it)
        [received] = simulator.messages()

    message.refresh_from_db()
    assert (message.status, message.last_error, message.attempts) == (status, why, 1)
    assert message.provider_id == received["messageId"]
    assert message.sent_at is not None
    assert Decision.objects.count() == (1 if ending.startswith("7") else 0)


def test_stays_sent_when_the_report_is_lost(settings: Settings, live_server: LiveServer) -> None:
    message = order_for("+254711000800")

    with gateway_that_reports(settings, live_server):
        call_command("deliver", once=True, threads=2)

    message.refresh_from_db()
    assert (message.status, Report.objects.count()) == ("sent", 0)
    assert (message.gateway, message.cost, message.cost_currency) == (
        "africastalking",
        Decimal("0.8000"),
        "KES",
    )
    spent = Spending.objects.get()
    assert (spent.principal, spent.currency) == ("", "KES")
    assert (spent.messages, spent.amount) == (1, Decimal("0.8000"))


# --- Rules, as the worker asks them --------------------------------------------------


def test_sends_nothing_to_who_opted_out(settings: Settings, live_server: LiveServer) -> None:
    message = order_for(PHONE)
    opt_out(PHONE, source="STOP")

    with gateway_that_reports(settings, live_server) as simulator:
        call_command("deliver", once=True, threads=2)
        assert simulator.messages() == []

    message.refresh_from_db()
    assert (message.status, message.last_error, message.attempts) == (
        "skipped",
        "The customer has opted out of messages.",
        0,
    )


def test_sends_no_more_than_may_be_spent(settings: Settings, live_server: LiveServer) -> None:
    settings.SMS_DAILY_SPEND_LIMIT = Decimal(2)
    settings.SMS_SPEND_RESERVE_PERCENT = 0
    for number in range(4):
        order_for(f"+25472200011{number}")

    with gateway_that_reports(settings, live_server) as simulator:
        call_command("deliver", once=True, threads=1)
        assert len(simulator.messages()) == 2

    waiting = Message.objects.filter(status="pending")
    assert [message.last_error for message in waiting] == [
        "The day's spending limit of 2 is reached."
    ] * 2
    assert all(message.next_attempt_at > timezone.now() for message in waiting)


# --- The fallback --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ending", "status", "taken_by", "printed"),
    [
        ("650", "sent", "console", 1),
        ("101", "sent", "africastalking", 0),
        ("403", "failed", "", 0),
        # It may have arrived: never a second time.
        ("701", "unknown", "", 0),
    ],
)
def test_falls_back_for_what_is_certainly_unsent(  # noqa: PLR0917 - one value for each
    settings: Settings,
    live_server: LiveServer,
    capsys: pytest.CaptureFixture[str],
    ending: str,
    status: str,
    taken_by: str,
    printed: int,
) -> None:
    settings.SMS_FALLBACK_GATEWAY = "console"
    message = order_for(f"+254711000{ending}")

    with gateway_that_reports(settings, live_server, report_delay=3600):
        call_command("deliver", once=True, threads=2)

    message.refresh_from_db()
    assert (message.status, message.gateway, message.attempts) == (status, taken_by, 1)
    assert capsys.readouterr().out.count("SMS to ") == printed


def test_tries_again_what_neither_takes(settings: Settings, live_server: LiveServer) -> None:
    settings.SMS_FALLBACK_GATEWAY = "africastalking"
    message = order_for("+254711000650")

    with gateway_that_reports(settings, live_server):
        call_command("deliver", once=True, threads=2)

    message.refresh_from_db()
    assert message.status == "pending"
    assert message.last_error.count("HTTP 500") == 2


# --- Faster than the answer ----------------------------------------------------------


def tell(status: str = "Success", provider_id: str = "ATPid_1") -> None:
    """A report, as the gateway posts it."""
    form = {"id": provider_id, "phoneNumber": PHONE, "status": status}
    try:
        assert Client().post(PATH, form).status_code == 200
    finally:
        connection.close()


@pytest.fixture
def claimed(settings: Settings) -> Message:
    """A message in a worker's hands."""
    settings.AFRICAS_TALKING_CALLBACK_SECRET = SECRET
    order_for(PHONE)
    [message] = claim(Message, most=1)
    return message


def test_keeps_a_report_that_is_early(claimed: Message) -> None:
    tell()
    assert Report.objects.get().message is None

    record(claimed, Accepted("ATPid_1"))

    claimed.refresh_from_db()
    assert claimed.status == "delivered"
    assert Report.objects.get().message == claimed


def test_settles_at_once_what_was_reported_before_it_was_unknown(claimed: Message) -> None:
    tell()

    record(claimed, Unknown("Silence."))

    claimed.refresh_from_db()
    assert (claimed.status, claimed.provider_id) == ("delivered", "ATPid_1")
    assert Decision.objects.get().by == "report"


def test_takes_no_old_report_for_its_own(claimed: Message, settings: Settings) -> None:
    tell()
    Report.objects.update(created_at="2026-01-01T00:00:00Z")

    record(claimed, Unknown("Silence."))

    claimed.refresh_from_db()
    assert claimed.status == "unknown"


def rival_waits() -> bool:
    """Whether a rival has come to the lock that we hold (on SQLite, to the one write lock)."""
    if connection.vendor == "sqlite":
        return True
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database"
            " WHERE locktype = 'advisory' AND NOT granted AND d.datname = current_database()"
        )
        return bool(cursor.fetchone()[0])


Look = Callable[[Sequence[Message]], None]


@pytest.mark.parametrize("before", [True, False], ids=["before we look", "after we looked"])
def test_loses_no_report_that_comes_while_it_records(
    claimed: Message, monkeypatch: pytest.MonkeyPatch, *, before: bool
) -> None:
    """It is in the middle of the transaction that writes the id when the report comes."""
    look: Look = reports.apply_early
    rival = Thread(target=tell)

    def look_with_a_rival(rows: Sequence[Message]) -> None:
        if before:
            rival.start()
            if connection.vendor == "postgresql":
                # It finds no message yet, and is stored.
                rival.join()
            look(rows)
        else:
            look(rows)
            rival.start()
            eventually(rival_waits)

    monkeypatch.setattr(reports, "apply_early", look_with_a_rival)
    record(claimed, Accepted("ATPid_1"))
    rival.join()

    claimed.refresh_from_db()
    assert claimed.status == "delivered"
    assert Report.objects.get().message == claimed


def test_counts_each_accepted_message_once(claimed: Message) -> None:
    paid: Any = {"cost": Decimal("0.8"), "cost_currency": "KES", "gateway": "africastalking"}

    for _ in range(2):
        record(claimed, Accepted("ATPid_1", paid))

    assert Spending.objects.values("messages", "amount").get() == {
        "messages": 1,
        "amount": Decimal("0.8000"),
    }
