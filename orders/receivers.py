"""What becomes of orders when customers are merged."""

from typing import Any

from django.dispatch import receiver

from customers.signals import Joining, merged
from orders.models import Order


@receiver(merged, dispatch_uid="orders.merged")
def on_merged(sender: Any, *, about: Joining, **kwargs: Any) -> None:
    """The survivor gets the orders."""
    about.move(Order)
