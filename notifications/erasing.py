"""What is left of a customer's messages once their data is erased: that there were some."""

from collections.abc import Sequence

from django.db.models import F, QuerySet
from django.utils import timezone

from common.personal import Subject
from notifications.digests import digest_of
from notifications.models import NO_NUMBER, ErasedOptOut, Message, OptOut, Report

ERASED = "Erased."
ERASED_CUSTOMER = "The customer's data was erased."


def erase_messages(messages: QuerySet[Message]) -> int:
    """Overwrites what these say and to whom; how many those were. What waits is not sent.

    What a worker has in its hands may still arrive, and says so: only its text is gone.
    """
    waiting = messages.filter(status=Message.Status.PENDING, claimed_at__isnull=True)
    waiting.update(status=Message.Status.SKIPPED, last_error=ERASED_CUSTOMER)
    # A gateway's reason may repeat the number.
    numbered = messages.exclude(to="").filter(last_error__contains=F("to"))
    numbered.update(last_error=ERASED)
    return messages.update(to="", text=ERASED, updated_at=timezone.now())


def erase_reports(reports: QuerySet[Report], who: Subject) -> int:
    """Overwrites what stands on a message, deletes what never found one; how many those were."""
    blanked = reports.filter(message__isnull=False).update(phone="", failure_reason="")
    return blanked + reports.filter(message=None).delete()[0]


def erase_opt_outs(opt_outs: QuerySet[OptOut], who: Subject) -> int:
    """Keeps of each phone a keyed digest, by which it is still known when it is written to."""
    kept = [ErasedOptOut(digest=digest_of(row.phone), source=row.source) for row in opt_outs]
    ErasedOptOut.objects.bulk_create(kept, ignore_conflicts=True)
    opt_outs.delete()
    return len(kept)


def blank_what_came_after(rows: Sequence[Message]) -> None:
    """Blanks what a gateway said of messages that were erased while a worker had them.

    It may repeat the number or the text. `rows` were just recorded, in this transaction.
    """
    if spoken_of := [row.pk for row in rows if row.last_error]:
        erased = Message.objects.filter(pk__in=spoken_of, to="", text=ERASED)
        erased.exclude(last_error__in=[ERASED_CUSTOMER, NO_NUMBER]).update(last_error=ERASED)
