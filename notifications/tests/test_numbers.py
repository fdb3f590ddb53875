"""It says how the messages are doing: to monitoring, to a balancer, and to staff."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings
from pytest_django.fixtures import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from access.models import User
from common.networks import parse_networks
from notifications import metrics, numbers, tallies
from notifications.clock import today
from notifications.models import Message, Report, Spending, Tally
from notifications.reports import receive
from outbox.models import Channel
from outbox.outcomes import Accepted, NotSent, Outcome, Postponed, Refused, Skipped, Unknown
from outbox.recording import record_all
from outbox.services import attempt, claim

PAGE = "/admin/notifications/deliveries/"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def open_to_loopback(settings: Settings) -> None:
    """As in development: whoever asks from the machine itself sees `/metrics`."""
    settings.METRICS_ALLOWED_NETWORKS = parse_networks("127.0.0.1")


@pytest.fixture
def ada(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


def message(status: str = "pending", **members: Any) -> Message:
    given = {"to": "+254712345678", "text": "Hello", **members}
    return Message.objects.create(kind="order_received", status=status, **given)


def due_for(seconds: float, **members: Any) -> Message:
    """A message that fell due so long ago."""
    return message(next_attempt_at=timezone.now() - timedelta(seconds=seconds), **members)


def shown(client: Client) -> dict[tuple[str, ...], float]:
    """The samples of `/metrics` about messages, by name and the values of their labels."""
    answer = client.get("/metrics").content.decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer)
        for sample in family.samples
        if sample.name.startswith(("klanten_message", "klanten_gateway"))
    }


def tally(status: str, messages: int, *, ago: timedelta, bound: int = 50, took: int = 0) -> None:
    """So many messages that came to a status some time ago."""
    minute = (timezone.now() - ago).replace(second=0, microsecond=0)
    kind = ("console", status, bound)
    tallies.add({kind: messages}, {kind: took}, minute)


# --- What is open --------------------------------------------------------------------


@pytest.fixture
def backlog() -> None:
    """Two due, one in a worker's hands, three that wait, one unknown, and one that is sent."""
    now = timezone.now()
    due_for(40)
    due_for(20)
    message(claimed_at=now, next_attempt_at=now + timedelta(seconds=60))
    for minutes in (1, 2, 3):
        message(next_attempt_at=now + timedelta(minutes=minutes))
    message("unknown")
    message("sent")


def test_shows_the_backlog(client: Client, backlog: None) -> None:
    samples = shown(client)

    counts = {state: samples["klanten_messages_open", state] for state in ("due", "in_hand")}
    assert counts == {"due": 2, "in_hand": 1}
    assert samples["klanten_messages_open", "waiting"] == 3
    assert samples["klanten_messages_open", "unknown"] == 1
    assert 40 <= samples["klanten_messages_oldest_due_seconds",] < 100
    assert samples["klanten_gateway_paused",] == 0


def test_shows_zeros_when_there_is_nothing(client: Client) -> None:
    samples = shown(client)

    assert samples["klanten_messages_open", "due"] == 0
    assert samples["klanten_messages_oldest_due_seconds",] == 0


def test_counts_no_further_than_it_says(backlog: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "MOST", 4)

    found = numbers.read_backlog()

    # The longest due first.
    assert (found.due, found.in_hand + found.waiting) == (2, 2)


def test_shows_that_deliveries_pause(client: Client) -> None:
    Channel.objects.create(name="notifications.Message", open_until=timezone.now())

    assert shown(client)["klanten_gateway_paused",] == 1


