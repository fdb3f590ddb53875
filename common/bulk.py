"""Many rows at once, by the rules of one, and what became of each."""

import io
import logging
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from decimal import DecimalException
from enum import StrEnum
from operator import attrgetter
from typing import Any

from django.core.exceptions import ValidationError as ModelValidationError
from django.db import DataError, IntegrityError, connection, models, transaction
from rest_framework.exceptions import APIException

from common.errors import Problem, as_problem

logger = logging.getLogger(__name__)

# How often rows are looked up again after somebody else's were faster.
TRIES = 3
SERVER_FAULT = 500

# What means something else in COPY's text format.
SIGNS = re.compile(r"[\\\t\n\r]")
ESCAPED = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})

Members = Mapping[str, Any]
AnyField = models.Field[Any, Any]


class Outcome(StrEnum):
    """What became of a row that was not refused."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


# A row that was refused says why.
Result = Outcome | Problem
# What a database, or what prepares values for it, raises for a value that it cannot store.
UNSTORABLE = (IntegrityError, DataError, OverflowError, DecimalException, UnicodeError)
REFUSALS = (APIException, ModelValidationError, *UNSTORABLE)


def refusal(error: Exception) -> Problem:
    """The refusal of one row that `error` stands for. What is no fault of the row is raised."""
    problem = as_problem(error)
    if problem is None and isinstance(error, UNSTORABLE):
        # Without the error's text, which repeats the row.
        logger.warning("A row cannot be stored: %s", type(error).__name__)
        return Problem("The row cannot be stored as it is.", code="unstorable")
    if problem is None or problem.status_code >= SERVER_FAULT:
        raise error
    return problem


def in_waves(
    rows: Sequence[Members],
    write: Callable[[Sequence[Members]], list[Result]],
    *,
    keys: Callable[[Members], Iterable[Hashable]],
) -> list[Result]:
    """What `write` makes of all rows, in their order.

    It gets runs of rows of which no two have a key in common, so that a later row of the same
    key finds what the former has written.
    """
    return [result for wave in waves(rows, keys) for result in settled(wave, write)]


def waves(
    rows: Sequence[Members], keys: Callable[[Members], Iterable[Hashable]]
) -> Iterator[list[Members]]:
    """Runs of `rows`, each as long as no key comes a second time."""
    wave: list[Members] = []
    seen: set[Hashable] = set()
    for row in rows:
        own = set(keys(row))
        if not seen.isdisjoint(own):
            yield wave
            wave, seen = [], set()
        wave.append(row)
        seen |= own
    if wave:
        yield wave


def settled(
    rows: Sequence[Members], write: Callable[[Sequence[Members]], list[Result]]
) -> list[Result]:
    """What `write` makes of a wave.

    It looks first and writes then: a rival may store the same in between. The database refuses
    that; what the rival has stored is found when the wave is written again. What goes on being
    refused, or cannot be stored at all, is found out row by row.
    """
    for last in (False,) * (TRIES - 1) + (True,):
        try:
            with transaction.atomic():
                return write(rows)
        except UNSTORABLE as error:
            if len(rows) == 1 and (last or not isinstance(error, IntegrityError)):
                return [refusal(error)]
            if not isinstance(error, IntegrityError):
                break
    return [result for row in rows for result in settled([row], write)]


def planned(rows: Iterable[Members], plan: Callable[[Members], Outcome]) -> list[Result]:
    """What `plan` makes of each row, or the Problem with which it refuses one."""
    results: list[Result] = []
    for row in rows:
        try:
            results.append(plan(row))
        except Problem as refused:
            results.append(refused)
    return results


def values_of(row: models.Model) -> list[Any]:
    """All that is stored about a row."""
    return [getattr(row, field.attname) for field in row._meta.concrete_fields]


def insert_rows(model: type[models.Model], rows: Sequence[models.Model]) -> None:
    """Stores new rows in one statement; on PostgreSQL by COPY, the cheapest it has."""
    if connection.vendor != "postgresql":
        model._default_manager.bulk_create(rows)
    elif rows:
        copy_rows(model, rows)


def copy_rows(model: type[models.Model], rows: Iterable[models.Model]) -> None:
    """COPY, with each value as Django itself would store it."""
    fields = model._meta.concrete_fields
    stored = [storing(field) for field in fields]
    lines = io.StringIO()
    for row in rows:
        lines.write("\t".join([as_text(value(row)) for value in stored]) + "\n")
    lines.seek(0)
    name = connection.ops.quote_name
    columns = ", ".join(name(str(field.column)) for field in fields)
    # What is psycopg's alone raises psycopg's errors.
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.copy_expert(f"COPY {name(model._meta.db_table)} ({columns}) FROM STDIN", lines)


def storing(field: AnyField) -> Callable[[models.Model], Any]:
    """How the value of a row's field is had for storing.

    Text that was validated and ids are stored as they are; Django would look at them once more,
    which takes as long as to validate them.
    """
    if isinstance(field, models.CharField | models.UUIDField | models.ForeignKey):
        return attrgetter(field.attname)
    return lambda row: field.get_db_prep_save(field.pre_save(row, True), connection)  # noqa: FBT003


def as_text(value: Any) -> str:
    r"""A value in COPY's text format, whose signs have a backslash before them."""
    if value is None:
        return r"\N"
    text = str(value)
    return text.translate(ESCAPED) if SIGNS.search(text) else text


def update_rows(model: type[models.Model], rows: Iterable[models.Model]) -> None:
    """Stores changed rows, whose locks the caller holds, in one statement.

    `bulk_update` would write a CASE for each member of each row, at twenty times the cost.
    """
    kept = {"id", "created_at"}
    model._default_manager.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=[each.name for each in model._meta.concrete_fields if each.name not in kept],
    )
