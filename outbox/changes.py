"""What an outcome changes in the row of a delivery."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from outbox.backoff import wait_after
from outbox.models import Delivery
from outbox.outcomes import Accepted, NotSent, Outcome, Postponed, Refused, Skipped, Unknown

LONGEST_REASON = 500

Columns = Mapping[str, object]


def changes_of(delivery: Delivery, outcome: Outcome) -> Columns:
    """All columns to write; in the same order whenever they are the same ones."""
    columns = columns_of(delivery, outcome)
    if reason := columns.get("last_error"):
        columns["last_error"] = str(reason)[:LONGEST_REASON]
    columns |= {"claimed_at": None, "updated_at": timezone.now()}
    return dict(sorted(columns.items()))


def columns_of(delivery: Delivery, outcome: Outcome) -> dict[str, object]:
    """What this kind of outcome is about."""
    status = type(delivery).Status
    match outcome:
        case Accepted(provider_id, columns):
            return {
                **columns,
                "status": status.SENT,
                "sent_at": timezone.now(),
                "provider_id": provider_id,
                "last_error": "",
            }
        case Refused(reason):
            return {"status": status.FAILED, "last_error": reason}
        case Unknown(reason):
            return {"status": status.UNKNOWN, "last_error": reason}
        case Skipped(reason):
            return {"status": status.SKIPPED, "last_error": reason, **not_counted(delivery)}
        case Postponed(until, reason):
            return again_at(delivery, until, reason) | not_counted(delivery)
        case NotSent():
            return not_sent(delivery, outcome)


def not_sent(delivery: Delivery, outcome: NotSent) -> dict[str, object]:
    """Another attempt after a wait, if there is one left. A probe uses none up."""
    wait = max(wait_after(delivery.attempts), outcome.retry_after or timedelta())
    again = again_at(delivery, timezone.now() + wait, outcome.reason)
    if delivery.is_probe and outcome.away:
        return again | not_counted(delivery)
    if delivery.attempts >= settings.DELIVERY_MAX_ATTEMPTS:
        return {"status": type(delivery).Status.FAILED, "last_error": outcome.reason}
    return again


def again_at(delivery: Delivery, moment: datetime, reason: str) -> dict[str, object]:
    """Due again at `moment`."""
    pending = type(delivery).Status.PENDING
    return {"status": pending, "next_attempt_at": moment, "last_error": reason}


def not_counted(delivery: Delivery) -> dict[str, object]:
    """Takes the attempt back that the claim counted."""
    return {"attempts": delivery.attempts - 1}
