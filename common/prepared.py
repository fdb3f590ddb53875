"""PostgreSQL's prepared statements: parsed and planned once for each connection.

Planning takes PostgreSQL several times as long as finding one row. psycopg2 does not prepare, but
SQL's own PREPARE and EXECUTE do.
"""

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from itertools import count
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections
from psycopg2 import Error as PostgresError

from common.pooling import is_postgresql_itself

# The statements that a connection has prepared at most, those used last. Each keeps its plan in
# the memory of PostgreSQL: 20 to 100 kB.
MOST_PREPARED = 100

DUPLICATE = "42P05"  # duplicate_prepared_statement
UNKNOWN = "26000"  # invalid_sql_statement_name
# The other is feature_not_supported, which is what PostgreSQL says once a table has changed under
# a plan.
STALE = frozenset({"0A000", UNKNOWN})

# A parameter that is given when the statement runs.
OPEN = object()


class Prepared:
    """A statement with `%s` for its parameters, of which those that are OPEN come later.

    The others are to be constants of the code. They are part of the statement, so that PostgreSQL
    can plan with them.
    """

    def __init__(self, sql: str, parameters: Sequence[Any]) -> None:
        numbers = count(1)
        # What is known already stays `%s` and is filled in when the statement is prepared.
        signs = [f"${next(numbers)}" if each is OPEN else "%s" for each in parameters]
        pieces = sql.split("%s")
        self.sql = "".join(map("".join, zip(pieces, [*signs, ""], strict=True)))
        self.known = [each for each in parameters if each is not OPEN]
        self.only_reads = sql.startswith("SELECT")
        # One name, one statement, whichever process prepares it: nobody can run another's.
        digest = blake2b(repr((self.sql, self.known)).encode(), digest_size=16).hexdigest()
        self.name = f"klanten_{digest}"
        values = ", ".join("%s" for sign in signs if sign != "%s")
        self.call = f"EXECUTE {self.name} ({values})" if values else f"EXECUTE {self.name}"

    def execute(self, cursor: Any, values: Sequence[Any]) -> None:
        """Runs it with `values`, and prepares it first where this connection has not done so.

        Raises what the database raises. Where its plan is out of date the next run makes another,
        and outside a transaction that is at once.
        """
        try:
            self._execute(cursor, values)
        except DatabaseError as error:
            if getattr(error.__cause__, "pgcode", None) not in STALE:
                raise
            statements_on_this_connection().outdate(self)
            if connection.in_atomic_block:
                raise
            self._execute(cursor, values)

    def _execute(self, cursor: Any, values: Sequence[Any]) -> None:
        cursor.execute_prepared(
            lambda: statements_on_this_connection().prepare(self),
            self.call,
            values,
            repeatable=self.only_reads,
        )


class PreparedStatements:
    """The names of what is prepared on one connection, in the order of their last use."""

    def __init__(self, opened: Any) -> None:
        self.opened = opened
        self.names: OrderedDict[str, None] = OrderedDict()
        # Prepared, but of no use any more.
        self.outdated: set[str] = set()

    def prepare(self, statement: Prepared) -> None:
        """Makes sure that the statement is prepared, if need be in the place of another."""
        name = statement.name
        if name in self.names:
            self.names.move_to_end(name)
            return
        while len(self.names) >= MOST_PREPARED:
            self.outdated.add(self.names.popitem(last=False)[0])
        while self.outdated:
            self._run_aside(f"DEALLOCATE {next(iter(self.outdated))}", harmless=UNKNOWN)
            self.outdated.pop()
        # The name says what the statement is: if there is one already, it is this one.
        self._run_aside(f"PREPARE {name} AS {statement.sql}", statement.known, harmless=DUPLICATE)
        self.names[name] = None

    def outdate(self, statement: Prepared) -> None:
        """Has the next run prepare the statement anew.

        No statement runs now: the transaction may have been aborted.
        """
        if statement.name in self.names:
            del self.names[statement.name]
            self.outdated.add(statement.name)

    def _run_aside(self, sql: str, parameters: Sequence[Any] = (), *, harmless: str) -> None:
        """Runs a statement that may fail with a certain SQLSTATE, also within a transaction.

        Past Django's cursor: it is no statement of the request that comes first.
        """
        in_transaction = not self.opened.autocommit
        with connection.wrap_database_errors, self.opened.cursor() as cursor:
            if in_transaction:
                cursor.execute("SAVEPOINT aside")
            try:
                cursor.execute(sql, parameters)
            except PostgresError as error:
                if error.pgcode != harmless:
                    raise
                if in_transaction:
                    cursor.execute("ROLLBACK TO SAVEPOINT aside")
            if in_transaction:
                cursor.execute("RELEASE SAVEPOINT aside")


def statements_on_this_connection() -> PreparedStatements:
    """What has been prepared on the connection, which may be another than a moment ago."""
    # Itself: what Django calls `connection` looks it up each time that it is asked something.
    database: Any = connections[DEFAULT_DB_ALIAS]
    known: PreparedStatements | None = getattr(database, "prepared_statements", None)
    if known is None or known.opened is not database.connection:
        known = database.prepared_statements = PreparedStatements(database.connection)
    return known


def can_prepare() -> bool:
    """Whether the database prepares statements, and the settings let it."""
    return bool(settings.PREPARED_STATEMENTS) and is_postgresql_itself()
