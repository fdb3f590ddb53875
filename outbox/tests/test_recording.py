"""What attempts came to is written in batches, and nothing keeps it from being written."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from unittest import mock
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from notifications.models import Message
from outbox import recording
from outbox.models import Delivery
from outbox.outcomes import Accepted, NotSent, Outcome, Postponed, Refused, Skipped, Unknown
from outbox.recording import Result, record, record_all, record_apart, record_in_time
from outbox.services import claim, screen, settle_abandoned

pytestmark = pytest.mark.django_db


def claimed(count: int) -> list[Message]:
    Message.objects.bulk_create(
        Message(kind="order_received", to=f"+25471234567{number}", text="Hello")
        for number in range(count)
    )
    return claim(Message, most=count)


def stored(row: Message) -> Message:
    return Message.objects.get(pk=row.pk)


def test_a_batch_keeps_each_outcome_to_its_row() -> None:
    rows = claimed(6)
    outcomes: list[Outcome] = [
        Accepted("ATPid_1"),
        Refused("No"),
        Accepted("ATPid_2", {"cost": Decimal("0.8000"), "cost_currency": "KES"}),
        Unknown("It broke off"),
        NotSent("Away"),
        Accepted("ATPid_3"),
    ]

    assert record_all(list(zip(rows, outcomes, strict=True))) == 6

    found = [stored(row) for row in rows]
    assert [(row.status, row.provider_id, row.last_error) for row in found] == [
        ("sent", "ATPid_1", ""),
        ("failed", "", "No"),
        ("sent", "ATPid_2", ""),
        ("unknown", "", "It broke off"),
        ("pending", "", "Away"),
        ("sent", "ATPid_3", ""),
    ]
    assert [str(row.cost) for row in found] == ["None", "None", "0.8000", "None", "None", "None"]
    assert {row.claimed_at for row in found} == {None}


def test_a_batch_of_one_kind_is_one_statement() -> None:
    rows = claimed(5)

    with (
        mock.patch.object(Message, "after_recording"),
        CaptureQueriesContext(connection) as queries,
    ):
        record_all([(row, Accepted(f"ATPid_{row.pk}")) for row in rows])

    updates = [query for query in queries.captured_queries if "WITH v" in query["sql"]]
    assert len(updates) == 1
    # Besides: the savepoint, its release, and the channel that is not there.
    assert len(queries) == 4


def test_what_was_recorded_once_is_not_recorded_again() -> None:
    (row,) = claimed(1)
    assert record(row, Accepted("ATPid_1"))

    assert not record(row, Refused("No"))
    assert stored(row).status == "sent"


def test_skipped_and_postponed_count_no_attempt() -> None:
    skipped, postponed = claimed(2)
    morning = timezone.now() + timedelta(hours=8)

    record_all([(skipped, Skipped("Opted out.")), (postponed, Postponed(morning, "Night."))])

    first, second = stored(skipped), stored(postponed)
    assert (first.status, first.attempts, first.last_error) == ("skipped", 0, "Opted out.")
    assert (second.status, second.attempts, second.last_error) == ("pending", 0, "Night.")
    assert (second.next_attempt_at, second.claimed_at) == (morning, None)


# --- The model decides first -------------------------------------------------------------


def test_what_is_screened_is_recorded_and_not_attempted(
    capfd: pytest.CaptureFixture[str], transactional_db: None
) -> None:
    Message.objects.create(kind="order_received", to="+254712345678", text="Hello")
    kept = Message.objects.create(kind="order_received", to="+254712345679", text="Hello")

    def screening(rows: Sequence[Message]) -> Mapping[UUID, Outcome]:
        return {row.pk: Skipped("Opted out.") for row in rows if row.pk == kept.pk}

    with mock.patch.object(Message, "screen", screening):
        call_command("deliver", once=True)

    assert capfd.readouterr().out == "SMS to +254712345678: Hello\n"
    assert stored(kept).status == "skipped"


def test_rules_that_break_give_the_rows_back(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.DELIVERY_BACKOFF_SECONDS = 10
    rows = claimed(2)

    with mock.patch.object(Message, "screen", side_effect=RuntimeError("a bug")):
        known = screen(rows)
    record_all([(row, known[row.pk]) for row in rows])

    assert "a bug" in caplog.text
    for row in map(stored, rows):
        assert (row.status, row.attempts, row.claimed_at) == ("pending", 0, None)
        assert row.last_error == "It could not be decided whether to send it: RuntimeError."
        assert row.next_attempt_at > timezone.now() + timedelta(seconds=5)


# --- The model hears of it ---------------------------------------------------------------


def test_the_model_hears_of_what_was_written_as_it_is_now() -> None:
    first, second = claimed(2)
    record(first, Accepted("ATPid_1"))
    heard: list[tuple[object, ...]] = []

    def hear(rows: Sequence[Delivery]) -> None:
        heard.extend((row.pk, row.status, row.provider_id, row.claimed_at) for row in rows)
        assert connection.in_atomic_block

    with mock.patch.object(Message, "after_recording", hear):
        record_all([(first, Refused("No")), (second, Accepted("ATPid_2"))])

    assert heard == [(second.pk, "sent", "ATPid_2", None)]


def test_the_model_hears_of_what_a_dead_worker_held() -> None:
    (row,) = claimed(1)
    Message.objects.update(next_attempt_at=timezone.now())

    with mock.patch.object(Message, "after_recording") as hear:
        assert settle_abandoned(Message) == 1

    ((heard,),) = hear.call_args.args
    assert (heard.pk, heard.status) == (row.pk, "unknown")


def test_an_error_in_hearing_loses_no_outcome(caplog: pytest.LogCaptureFixture) -> None:
    rows = claimed(2)

    with mock.patch.object(Message, "after_recording", side_effect=RuntimeError("a bug")):
        record_apart([(row, Accepted("ATPid_1")) for row in rows])

    assert [stored(row).status for row in rows] == ["sent", "sent"]
    assert "a bug" in caplog.text


# --- What cannot be written ----------------------------------------------------------------


@pytest.mark.parametrize("columns", [{"principal": None}, {"no_such_column": 1}])
def test_one_that_cannot_be_written_keeps_no_other_back(columns: dict[str, object]) -> None:
    """It was attempted: so it is unknown."""
    good, bad = claimed(2)
    impossible = Accepted("ATPid_2", columns)

    record_apart([(good, Accepted("ATPid_1")), (bad, impossible)])

    assert stored(good).status == "sent"
    found = stored(bad)
    assert (found.status, found.claimed_at) == ("unknown", None)
    assert found.last_error == "It was attempted, and the outcome could not be stored."


def test_it_waits_for_a_database_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    (row,) = claimed(1)
    failures = [OperationalError("away"), OperationalError("away")]

    def record_at_last(results: Sequence[Result]) -> int:
        if failures:
            raise failures.pop()
        return record_all(results)

    monkeypatch.setattr(recording, "AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(recording, "record_all", record_at_last)
    monkeypatch.setattr(recording, "close_old_connections", lambda: None)

    record_in_time([(row, Accepted("ATPid_1"))])

    assert (stored(row).status, failures) == ("sent", [])


def test_it_says_when_it_waited_in_vain(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.DELIVERY_LEASE_SECONDS = 0
    (row,) = claimed(1)
    monkeypatch.setattr(recording, "AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(recording, "close_old_connections", lambda: None)
    monkeypatch.setattr(recording, "record_all", mock.Mock(side_effect=OperationalError("away")))

    record_in_time([(row, Accepted("ATPid_1"))])

    assert f"The outcome of {row.pk} is lost" in caplog.text
    assert stored(row).status == "pending"
