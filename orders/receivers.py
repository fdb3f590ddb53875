"""What becomes of orders when customers are merged, exported or erased."""

from typing import Any

from django.dispatch import receiver

from customers.signals import Erasing, Export, Joining, erasing, exporting, merged
from orders.models import Order
from orders.serializers import OrderSerializer


@receiver(merged, dispatch_uid="orders.merged")
def on_merged(sender: Any, *, about: Joining, **kwargs: Any) -> None:
    """The survivor gets the orders."""
    about.move(Order)


@receiver(exporting, dispatch_uid="orders.exporting")
def on_exporting(sender: Any, *, about: Export, **kwargs: Any) -> None:
    """All orders, the oldest first."""
    orders = Order.objects.with_members().filter(customer=about.customer_id).order_by("id")
    about.add("orders", OrderSerializer, orders)


@receiver(erasing, dispatch_uid="orders.erasing")
def on_erasing(sender: Any, *, about: Erasing, **kwargs: Any) -> None:
    """Orders stay, with their words and sums; what was logged about them forgets the name."""
    ids = Order.objects.filter(customer=about.customer_id).values_list("pk", flat=True)
    about.forget_history(Order, ids, only_named=True)
