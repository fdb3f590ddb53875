"""How many messages a customer may get, and a partner may cause, in a day of the house.

What is essential is counted, and sent all the same.
"""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Q, QuerySet, Sum

from notifications.clock import day_start, today
from notifications.models import Message, Spending
from outbox.outcomes import Outcome, Postponed, Skipped

# What another worker has in its hands may yet fail: whoever would be over the cap only with it
# waits for what becomes of it.
WAIT = timedelta(seconds=5)
Status = Message.Status


def under_way(rows: Sequence[Message], now: datetime) -> QuerySet[Message]:
    """What other batches than `rows` have in their hands: claimed, and not yet recorded."""
    lease = timedelta(seconds=settings.DELIVERY_LEASE_SECONDS)
    claimed = Message.objects.filter(
        status=Status.PENDING,
        claimed_at__isnull=False,
        next_attempt_at__gt=now,
        next_attempt_at__lte=now + lease,
    )
    return claimed.exclude(pk__in=[row.pk for row in rows]).order_by()


def stopped_for_customers(rows: Sequence[Message], now: datetime) -> dict[UUID, Outcome]:
    """Skips what is over SMS_CAP_PER_CUSTOMER_PER_DAY. At most two statements."""
    cap = settings.SMS_CAP_PER_CUSTOMER_PER_DAY
    whose = {row.pk: row.customer_id for row in rows if row.customer_id and not row.essential}
    if not cap or not whose:
        return {}
    start = day_start(today(now))
    # Of a message that is unknown nobody knows that it did not arrive.
    sent = Q(sent_at__gte=start) | Q(status=Status.UNKNOWN, updated_at__gte=start)
    theirs = Message.objects.filter(customer__in=set(whose.values())).order_by()
    counts = theirs.filter(sent).values_list("customer").annotate(Count("pk"))
    others = under_way(rows, now).filter(customer__in=set(whose.values()))
    open_ones = others.values_list("customer").annotate(Count("pk"))
    reason = f"The customer has had the {cap} messages that a day may bring."
    return over(cap, whose, dict(counts), dict(open_ones), reason=reason, now=now)


def stopped_for_partners(rows: Sequence[Message], now: datetime) -> dict[UUID, Outcome]:
    """Skips what is over SMS_CAP_PER_PARTNER_PER_DAY. At most two statements."""
    cap = settings.SMS_CAP_PER_PARTNER_PER_DAY
    whose = {row.pk: row.principal for row in rows if row.principal and not row.essential}
    if not cap or not whose:
        return {}
    theirs = Spending.objects.filter(day=today(now), principal__in=set(whose.values())).order_by()
    counts = theirs.values_list("principal").annotate(Sum("messages"))
    others = under_way(rows, now).filter(principal__in=set(whose.values()))
    open_ones = others.values_list("principal").annotate(Count("pk"))
    reason = f"The partner has caused the {cap} messages that a day may bring."
    return over(cap, whose, dict(counts), dict(open_ones), reason=reason, now=now)


def over(
    cap: int,
    whose: Mapping[UUID, Hashable],
    sent: Mapping[Hashable, int],
    others: Mapping[Hashable, int],
    *,
    reason: str,
    now: datetime,
) -> dict[UUID, Outcome]:
    """What becomes of those of a batch that go over the cap of their owner.

    `sent` is what each owner has had today, `others` what other batches have in their hands.
    """
    stopped: dict[UUID, Outcome] = {}
    had = Counter(sent)
    for pk, owner in whose.items():
        if had[owner] >= cap:
            stopped[pk] = Skipped(reason)
        elif had[owner] + others.get(owner, 0) >= cap:
            stopped[pk] = Postponed(now + WAIT, "Others to the same cap are under way.")
        else:
            had[owner] += 1
    return stopped
