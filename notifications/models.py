"""Every SMS about a customer: what it says, to whom, and what became of it."""

import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Self
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models

from common.models import BaseModel
from customers.fields import LanguageField, PhoneNumberField
from customers.models import Customer
from customers.normalise import LONGEST_LANGUAGE
from notifications import kinds, wording
from notifications.gateways import send
from orders.models import Order
from outbox.models import Delivery
from outbox.outcomes import Outcome, Refused

LONGEST_TEXT = 1000
NO_NUMBER = "There is no number to send it to."


class Message(Delivery):
    """An SMS. Its text is rendered when its cause commits, and kept."""

    class Status(models.TextChoices):
        PENDING = "pending"
        SENT = "sent"
        DELIVERED = "delivered"
        UNDELIVERED = "undelivered"
        FAILED = "failed"
        UNKNOWN = "unknown"
        SKIPPED = "skipped"

    # One of `kinds`; which there are is for the apps to say, not for the database.
    kind = models.CharField(max_length=50)
    # What became of a message outlives the order and the customer it was about.
    order = models.ForeignKey(
        Order, on_delete=models.SET_NULL, null=True, blank=True, related_name="messages"
    )
    customer = models.ForeignKey(
        Customer, on_delete=models.SET_NULL, null=True, blank=True, related_name="messages"
    )
    to = models.CharField(max_length=16, blank=True, help_text="E.164")
    text = models.TextField()
    status = models.CharField(max_length=16, choices=Status, default=Status.PENDING)
    # The columns below have a default in the database as well: while a release rolls out,
    # processes of the one before it go on inserting.
    essential = models.BooleanField(
        default=False, db_default=False, help_text="Sent whatever opt-out, hour and caps say."
    )
    principal = models.CharField(
        max_length=300, blank=True, default="", db_default="", help_text="Whose request it was."
    )
    gateway = models.CharField(
        max_length=50, blank=True, default="", db_default="", help_text="Which one took it."
    )
    cost = models.DecimalField(max_digits=12, decimal_places=4, null=True, blank=True)
    cost_currency = models.CharField(max_length=3, blank=True, default="", db_default="")

    # How long the attempt took that this process made; not stored.
    seconds: float | None = None

    class Meta(Delivery.Meta):
        indexes = [
            *Delivery.Meta.indexes,
            models.Index(fields=["status", "-id"], name="message_status_newest"),
            models.Index(fields=["to", "-id"], name="message_to_newest"),
            models.Index(fields=["customer", "-id"], name="message_customer_newest"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["order", "kind"], name="message_once_per_order")
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.to or 'nobody'}: {self.status}"

    def attempt(self) -> Outcome:
        if not self.to:
            # Its customer was erased while it waited to be tried again.
            return Refused(NO_NUMBER)
        started = time.monotonic()
        outcome = send(to=self.to, text=self.text)
        self.seconds = time.monotonic() - started
        return outcome

    @classmethod
    def screen(cls, rows: Sequence[Self]) -> Mapping[UUID, Outcome]:
        """What the sending rules say of those of `rows` that they do not let through now."""
        from notifications.rules import screened  # noqa: PLC0415 - the rules ask these models

        return screened(rows)

    @classmethod
    def after_recording(cls, rows: Sequence[Self]) -> None:
        """Counts what was spent, and applies reports that were faster than their answer."""
        from notifications import (  # noqa: PLC0415 - they write these
            erasing,
            reports,
            spending,
            tallies,
        )

        tallies.count_attempts(rows)
        spending.count(rows)
        reports.apply_early(rows)
        erasing.blank_what_came_after(rows)


class Template(BaseModel):
    """What staff want a kind of message to say in a language."""

    kind = models.CharField(max_length=50)
    language = LanguageField(max_length=LONGEST_LANGUAGE, help_text="BCP 47: en, sw, pt-BR.")
    text = models.TextField(
        max_length=LONGEST_TEXT, help_text="May name variables: {customer_name}."
    )
    essential = models.BooleanField(
        default=False, help_text="Sent whatever the customer's opt-out, the hour and the caps say."
    )
    active = models.BooleanField(default=True, help_text="If not, the built-in text is used.")

    class Meta(BaseModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "language"],
                name="template_once_per_language",
                violation_error_code="unique",
                violation_error_message="There is a template of this kind in this language.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} ({self.language})"

    def clean(self) -> None:
        """Refuses a kind that nobody registered, and a text that names what the kind lacks."""
        try:
            known = kinds.kind_of(self.kind).variables
        except KeyError:
            raise ValidationError({"kind": "There is no such kind of message."}) from None
        try:
            wording.check(self.text, known)
        except ValueError as error:
            raise ValidationError({"text": str(error)}) from error


