"""The worker loop, and its command line."""

from typing import Any
from unittest import mock

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from pytest_django.fixtures import Settings

from notifications.models import Message
from outbox import recording, services, worker
from outbox.recording import Result, record_all
from outbox.worker import Worker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def due() -> Message:
    return Message.objects.create(kind="order_received", to="+254712345678", text="Hello")


def test_it_prints_the_sms_on_the_console(due: Message, capfd: pytest.CaptureFixture[str]) -> None:
    call_command("deliver", once=True)

    due.refresh_from_db()
    assert due.status == "sent"
    assert capfd.readouterr().out == "SMS to +254712345678: Hello\n"


def test_it_goes_on_when_claiming_fails(due: Message) -> None:
    real, failures = services.claim, [OperationalError("away")]

    def claim_at_last(*args: Any, **kwargs: Any) -> Any:
        if failures:
            raise failures.pop()
        return real(*args, **kwargs)

    with mock.patch.object(worker, "claim", claim_at_last):
        started = Worker(threads=1)
        assert started.step(mock.Mock(), patient=True) == 0
        assert started.step(mock.Mock(), patient=True) == 1


def test_it_records_once_the_database_is_back(due: Message) -> None:
    failures = [OperationalError("away"), OperationalError("away")]

    def record_at_last(results: list[Result]) -> int:
        if failures:
            raise failures.pop()
        return record_all(results)

    with (
        mock.patch.object(recording, "record_all", record_at_last),
        mock.patch.object(worker, "AGAIN_SECONDS", 0.01),
    ):
        call_command("deliver", once=True)

    due.refresh_from_db()
    assert (due.status, due.attempts) == ("sent", 1)


def test_an_outcome_that_cannot_be_recorded_ends_as_unknown(
    due: Message, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.DELIVERY_LEASE_SECONDS = 0.1
    with (
        mock.patch.object(recording, "record_all", side_effect=OperationalError("away")),
        mock.patch.object(worker, "AGAIN_SECONDS", 0.05),
    ):
        call_command("deliver", once=True)
    assert f"The outcome of {due.pk} is lost" in caplog.text

    call_command("deliver", once=True)

    due.refresh_from_db()
    assert (due.status, due.attempts) == ("unknown", 1)


@pytest.mark.parametrize("threads", ["0", "257", "many", "-1"])
def test_a_number_of_threads_that_makes_no_sense_is_refused(threads: str) -> None:
    with pytest.raises(CommandError, match="a number from 1 to 256 is needed"):
        call_command("deliver", "--once", "--threads", threads)


def test_it_has_the_house_kept_once_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 10_000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    started = Worker(threads=1)

    with mock.patch.object(worker, "keep_house_aside") as keep_house:
        started.keep_house()
        now += 3599
        started.keep_house()
        assert keep_house.call_count == 1
        now += 1
        started.keep_house()
        assert keep_house.call_count == 2
