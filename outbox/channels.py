"""The rate towards an outside service, and the breaker that leaves it alone while it is away.

Both live in one row, which is locked for the moment of a claim or of a batch of outcomes. So
they hold for all workers on all machines together, whichever engine runs them.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import takewhile

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from outbox.models import Channel, Delivery
from outbox.outcomes import NotSent, Outcome, Postponed, Skipped, Unknown

LONGEST_PAUSE = timedelta(minutes=5)


def locked(name: str) -> Channel:
    """The channel's row, made if there is none; nobody else has it until the transaction ends."""
    return Channel.objects.select_for_update().get_or_create(name=name)[0]


def is_limited(open_until: datetime | None) -> bool:
    """Whether a claim must ask the channel at all."""
    return open_until is not None or settings.DELIVERY_RATE_PER_SECOND > 0


def room(channel: Channel, most: int, now: datetime) -> int:
    """How many of `most` may be claimed now: one when the service is to be probed."""
    if channel.open_until:
        most = min(most, 1) if channel.open_until <= now else 0
    rate = settings.DELIVERY_RATE_PER_SECOND
    if rate > 0:
        refill(channel, rate, now)
        most = min(most, int(channel.tokens))
    return most


def refill(channel: Channel, rate: float, now: datetime) -> None:
    """Adds what has flowed into the bucket since; it holds what one second brings."""
    full = max(rate, 1.0)
    passed = now - channel.refilled_at if channel.refilled_at else timedelta.max
    channel.tokens = min(full, channel.tokens + rate * max(passed.total_seconds(), 0.0))
    # The clocks of two machines differ: what one has counted, the other does not count again.
    channel.refilled_at = max(now, channel.refilled_at or now)


def take(channel: Channel, count: int, now: datetime) -> None:
    """Notes that so many were claimed. The one that probes an open channel is alone at that."""
    channel.tokens = max(0.0, channel.tokens - count)
    if channel.open_until:
        channel.probing = True
        channel.open_until = now + timedelta(seconds=settings.DELIVERY_LEASE_SECONDS)
    channel.save()


def finds_away(outcome: Outcome) -> bool:
    """Whether an attempt found the service away, or swallowing without an answer."""
    return isinstance(outcome, Unknown) or (isinstance(outcome, NotSent) and outcome.away)


def learn(model: type[Delivery], outcomes: Iterable[Outcome]) -> None:
    """Opens or closes the channel after a batch of outcomes, in the order in which they came.

    To be called in the transaction that writes them. Costs one query that finds nothing while
    all is well.
    """
    name = model.channel_name()
    attempted = [each for each in outcomes if not isinstance(each, Skipped | Postponed)]
    away_at_last = sum(1 for _ in takewhile(finds_away, reversed(attempted)))
    if away_at_last < len(attempted):
        answered(Channel.objects.filter(name=name))
    if away_at_last:
        found_away(locked(name), away_at_last)
    elif not attempted:
        # The row that was to probe was not attempted after all: another may.
        Channel.objects.filter(name=name, probing=True).update(
            probing=False, open_until=timezone.now()
        )


def answered(channels: QuerySet[Channel]) -> None:
    """The service is there: everything may go."""
    channels.filter(failures__gt=0).update(failures=0, openings=0, open_until=None, probing=False)


def found_away(channel: Channel, times: int) -> None:
    """Counts towards the limit, and pauses the claims when it is reached or a probe failed.

    What was under way when the channel opened ends soon after, and changes nothing.
    """
    if channel.open_until and not channel.probing:
        return
    channel.failures += times
    if channel.probing or channel.failures >= settings.DELIVERY_BREAKER_FAILURES:
        channel.open_until = timezone.now() + pause(channel.openings)
        channel.openings += 1
        channel.probing = False
    channel.save()


def pause(openings: int) -> timedelta:
    """How long claims pause after so many pauses in a row: doubled each time, 5 minutes at most."""
    first = timedelta(seconds=float(settings.DELIVERY_BREAKER_SECONDS))
    full: timedelta = min(first * 2 ** min(openings, 20), LONGEST_PAUSE)
    return full
