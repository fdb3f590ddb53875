"""Who has opted out is sent nothing but what is essential."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from notifications.models import Message, OptOut
from outbox.outcomes import Outcome, Skipped

OPTED_OUT = "The customer has opted out of messages."


def stopped(rows: Sequence[Message], now: datetime) -> dict[UUID, Outcome]:
    """Skips messages to phones that opted out. One statement."""
    asked = [row for row in rows if not row.essential]
    if not asked:
        return {}
    phones = OptOut.objects.filter(phone__in={row.to for row in asked})
    out = set(phones.values_list("phone", flat=True))
    return {row.pk: Skipped(OPTED_OUT) for row in asked if row.to in out}
