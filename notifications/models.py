"""Every SMS about a customer: what it says, to whom, and what became of it."""

from django.db import models

from customers.models import Customer
from notifications.gateways import gateway
from orders.models import Order
from outbox.models import Delivery
from outbox.outcomes import Outcome, Refused


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

    class Kind(models.TextChoices):
        ORDER_RECEIVED = "order_received"

    kind = models.CharField(max_length=50, choices=Kind)
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
            return Refused("There is no number to send it to.")
        return gateway().send(to=self.to, text=self.text)
