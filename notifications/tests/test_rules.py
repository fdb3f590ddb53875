"""It sends nothing that somebody does not want, that would wake them, or that is too much."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from pytest_django.fixtures import DjangoAssertNumQueries, Settings

from customers.models import Customer
from notifications.clock import next_day, today
from notifications.consent import opt_out
from notifications.models import Message, Spending
from notifications.rules import caps, quiet_hours, screened
from outbox.outcomes import Postponed, Skipped

PHONE = "+254712345678"
MIDNIGHT = datetime(2026, 1, 1, 21, tzinfo=UTC)  # In Nairobi.
NOON = datetime(2026, 1, 2, 9, tzinfo=UTC)


def message(**members: Any) -> Message:
    given = {"to": PHONE, "text": "Hello", "kind": "order_received", **members}
    return Message.objects.create(**given)


def spent(amount: str, messages: int, *, days_ago: int = 0, principal: str = "") -> None:
    Spending.objects.create(
        day=today(timezone.now()) - timedelta(days=days_ago),
        principal=principal,
        currency="KES",
        messages=messages,
        amount=Decimal(amount),
    )


# --- Opt-outs ------------------------------------------------------------------------


@pytest.mark.django_db
def test_skips_who_opted_out() -> None:
    opt_out(PHONE, source="STOP")
    row, essential, other = message(), message(essential=True), message(to="+254722000111")

    assert screened([row, essential, other]) == {
        row.pk: Skipped("The customer has opted out of messages.")
    }


# --- Quiet hours ---------------------------------------------------------------------


@pytest.fixture
def quiet(settings: Settings) -> None:
    settings.QUIET_HOURS = "21:00-08:00"
    settings.DEFAULT_TIME_ZONE = "Africa/Nairobi"


@pytest.mark.django_db
def test_lets_customers_sleep(quiet: None) -> None:
    at_home = Customer.objects.create(name="A")
    abroad = Customer.objects.create(name="B", time_zone="America/New_York")
    rows = [message(customer=at_home), message(customer=abroad), message()]
    message(customer=at_home)

    assert quiet_hours.stopped(rows, MIDNIGHT) == {
        row.pk: Postponed(
            datetime(2026, 1, 2, 5, tzinfo=UTC), "Quiet hours (21:00-08:00, Africa/Nairobi)."
        )
        for row in (rows[0], rows[2])
    }
    assert quiet_hours.stopped(rows, NOON) == {
        rows[1].pk: Postponed(
            datetime(2026, 1, 2, 13, tzinfo=UTC), "Quiet hours (21:00-08:00, America/New_York)."
        )
    }


@pytest.mark.django_db
def test_wakes_customers_for_what_is_essential(quiet: None) -> None:
    assert quiet_hours.stopped([message(essential=True)], MIDNIGHT) == {}


@pytest.mark.django_db
def test_knows_no_night_where_none_is_set() -> None:
    assert quiet_hours.stopped([message()], MIDNIGHT) == {}


# --- Caps ----------------------------------------------------------------------------

OVER = Skipped("The customer has had the 2 messages that a day may bring.")


@pytest.mark.django_db
def test_caps_what_a_customer_gets(settings: Settings, john: Customer) -> None:
    settings.SMS_CAP_PER_CUSTOMER_PER_DAY = 2
    mary = Customer.objects.create(name="Mary")
    now = timezone.now()
    message(customer=john, status="delivered", sent_at=now)
    message(customer=john, status="failed")
    message(customer=john, status="sent", sent_at=now - timedelta(days=1, hours=1))
    rows = [message(customer=john), message(customer=john), message(customer=mary), message()]
    essential = message(customer=john, essential=True)

    assert screened([*rows, essential]) == {rows[1].pk: OVER}


@pytest.mark.django_db
def test_counts_what_may_have_arrived(settings: Settings, john: Customer) -> None:
    settings.SMS_CAP_PER_CUSTOMER_PER_DAY = 2
    for _ in range(2):
        message(customer=john, status="unknown")
    row = message(customer=john)

    assert screened([row]) == {row.pk: OVER}


@pytest.mark.django_db
def test_waits_for_what_another_worker_holds(settings: Settings, john: Customer) -> None:
    settings.SMS_CAP_PER_CUSTOMER_PER_DAY = 1
    now = timezone.now()
    message(customer=john, claimed_at=now, next_attempt_at=now + timedelta(seconds=30))
    row = message(customer=john)

    assert caps.stopped_for_customers([row], now) == {
        row.pk: Postponed(now + caps.WAIT, "Others to the same cap are under way.")
    }


@pytest.mark.django_db
def test_caps_what_a_partner_causes(settings: Settings) -> None:
    settings.SMS_CAP_PER_PARTNER_PER_DAY = 3
    spent("1.6", 2, principal="key:a")
    spent("9", 3, principal="key:a", days_ago=1)
    rows = [message(principal=who) for who in ("key:a", "key:b", "key:a", "", "")]

    assert screened(rows) == {
        rows[2].pk: Skipped("The partner has caused the 3 messages that a day may bring.")
    }


# --- Spending ------------------------------------------------------------------------


def waits(rows: list[Message]) -> list[bool]:
    """Which of `rows` wait for the next day; nothing else may become of them."""
    stopped = screened(rows)
    reason = "The day's spending limit of 10 is reached."
    assert all(each == Postponed(tomorrow(), reason) for each in stopped.values())
    return [row.pk in stopped for row in rows]


def tomorrow() -> datetime:
    return next_day(timezone.now())


@pytest.mark.parametrize(
    ("before", "essential", "later"),
    [
        # The last 20 % are for what is essential.
        (0, False, [False, False, False]),
        (6, False, [False, False, True]),
        (8, False, [True, True, True]),
        (8, True, [False, False, True]),
        (9, True, [False, True, True]),
        (10, True, [True, True, True]),
    ],
)
@pytest.mark.django_db
def test_stays_within_the_limit(
    settings: Settings, before: int, later: list[bool], *, essential: bool
) -> None:
    settings.SMS_DAILY_SPEND_LIMIT = Decimal(10)
    # Each costs 1.
    spent("5", 5, days_ago=1)
    if before:
        spent(str(before), before)
    rows = [message(essential=essential) for _ in range(3)]

    assert waits(rows) == later


@pytest.mark.django_db
def test_counts_what_is_under_way_as_spent(settings: Settings) -> None:
    settings.SMS_DAILY_SPEND_LIMIT = Decimal(10)
    spent("6", 6)
    now = timezone.now()
    message(claimed_at=now, next_attempt_at=now + timedelta(seconds=30))

    assert waits([message(), message()]) == [False, True]


@pytest.mark.django_db
def test_sends_until_it_is_told_a_price(settings: Settings) -> None:
    settings.SMS_DAILY_SPEND_LIMIT = Decimal(10)

    assert waits([message()]) == [False]


# --- All of them ---------------------------------------------------------------------


@pytest.fixture
def everything(settings: Settings, quiet: None) -> None:
    # Some other time than now.
    start = datetime.now(ZoneInfo(settings.DEFAULT_TIME_ZONE)) + timedelta(hours=12)
    settings.QUIET_HOURS = f"{start:%H:%M}-{start + timedelta(minutes=1):%H:%M}"
    settings.SMS_CAP_PER_CUSTOMER_PER_DAY = settings.SMS_CAP_PER_PARTNER_PER_DAY = 1000
    settings.SMS_DAILY_SPEND_LIMIT = Decimal(1000)


@pytest.mark.django_db
def test_costs_the_same_whatever_the_batch(
    everything: None, john: Customer, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    rows = [message(customer=john, principal="key:a") for _ in range(40)]

    for batch in (rows[:1], rows):
        with django_assert_num_queries(8):
            screened(batch)


@pytest.mark.django_db
def test_costs_one_statement_where_no_rule_is_set(
    john: Customer, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    rows = [message(customer=john, principal="key:a") for _ in range(40)]

    with django_assert_num_queries(1):
        assert screened(rows) == {}
