"""It gives back what it claimed while the database went away."""

from unittest import mock

import pytest
from django.db import OperationalError, transaction

from notifications.models import Message
from outbox.services import ClaimInDoubt, claim
from outbox.worker import Worker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def due() -> Message:
    return Message.objects.create(kind="order_received", to="+254712345678", text="Hello")


class CommitsAndBreaks:
    """A transaction that is stored, and whose answer is lost."""

    def __enter__(self) -> None:
        self.real = transaction.Atomic(using=None, savepoint=True, durable=False)
        self.real.__enter__()

    def __exit__(self, *error: object) -> None:
        self.real.__exit__(None, None, None)
        raise OperationalError("server closed the connection unexpectedly")


def test_a_claim_in_doubt_falls_due_again(due: Message) -> None:
    with (
        mock.patch.object(transaction, "atomic", CommitsAndBreaks),
        pytest.raises(ClaimInDoubt) as doubt,
    ):
        claim(Message, most=1)
    due.refresh_from_db()
    assert (due.attempts, due.claimed_at is None) == (1, False)

    doubt.value.give_back()

    due.refresh_from_db()
    assert (due.status, due.attempts, due.claimed_at) == ("pending", 0, None)
    assert [each.pk for each in claim(Message, most=1)] == [due.pk]


def test_the_worker_gives_it_back_before_it_claims_again(due: Message) -> None:
    worker, pool = Worker(threads=1), mock.Mock()
    with mock.patch.object(transaction, "atomic", CommitsAndBreaks):
        assert worker.step(pool, patient=True) == 0
    assert worker.idle == 1

    assert worker.step(pool, patient=True) == 1

    ((_, claimed),) = [call.args for call in pool.submit.call_args_list]
    assert (claimed.pk, claimed.attempts) == (due.pk, 1)
    assert (worker.in_doubt, worker.idle) == ([], 0)


def test_a_worker_that_was_told_to_stop_claims_nothing(due: Message) -> None:
    worker = Worker(threads=1)
    worker.stop()

    assert worker.step(mock.Mock(), patient=True) == 0

    due.refresh_from_db()
    assert (due.status, due.attempts) == ("pending", 0)
