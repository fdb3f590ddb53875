"""The other engine: Celery tasks around the same functions.

A message in the broker holds nothing but the wish that somebody look: a lost one costs the
time until the next sweep, and one that comes twice finds nothing to do.
"""

from contextlib import suppress
from threading import Event

from celery import shared_task
from django.apps import apps
from django.db import close_old_connections
from kombu.exceptions import OperationalError as BrokerAway

from common import housekeeping
from outbox import jobs
from outbox.models import Delivery
from outbox.recording import in_time, record_in_time
from outbox.services import ClaimInDoubt, attempt, claim, delivery_models, screen


@shared_task(name="outbox.sweep")
def sweep() -> None:
    """Starts the delivery of what is due, of every kind."""
    for model in delivery_models():
        start(model)


@shared_task(name="outbox.deliver_next")
def deliver_next(label: str) -> None:
    """Delivers the row of a model that is longest due; another task goes on with the next.

    One row at a time: what a worker holds when it is killed ends as `unknown`. So tasks
    spread over idle workers while anything is due, and end when nothing is.
    """
    model: type[Delivery] = apps.get_model(label)
    try:
        rows = claim(model, most=1)
    except ClaimInDoubt as doubt:
        close_old_connections()
        in_time(doubt.give_back)
        raise
    if rows:
        start(model)
        known = screen(rows)
        record_in_time([(row, known.get(row.pk) or attempt(row)) for row in rows])


def start(model: type[Delivery]) -> None:
    """Has a task deliver what is due of a model; without a broker the next sweep does."""
    with suppress(BrokerAway):
        deliver_next.apply_async((model._meta.label,), retry=False)


@shared_task(name="outbox.do_jobs")
def do_jobs() -> None:
    """Does a piece of each of the worker's other jobs; another task goes on while there is more."""
    if jobs.do_each(Event()):
        with suppress(BrokerAway):
            do_jobs.apply_async(retry=False)


@shared_task(name="outbox.keep_house")
def keep_house() -> None:
    """Prunes what has had its time."""
    housekeeping.keep_house(only_due=True)
