"""Statements that are put together once, and run with other values.

For one row by its id, Django takes longer to build and to compile the statement than PostgreSQL
to answer it. A queryset is still what says what is read: a statement is made from one.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db import connection
from django.db.models import Expression, Field, IntegerField, QuerySet
from django.db.models.lookups import Lookup
from django.db.models.sql.where import WhereNode

from common.prepared import OPEN, Prepared, can_prepare


class Placeholder(Expression):
    """Stands in a queryset for a value that is known when the statement runs."""

    # What it is compared with; known once it stands in a queryset.
    column: Field[Any, Any]

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", [self]

    def value(self, values: Mapping[str, Any]) -> Any:
        """Its own among `values`, as the database takes it."""
        return self.column.get_db_prep_value(values[self.name], connection)


def is_placeholder(value: Any) -> bool:
    """Whether the value is still to come."""
    return isinstance(value, Placeholder)


class Statement:
    """What a `values()` queryset reads, with `Placeholder`s for values that are still to come.

    With `limit` (the name of a value) a run says how many rows of the queryset it wants. `lock` is
    a locking clause of PostgreSQL's that the ORM does not know; SQLite has one writer at a time.
    """

    def __init__(
        self, rows: QuerySet[Any, Any], *, limit: str | None = None, lock: str = ""
    ) -> None:
        for comparison in comparisons(rows.query.where):
            if is_placeholder(comparison.rhs):
                comparison.rhs.column = comparison.lhs.output_field
        self.compiler = rows.query.get_compiler(connection=connection)
        self.sql, self.parameters = self.compiler.as_sql()
        if limit:
            number = Placeholder(limit)
            number.column = IntegerField()
            # Outside: of a limit that it does not know, PostgreSQL expects a tenth of all rows.
            # Inside, the queryset's own says how many there can be.
            self.sql = f"SELECT * FROM ({self.sql}) AS limited LIMIT %s"  # noqa: S608 - Django's
            self.parameters = (*self.parameters, number)
        if lock and connection.vendor == "postgresql":
            self.sql += f" {lock}"
        self.prepared = Prepared(
            self.sql, [OPEN if is_placeholder(each) else each for each in self.parameters]
        )
        self.names = list(rows.query.selected or ())
        self.converters = self.compiler.get_converters(
            expression for expression, *_ in self.compiler.select
        )

    def run(self, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows, by the placeholders' values. Raises ValidationError for what can be none."""
        prepare = can_prepare()
        parameters = [
            each.value(values) if is_placeholder(each) else each
            for each in self.parameters
            if is_placeholder(each) or not prepare
        ]
        with connection.cursor() as cursor:
            if prepare:
                self.prepared.execute(cursor, parameters)
            else:
                cursor.execute(self.sql, parameters)
            rows: Sequence[Any] = cursor.fetchall()
        if self.converters:
            rows = list(self.compiler.apply_converters(rows, self.converters))
        return [dict(zip(self.names, row, strict=True)) for row in rows]


def comparisons(where: WhereNode) -> Iterator[Lookup[Any]]:
    """The lookups of a condition and of those inside it."""
    for child in where.children:
        if isinstance(child, WhereNode):
            yield from comparisons(child)
        elif isinstance(child, Lookup):
            yield child
