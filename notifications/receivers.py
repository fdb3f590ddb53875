"""The one wire from orders to SMS; and what becomes of messages with their customer."""

from typing import Any

from django.db.models.signals import post_save
from django.dispatch import receiver

from customers.signals import Joining, merged
from notifications import kinds
from notifications.models import Message
from notifications.order_members import show_on
from notifications.services import queue_for_order
from orders.models import Order

# What an order's new status tells its customer.
OF_STATUS: dict[str, str] = {
    Order.Status.READY: kinds.ORDER_READY,
    Order.Status.CANCELLED: kinds.ORDER_CANCELLED,
}


@receiver(post_save, sender=Order, dispatch_uid="notifications.order_received")
def on_order_saved(
    sender: type[Order], instance: Order, *, created: bool, raw: bool = False, **kwargs: Any
) -> None:
    """Confirms a new order, if it may be, and tells a new status. Fixtures (`raw`) tell nobody."""
    if raw or not instance.announce:
        return
    if created:
        show_on(instance, queue_for_order(instance))
    elif instance.status in OF_STATUS and instance.status_is_new(kwargs["update_fields"]):
        queue_for_order(instance, OF_STATUS[instance.status])


@receiver(merged, dispatch_uid="notifications.merged")
def on_merged(sender: Any, *, about: Joining, **kwargs: Any) -> None:
    """The survivor gets the messages."""
    about.move(Message)
