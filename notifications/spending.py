"""What the messages of a day come to, counted as their outcomes are recorded."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from django.db.models import F
from django.utils import timezone

from notifications.clock import today
from notifications.models import Message, Spending


def count(rows: Sequence[Message]) -> None:
    """Adds those of the recorded `rows` that were accepted to their partners' day.

    In the transaction that records them, so that none is counted twice or not at all. One
    statement for each partner.
    """
    messages: Counter[tuple[str, str]] = Counter()
    amounts: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in rows:
        if row.status == Message.Status.SENT:
            messages[row.principal, row.cost_currency] += 1
            amounts[row.principal, row.cost_currency] += row.cost or 0
    day = today(timezone.now())
    # In one order everywhere: two workers that count for the same partners do not deadlock.
    for principal, currency in sorted(messages):
        bill = principal, currency
        add(day, principal, currency, messages=messages[bill], amount=amounts[bill])


def add(day: date, principal: str, currency: str, *, messages: int, amount: Decimal) -> None:
    """Adds to a partner's day; the first of a day makes its row."""
    theirs = Spending.objects.filter(day=day, principal=principal, currency=currency)
    more = {"messages": F("messages") + messages, "amount": F("amount") + amount}
    if not theirs.update(**more):
        first = Spending(day=day, principal=principal, currency=currency)
        Spending.objects.bulk_create([first], ignore_conflicts=True)
        theirs.update(**more)
