"""It does away with what has had its time, all of it, and only once however many ask."""

from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from common import housekeeping
from common.housekeeping import Done, delete_in_batches, keep_house
from common.models import Chore, IdempotencyRecord
from outbox.worker import Worker


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two chores of which the first fails; what was done of them."""
    calls: list[str] = []

    def fail() -> int:
        calls.append("first")
        raise ValueError("broken")

    def succeed() -> int:
        calls.append("second")
        return 7

    monkeypatch.setattr(housekeeping, "_chores", {})
    housekeeping.register("first things", fail)
    housekeeping.register("second things", succeed, every=housekeeping.HOURLY)
    return calls


@pytest.fixture
def records(db: None) -> None:
    """Five idempotency records."""
    IdempotencyRecord.objects.bulk_create(
        IdempotencyRecord(principal="key:a", key=str(number), fingerprint="") for number in range(5)
    )


@pytest.mark.django_db
def test_does_the_others_when_a_chore_fails_and_says_so(
    calls: list[str], capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(CommandError, match=r"^Failed, see the log: first things\.$"):
        call_command("housekeeping")

    assert calls == ["first", "second"]
    assert capsys.readouterr().out == "first things: failed\nsecond things: 7\n"
    assert "Housekeeping failed with first things" in caplog.text
    assert "ValueError: broken" in caplog.text
    done = dict(Chore.objects.values_list("name", "done_at"))
    assert done["first things"] is None
    assert done["second things"] is not None


@pytest.mark.django_db
def test_is_done_once_by_those_that_start_at_the_same_time(calls: list[str]) -> None:
    first = keep_house(only_due=True)
    second = keep_house(only_due=True)

    assert first == [Done("first things", failed=True), Done("second things", 7)]
    assert (second, calls) == ([], ["first", "second"])


@pytest.mark.django_db
def test_is_done_again_after_a_while_and_whenever_somebody_says_so(calls: list[str]) -> None:
    keep_house()
    keep_house()
    assert calls == ["first", "second"] * 2

    def due_after(**time: int) -> list[str]:
        Chore.objects.update(begun_at=timezone.now() - timedelta(**time))
        return [done.name for done in keep_house(only_due=True)]

    # One is for every day, the other for every hour; half an hour early is not too early.
    assert due_after(minutes=29) == []
    assert due_after(minutes=31) == ["second things"]
    assert due_after(hours=23) == ["second things"]
    assert due_after(hours=24) == ["first things", "second things"]


@pytest.mark.django_db
def test_deletes_in_batches(
    records: None, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr(housekeeping, "BATCH", 2)
    rows = IdempotencyRecord.objects.exclude(key="3")

    # Two full batches and the one that is empty: what is found, and what is deleted of it.
    with django_assert_num_queries(2 + 2 + 1):
        assert delete_in_batches(rows) == 4

    assert [record.key for record in IdempotencyRecord.objects.all()] == ["3"]


def test_names_every_chore_of_the_product(capsys: pytest.CaptureFixture[str], db: None) -> None:
    call_command("housekeeping")

    assert capsys.readouterr().out == (
        "expired tokens: done\n"
        "expired sessions: 0\n"
        "failed logins: 0\n"
        "logins on record: 0\n"
        "changes on record: 0\n"
        "idempotency records: 0\n"
        "old texts of messages: 0\n"
        "old delivery reports: 0\n"
        "unknown messages, by policy: 0\n"
        "old tallies: 0\n"
        "finished imports: 0\n"
    )


@pytest.mark.django_db(transaction=True)
def test_is_done_by_a_worker_every_hour_beside_its_work(
    records: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    threads: list[Thread] = []
    real = housekeeping.keep_house_aside
    monkeypatch.setattr("outbox.worker.time.monotonic", lambda: now)
    monkeypatch.setattr("outbox.worker.keep_house_aside", lambda: threads.append(real()))
    worker = Worker(threads=1)

    def left_after_keeping_house() -> int:
        worker.keep_house()
        for thread in threads:
            thread.join()
        return IdempotencyRecord.objects.count()

    assert left_after_keeping_house() == 5
    IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(days=2))
    Chore.objects.update(begun_at=timezone.now() - timedelta(hours=1))
    now += 3599
    assert left_after_keeping_house() == 5
    now += 1
    assert left_after_keeping_house() == 0
    assert len(threads) == 2
