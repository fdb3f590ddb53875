"""What the messages of a day may cost, with a reserve for what is essential."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db.models import Sum

from notifications.clock import next_day, today
from notifications.models import Message, Spending
from notifications.rules.caps import under_way
from outbox.outcomes import Outcome, Postponed


def stopped(rows: Sequence[Message], now: datetime) -> dict[UUID, Outcome]:
    """Postpones to the next day what would go over SMS_DAILY_SPEND_LIMIT. Three statements at most.

    What is under way is taken to cost what the messages of the day cost on the average.
    """
    limit = settings.SMS_DAILY_SPEND_LIMIT
    if not limit:
        return {}
    spent, price = spent_today(now)
    committed = spent + price * under_way(rows, now).count()
    unreserved = limit * (100 - settings.SMS_SPEND_RESERVE_PERCENT) / 100
    waiting: dict[UUID, Outcome] = {}
    reason = f"The day's spending limit of {limit:f} is reached."
    for row in rows:
        room = (limit if row.essential else unreserved) - committed
        if room <= 0 or room < price:
            waiting[row.pk] = Postponed(next_day(now), reason)
        else:
            committed += price
    return waiting


def spent_today(now: datetime) -> tuple[Decimal, Decimal]:
    """What the day's messages cost so far, and one of them; on a new day, one of the last day."""
    days = Spending.objects.filter(amount__gt=0, day__lte=today(now)).order_by()
    latest = days.values("day").annotate(Sum("amount"), Sum("messages")).order_by("-day").first()
    if latest is None:
        return Decimal(), Decimal()
    price = Decimal(latest["amount__sum"]) / latest["messages__sum"]
    return (Decimal(latest["amount__sum"]) if latest["day"] == today(now) else Decimal()), price
