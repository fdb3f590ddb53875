"""PostgreSQL's prepared statements: parsed and planned once for each connection.

Planning takes PostgreSQL several times as long as finding one row. psycopg2 does not prepare, but
SQL's own PREPARE and EXECUTE do.
"""

from collections.abc import Sequence
from itertools import count
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection

# feature_not_supported, which is what PostgreSQL says once a table has changed under a plan, and
# invalid_sql_statement_name: this session does not know it, as behind a pooler.
STALE = frozenset({"0A000", "26000"})

# A parameter that is given when the statement runs.
OPEN = object()

_numbers = count(1)


class Prepared:
    """A statement with `%s` for its parameters, of which those that are OPEN come later."""

    def __init__(self, sql: str, parameters: Sequence[Any]) -> None:
        numbers = count(1)
        # What is known already stays `%s` and is filled in when the statement is prepared.
        signs = [f"${next(numbers)}" if each is OPEN else "%s" for each in parameters]
        pieces = sql.split("%s")
        self.sql = "".join(map("".join, zip(pieces, [*signs, ""], strict=True)))
        self.known = [each for each in parameters if each is not OPEN]
        values = ", ".join("%s" for sign in signs if sign != "%s")
        self.call = f"EXECUTE {{name}} ({values})" if values else "EXECUTE {name}"

    def execute(self, cursor: Any, values: Sequence[Any]) -> None:
        """Runs it with `values`, and prepares it first where this connection has not done so.

        Raises what the database raises. Where its plan is out of date the next run makes another,
        and outside a transaction that is at once.
        """
        try:
            cursor.execute(self.call.format(name=self.name()), values)
        except DatabaseError as error:
            if getattr(error.__cause__, "pgcode", None) not in STALE:
                raise
            names_on_this_connection().pop(self, None)
            if connection.in_atomic_block:
                raise
            cursor.execute(self.call.format(name=self.name()), values)

    def name(self) -> str:
        """Its name on this connection."""
        names = names_on_this_connection()
        if self not in names:
            name = f"klanten_{next(_numbers)}"
            # Past Django's cursor: it is no statement of the request that comes first.
            with connection.connection.cursor() as cursor:
                cursor.execute(f"PREPARE {name} AS {self.sql}", self.known)
            names[self] = name
        return names[self]


def names_on_this_connection() -> dict[Prepared, str]:
    """What has been prepared on the connection, which may be another than a moment ago."""
    opened = connection.connection
    known = getattr(connection, "prepared", None)
    if known is None or known[0] is not opened:
        known = connection.prepared = (opened, {})  # type: ignore[attr-defined]
    names: dict[Prepared, str] = known[1]
    return names


def can_prepare() -> bool:
    """Whether the database prepares statements, and the settings let it."""
    return bool(settings.PREPARED_STATEMENTS) and connection.vendor == "postgresql"
