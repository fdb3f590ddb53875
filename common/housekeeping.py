"""What is kept for a time only, and goes when that is over.

An app registers its chores in `AppConfig.ready`. `manage.py housekeeping` does all of them. Workers
ask every hour what is to be done, and whichever comes first does it.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from threading import Thread
from typing import Any

from django.db import close_old_connections, connection, connections
from django.db.models import QuerySet
from django.utils import timezone
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from common.models import Chore

logger = logging.getLogger(__name__)

# The rows that one statement deletes: no lock is held for long.
BATCH = 1000
HOURLY = timedelta(hours=1)
DAILY = timedelta(days=1)
# By so much a chore may be early: the rounds of a worker are never exactly an hour apart.
EARLY = timedelta(minutes=30)

# What a chore did away with, or None if that is not counted.
Work = Callable[[], int | None]
_chores: dict[str, tuple[Work, timedelta]] = {}


@dataclass(frozen=True, slots=True)
class Done:
    """What came of one chore."""

    name: str
    count: int | None = None
    failed: bool = False


def register(name: str, work: Work, *, every: timedelta = DAILY) -> None:
    """Makes `work` a chore; the name says what it does away with, in the plural."""
    _chores[name] = work, every


def keep_house(*, only_due: bool = False) -> list[Done]:
    """Does every chore; with `only_due`, those that nobody has begun for as long as they may wait.

    Raises nothing: a chore that fails is logged, and the others are done.
    """
    found = (
        do(name, work, unless_within=every - EARLY if only_due else None)
        for name, (work, every) in _chores.items()
    )
    return [done for done in found if done]


def keep_house_aside() -> Thread:
    """Does what is due in a thread of its own: a worker's deliveries are not kept waiting.

    It may end with the process at any moment, because each batch commits for itself.
    """
    thread = Thread(target=_keep_house_and_close, name="housekeeping", daemon=True)
    thread.start()
    return thread


def _keep_house_and_close() -> None:
    try:
        keep_house(only_due=True)
    finally:
        connections.close_all()


def do(name: str, work: Work, *, unless_within: timedelta | None) -> Done | None:
    """Does one chore; None if somebody has begun it within so long."""
    try:
        if not begin(name, unless_within=unless_within):
            return None
        count = work()
        Chore.objects.filter(name=name).update(done_at=timezone.now())
    except Exception:
        logger.exception("Housekeeping failed with %s", name)
        # A connection that died is not the next one's; one in a transaction is the caller's.
        if not connection.in_atomic_block:
            close_old_connections()
        return Done(name, failed=True)
    return Done(name, count)


def begin(name: str, *, unless_within: timedelta | None) -> bool:
    """Notes that a chore is begun; of several that ask at once, one is told to go on."""
    now = timezone.now()
    Chore.objects.bulk_create([Chore(name=name)], ignore_conflicts=True)
    chore = Chore.objects.filter(name=name)
    if unless_within:
        chore = chore.exclude(begun_at__gt=now - unless_within)
    return chore.update(begun_at=now) == 1


def delete_in_batches(rows: QuerySet[Any]) -> int:
    """Deletes what a queryset finds, some at a time; how many of its own rows those were."""
    model = rows.model
    ids = rows.order_by("pk").values_list("pk", flat=True)
    deleted = 0
    while batch := list(ids[:BATCH]):
        _, by_model = model._default_manager.filter(pk__in=batch).delete()
        deleted += by_model.get(model._meta.label, 0)
    return deleted


def last_done() -> Iterator[Metric]:
    """For monitoring: when each chore was last done to its end."""
    done = GaugeMetricFamily(
        "klanten_housekeeping_done_timestamp_seconds",
        "When a chore was last done to its end.",
        labels=["chore"],
    )
    for name, done_at in Chore.objects.filter(name__in=_chores).values_list("name", "done_at"):
        if done_at:
            done.add_metric([name], done_at.timestamp())
    yield done
