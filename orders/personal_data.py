"""What this app stores about customers: orders stay, without the names and phones in them."""

from common import personal
from common.personal import Section
from orders.models import Order, OrderLine
from orders.serializers import OrderSerializer

personal.declare(
    Order,
    fields={"description": "What was ordered, in words that may name somebody."},
    impersonal=("code", "currency", "status"),
    rows=lambda who: Order.objects.filter(customer__in=who.customers),
    erase=personal.redact("description"),
    counted="orders",
    section=Section(
        "orders",
        OrderSerializer,
        prepare=lambda rows: Order.objects.with_members().filter(pk__in=rows).order_by("id"),
    ),
    keeps_history=True,
)
# Exported with its order.
personal.declare(
    OrderLine,
    fields={"description": "What was ordered, in words that may name somebody."},
    rows=lambda who: OrderLine.objects.filter(order__customer__in=who.customers),
    erase=personal.redact("description"),
    counted="order_lines",
    keeps_history=True,
)
