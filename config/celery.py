"""The Celery application: `celery -A config worker --pool threads`, and `celery -A config beat`.

Only imported with CELERY_BROKER_URL, and then by nobody who answers a request.
"""

import os
from typing import Any

from celery import Celery
from celery.app.amqp import AMQP
from django.conf import settings
from kombu.connection import Connection

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# Beat looks as often as an idle loop would, but not all the time.
SWEEP_EVERY_SECONDS = max(1.0, settings.DELIVERY_POLL_SECONDS)
HOUSEKEEPING_EVERY_SECONDS = 3600.0

LONGEST_WAIT_FOR_BROKER_SECONDS = 3.0


class PatientConnection(Connection):
    """Looks for a broker that is away every few seconds; Celery's own waits grow to 30."""

    def ensure_connection(self, *args: Any, **kwargs: Any) -> Any:
        waits = {"interval_start": 1.0, "interval_max": LONGEST_WAIT_FOR_BROKER_SECONDS}
        return super().ensure_connection(*args, **(waits | kwargs))  # type: ignore[no-untyped-call]


class Amqp(AMQP):
    """Makes the connections above."""

    Connection = PatientConnection


app = Celery("klanten", broker=settings.CELERY_BROKER_URL, amqp=Amqp)
app.conf.update(
    task_default_queue=settings.CELERY_QUEUE,
    # Nothing is believed of what comes from a broker but names and labels.
    task_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    # A task whose worker dies is handed to another one.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    # The rows are the truth: a message need not survive the broker.
    task_default_delivery_mode="transient",
    worker_prefetch_multiplier=1,
    # A reconnected worker goes on with all of its threads.
    worker_enable_prefetch_count_reduction=False,
    broker_connection_timeout=3.0,
    # Its queue is locked to one connection: a second worker of the host, or one that connects
    # again before the broker has noticed that it left, would end with an error.
    worker_enable_remote_control=False,
    # A broker may come later than we do, and go away for any time.
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    # What is under way goes on; its row is claimed, whoever gets the message again.
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_hijack_root_logger=False,
    timezone=settings.TIME_ZONE,
    # Keeps its times in memory: it may run where nothing can be written.
    beat_scheduler="celery.beat:Scheduler",
    beat_schedule={
        "sweep": {
            "task": "outbox.sweep",
            "schedule": SWEEP_EVERY_SECONDS,
            # Sweeps that nobody took in time would only say the same again.
            "options": {"expires": SWEEP_EVERY_SECONDS},
        },
        "jobs": {
            "task": "outbox.do_jobs",
            "schedule": SWEEP_EVERY_SECONDS,
            "options": {"expires": SWEEP_EVERY_SECONDS},
        },
        "housekeeping": {
            "task": "outbox.keep_house",
            "schedule": HOUSEKEEPING_EVERY_SECONDS,
            "options": {"expires": HOUSEKEEPING_EVERY_SECONDS},
        },
    },
)
app.autodiscover_tasks(["outbox"])
