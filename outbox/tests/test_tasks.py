"""The Celery tasks, called as a worker calls them; `tests/faults/` runs real workers."""

from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from django.db import OperationalError, transaction
from kombu.exceptions import OperationalError as BrokerAway

from notifications.models import Message
from outbox import jobs
from outbox.services import ClaimInDoubt
from outbox.tasks import deliver_next, do_jobs, sweep

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def asked() -> Iterator[list[str]]:
    """The models that another task was asked to go on with."""
    labels: list[str] = []

    def ask(args: tuple[str], **options: Any) -> None:
        labels.extend(args)

    with mock.patch.object(deliver_next, "apply_async", ask):
        yield labels


@pytest.fixture
def due() -> Message:
    return Message.objects.create(kind="order_received", to="+254712345678", text="Hello")


def test_a_sweep_starts_every_kind(asked: list[str]) -> None:
    sweep()

    assert asked == ["notifications.Message"]


def test_it_delivers_one_and_asks_another_to_go_on(due: Message, asked: list[str]) -> None:
    later = Message.objects.create(kind="order_received", to="+254712345679", text="Hello")

    deliver_next("notifications.Message")

    due.refresh_from_db()
    later.refresh_from_db()
    assert (due.status, later.status) == ("sent", "pending")
    assert asked == ["notifications.Message"]


def test_it_asks_nobody_when_nothing_is_due(asked: list[str]) -> None:
    deliver_next("notifications.Message")

    assert asked == []


def test_a_broker_that_is_away_keeps_nothing_from_being_delivered(due: Message) -> None:
    with mock.patch.object(deliver_next, "apply_async", side_effect=BrokerAway("away")):
        deliver_next("notifications.Message")

    due.refresh_from_db()
    assert due.status == "sent"


class CommitsAndBreaks(transaction.Atomic):
    """A transaction that is stored, and whose answer is lost."""

    def __init__(self) -> None:
        super().__init__(using=None, savepoint=True, durable=False)

    def __exit__(self, *error: object) -> None:
        super().__exit__(None, None, None)
        raise OperationalError("server closed the connection unexpectedly")


def test_it_gives_back_what_it_claimed_in_doubt(due: Message, asked: list[str]) -> None:
    with (
        mock.patch.object(transaction, "atomic", CommitsAndBreaks),
        pytest.raises(ClaimInDoubt),
    ):
        deliver_next("notifications.Message")

    due.refresh_from_db()
    assert (due.status, due.attempts, due.claimed_at) == ("pending", 0, None)


def test_goes_on_with_jobs_while_there_is_more(monkeypatch: pytest.MonkeyPatch) -> None:
    def again(*, retry: bool) -> None:
        assert not retry
        do_jobs()

    job = mock.Mock(side_effect=[True, True, False])
    monkeypatch.setattr(jobs, "_jobs", [job])
    with mock.patch.object(do_jobs, "apply_async", side_effect=again):
        do_jobs()

    assert job.call_count == 3


def test_leaves_jobs_to_the_next_beat_without_a_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    job = mock.Mock(return_value=True)
    monkeypatch.setattr(jobs, "_jobs", [job])
    with mock.patch.object(do_jobs, "apply_async", side_effect=BrokerAway):
        do_jobs()

    assert job.call_count == 1
