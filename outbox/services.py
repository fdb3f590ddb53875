"""Claim, attempt, record: the three steps of a delivery. Both engines call these."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from django.apps import apps
from django.conf import settings
from django.db import Error as DatabaseFailure
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from outbox.backoff import wait_after
from outbox.models import Delivery
from outbox.outcomes import Accepted, NotSent, Outcome, Refused, Unknown

logger = logging.getLogger(__name__)

D = TypeVar("D", bound=Delivery)


def delivery_models() -> list[type[Delivery]]:
    """Every kind of delivery that an installed app defines."""
    return [model for model in apps.get_models() if issubclass(model, Delivery)]


def claim(model: type[D], *, most: int) -> list[D]:
    """Up to `most` due rows, which nobody else attempts until their lease ends.

    One short transaction; the rows come back with the new number of attempts. Only as many
    as can be attempted at once should be asked for: what a worker holds when it is killed
    ends as `unknown`.
    """
    now = timezone.now()
    # Asked first without a transaction: on SQLite each one takes the only write lock.
    if not model.due(now).exists():
        return []
    settle_abandoned(model)
    rows: list[D] = []
    try:
        with transaction.atomic():
            unclaimed = model.due(now).filter(claimed_at__isnull=True)
            rows = list(unclaimed.select_for_update(skip_locked=True)[:most])
            lease_end = now + timedelta(seconds=settings.DELIVERY_LEASE_SECONDS)
            model._default_manager.filter(pk__in=[row.pk for row in rows]).update(
                attempts=F("attempts") + 1,
                claimed_at=now,
                next_attempt_at=lease_end,
                updated_at=now,
            )
    except DatabaseFailure as error:
        raise ClaimInDoubt(model, rows, now) from error
    for row in rows:
        row.attempts += 1
    return rows


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

    It may have been sent, and no service has an idempotency key: never sent again by itself.
    """
    now = timezone.now()
    with transaction.atomic():
        held = model.due(now).filter(claimed_at__isnull=False)
        ids = list(held.select_for_update(skip_locked=True).values_list("pk", flat=True)[:1000])
        if not ids:
            return 0
        return model._default_manager.filter(pk__in=ids).update(
            status=model.Status.UNKNOWN,
            claimed_at=None,
            last_error="The worker stopped during the attempt; it may have been sent.",
            updated_at=now,
        )


def attempt(delivery: Delivery) -> Outcome:
    """The outcome of one attempt. An error of our own may have come after the sending."""
    try:
        return delivery.attempt()
    except Exception as error:
        logger.exception("Attempt %s of %s failed", delivery.attempts, delivery.pk)
        return Unknown(f"The attempt failed on our side: {type(error).__name__}.")


def record(delivery: Delivery, outcome: Outcome) -> bool:
    """Writes what the claimed attempt came to; False if a later claim has taken the row over.

    A row that was given up as `unknown` meanwhile is still corrected: this is the truth.
    """
    now = timezone.now()
    model = type(delivery)
    claimed = model._default_manager.filter(
        pk=delivery.pk,
        attempts=delivery.attempts,
        status__in=[model.Status.PENDING, model.Status.UNKNOWN],
    )
    changes = outcome_fields(delivery, outcome)
    return bool(claimed.update(claimed_at=None, updated_at=now, **changes))


def outcome_fields(delivery: Delivery, outcome: Outcome) -> dict[str, object]:
    """What an outcome changes in the row of the delivery that was attempted."""
    status = type(delivery).Status
    match outcome:
        case Accepted(provider_id):
            return {
                "status": status.SENT,
                "sent_at": timezone.now(),
                "provider_id": provider_id,
                "last_error": "",
            }
        case Refused(reason):
            return {"status": status.FAILED, "last_error": reason[:500]}
        case Unknown(reason):
            return {"status": status.UNKNOWN, "last_error": reason[:500]}
        case NotSent(reason, _) if delivery.attempts >= settings.DELIVERY_MAX_ATTEMPTS:
            return {"status": status.FAILED, "last_error": reason[:500]}
        case NotSent(reason, retry_after):
            wait = max(wait_after(delivery.attempts), retry_after or timedelta())
            return {
                "status": status.PENDING,
                "next_attempt_at": timezone.now() + wait,
                "last_error": reason[:500],
            }
