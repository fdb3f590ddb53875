"""The worker's other jobs: done beside its deliveries, or with `--once` before them."""

import threading

import pytest
from django.db import OperationalError, connections
from pytest_django.fixtures import Settings

from outbox import jobs
from outbox.worker import Worker
from tests.processes import eventually

pytestmark = pytest.mark.django_db(transaction=True)


class Work:
    """So many pieces of work; fails where it is told to."""

    def __init__(self, pieces: int, *, fails: int = 0) -> None:
        self.pieces, self.fails = pieces, fails
        self.done = 0

    def __call__(self, stopping: threading.Event) -> bool:
        if self.fails:
            self.fails -= 1
            raise OperationalError("away")
        if self.done == self.pieces:
            return False
        self.done += 1
        return True


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> list[jobs.Job]:
    """The jobs of this test alone."""
    settings.DELIVERY_POLL_SECONDS = 0.01
    found: list[jobs.Job] = []
    monkeypatch.setattr(jobs, "_jobs", found)
    return found


def test_once_does_all_there_is(register: list[jobs.Job]) -> None:
    first, second = Work(3), Work(5)
    register += [first, second]

    Worker(threads=1).run(once=True)

    assert (first.done, second.done) == (3, 5)


def run_alone(worker: Worker) -> None:
    """In a thread whose connection goes with it."""
    worker.run()
    connections.close_all()


def test_does_them_beside_its_deliveries_until_it_is_stopped(register: list[jobs.Job]) -> None:
    job = Work(3, fails=1)
    register.append(job)
    worker = Worker(threads=1)
    thread = threading.Thread(target=run_alone, args=[worker])
    thread.start()
    try:
        eventually(lambda: job.done == 3)
    finally:
        worker.stop()
        thread.join(timeout=10)

    assert not thread.is_alive()
    assert "jobs" not in {each.name for each in threading.enumerate()}
