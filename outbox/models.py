"""Something that an outside service must get: a row that commits with its cause.

The row is the truth. Workers come and go; whatever is pending and due is delivered by
whichever claims it first.
"""

from datetime import datetime
from typing import Self

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
        """Hands it to the outside service once. Runs outside any transaction; never raises."""
        raise NotImplementedError

    @classmethod
    def due(cls, now: datetime) -> QuerySet[Self]:
        """What is to be attempted at `now`, the longest due first."""
        pending = cls._default_manager.filter(status=cls.Status.PENDING, next_attempt_at__lte=now)
        return pending.order_by("next_attempt_at")
