"""The rate towards a service, and the breaker that leaves it alone while it is away."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from notifications.models import Message
from outbox.channels import LONGEST_PAUSE, pause
from outbox.models import Channel
from outbox.outcomes import Accepted, NotSent, Outcome, Refused, Skipped, Unknown
from outbox.recording import record_all
from outbox.services import claim

pytestmark = pytest.mark.django_db

AWAY = NotSent("Away", away=True)


def queue(count: int) -> None:
    """Puts so many rows there, all of them due."""
    Message.objects.bulk_create(
        Message(kind="order_received", to="+254712345678", text="Hello") for _ in range(count)
    )


def deliver(outcome: Outcome, *, most: int = 10) -> int:
    """Claims, and records the same for each; how many those were."""
    rows = claim(Message, most=most)
    record_all([(row, outcome) for row in rows])
    return len(rows)


def channel() -> Channel:
    return Channel.objects.get(name="notifications.Message")


def let_time_pass(seconds: float) -> None:
    """As if what the channel remembers were so much older."""
    row = channel()
    moment = timedelta(seconds=seconds)
    row.refilled_at = row.refilled_at and row.refilled_at - moment
    row.open_until = row.open_until and row.open_until - moment
    row.save()


@pytest.fixture
def breaker(settings: Settings) -> None:
    """Opens after three, for ten seconds; what failed may come again at once."""
    settings.DELIVERY_BREAKER_FAILURES = 3
    settings.DELIVERY_BREAKER_SECONDS = 10
    settings.DELIVERY_BACKOFF_SECONDS = 0


# --- The rate --------------------------------------------------------------------------


def test_without_a_rate_there_is_no_limit_and_no_row() -> None:
    queue(5)

    assert deliver(Accepted()) == 5
    assert not Channel.objects.exists()


def test_a_claim_without_a_rate_asks_nothing_more() -> None:
    """It looks, and claims in one transaction: two savepoints, the rows, their update."""
    queue(1)

    with CaptureQueriesContext(connection) as queries:
        claim(Message, most=1)

    assert len(queries) == 5


def test_a_rate_lets_one_second_s_worth_through_and_then_as_much_as_flows(
    settings: Settings,
) -> None:
    settings.DELIVERY_RATE_PER_SECOND = 4
    queue(20)

    assert deliver(Accepted()) == 4
    assert deliver(Accepted()) == 0

    let_time_pass(0.5)
    assert deliver(Accepted()) == 2
    let_time_pass(60)
    assert deliver(Accepted()) == 4


def test_a_rate_below_one_lets_one_through_at_a_time(settings: Settings) -> None:
    settings.DELIVERY_RATE_PER_SECOND = 0.5
    queue(2)

    assert deliver(Accepted()) == 1
    let_time_pass(1)
    assert deliver(Accepted()) == 0
    let_time_pass(1)
    assert deliver(Accepted()) == 1


def test_a_clock_that_is_behind_adds_nothing(settings: Settings) -> None:
    settings.DELIVERY_RATE_PER_SECOND = 4
    queue(20)
    deliver(Accepted())
    ahead = timezone.now() + timedelta(seconds=30)
    Channel.objects.update(refilled_at=ahead)

    assert deliver(Accepted()) == 0
    assert channel().refilled_at == ahead


def test_what_is_not_there_uses_nothing_up(settings: Settings) -> None:
    settings.DELIVERY_RATE_PER_SECOND = 4
    queue(1)
    assert deliver(Accepted()) == 1

    queue(9)

    assert deliver(Accepted()) == 3


# --- The breaker -----------------------------------------------------------------------


@pytest.mark.parametrize("outcome", [AWAY, Unknown("It broke off")])
def test_it_opens_after_so_many_in_a_row(breaker: None, outcome: Outcome) -> None:
    queue(10)
    deliver(outcome, most=2)
    assert channel().open_until is None

    deliver(outcome, most=1)

    left = channel().open_until - timezone.now()  # type: ignore[operator]
    assert timedelta(seconds=9) < left <= timedelta(seconds=10)
    attempts = sum(Message.objects.values_list("attempts", flat=True))
    assert deliver(Accepted()) == 0
    assert sum(Message.objects.values_list("attempts", flat=True)) == attempts == 3


@pytest.mark.parametrize("outcome", [Accepted(), Refused("No"), NotSent("GatewayError (501)")])
def test_an_answer_in_between_starts_the_count_anew(breaker: None, outcome: Outcome) -> None:
    queue(10)
    deliver(AWAY, most=2)

    deliver(outcome, most=1)

    assert channel().failures == 0
    deliver(AWAY, most=2)
    assert channel().open_until is None


def test_it_counts_those_after_the_last_answer_of_a_batch(breaker: None) -> None:
    queue(4)
    rows = claim(Message, most=4)

    record_all(list(zip(rows, [AWAY, AWAY, Accepted(), AWAY], strict=True)))

    assert (channel().failures, channel().open_until) == (1, None)


def test_one_row_probes_and_its_success_closes_it(breaker: None) -> None:
    queue(10)
    deliver(AWAY, most=3)
    let_time_pass(11)

    (probe,) = claim(Message, most=10)
    assert claim(Message, most=10) == []
    record_all([(probe, Accepted())])

    closed = channel()
    assert (closed.failures, closed.openings, closed.open_until, closed.probing) == (
        *(0, 0),
        *(None, False),
    )
    assert deliver(Accepted(), most=20) == 9


def test_a_probe_that_fails_doubles_the_pause_and_uses_no_attempt_up(
    breaker: None, settings: Settings
) -> None:
    settings.DELIVERY_MAX_ATTEMPTS = 1
    queue(4)
    Message.objects.update(attempts=0)
    settings.DELIVERY_BREAKER_FAILURES = 1
    deliver(AWAY, most=1)
    let_time_pass(11)

    (probe,) = claim(Message, most=10)
    record_all([(probe, AWAY)])

    probe.refresh_from_db()
    assert (probe.status, probe.attempts, probe.last_error) == ("pending", 0, "Away")
    left = channel().open_until - timezone.now()  # type: ignore[operator]
    assert timedelta(seconds=19) < left <= timedelta(seconds=20)


def test_a_probe_that_was_not_attempted_leaves_the_place_to_another(breaker: None) -> None:
    queue(5)
    deliver(AWAY, most=3)
    let_time_pass(11)
    (probe,) = claim(Message, most=10)

    record_all([(probe, Skipped("The customer has opted out."))])

    assert channel().probing is False
    assert len(claim(Message, most=10)) == 1


def test_a_probe_whose_worker_died_is_followed_by_another(breaker: None) -> None:
    queue(5)
    deliver(AWAY, most=3)
    let_time_pass(11)
    claim(Message, most=10)
    assert claim(Message, most=10) == []

    let_time_pass(61)

    assert len(claim(Message, most=10)) == 1


def test_what_was_under_way_when_it_opened_changes_nothing(breaker: None) -> None:
    queue(6)
    late = claim(Message, most=2)
    deliver(AWAY, most=3)
    opened = channel()

    record_all([(row, AWAY) for row in late])

    still = channel()
    assert (still.open_until, still.openings) == (opened.open_until, 1)


def test_while_it_is_open_what_dead_workers_held_is_settled(breaker: None) -> None:
    queue(4)
    (held,) = claim(Message, most=1)
    deliver(AWAY, most=3)
    Message.objects.filter(pk=held.pk).update(next_attempt_at=timezone.now())

    assert claim(Message, most=10) == []

    held.refresh_from_db()
    assert held.status == "unknown"


@pytest.mark.parametrize(("openings", "seconds"), [(0, 10), (1, 20), (4, 160), (5, 300), (99, 300)])
def test_pauses_double_up_to_five_minutes(settings: Settings, openings: int, seconds: int) -> None:
    settings.DELIVERY_BREAKER_SECONDS = 10

    assert pause(openings) == timedelta(seconds=seconds) <= LONGEST_PAUSE
