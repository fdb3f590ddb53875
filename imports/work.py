"""Working an import off: batch by batch, each in one transaction with its own progress.

Whoever holds the row's lock works. A worker that dies gives it back with the transaction, and
the next begins where the last committed batch ended: no row is lost and none comes twice.
"""

import logging
import threading
from collections.abc import Sequence

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import QuerySet

from common.bulk import Outcome, Result
from common.errors import FieldError, Problem, encodable
from imports.models import Import, ImportProblem
from imports.reading import FileProblem, Position, Record, Rows
from imports.repeats import keep_outcomes, rows_together
from imports.resources import RESOURCES
from imports.services import finish
from imports.sources import Source, StoredFile
from imports.survey import Interrupted, rows_of, survey

logger = logging.getLogger(__name__)

# The line of each row that was refused, and all that is wrong with it.
Refusals = list[tuple[int, list[FieldError]]]

# Bytes of a batch of long rows, which are held in memory.
LONGEST_BATCH = 4_000_000
# Of so many refused rows the report says why, and of each so many errors.
MOST_REPORTED = 100_000
MOST_ERRORS = 20
FAULT = "Something went wrong on our side; the log says what. Try it again."
RIVAL = "Nothing is stored: a row that was good when all were checked is refused by now."


def work(stopping: threading.Event) -> bool:
    """The worker's job: a batch of the import that has waited longest; whether there was one."""
    # Asked first without a transaction: on SQLite each one takes the only write lock.
    if not waiting().exists():
        return False
    with transaction.atomic():
        one = waiting().select_for_update(skip_locked=True).first()
        if one is None:
            return False
        advance(one, StoredFile(one), stopping)
    return True


def waiting() -> QuerySet[Import]:
    """The imports that a worker can go on with, the longest neglected first."""
    return Import.objects.filter(stored=True, state__in=Import.OPEN).order_by("updated_at")


def advance(one: Import, source: Source, stopping: threading.Event) -> None:
    """The next batch of an import, whose row lock the caller's transaction holds.

    The second pass of two is one step, of all that is left: it is stored whole or not at all.
    """
    try:
        with transaction.atomic():
            one.state = Import.State.RUNNING
            if not one.surveyed:
                survey(one, source, stopping)
            rows = rows_of(one, source)
            if one.in_two_passes and one.checked:
                store_all(one, rows, stopping)
            else:
                take_batch(one, rows)
    except FileProblem as problem:
        report(one, [(problem.line, [problem.error])])
        finish(one, failed=f"Line {problem.line}: {problem.error.detail}")
    except (OperationalError, InterfaceError):
        # The database is away, or a lock was not to be had: tried again.
        raise
    except Interrupted:
        one.refresh_from_db()
    except Exception:
        one.refresh_from_db()
        logger.exception("Import %s failed behind line %s", one.pk, one.line)
        finish(one, failed=FAULT)


def take_batch(one: Import, rows: Rows) -> None:
    """Writes the next batch, or only tries to. Without any rows left the pass is over."""
    records, results = write_next(one, rows)
    if not records:
        end_pass(one)
        return
    refused = refusals(records, results)
    one.rows += len(records)
    one.refused += len(refused)
    if not one.in_two_passes:
        count_stored(one, results)
    report(one, refused)
    one.save()


def store_all(one: Import, rows: Rows, stopping: threading.Event) -> None:
    """The second pass: all rows in one transaction, or none if one is refused after all."""
    refused: Refusals = []
    with transaction.atomic():
        while not refused:
            if stopping.is_set():
                raise Interrupted
            records, results = write_next(one, rows)
            if not records:
                break
            refused = refusals(records, results)
            count_stored(one, results)
        transaction.set_rollback(bool(refused))
    if refused:
        one.created = one.updated = one.unchanged = 0
        one.refused = len(refused)
        report(one, refused)
    finish(one, failed=RIVAL if refused else "")


def end_pass(one: Import) -> None:
    """After the last row: the end, or the beginning of the second pass."""
    if one.refused and one.mode == Import.Mode.ALL:
        finish(one, failed=f"Nothing is stored: {one.refused} of {one.rows} rows are refused.")
    elif one.in_two_passes:
        one.checked = True
        one.offset, one.line = Position()
        one.save()
    else:
        finish(one)


def write_next(one: Import, rows: Rows) -> tuple[list[Record], list[Result]]:
    """The next records and what became of them; the import stands behind them."""
    batch = read_batch(one, rows)
    if batch:
        one.offset, one.line = batch[-1][1]
    records = [record for record, _ in batch]
    return records, write(one, records)


def read_batch(one: Import, rows: Rows) -> list[tuple[Record, Position]]:
    """The next records, as many as one transaction should write."""
    batch = []
    most = RESOURCES[one.resource].batch
    for record, behind in rows.records(Position(one.offset, one.line)):
        batch.append((record, behind))
        if len(batch) == most or behind.offset - one.offset > LONGEST_BATCH:
            break
    return batch


def write(one: Import, records: Sequence[Record]) -> list[Result]:
    """What becomes of records. A trial takes it back: the rules are those of the real thing."""
    readable = [record for record in records if record.problem is None]
    together = rows_together(one, readable)
    with transaction.atomic():
        written = RESOURCES[one.resource].write(readable, together, notify=one.notify)
        transaction.set_rollback(one.is_trial)
    keep_outcomes(one, readable, written, together)
    rest = iter(written)
    return [unreadable(record.problem) or next(rest) for record in records]


def unreadable(error: FieldError | None) -> Problem | None:
    """The refusal of a row of which no members could be had."""
    return Problem(error.detail, code=error.code, errors=[error]) if error else None


def count_stored(one: Import, results: Sequence[Result]) -> None:
    """Adds up what became of the rows that were not refused."""
    one.created += results.count(Outcome.CREATED)
    one.updated += results.count(Outcome.UPDATED)
    one.unchanged += results.count(Outcome.UNCHANGED)


def refusals(records: Sequence[Record], results: Sequence[Result]) -> Refusals:
    """The line and the errors of each row that was refused."""
    return [
        (record.line, list(result.errors) or [FieldError("", result.code, str(result.detail))])
        for record, result in zip(records, results, strict=True)
        if isinstance(result, Problem)
    ]


def report(one: Import, refused: Refusals) -> None:
    """Keeps why rows were refused, of the first MOST_REPORTED."""
    room = MOST_REPORTED - (one.refused - len(refused))
    ImportProblem.objects.bulk_create(
        ImportProblem(
            owner=one,
            line=line,
            field=storable(error.field)[:200],
            code=error.code[:50],
            detail=storable(error.detail)[:500],
        )
        for line, errors in refused[: max(room, 0)]
        for error in errors[:MOST_ERRORS]
    )


def storable(text: str) -> str:
    """`text` as PostgreSQL takes it: an error repeats what came in, NULs included."""
    return encodable(text).replace("\0", "\\0")
