"""Different values for many rows in one statement."""

from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

from django.db import connection
from django.db.models import Field

from outbox.changes import Columns
from outbox.models import Delivery

AnyField = Field[Any, Any]


def update_claimed(model: type[Delivery], changes: Sequence[tuple[Delivery, Columns]]) -> set[UUID]:
    """Writes to each claimed row columns of its own; the ids of those that were written.

    Not written is a row that a later claim has taken over, or that has a final outcome. All
    `changes` name the same columns. The ORM has two ways to do this: a statement for each row,
    and `bulk_update()`, which compares nothing; both cost several times as much.
    """
    fields = [field_of(model, name) for name in ("id", "attempts", *changes[0][1])]
    parameters = [
        field.get_db_prep_save(value, connection)
        for delivery, columns in changes
        for field, value in zip(
            fields, [delivery.pk, delivery.attempts, *columns.values()], strict=True
        )
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            update_statement(model, fields, len(changes)),
            [*parameters, model.Status.PENDING, model.Status.UNKNOWN],
        )
        return {UUID(str(written)) for (written,) in cursor.fetchall()}


def update_statement(model: type[Delivery], fields: Sequence[AnyField], rows: int) -> str:
    """Of each row: its id and attempts, which are compared, and what is written."""
    table = name_of(model._meta.db_table)
    values = ", ".join([placeholders(fields)] * rows)
    names = ", ".join(f"v{index}" for index in range(len(fields)))
    assignments = ", ".join(
        f"{name_of(field.column)} = v{index}" for index, field in enumerate(fields) if index > 1
    )
    key, attempts = (f"{table}.{name_of(field.column)}" for field in fields[:2])
    status = name_of(field_of(model, "status").column)
    # Every name in it comes from a model.
    return (
        f"WITH v ({names}) AS (VALUES {values}) "  # noqa: S608
        f"UPDATE {table} SET {assignments} FROM v "
        f"WHERE {key} = v0 AND {attempts} = v1 AND {table}.{status} IN (%s, %s) "
        f"RETURNING {key}"
    )


def placeholders(fields: Sequence[AnyField]) -> str:
    """`(%s, ...)`; with types on PostgreSQL, which would take every value for a text."""
    if connection.vendor == "postgresql":
        return "(" + ", ".join(f"%s::{field.db_type(connection)}" for field in fields) + ")"
    return "(" + ", ".join("%s" for _ in fields) + ")"


def field_of(model: type[Delivery], name: str) -> AnyField:
    return cast("AnyField", model._meta.get_field(name))


def name_of(column: str | None) -> str:
    """A table's or a column's name, quoted."""
    return str(connection.ops.quote_name(column or ""))
