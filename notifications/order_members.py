"""`sms_status`, `sms_sent` and `sms_reason` on an order's representation."""

from typing import Any

from django.db.models import F, OuterRef, Subquery
from rest_framework import serializers

from common.aggregates import JSONObject
from common.representation import Derived
from notifications import kinds
from notifications.models import Message
from orders.members import contribute
from orders.models import Order

# On its way, or there.
REACHING = frozenset({"queued", "sent", "delivered"})


def shown(status: str) -> str:
    """A message's status as partners see it: `pending` is called `queued`."""
    return "queued" if status == Message.Status.PENDING else status


def show_on(order: Order, message: Message) -> None:
    """Lets an order that was just made show its message without reading it back."""
    order.sms = {"status": message.status, "reason": message.last_error}  # type: ignore[attr-defined]


class ShownStatusField(serializers.ChoiceField):
    """A message's status as partners see it."""

    def __init__(self, **kwargs: Any) -> None:
        choices = [shown(status) for status in Message.Status.values]
        super().__init__(**{"choices": choices, "read_only": True, **kwargs})

    def to_representation(self, status: str) -> str:
        return shown(status)


Sms = dict[str, str] | None


class SmsStatusField(Derived, ShownStatusField):
    """Of the message that confirms an order; null when there is none."""

    columns = ("sms",)

    def make(self, sms: Sms) -> str | None:
        return shown(sms["status"]) if sms else None


class SmsSentField(Derived, serializers.BooleanField):
    """Whether an SMS about the order is on its way, or there."""

    columns = ("sms",)

    def make(self, sms: Sms) -> bool:
        return sms is not None and shown(sms["status"]) in REACHING


class SmsReasonField(Derived, serializers.CharField):
    """Why no SMS arrives, if one does not; null otherwise."""

    columns = ("sms",)

    def make(self, sms: Sms) -> str | None:
        return (sms["reason"] or None) if sms else None


def sms_fields() -> "dict[str, serializers.Field[Any, Any, Any, Any]]":
    """The members that an order shows, fresh for one serializer."""
    return {
        "sms_status": SmsStatusField(allow_null=True),
        "sms_sent": SmsSentField(),
        "sms_reason": SmsReasonField(allow_null=True),
    }


def annotation() -> Subquery[Any]:
    """The status and the reason of an order's confirmation, as JSON."""
    confirmation = Message.objects.filter(order=OuterRef("pk"), kind=kinds.ORDER_RECEIVED)
    return Subquery(
        confirmation.order_by().values(
            sms=JSONObject(status=F("status"), reason=F("last_error")),
        )
    )


def contribute_to_orders() -> None:
    """Called once, when the app is ready."""
    contribute(
        "sms",
        annotation=annotation,
        fields=sms_fields,
    )
