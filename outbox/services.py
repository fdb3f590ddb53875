"""Claim, screen, attempt: the steps of a delivery before it is recorded (`outbox.recording`)."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.db import Error as DatabaseFailure
from django.db import transaction
from django.db.models import F, Subquery
from django.utils import timezone

from outbox import channels
from outbox.models import Channel, Delivery
from outbox.outcomes import Outcome, Postponed, Unknown
from outbox.recording import show, tell

logger = logging.getLogger(__name__)

D = TypeVar("D", bound=Delivery)


def delivery_models() -> list[type[Delivery]]:
    """Every kind of delivery that an installed app defines."""
    return [model for model in apps.get_models() if issubclass(model, Delivery)]


def claim(model: type[D], *, most: int) -> list[D]:
    """Up to `most` due rows, which nobody else attempts until their lease ends.

    One short transaction; the rows come back with the new number of attempts. Only as many
    as can be attempted at once should be asked for: what a worker holds when it is killed
    ends as `unknown`. None while the service's breaker is open or its rate used up.
    """
    now = timezone.now()
    open_until = Channel.objects.filter(name=model.channel_name()).values("open_until")
    # Asked first without a transaction: on SQLite each one takes the only write lock.
    due = model.due(now).values_list(Subquery(open_until))[:1]
    if not due:
        return []
    is_limited = channels.is_limited(due[0][0])
    rows: list[D] = []
    try:
        with transaction.atomic():
            channel = channels.locked(model.channel_name()) if is_limited else None
            room = channels.room(channel, most, now) if channel else most
            rows = unclaimed(model, room, now)
            hold(rows, now, is_probe=bool(channel and channel.open_until))
            if channel and rows:
                channels.take(channel, len(rows), now)
    except DatabaseFailure as error:
        raise ClaimInDoubt(model, rows, now) from error
    if is_limited and not rows:
        settle_abandoned(model)
    return rows


def unclaimed(model: type[D], most: int, now: datetime) -> list[D]:
    """Up to `most` due rows, locked. Those that a dead worker held are settled on the way."""
    while most and (rows := lock_due(model, most, now)):
        free = [row for row in rows if row.claimed_at is None]
        give_up([row for row in rows if row.claimed_at], now)
        if free:
            return free
    return []


def lock_due(model: type[D], most: int, now: datetime) -> list[D]:
    """Due rows that nobody else has locked; the caller is in a transaction."""
    return list(model.due(now).select_for_update(skip_locked=True)[:most])


def hold(rows: Sequence[Delivery], now: datetime, *, is_probe: bool) -> None:
    """Counts the attempt and stamps the claim on locked rows, here and in the database."""
    if not rows:
        return
    type(rows[0])._default_manager.filter(pk__in=[row.pk for row in rows]).update(
        attempts=F("attempts") + 1,
        claimed_at=now,
        next_attempt_at=now + timedelta(seconds=settings.DELIVERY_LEASE_SECONDS),
        updated_at=now,
    )
    for row in rows:
        row.attempts += 1
        row.claimed_at = now
        row.is_probe = is_probe


class ClaimInDoubt(Exception):  # noqa: N818 - what it is, not what went wrong
    """The database went away during a claim. It may be stored; its rows were not attempted."""

    def __init__(
        self, model: type[Delivery], rows: Sequence[Delivery], claimed_at: datetime
    ) -> None:
        super().__init__(f"{len(rows)} rows of {model.__name__}")
        self.model = model
        self.ids = [row.pk for row in rows]
        self.claimed_at = claimed_at

    def give_back(self) -> None:
        """Lets the rows fall due again at once, as if the claim had not been."""
        self.model._default_manager.filter(
            pk__in=self.ids, claimed_at=self.claimed_at, status=self.model.Status.PENDING
        ).update(
            attempts=F("attempts") - 1,
            claimed_at=None,
            next_attempt_at=self.claimed_at,
            updated_at=self.claimed_at,
        )


def settle_abandoned(model: type[Delivery]) -> int:
    """Marks as `unknown` what a worker held when it died; the number of such rows.

    Claims do the same with those that they come upon; this finds them all at once.
    """
    now = timezone.now()
    with transaction.atomic():
        held = model.due(now).filter(claimed_at__isnull=False)
        rows = list(held.select_for_update(skip_locked=True)[:1000])
        give_up(rows, now)
    return len(rows)


def give_up(rows: Sequence[Delivery], now: datetime) -> None:
    """Marks locked rows as `unknown`.

    They may have been sent, and no service has an idempotency key: never sent again by itself.
    """
    if not rows:
        return
    model = type(rows[0])
    columns = {
        "status": model.Status.UNKNOWN,
        "claimed_at": None,
        "last_error": "The worker stopped during the attempt; it may have been sent.",
        "updated_at": now,
    }
    model._default_manager.filter(pk__in=[row.pk for row in rows]).update(**columns)
    tell(model, [show(row, columns) for row in rows])


def screen(rows: Sequence[Delivery]) -> Mapping[UUID, Outcome]:
    """What is known of a claimed batch before anything is attempted; those are only recorded.

    When our own rules break, nothing was attempted: the rows wait and come again.
    """
    if not rows:
        return {}
    try:
        return type(rows[0]).screen(rows)
    except Exception as error:
        logger.exception("%s rows could not be screened", len(rows))
        until = timezone.now() + timedelta(seconds=settings.DELIVERY_BACKOFF_SECONDS)
        reason = f"It could not be decided whether to send it: {type(error).__name__}."
        return dict.fromkeys([row.pk for row in rows], Postponed(until, reason))


def attempt(delivery: Delivery) -> Outcome:
    """The outcome of one attempt. An error of our own may have come after the sending."""
    try:
        return delivery.attempt()
    except Exception as error:
        logger.exception("Attempt %s of %s failed", delivery.attempts, delivery.pk)
        return Unknown(f"The attempt failed on our side: {type(error).__name__}.")
