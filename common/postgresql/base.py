"""Django's PostgreSQL backend, and besides:

- A connection that died while it was idle is replaced by a new one when the next statement finds
  it dead, and the statement runs there.
- Behind a pooler that gives each transaction another server connection, nothing is left on a
  server connection: no session settings, no named cursors.
"""

import logging
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.db import Error
from django.db.backends.postgresql import base
from django.db.backends.utils import CursorWrapper
from psycopg2.extensions import TRANSACTION_STATUS_IDLE

# Statements that may run twice outside a transaction: when a connection ends, nobody can tell
# whether the statement under way has run.
REPEATABLE = re.compile(r"\s*(SELECT|SHOW|NOTIFY|LISTEN)\b", re.IGNORECASE)
# Statements that may stand behind `SET LOCAL` outside a transaction. Some others, like CREATE INDEX
# CONCURRENTLY, refuse to share their transaction.
BEHIND_SET_LOCAL = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", re.IGNORECASE)
# What Django knows about an open transaction, and forgets when it connects.
TRANSACTION = (
    "autocommit",
    "in_atomic_block",
    "savepoint_ids",
    "atomic_blocks",
    "needs_rollback",
    "run_on_commit",
)


logger = logging.getLogger(__name__)


class Cursor(CursorWrapper):
    """Django's cursor, for statements that find out that the connection died while it was idle."""

    db: "DatabaseWrapper"

    def execute(self, sql: Any, params: Any = None) -> Any:
        """Runs a statement; once more on a new connection if nothing can be lost by that."""
        repeatable = isinstance(sql, str) and REPEATABLE.match(sql) is not None
        return self.execute_prepared(None, sql, params, repeatable=repeatable)

    def execute_prepared(
        self, prepare: Callable[[], None] | None, sql: str, params: Any, *, repeatable: bool
    ) -> Any:
        """The same after `prepare()`, which readies each connection that `sql` is sent over.

        `repeatable` says whether `sql` may run twice outside a transaction.
        """
        if self.cursor.connection.get_transaction_status() != TRANSACTION_STATUS_IDLE:
            return self._send(prepare, sql, params)
        # From here on: nothing has run in the transaction, if there is one.
        if self.db.timeouts:
            sql = self.db.with_timeouts(sql)
        if self.db.autocommit and not repeatable:
            if not self.db.is_usable():
                self._reconnect()
            return self._send(prepare, sql, params)
        try:
            return self._send(prepare, sql, params)
        except Error:
            if not self.cursor.connection.closed:
                raise
            self._reconnect()
            return self._send(prepare, sql, params)

    def _send(self, prepare: Callable[[], None] | None, sql: str, params: Any) -> Any:
        if prepare:
            prepare()
        return super().execute(sql, params)

    def _reconnect(self) -> None:
        name = self.cursor.name
        self.db.reconnect()
        self.cursor = self.db.create_cursor(name)


class DebugCursor(Cursor, base.CursorDebugWrapper):
    """The same, with a log of statements."""


class DatabaseWrapper(base.DatabaseWrapper):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_pooled = False
        # `SET LOCAL ...; ` statements that begin each transaction behind a pooler; "" elsewhere.
        self.timeouts = ""

    def make_cursor(self, cursor: Any) -> Cursor:
        return Cursor(cursor, self)

    def make_debug_cursor(self, cursor: Any) -> DebugCursor:
        return DebugCursor(cursor, self)

    # --- A connection that died -----------------------------------------------------------

    def ensure_connection(self) -> None:
        """Connects if there is no connection, or one that is known to be dead."""
        if self.connection is not None and self.connection.closed and not self.in_atomic_block:
            self.close()
        super().ensure_connection()

    def reconnect(self) -> None:
        """Puts a new connection in the place of a dead one, on which no transaction had begun.

        Django may have opened `atomic` blocks: they go on. Raises what the database raises, and
        then the dead connection stays.
        """
        dead, known = self.connection, {name: getattr(self, name) for name in TRANSACTION}
        with suppress(self.Database.Error):
            dead.close()
        self.connection = None
        try:
            with self.wrap_database_errors:
                self.connect()
                self.connection.autocommit = known["autocommit"]
        except Error:
            self.connection = dead
            raise
        finally:
            for name, value in known.items():
                setattr(self, name, value)
        logger.info("A connection to the database had ended; there is a new one")

    # --- Behind a pooler --------------------------------------------------------------------

    @property
    def is_pooled(self) -> bool:
        """Whether each transaction may run on another server connection.

        That is so if POOLED says it, or if another backend answers than the one that libpq was
        told of: then somebody stands between.
        """
        self.ensure_connection()
        return self._is_pooled

    def init_connection_state(self) -> None:
        super().init_connection_state()
        self._is_pooled = settings.POOLED or self._answers_for_another()
        self.timeouts = ""
        # Not among the startup parameters: PgBouncer refuses those.
        self.set_timeout("lock_timeout", settings.LOCK_TIMEOUT_SECONDS)

    def _answers_for_another(self) -> bool:
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            answering = cursor.fetchone()[0]
        return bool(answering != self.connection.get_backend_pid())

    def set_timeout(self, name: str, seconds: int) -> None:
        """Sets one of PostgreSQL's timeouts for whatever this connection runs from now on."""
        if self.is_pooled:
            # For the transaction alone: the server connection is somebody else's afterwards.
            self.timeouts += f"SET LOCAL {name} = '{int(seconds)}s'; "
            return
        with self.connection.cursor() as cursor:
            cursor.execute(f"SET {name} = '{int(seconds)}s'")

    def with_timeouts(self, sql: Any) -> Any:
        """The first statement of a transaction, with its timeouts in front of it.

        They travel with it and cost no round trip. Outside `atomic`, PostgreSQL takes what comes
        in one message for one transaction.
        """
        if isinstance(sql, str) and (not self.autocommit or BEHIND_SET_LOCAL.match(sql)):
            return self.timeouts + sql
        return sql

    def chunked_cursor(self) -> Any:
        """A named cursor, which is the server connection's; behind a pooler a plain one."""
        return self.cursor() if self.is_pooled else super().chunked_cursor()
