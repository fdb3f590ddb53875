"""One new row, by a statement that is put together once: the hot path of what is written."""

from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import AutoField, Model
from django.db.models.constants import OnConflict
from django.db.models.sql import InsertQuery

from common.prepared import OPEN, Prepared, can_prepare


class Insert:
    """What stores one row of a model."""

    def __init__(self, model: type[Model], on_conflict: OnConflict | None) -> None:
        # A number that the database makes up is not read back.
        self.fields = [f for f in model._meta.concrete_fields if not isinstance(f, AutoField)]
        query = InsertQuery(model, on_conflict=on_conflict)
        query.insert_values(self.fields, [model()])
        ((self.sql, parameters),) = query.get_compiler(DEFAULT_DB_ALIAS).as_sql()
        self.prepared = Prepared(self.sql, [OPEN] * len(parameters))

    def run(self, row: Model) -> None:
        """Stores the row."""
        # Itself: every field asks it something, and what Django calls `connection` looks it up.
        connection = connections[DEFAULT_DB_ALIAS]
        values = [
            field.get_db_prep_save(field.pre_save(row, add=True), connection)
            for field in self.fields
        ]
        with connection.cursor() as cursor:
            if can_prepare():
                self.prepared.execute(cursor, values)
            else:
                cursor.execute(self.sql, values)


@cache
def insert_of(model: type[Model], on_conflict: OnConflict | None) -> Insert:
    """The one for a model."""
    return Insert(model, on_conflict)


def insert_row(row: Any, *, ignore_conflicts: bool = False) -> None:
    """Stores a new row as `bulk_create` would: without signals, and without `save`.

    With `ignore_conflicts` nothing happens where a unique index has the like of it already.
    """
    model: type[Model] = type(row)
    insert_of(model, OnConflict.IGNORE if ignore_conflicts else None).run(row)
