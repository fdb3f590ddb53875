"""Other work that the worker does beside its deliveries, in short pieces."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import Error as DatabaseFailure
from django.db import close_old_connections, connection, connections, reset_queries

logger = logging.getLogger(__name__)

# Does one short piece of work; whether there was any. What takes longer looks at the event.
Job = Callable[[threading.Event], bool]
# SQLite's waiters look for the one write lock every tenth of a second at the least often: with
# shorter breaks between two pieces of work they would never find it free.
SQLITE_BREAK_SECONDS = 0.12

_jobs: list[Job] = []


def register(job: Job) -> None:
    """Has `job` done by every worker from now on. Called once, from an app's `ready()`."""
    _jobs.append(job)


@contextmanager
def jobs_beside(stopping: threading.Event, *, once: bool) -> Iterator[None]:
    """Does jobs in a thread of its own; with `once`, all there is to do before anything else.

    At the end the thread finishes its piece of work and stops.
    """
    if once:
        while not stopping.is_set() and do_each(stopping):
            pass
        yield
        return
    thread = threading.Thread(target=do_until, args=[stopping], name="jobs")
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def do_until(stopping: threading.Event) -> None:
    """Does jobs until `stopping` is set."""
    try:
        while not stopping.is_set():
            if not do_safely(stopping):
                stopping.wait(settings.DELIVERY_POLL_SECONDS)
            elif connection.vendor == "sqlite":
                stopping.wait(SQLITE_BREAK_SECONDS)
    finally:
        connections.close_all()


def do_safely(stopping: threading.Event) -> bool:
    """A piece of each job; False when there was nothing, or when it has to be tried again."""
    try:
        return do_each(stopping)
    except DatabaseFailure:
        logger.exception("A job failed; trying again")
        close_old_connections()
        return False


def do_each(stopping: threading.Event) -> bool:
    """A piece of each job; whether there was anything to do."""
    # Each gets its turn, whatever the others had.
    found = [job(stopping) for job in _jobs]
    # With DEBUG Django keeps every statement, each with a whole batch in it.
    reset_queries()
    return any(found)
