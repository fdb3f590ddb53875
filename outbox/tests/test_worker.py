"""The worker loop, and its command line."""

from unittest import mock

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from pytest_django.fixtures import Settings

from notifications.models import Message
from outbox import worker
from outbox.services import claim, record
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
    with mock.patch.object(worker, "claim", side_effect=OperationalError("away")):
        assert Worker(threads=1).claim_safely(Message, 1) == []
    assert [each.pk for each in claim(Message, most=1)] == [due.pk]


def test_it_records_once_the_database_is_back(due: Message) -> None:
    failures = [OperationalError("away")]

    def record_at_last(*args: object) -> bool:
        if failures:
            raise failures.pop()
        return record(*args)  # type: ignore[arg-type]

    with (
        mock.patch.object(worker, "record", record_at_last),
        mock.patch.object(worker, "RECORD_AGAIN_SECONDS", 0),
    ):
        call_command("deliver", once=True)

    due.refresh_from_db()
    assert due.status == "sent"


def test_an_outcome_that_cannot_be_recorded_ends_as_unknown(
    due: Message, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.DELIVERY_LEASE_SECONDS = 0.1
    with (
        mock.patch.object(worker, "record", side_effect=OperationalError("away")),
        mock.patch.object(worker, "RECORD_AGAIN_SECONDS", 0.05),
    ):
        call_command("deliver", once=True)

    due.refresh_from_db()
    assert (due.status, due.attempts) == ("unknown", 1)
    assert f"The outcome of {due.pk} is lost" in caplog.text


@pytest.mark.parametrize("threads", ["0", "257", "many", "-1"])
def test_a_number_of_threads_that_makes_no_sense_is_refused(threads: str) -> None:
    with pytest.raises(CommandError, match="a number from 1 to 256 is needed"):
        call_command("deliver", "--once", "--threads", threads)
