"""Finds the named constraint behind a database's IntegrityError, on PostgreSQL and SQLite."""

import re
from functools import cache

from django.apps import apps
from django.db import IntegrityError, models

SQLITE_COLUMNS = re.compile(r"UNIQUE constraint failed: (?P<columns>[\w., ]+)$")
SQLITE_NAME = re.compile(r"constraint failed: (?:index ')?(?P<name>\w+)'?$")


@cache
def _by_name() -> dict[str, models.BaseConstraint]:
    return {
        constraint.name: constraint
        for model in apps.get_models()
        for constraint in model._meta.constraints
    }


@cache
def _by_columns() -> dict[str, models.BaseConstraint]:
    """SQLite reports a violated unique constraint by its columns: `table.a, table.b`."""
    return {
        ", ".join(
            f"{model._meta.db_table}.{field.column}"
            for field in model._meta.concrete_fields
            if field.name in constraint.fields
        ): constraint
        for model in apps.get_models()
        for constraint in model._meta.constraints
        if isinstance(constraint, models.UniqueConstraint) and constraint.fields
    }


def violated_constraint(exc: IntegrityError) -> models.BaseConstraint | None:
    """The constraint of ours that `exc` reports, or None if it is none of ours."""
    diagnostics = getattr(exc.__cause__, "diag", None)
    if diagnostics is not None:
        return _by_name().get(diagnostics.constraint_name or "")
    message = str(exc)
    if match := SQLITE_COLUMNS.search(message):
        return _by_columns().get(match["columns"])
    if match := SQLITE_NAME.search(message):
        return _by_name().get(match["name"])
    return None


def is_foreign_key_violation(exc: IntegrityError) -> bool:
    """Whether `exc` reports a reference to a row that is not there (SQLSTATE 23503)."""
    return getattr(exc.__cause__, "pgcode", None) == "23503" or "FOREIGN KEY" in str(exc)