def test_asks_the_database_a_few_questions_every_few_seconds(
    client: Client, backlog: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    # Three about the backlog, the tallies, the spending; and when the house was kept.
    with django_assert_num_queries(6):
        client.get("/metrics")
    with django_assert_num_queries(1):
        client.get("/metrics")


# --- Readiness -----------------------------------------------------------------------


@pytest.mark.parametrize(("age", "warns"), [(290, False), (310, True)])
def test_warns_of_a_queue_that_nobody_serves_and_stays_ready(
    client: Client, settings: Settings, age: int, warns: bool
) -> None:
    settings.READY_WARN_AFTER_SECONDS = 300
    due_for(age)

    answer = client.get("/readyz")

    assert answer.status_code == 200
    found = answer.json()
    assert (found["status"], found["database"]) == ("ok", "ok")
    assert len(found["warnings"]) == warns
    assert all(each.startswith("A message has been due for 31") for each in found["warnings"])


def test_warns_of_nothing_that_is_not_due_yet(client: Client, settings: Settings) -> None:
    settings.READY_WARN_AFTER_SECONDS = 0
    due_for(-60)
    due_for(600, status="sent")

    assert client.get("/readyz").json()["warnings"] == []


# --- What came of them ---------------------------------------------------------------


def recorded(*outcomes: Outcome, attempted: bool = True) -> None:
    """Messages that came to these outcomes, each within a moment."""
    rows = [message() for _ in outcomes]
    claimed = {row.pk: row for row in claim(Message, most=len(rows))}
    for row in claimed.values():
        row.seconds = 0.12 if attempted else None
    record_all([(claimed[row.pk], outcome) for row, outcome in zip(rows, outcomes, strict=True)])


def test_counts_what_attempts_came_to(
    client: Client, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    by_fallback = Accepted("2", {"gateway": "africastalking"})
    with django_capture_on_commit_callbacks(execute=True):
        recorded(Accepted("1", {"gateway": "console"}), by_fallback, Refused("no"))
        recorded(Unknown("?"), NotSent("away"))
        recorded(Skipped("opted out"), Postponed(timezone.now(), "night"), attempted=False)

    samples = shown(client)

    name = "klanten_message_outcomes_total"
    assert {key[1:]: count for key, count in samples.items() if key[0] == name} == {
        ("console", "sent"): 1,
        ("africastalking", "sent"): 1,
        ("console", "failed"): 1,
        ("console", "unknown"): 1,
        ("console", "retry"): 1,
        ("console", "skipped"): 1,
    }
    # What was not attempted took no time.
    assert samples["klanten_message_attempt_seconds_count", "console"] == 4
    assert samples["klanten_message_attempt_seconds_bucket", "console", "0.1"] == 0
    assert samples["klanten_message_attempt_seconds_bucket", "console", "0.2"] == 4
    assert samples["klanten_message_attempt_seconds_bucket", "console", "+Inf"] == 4
    assert samples["klanten_message_attempt_seconds_sum", "console"] == pytest.approx(0.48)


def test_measures_an_attempt(
    capfd: pytest.CaptureFixture[str],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    message()
    (claimed,) = claim(Message, most=1)

    with django_capture_on_commit_callbacks(execute=True):
        record_all([(claimed, attempt(claimed))])

    counted = Tally.objects.get()
    assert (counted.gateway, counted.status, counted.messages) == ("console", "sent", 1)
    assert counted.bound in tallies.BOUNDS
    assert claimed.seconds is not None
    assert counted.milliseconds == round(claimed.seconds * 1000)


def test_counts_nothing_that_was_rolled_back(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=False):
        recorded(Accepted("1"))

    assert Tally.objects.count() == 0


def test_counts_what_a_report_says(
    client: Client, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    message("sent", provider_id="ATPid_1", gateway="console")
    report = {"provider_id": "ATPid_1", "phone": "+254712345678", "status": "Success"}
    with django_capture_on_commit_callbacks(execute=True):
        receive(Report(**report))
        # The same once more moves nothing on.
        receive(Report(**report))

    assert shown(client)["klanten_message_outcomes_total", "console", "delivered"] == 1


def test_adds_to_what_is_there() -> None:
    for _ in range(2):
        tally("sent", 3, ago=timedelta(), took=50)

    row = Tally.objects.get()
    assert (row.messages, row.milliseconds) == (6, 100)


def test_folds_what_is_old_and_keeps_the_sums(client: Client) -> None:
    for hours in (30, 29, 27, 1):
        tally("sent", 5, ago=timedelta(hours=hours), took=100)
        tally("failed", 1, ago=timedelta(hours=hours))
    before = shown(client)

    assert tallies.fold() == 6
    metrics.collected.forget()

    assert shown(client) == before
    assert before["klanten_message_outcomes_total", "console", "sent"] == 20
    folded = Tally.objects.filter(minute=tallies.BEFORE).order_by("status")
    kept = folded.values_list("status", "messages", "milliseconds")
    assert list(kept) == [("failed", 3, 0), ("sent", 15, 300)]
    assert Tally.objects.count() == 4
    assert tallies.fold() == 0
    tally("sent", 5, ago=timedelta(hours=26))
    assert tallies.fold() == 1
    assert folded.get(status="sent").messages == 20


def test_shows_what_was_spent_today(client: Client, settings: Settings) -> None:
    settings.SMS_DAILY_SPEND_LIMIT = Decimal(100)
    day = today(timezone.now())
    for principal, on, amount in [
        ("a", day, "1.5"),
        ("b", day, "2"),
        ("a", day - timedelta(1), "9"),
    ]:
        Spending.objects.create(
            day=on, principal=principal, currency="KES", messages=2, amount=Decimal(amount)
        )

    samples = shown(client)

    assert samples["klanten_message_spend_today", "KES"] == 3.5
    assert samples["klanten_message_spend_limit",] == 100


# --- For staff -----------------------------------------------------------------------


def test_shows_staff_how_it_is(ada: Client, backlog: None) -> None:
    minute = timedelta(minutes=1)
    tally("sent", 10, ago=minute)
    tally("sent", 9, ago=2 * minute, bound=5_000)
    tally("failed", 1234, ago=23 * 60 * minute)
    tally("failed", 1, ago=25 * 60 * minute)
    tally("pending", 1, ago=minute, bound=tallies.BEYOND)

    page = ada.get(PAGE)

    assert page.status_code == 200
    numbers_shown = page.context["numbers"]
    assert numbers_shown.sent_per_minute == 19 / 5
    outcomes = {str(status): count for status, count in numbers_shown.outcomes if count}
    assert outcomes == {"sent": 19, "failed": 1234, "pending": 1}
    (latency,) = numbers_shown.latencies
    assert (latency.gateway, latency.attempts) == ("console", 20)
    assert (latency.half, latency.most) == (0.05, 5.0)
    content = page.content.decode()
    assert "1,234" in content
    assert 'href="/admin/notifications/message/?status__exact=unknown"' in content
    assert 'href="/admin/notifications/message/?status__exact=failed"' in content
    assert ada.get("/admin/notifications/message/?status__exact=unknown").status_code == 200
    assert "style=" not in content
    assert "<script>" not in content


def test_shows_staff_that_the_gateway_is_away(ada: Client) -> None:
    tally("pending", 1, ago=timedelta(), bound=tallies.BEYOND)
    Channel.objects.create(name="notifications.Message", open_until=timezone.now())

    content = ada.get(PAGE).content.decode()

    assert "The gateway was found away" in content
    assert "longer than 20 s" in content


def test_costs_a_few_queries_whatever_there_is(
    ada: Client, backlog: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    # The session and the user; seven for the numbers.
    with django_assert_num_queries(2 + 7):
        ada.get(PAGE)
    with django_assert_num_queries(2):
        ada.get(PAGE)


def test_is_found_in_the_admin(ada: Client) -> None:
    for index in ("/admin/", "/admin/notifications/"):
        assert f'href="{PAGE}"' in ada.get(index).content.decode()


@pytest.mark.parametrize(("codename", "status"), [("view_message", 200), ("view_optout", 403)])
def test_is_for_those_who_may_see_messages(client: Client, codename: str, status: int) -> None:
    clerk = User.objects.create_user("cleo", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename=codename))
    client.force_login(clerk)

    assert client.get(PAGE).status_code == status
    assert (PAGE in client.get("/admin/").content.decode()) is (status == 200)


def test_sends_a_stranger_to_the_login(client: Client) -> None:
    answer = client.get(PAGE)

    assert (answer.status_code, answer["Location"]) == (302, f"/admin/login/?next={PAGE}")
