"""What can be done with messages, and what has to be done with them now and then."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from common.housekeeping import delete_in_batches
from common.models import first_id_at
from notifications.models import IncomingMessage, Message, Report
from notifications.queueing import queue, queue_for_order
from notifications.unknown import (
    mark_as_failed,
    mark_as_sent,
    resend,
    settle_unknown_by_policy,
)

__all__ = [
    "blank_old_texts",
    "mark_as_failed",
    "mark_as_sent",
    "prune_reports",
    "queue",
    "queue_for_order",
    "resend",
    "settle_unknown_by_policy",
]

# What a report said stands on its message by then; one without a message will find none.
REPORTS_KEPT = timedelta(days=30)
BATCH = 1000


def prune_reports() -> int:
    """Deletes delivery reports after REPORTS_KEPT; how many."""
    before = first_id_at(timezone.now() - REPORTS_KEPT)
    return delete_in_batches(Report.objects.filter(pk__lt=before))


def blank_old_texts() -> int:
    """Blanks texts that are older than MESSAGE_RETENTION_DAYS, and keeps their rows; how many.

    What is still to be sent keeps its text until it has been.
    """
    if not settings.MESSAGE_RETENTION_DAYS:
        return 0
    before = first_id_at(timezone.now() - timedelta(days=settings.MESSAGE_RETENTION_DAYS))
    settled = Message.objects.exclude(status=Message.Status.PENDING)
    old = settled.filter(pk__lt=before).exclude(text="").order_by("pk")
    blanked = IncomingMessage.objects.filter(pk__lt=before).exclude(text="").update(text="")
    # In batches: no lock is held, and no log written, for a whole table at once.
    ids = list(old.values_list("pk", flat=True)[:BATCH])
    while ids:
        # Asked once more: one that is sent again at this moment needs its text.
        blanked += settled.filter(pk__in=ids).update(text="")
        # On from the last one: what is blank already is not read again.
        ids = list(old.filter(pk__gt=ids[-1]).values_list("pk", flat=True)[:BATCH])
    return blanked
