"""Something that an outside service must get: a row that commits with its cause.

The row is the truth. Workers come and go; whatever is pending and due is delivered by
whichever claims it first.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar, Self
from uuid import UUID

from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone

from common.models import BaseModel
from outbox.outcomes import Outcome


class Delivery(BaseModel):
    """One thing to deliver, and how far it has come.

    A claim counts the attempt, stamps `claimed_at` and lets the row fall due again when the
    lease ends; the outcome clears the stamp. So a row that falls due with the stamp still on
    it was in the hands of a worker that died, maybe after sending: that is `unknown`.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        SENT = "sent"
        FAILED = "failed"
        UNKNOWN = "unknown"
        SKIPPED = "skipped"

    # Deliveries of one channel go to the same service: they share its rate and its breaker.
    # Empty is a channel for this model alone.
    channel: ClassVar[str] = ""
    # Claimed to find out whether the service is back; set by the claim, not stored.
    is_probe = False

    status = models.CharField(max_length=16, choices=Status, default=Status.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    claimed_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)
    provider_id = models.CharField(max_length=200, blank=True, db_index=True)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta(BaseModel.Meta):
        abstract = True
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                name="%(class)s_due",
                condition=Q(status="pending"),
            )
        ]

    def attempt(self) -> Outcome:
        """Hands it to the outside service once. Runs outside any transaction; never raises.

        One of many threads runs it: what it needs of the database belongs into `screen`.
        """
        raise NotImplementedError

    @classmethod
    def screen(cls, rows: Sequence[Self]) -> Mapping[UUID, Outcome]:  # noqa: ARG003
        """What is known of claimed rows before anything is attempted; those are not attempted.

        Asked once for each batch, outside any transaction.
        """
        return {}

    @classmethod
    def after_recording(cls, rows: Sequence[Self]) -> None:
        """Hears of a batch whose outcomes were just written, in the same transaction.

        The rows are as they are stored now.
        """

    @classmethod
    def due(cls, now: datetime) -> QuerySet[Self]:
        """What is to be attempted at `now`, the longest due first."""
        pending = cls._default_manager.filter(status=cls.Status.PENDING, next_attempt_at__lte=now)
        return pending.order_by("next_attempt_at")

    @classmethod
    def channel_name(cls) -> str:
        """The name of the `Channel` of these deliveries."""
        return cls.channel or cls._meta.label


class Channel(models.Model):
    """What all workers know together about an outside service: its rate and its breaker.

    There is no row as long as the rate is unlimited and the service has never been away.
    """

    name = models.CharField(primary_key=True, max_length=100)
    # The token bucket: what may be claimed at `refilled_at`.
    tokens = models.FloatField(default=0)
    refilled_at = models.DateTimeField(null=True)
    # The breaker: how many attempts in a row found the service away; until when nothing is
    # claimed, if it is open; how often it opened without closing; whether a probe is out.
    failures = models.PositiveIntegerField(default=0)
    open_until = models.DateTimeField(null=True)
    openings = models.PositiveIntegerField(default=0)
    probing = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.name
