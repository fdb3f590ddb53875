"""The one wire from orders to SMS."""

from typing import Any

from django.db.models.signals import post_save
from django.dispatch import receiver

from notifications.order_members import show_on
from notifications.services import queue_for_order
from orders.models import Order


@receiver(post_save, sender=Order, dispatch_uid="notifications.order_received")
def on_order_saved(
    sender: type[Order], instance: Order, *, created: bool, raw: bool = False, **kwargs: Any
) -> None:
    """A new order is confirmed to its customer. Fixtures (`raw`) tell nobody."""
    if created and not raw:
        show_on(instance, queue_for_order(instance))