class Report(BaseModel):
    """A delivery report, as it came. Its message is found by id and phone together."""

    provider_id = models.CharField(max_length=200, db_index=True)
    phone = models.CharField(max_length=16)
    status = models.CharField(max_length=50)
    failure_reason = models.CharField(max_length=200, blank=True)
    network_code = models.CharField(max_length=20, blank=True)
    message = models.ForeignKey(
        Message, on_delete=models.CASCADE, null=True, blank=True, related_name="reports"
    )

    class Meta(BaseModel.Meta):
        indexes = [
            # What waits for its message.
            models.Index(
                fields=["phone"], name="report_unmatched", condition=models.Q(message=None)
            )
        ]

    def __str__(self) -> str:
        return f"{self.status} for {self.phone}"


class Decision(BaseModel):
    """Who or what settled a message whose outcome nobody knew, or had it sent again."""

    class Action(models.TextChoices):
        RESEND = "resend", "Send again"
        SENT = "sent", "Mark as sent"
        FAILED = "failed", "Mark as failed"
        REPORTED = "reported", "Settled by a report"

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="decisions")
    action = models.CharField(max_length=10, choices=Action)
    by = models.CharField(max_length=300)
    was = models.CharField(max_length=16, help_text="The message's status before.")
    reason = models.CharField(max_length=500, blank=True)

    def __str__(self) -> str:
        return f"{self.get_action_display()}, by {self.by}"


class OptOut(BaseModel):
    """A phone that wants no messages."""

    phone = PhoneNumberField(max_length=16)
    source = models.CharField(max_length=50, blank=True, editable=False)

    class Meta(BaseModel.Meta):
        verbose_name = "opt-out"
        constraints = [
            models.UniqueConstraint(
                fields=["phone"],
                name="opt_out_once",
                violation_error_code="unique",
                violation_error_message="This phone has opted out already.",
            )
        ]

    def __str__(self) -> str:
        return str(self.phone)


class ErasedOptOut(BaseModel):
    """An opt-out whose phone was erased: a keyed digest of it (`digests.py`)."""

    digest = models.CharField(max_length=64)
    source = models.CharField(max_length=50, blank=True)

    class Meta(BaseModel.Meta):
        verbose_name = "erased opt-out"
        constraints = [models.UniqueConstraint(fields=["digest"], name="erased_opt_out_once")]

    def __str__(self) -> str:
        return f"{self.digest[:12]}, by {self.source}"


class ConsentChange(BaseModel):
    """That a phone opted out, or in again. Never changed: the record of who wanted what when."""

    phone = models.CharField(max_length=16, db_index=True)
    opted_out = models.BooleanField()
    source = models.CharField(max_length=50)

    def __str__(self) -> str:
        return f"{self.phone} {'out' if self.opted_out else 'in'} by {self.source}"


class IncomingMessage(BaseModel):
    """An SMS that a customer sent us."""

    provider_id = models.CharField(max_length=200)
    phone = models.CharField(max_length=16)
    to = models.CharField(max_length=50, blank=True)
    text = models.TextField(blank=True)

    class Meta(BaseModel.Meta):
        constraints = [
            # The service repeats a call that it believes to have failed.
            models.UniqueConstraint(fields=["provider_id"], name="incoming_message_once")
        ]

    def __str__(self) -> str:
        return f"from {self.phone}"


class Spending(models.Model):
    """What a partner's messages of a day came to, as the gateway's answers say."""

    day = models.DateField(help_text="In DEFAULT_TIME_ZONE.")
    principal = models.CharField(max_length=300, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    messages = models.PositiveIntegerField(default=0)
    amount = models.DecimalField(max_digits=14, decimal_places=4, default=Decimal)

    class Meta:
        ordering = ["-day", "principal", "currency"]
        verbose_name_plural = "spending"
        constraints = [
            models.UniqueConstraint(
                fields=["day", "principal", "currency"], name="spending_once_per_day"
            )
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.currency} {self.amount}"


class Tally(models.Model):
    """How many messages came to a status in a minute, and how long their attempts took.

    `bound` is the upper bound in milliseconds of the time an attempt took (`tallies.BOUNDS`).
    """

    minute = models.DateTimeField()
    gateway = models.CharField(max_length=50)
    status = models.CharField(max_length=16)
    bound = models.PositiveIntegerField()
    messages = models.PositiveBigIntegerField()
    milliseconds = models.PositiveBigIntegerField(help_text="Of all of them together.")

    class Meta:
        verbose_name_plural = "tallies"
        constraints = [
            models.UniqueConstraint(
                fields=["minute", "gateway", "status", "bound"], name="tally_once_per_minute"
            )
        ]

    def __str__(self) -> str:
        return f"{self.minute}: {self.messages} {self.status} by {self.gateway}"
