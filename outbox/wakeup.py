"""What tells a waiting worker at once that something is due.

A lost wake-up costs a poll interval, never a delivery: the row is the truth.
"""

import select
import socket
import time
from contextlib import suppress
from typing import Any, Self

from django.conf import settings
from django.db import Error as DatabaseFailure
from django.db import connection, transaction

from common.pooling import is_postgresql_itself
from outbox.publishing import publisher

NOTIFICATION = "klanten_outbox"
# A process tells no more often: under load workers are awake anyway, and an order pays nothing.
TELL_EVERY_SECONDS = 0.1


def wake() -> None:
    """To be called by whoever queues a delivery; takes effect when the transaction commits."""
    transaction.on_commit(teller.tell, robust=True)


class Teller:
    """Tells the workers, now and then."""

    def __init__(self) -> None:
        self.not_before = 0.0

    def tell(self) -> None:
        """Tells all workers that wait, unless that was done a moment ago."""
        if settings.CELERY_BROKER_URL:
            publisher.ask()
        now = time.monotonic()
        if now < self.not_before:
            return
        self.not_before = now + TELL_EVERY_SECONDS
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"NOTIFY {NOTIFICATION}")


teller = Teller()


class Bell:
    """What a worker waits at: it is rung by its own threads, by signals, and by PostgreSQL."""

    def __init__(self) -> None:
        self._ends: tuple[socket.socket, socket.socket] | None = None
        self._listening: Any = None
        # More may have been queued than was told of.
        self._is_alert = False

    def __enter__(self) -> Self:
        self._ends = socket.socketpair()
        for end in self._ends:
            end.setblocking(False)  # noqa: FBT003 - socket's own signature
        return self

    def __exit__(self, *error: object) -> None:
        ends, self._ends = self._ends, None
        for end in ends or ():
            end.close()

    def ring(self) -> None:
        """Ends the wait. May be called from any thread, and from a signal handler."""
        if self._ends:
            # When it is full, it has been rung.
            with suppress(BlockingIOError):
                self._ends[1].send(b"\0")

    def listen(self) -> None:
        """Listens on the connection of this thread, if it is PostgreSQL's, and new.

        Not behind a pooler: the server connection that listens is not the one that is waited at.
        """
        if not is_postgresql_itself():
            return
        if self._listening is not connection.connection:
            with connection.cursor() as cursor:
                cursor.execute(f"LISTEN {NOTIFICATION}")
            self._listening = connection.connection

    def wait(self, seconds: float) -> None:
        """Waits for a ring, for so many seconds at most.

        After one that came from PostgreSQL the next wait is short: a process that queues more
        a moment later does not tell of it again.
        """
        if self._is_alert:
            seconds = min(seconds, TELL_EVERY_SECONDS)
        # What came in with the answer to a query no longer makes the socket readable.
        self._is_alert = self._heard()
        if self._is_alert:
            return
        assert self._ends, "it is a context manager"  # noqa: S101
        hears, database = self._ends[0], self._database()
        sources = [hears, database] if database else [hears]
        ready, _, _ = select.select(sources, [], [], seconds)
        if hears in ready:
            hears.recv(4096)
        if database in ready:
            self._is_alert = self._heard()

    def _database(self) -> Any:
        """PostgreSQL's connection, if it is the one that it listens on, and open."""
        database = self._listening
        is_current = database is not None and database is connection.connection
        return database if is_current and not database.closed else None

    def _heard(self) -> bool:
        """Whether PostgreSQL has told something since.

        Its end is something, too: that connection is dropped, and whoever waits listens again.
        """
        if (database := self._database()) is None:
            return False
        try:
            with connection.wrap_database_errors:
                database.poll()
        except DatabaseFailure:
            connection.close()
            return True
        heard = bool(database.notifies)
        database.notifies.clear()
        return heard
