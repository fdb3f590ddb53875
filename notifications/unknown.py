"""Messages of which nobody knows whether they arrived, and how they are settled.

By a late report (`reports.py`), by staff or a partner, or by policy; each decision is on record.
"""

from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from common.errors import Conflict
from notifications.erasing import ERASED
from notifications.models import Decision, Message
from outbox.wakeup import wake

Status = Message.Status
Action = Decision.Action

# A message that is on its way, or has arrived, is never sent again.
RESENDABLE = (Status.FAILED, Status.UNDELIVERED, Status.UNKNOWN)
# The rows that one transaction of the policy settles.
BATCH = 500


def decide(message: Message, action: str, *, by: str, reason: str = "") -> None:
    """Puts on record what is about to be done with a message, and by whom."""
    Decision.objects.create(
        message=message, action=action, by=by[:300], was=message.status, reason=reason[:500]
    )


@transaction.atomic
def resend(message: Message, *, by: str, reason: str = "") -> Message:
    """Queues a message again that did not arrive, or may not have. The caller holds its lock.

    Raises Conflict for one in another state. What was said of the last attempt is forgotten: a
    late report about it does not concern the next one. The number of attempts goes on, by which
    a worker that is late with the last one is told from the next; so one that has had all its
    attempts gets one more.
    """
    refuse_unless(message, RESENDABLE, "sent again")
    if message.text in {"", ERASED}:
        raise Conflict("Its text is no longer kept (MESSAGE_RETENTION_DAYS).", code="blanked")
    decide(message, Action.RESEND, by=by, reason=reason)
    message.status = Status.PENDING
    message.next_attempt_at = timezone.now()
    message.claimed_at = message.sent_at = None
    message.provider_id = message.last_error = ""
    changed = ["status", "next_attempt_at", "claimed_at", "sent_at", "provider_id", "last_error"]
    message.save(update_fields=[*changed, "updated_at"])
    wake()
    return message


@transaction.atomic
def mark_as_sent(message: Message, *, by: str, reason: str = "") -> Message:
    """Settles a message that is unknown as sent. Raises Conflict for one in another state."""
    refuse_unless(message, (Status.UNKNOWN,), "marked as sent")
    decide(message, Action.SENT, by=by, reason=reason)
    message.status, message.last_error = Status.SENT, ""
    message.sent_at = message.sent_at or timezone.now()
    message.save(update_fields=["status", "sent_at", "last_error", "updated_at"])
    return message


@transaction.atomic
def mark_as_failed(message: Message, *, by: str, reason: str = "") -> Message:
    """Settles a message that is unknown as failed. Raises Conflict for one in another state."""
    refuse_unless(message, (Status.UNKNOWN,), "marked as failed")
    decide(message, Action.FAILED, by=by, reason=reason)
    message.status = Status.FAILED
    message.save(update_fields=["status", "updated_at"])
    return message


def refuse_unless(message: Message, statuses: tuple[str, ...], done: str) -> None:
    """Raises Conflict unless the message is in one of `statuses`."""
    if message.status not in statuses:
        allowed = " or ".join(statuses)
        raise Conflict(
            f"A message that is {message.status} cannot be {done}; one that is {allowed} can.",
            code="state",
        )


# What UNKNOWN_POLICY may say.
POLICIES: dict[str, Callable[..., Message]] = {
    "resend": resend,
    "sent": mark_as_sent,
    "failed": mark_as_failed,
}
POLICY = "policy"


def settle_unknown_by_policy() -> int:
    """Settles what has been unknown for UNKNOWN_AFTER_HOURS, as UNKNOWN_POLICY says; how many.

    A message is sent again by policy once: what is unknown even then waits for somebody. A
    batch is a transaction, so that no lock is held for long.
    """
    if not settings.UNKNOWN_AFTER_HOURS:
        return 0
    settled = 0
    while batch := settle_batch():
        settled += batch
    return settled


@transaction.atomic
def settle_batch() -> int:
    """Settles some; what somebody else is settling at this moment is theirs."""
    settle = POLICIES[settings.UNKNOWN_POLICY]
    before = timezone.now() - timedelta(hours=settings.UNKNOWN_AFTER_HOURS)
    unknown = Message.objects.filter(status=Status.UNKNOWN, updated_at__lte=before)
    if settle is resend:
        again = Decision.objects.filter(by=POLICY, action=Action.RESEND, message=OuterRef("pk"))
        unknown = unknown.exclude(text="").exclude(Exists(again))
    rows = list(unknown.select_for_update(skip_locked=True, of=("self",))[:BATCH])
    reason = f"Unknown for {settings.UNKNOWN_AFTER_HOURS} hours."
    for message in rows:
        settle(message, by=POLICY, reason=reason)
    return len(rows)
