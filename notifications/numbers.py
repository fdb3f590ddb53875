"""How the messages are doing: for the admin, for `/metrics` and for `/readyz`.

Every number costs the same however many messages there are: what is open is looked up in the
index of what is open, and never beyond MOST; what was dealt with is read from the tallies.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db.models import Count, Min, Q, Sum
from django.utils import timezone

from common.remembered import Remembered
from notifications.clock import today
from notifications.models import Message, Spending, Tally
from notifications.tallies import BEYOND, NO_ATTEMPT
from outbox.models import Channel

# More open messages than that are not counted.
MOST = 100_000
# How long a process shows the same numbers.
SECONDS = 5.0

Status = Message.Status


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is not settled, each number MOST at most."""

    due: int
    in_hand: int
    waiting: int
    unknown: int
    oldest_due_seconds: float
    # Until when nothing is handed to the gateway, which was found away.
    paused_until: datetime | None


@dataclass(frozen=True, slots=True)
class Spent:
    """What was accepted today (in DEFAULT_TIME_ZONE), in one currency."""

    currency: str
    messages: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Latency:
    """Bounds in seconds, which half and 95 % of the attempts of the last hour kept.

    None is beyond what is measured.
    """

    gateway: str
    attempts: int
    half: float | None
    most: float | None


def read_backlog() -> Backlog:
    """What is not settled at this moment. Three queries."""
    now = timezone.now()
    pending = Message.objects.filter(status=Status.PENDING).order_by("next_attempt_at")
    is_due = Q(next_attempt_at__lte=now)
    in_hand = ~is_due & Q(claimed_at__isnull=False)
    counts = pending.values("next_attempt_at", "claimed_at")[:MOST].aggregate(
        due=Count("next_attempt_at", filter=is_due),
        in_hand=Count("next_attempt_at", filter=in_hand),
        waiting=Count("next_attempt_at", filter=~is_due & Q(claimed_at__isnull=True)),
        oldest=Min("next_attempt_at"),
    )
    oldest = counts.pop("oldest") or now
    channel = Channel.objects.filter(name=Message.channel_name())
    return Backlog(
        **counts,
        unknown=Message.objects.filter(status=Status.UNKNOWN)[:MOST].count(),
        oldest_due_seconds=max(0.0, (now - oldest).total_seconds()),
        paused_until=channel.values_list("open_until", flat=True).first(),
    )


def read_oldest_due() -> float:
    """For how many seconds the message that is longest due has been so; 0 if none is."""
    now = timezone.now()
    oldest = Message.due(now).values_list("next_attempt_at", flat=True).first()
    return (now - oldest).total_seconds() if oldest else 0.0


oldest_due = Remembered(read_oldest_due, seconds=SECONDS)


def late() -> str | None:
    """The warning of `/readyz` when messages are not delivered in time."""
    seconds = oldest_due()
    if seconds <= settings.READY_WARN_AFTER_SECONDS:
        return None
    return f"A message has been due for {seconds:.0f} seconds."


def spent_today() -> list[Spent]:
    """What today's messages came to so far, by currency."""
    sums = Spending.objects.filter(day=today(timezone.now())).order_by("currency")
    grouped = sums.values_list("currency").annotate(Sum("messages"), Sum("amount"))
    return [Spent(currency, messages, amount) for currency, messages, amount in grouped]


def outcomes(*, within: timedelta) -> dict[str, int]:
    """How many messages came to each status since; "pending" is an attempt to be repeated."""
    since = timezone.now() - within
    counted = Tally.objects.filter(minute__gte=since).values_list("status")
    return dict(counted.annotate(Sum("messages")).order_by("status"))


def sent_per_minute(*, minutes: int = 5) -> float:
    """How many messages the gateways accepted per minute, in the last whole minutes."""
    end = timezone.now().replace(second=0, microsecond=0)
    counted = Tally.objects.filter(
        status=Status.SENT, minute__gte=end - timedelta(minutes=minutes), minute__lt=end
    )
    return (counted.aggregate(sent=Sum("messages"))["sent"] or 0) / minutes


def latencies(*, within: timedelta) -> list[Latency]:
    """How long the attempts since took, by gateway."""
    since = timezone.now() - within
    attempts = Tally.objects.filter(minute__gte=since).exclude(bound=NO_ATTEMPT)
    by_gateway: dict[str, Counter[int]] = {}
    for gateway, bound, messages in (
        attempts.values_list("gateway", "bound").annotate(Sum("messages")).order_by("gateway")
    ):
        by_gateway.setdefault(gateway, Counter())[bound] = messages
    return [
        Latency(gateway, bounds.total(), quantile(bounds, 0.5), quantile(bounds, 0.95))
        for gateway, bounds in by_gateway.items()
    ]


def quantile(bounds: Counter[int], share: float) -> float | None:
    """The bound in seconds under which at least `share` of what was counted lies."""
    left = share * bounds.total()
    for bound in sorted(bounds):
        left -= bounds[bound]
        if left <= 0:
            return seconds_of(bound)
    return None


def seconds_of(bound: int) -> float | None:
    return None if bound == BEYOND else bound / 1000


@dataclass(frozen=True, slots=True)
class Overview:
    """What the admin shows."""

    backlog: Backlog
    sent_per_minute: float
    outcomes: list[tuple[Message.Status, int]]
    latencies: list[Latency]
    spent: list[Spent]


def read_overview() -> Overview:
    """All of it. Seven queries."""
    found = outcomes(within=timedelta(hours=24))
    return Overview(
        backlog=read_backlog(),
        sent_per_minute=sent_per_minute(),
        outcomes=[(status, found.get(status, 0)) for status in Status],
        latencies=latencies(within=timedelta(hours=1)),
        spent=spent_today(),
    )


overview = Remembered(read_overview, seconds=SECONDS)
