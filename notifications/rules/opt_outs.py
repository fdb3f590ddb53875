"""Who has opted out is sent nothing but what is essential, also after they were erased."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from notifications.digests import digests_of
from notifications.models import ErasedOptOut, Message, OptOut
from outbox.outcomes import Outcome, Skipped

OPTED_OUT = "The customer has opted out of messages."


def stopped(rows: Sequence[Message], now: datetime) -> dict[UUID, Outcome]:
    """Skips messages to phones that opted out. One statement."""
    asked = [row for row in rows if not row.essential]
    if not asked:
        return {}
    known_as = {phone: [phone, *digests_of(phone)] for phone in {row.to for row in asked}}
    any_of = [each for names in known_as.values() for each in names]
    phones = OptOut.objects.filter(phone__in=known_as).order_by().values_list("phone")
    digests = ErasedOptOut.objects.filter(digest__in=any_of).order_by().values_list("digest")
    out = {name for (name,) in phones.union(digests, all=True)}
    return {row.pk: Skipped(OPTED_OUT) for row in asked if not out.isdisjoint(known_as[row.to])}
