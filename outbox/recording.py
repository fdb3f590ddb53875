"""Record: what attempts came to is written, in batches, and never lost on the way."""

import logging
import time
from collections.abc import Callable, Sequence
from itertools import groupby

from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections, transaction

from outbox import channels
from outbox.batches import update_claimed
from outbox.changes import Columns, changes_of
from outbox.models import Delivery
from outbox.outcomes import Outcome, Unknown

logger = logging.getLogger(__name__)

Result = tuple[Delivery, Outcome]

# What is raised while the database is away.
DATABASE_AWAY = (OperationalError, InterfaceError)
# The wait before an outcome is written again while it is.
AGAIN_SECONDS = 1.0


def record(delivery: Delivery, outcome: Outcome) -> bool:
    """Writes what the claimed attempt came to; False if a later claim has taken the row over.

    A row that was given up as `unknown` meanwhile is still corrected: this is the truth.
    """
    return record_all([(delivery, outcome)]) == 1


def record_all(results: Sequence[Result]) -> int:
    """The same for many deliveries of one model, in one transaction; how many were written.

    Raises what the database raises, and then nothing is written.
    """
    if not results:
        return 0
    model = type(results[0][0])
    with transaction.atomic():
        written = write(model, results)
        channels.learn(model, [outcome for _, outcome in results])
        if written:
            model.after_recording(written)
    return len(written)


def write(model: type[Delivery], results: Sequence[Result]) -> list[Delivery]:
    """Writes outcomes; the deliveries that were written, as they are now."""
    changes = [(each, changes_of(each, outcome)) for each, outcome in results]
    # A statement for each set of columns, and in each the rows in one order for everybody.
    changes.sort(key=lambda change: (list(change[1]), change[0].pk))
    written: list[Delivery] = []
    for _, group in groupby(changes, key=lambda change: list(change[1])):
        batch = list(group)
        ids = update_claimed(model, batch)
        written += [show(*change) for change in batch if change[0].pk in ids]
    return written


def show(delivery: Delivery, columns: Columns) -> Delivery:
    """The delivery, with what was written to its row."""
    for name, value in columns.items():
        setattr(delivery, name, value)
    return delivery


def tell(model: type[Delivery], rows: Sequence[Delivery]) -> None:
    """Tells the model of rows that nobody's outcome has changed; its errors stay its own."""
    try:
        with transaction.atomic():
            model.after_recording(rows)
    except DATABASE_AWAY:
        raise
    except Exception:
        logger.exception("%s could not hear of %s rows", model.__name__, len(rows))


def record_apart(results: Sequence[Result]) -> None:
    """As `record_all`, but what cannot be written keeps nothing else from being written.

    Raises one of DATABASE_AWAY while it is, and then what was not written can be again.
    """
    try:
        record_all(results)
    except DATABASE_AWAY:
        raise
    except Exception:
        if len(results) > 1:
            for each in results:
                record_apart([each])
            return
        logger.exception("%s could not be recorded as it is", results[0][0].pk)
        record_plainly(*results[0])


def record_plainly(delivery: Delivery, outcome: Outcome) -> None:
    """Writes an outcome without telling the model; `unknown` when that cannot be written either."""
    for each in (outcome, Unknown("It was attempted, and the outcome could not be stored.")):
        try:
            with transaction.atomic():
                write(type(delivery), [(delivery, each)])
            return
        except DATABASE_AWAY:
            raise
        except Exception:
            logger.exception("The outcome of %s could not be recorded", delivery.pk)


def record_in_time(results: Sequence[Result]) -> None:
    """As `record_apart`, and waits for a database that is away."""
    if not in_time(lambda: record_apart(results)):
        report_lost(results)


def in_time(write: Callable[[], None]) -> bool:
    """Writes as soon as the database is there; False if it was away for as long as a lease."""
    give_up = time.monotonic() + settings.DELIVERY_LEASE_SECONDS
    while True:
        try:
            write()
            return True
        except DATABASE_AWAY:
            close_old_connections()
            if time.monotonic() > give_up:
                return False
            time.sleep(AGAIN_SECONDS)


def report_lost(results: Sequence[Result]) -> None:
    """Says which rows fall due with their claim still on them: they end as unknown."""
    for delivery, _ in results:
        logger.error("The outcome of %s is lost", delivery.pk)
