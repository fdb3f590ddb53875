"""`sms_status`, `sms_sent` and `sms_reason` on an order's representation."""

from typing import Any

from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import JSONObject
from rest_framework import serializers

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


class SmsField(serializers.Field[Any, Any, Any, Any]):
    """One member of an order, from the message that confirms it; null when there is none."""

    def __init__(self, member: str, **kwargs: Any) -> None:
        self.member = member
        super().__init__(source="*", read_only=True, **kwargs)

    def to_representation(self, order: Order) -> Any:
        if not (sms := getattr(order, "sms", None)):
            return False if self.member == "sms_sent" else None
        match self.member:
            case "sms_status":
                return shown(sms["status"])
            case "sms_sent":
                return shown(sms["status"]) in REACHING
            case _:
                return sms["reason"] or None


def annotation() -> Subquery[Any]:
    """The status and the reason of an order's confirmation, as JSON."""
    confirmation = Message.objects.filter(order=OuterRef("pk"), kind=Message.Kind.ORDER_RECEIVED)
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
        fields=lambda: {name: SmsField(name) for name in ("sms_status", "sms_sent", "sms_reason")},
    )
