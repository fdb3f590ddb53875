"""Claim, attempt, record: what holds for every delivery. Messages stand for all kinds."""

from datetime import timedelta
from unittest import mock

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from notifications.models import Message
from outbox.backoff import LONGEST, wait_after
from outbox.outcomes import Accepted, NotSent, Outcome, Refused, Unknown
from outbox.recording import record
from outbox.services import attempt, claim, settle_abandoned

pytestmark = pytest.mark.django_db


def message(**members: object) -> Message:
    """A message that is due."""
    return Message.objects.create(
        kind="order_received", to="+254712345678", text="Hello", **members
    )


def let_lease_end(delivery: Message) -> None:
    Message.objects.filter(pk=delivery.pk).update(
        next_attempt_at=timezone.now() - timedelta(seconds=1)
    )


def test_a_claim_counts_the_attempt_and_hides_the_row_until_the_lease_ends(
    settings: Settings,
) -> None:
    settings.DELIVERY_LEASE_SECONDS = 60
    row = message()

    (claimed,) = claim(Message, most=10)

    assert (claimed.pk, claimed.attempts) == (row.pk, 1)
    assert claim(Message, most=10) == []
    row.refresh_from_db()
    assert row.attempts == 1
    assert row.claimed_at is not None
    assert (row.next_attempt_at - row.claimed_at).total_seconds() == 60


def test_a_claim_takes_the_longest_due_first_and_no_more_than_asked() -> None:
    now = timezone.now()
    rows = [message(next_attempt_at=now - timedelta(minutes=age)) for age in (1, 3, 2)]
    message(next_attempt_at=now + timedelta(minutes=1))

    claimed = claim(Message, most=2)

    assert [each.pk for each in claimed] == [rows[1].pk, rows[2].pk]


@pytest.mark.parametrize(
    ("outcome", "status", "error"),
    [
        (Accepted("ATPid_1"), "sent", ""),
        (Refused("InvalidPhoneNumber (403)"), "failed", "InvalidPhoneNumber (403)"),
        (Unknown("It broke off"), "unknown", "It broke off"),
        (NotSent("Away"), "pending", "Away"),
        (Refused("x" * 600), "failed", "x" * 500),
    ],
)
def test_each_outcome_has_its_state(outcome: Outcome, status: str, error: str) -> None:
    row = message()
    (claimed,) = claim(Message, most=1)

    assert record(claimed, outcome)

    row.refresh_from_db()
    assert (row.status, row.last_error, row.claimed_at) == (status, error, None)
    assert (row.sent_at is not None) == (status == "sent")
    assert row.provider_id == ("ATPid_1" if status == "sent" else "")


def test_a_retry_waits_at_least_as_long_as_the_service_asks(settings: Settings) -> None:
    settings.DELIVERY_BACKOFF_SECONDS = 1
    row = message()
    (claimed,) = claim(Message, most=1)

    record(claimed, NotSent("Slow down", timedelta(minutes=10)))

    row.refresh_from_db()
    assert row.next_attempt_at > timezone.now() + timedelta(minutes=9)


def test_attempts_that_certainly_failed_end_in_failed(settings: Settings) -> None:
    settings.DELIVERY_MAX_ATTEMPTS = 2
    row = message(attempts=1)
    (claimed,) = claim(Message, most=1)

    record(claimed, NotSent("Away"))

    row.refresh_from_db()
    assert (row.status, row.attempts) == ("failed", 2)


def test_what_a_dead_worker_held_is_unknown_and_not_sent_again() -> None:
    row = message()
    claim(Message, most=1)
    let_lease_end(row)

    assert claim(Message, most=1) == []

    row.refresh_from_db()
    assert (row.status, row.attempts, row.claimed_at) == ("unknown", 1, None)
    assert row.last_error == "The worker stopped during the attempt; it may have been sent."


def test_a_late_worker_still_tells_the_truth_about_a_row_given_up() -> None:
    row = message()
    (late,) = claim(Message, most=1)
    let_lease_end(row)
    assert settle_abandoned(Message) == 1

    assert record(late, Accepted("ATPid_1"))

    row.refresh_from_db()
    assert (row.status, row.provider_id) == ("sent", "ATPid_1")


def test_a_late_worker_cannot_overwrite_a_newer_attempt() -> None:
    row = message()
    (late,) = claim(Message, most=1)
    # Somebody decided to send it again, and another worker did.
    Message.objects.filter(pk=row.pk).update(claimed_at=None, next_attempt_at=timezone.now())
    (newer,) = claim(Message, most=1)
    record(newer, Accepted("ATPid_2"))

    assert not record(late, Refused("No"))

    row.refresh_from_db()
    assert (row.status, row.provider_id, row.attempts) == ("sent", "ATPid_2", 2)


def test_an_error_of_our_own_is_unknown(caplog: pytest.LogCaptureFixture) -> None:
    row = message()

    with mock.patch.object(Message, "attempt", side_effect=RuntimeError("secret detail")):
        outcome = attempt(row)

    assert outcome == Unknown("The attempt failed on our side: RuntimeError.")
    assert "secret detail" in caplog.text


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(1, 10), (2, 20), (3, 40), (9, 2560), (10, 3600), (5000, 3600)]
)
def test_waits_double_up_to_an_hour_and_spread(
    settings: Settings, attempts: int, seconds: int
) -> None:
    settings.DELIVERY_BACKOFF_SECONDS = 10

    waits = {wait_after(attempts) for _ in range(100)}

    assert timedelta(seconds=seconds / 2) <= min(waits) < max(waits) <= timedelta(seconds=seconds)
    assert max(waits) <= LONGEST
