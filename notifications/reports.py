"""Delivery reports: stored as they come, and applied to the message that they are about.

They come late, twice, out of order, and before the send call has returned. So a message only
moves forward, and a report whose message is not known yet waits for it. Its id and its phone
must both match (the service signs nothing).

A message whose answer never came has no id. A report with an id that is nobody's is about it if
it is the only such message to that phone, and nothing else is on its way there.
"""

from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from notifications import tallies
from notifications.erasing import ERASED
from notifications.locks import lock_phones
from notifications.models import Decision, Message, Report
from notifications.unknown import decide

Status = Message.Status

# What the service says, and what it means (its documentation of delivery reports). A status
# that is not here is kept, and changes nothing.
MEANS: dict[str, str] = {
    "Sent": Status.SENT,
    "Submitted": Status.SENT,
    "Buffered": Status.SENT,
    "Success": Status.DELIVERED,
    "Failed": Status.UNDELIVERED,
    "Rejected": Status.UNDELIVERED,
    "AbsentSubscriber": Status.UNDELIVERED,
    "Expired": Status.UNDELIVERED,
}
# From where a report may move a message on; the first final one holds.
MAY_FOLLOW: dict[str, tuple[str, ...]] = {
    Status.SENT: (Status.UNKNOWN,),
    Status.DELIVERED: (Status.UNKNOWN, Status.SENT),
    Status.UNDELIVERED: (Status.UNKNOWN, Status.SENT),
}


@transaction.atomic
def receive(report: Report) -> None:
    """Stores a report, and applies it if its message is known.

    Whoever records the outcome of a message to this phone waits meanwhile, and finds the report
    afterwards; or we wait, and find the message. One of the two always sees the other's.
    """
    lock_phones([report.phone])
    named = Message.objects.filter(provider_id=report.provider_id)
    # One that was erased has no phone any more; its report must not bring it back.
    theirs = named.filter(Q(to=report.phone) | Q(to="", text=ERASED))
    message = theirs.select_for_update().first()
    if message and not message.to:
        report.phone = report.failure_reason = ""
    report.save()
    message = message or nameless(report.phone, report.provider_id)
    if message:
        apply(report, message)


def nameless(phone: str, provider_id: str) -> Message | None:
    """The one message that an id of nobody's must belong to, locked; None if that is not certain.

    One that is locked already is about to be recorded, and whoever does that looks for us next.
    """
    if Report.objects.filter(provider_id=provider_id, message__isnull=False).exists():
        return None
    to_phone = Message.objects.filter(to=phone)
    if to_phone.filter(status=Status.PENDING, claimed_at__isnull=False).exists():
        return None
    open_ones = to_phone.filter(status__in=[Status.UNKNOWN, Status.SENT], provider_id="")
    candidates = list(open_ones.select_for_update(skip_locked=True)[:2])
    return candidates[0] if len(candidates) == 1 else None


def apply_early(rows: Sequence[Message]) -> None:
    """Applies the reports that came before the outcomes of `rows` were recorded.

    In the transaction that records them; the phones' lock makes a report that comes right now
    wait until that is committed. Two statements, and those of the reports that there are.
    """
    tried = [row for row in rows if row.status in {Status.SENT, Status.UNKNOWN}]
    if not tried:
        return
    phones = {row.to for row in tried}
    lock_phones(phones)
    named = {(row.provider_id, row.to): row for row in tried if row.provider_id}
    # One that is nameless came during the attempt; an older one was about something else.
    # It began a lease before the row would have fallen due again, however late it is recorded.
    lease = timedelta(seconds=settings.DELIVERY_LEASE_SECONDS)
    since = min(row.next_attempt_at for row in tried) - lease
    waiting = Report.objects.filter(message=None, phone__in=phones).filter(
        Q(provider_id__in=[provider_id for provider_id, _ in named]) | Q(created_at__gte=since)
    )
    for report in waiting.order_by("id"):
        known = named.get((report.provider_id, report.phone))
        if message := known or nameless(report.phone, report.provider_id):
            apply(report, message)
            # Its customer may have been erased during the attempt.
            Report.objects.filter(pk=report.pk, message__to="").update(phone="", failure_reason="")


def apply(report: Report, message: Message) -> None:
    """Moves a message forward as its report says, and notes what was not known before."""
    report.message = message
    report.save(update_fields=["message", "updated_at"])
    status = MEANS.get(report.status, "")
    moves = message.status in MAY_FOLLOW.get(status, ())
    if moves and message.status == Status.UNKNOWN:
        decide(message, Decision.Action.REPORTED, by="report", reason=report.status)
    if moves:
        message.status = status
        message.sent_at = message.sent_at or timezone.now()
        undelivered = status == Status.UNDELIVERED
        message.last_error = (report.failure_reason or report.status) if undelivered else ""
        tallies.count_report(message)
    if moves or message.provider_id != report.provider_id:
        message.provider_id = report.provider_id
        message.save(update_fields=["status", "sent_at", "last_error", "provider_id", "updated_at"])
