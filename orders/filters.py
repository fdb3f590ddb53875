import django_filters

from common.filters import CreatedFilter, MomentFilter
from orders.models import Order


class OrderFilter(CreatedFilter):
    """What a list of orders can be narrowed to."""

    customer = django_filters.UUIDFilter("customer_id", help_text="Of the customer with this id.")
    customer_code = django_filters.CharFilter(
        "customer__code", max_length=50, help_text="Of the customer with this code."
    )
    code = django_filters.CharFilter(max_length=50, help_text="With your own order number.")
    status = django_filters.ChoiceFilter(choices=Order.Status.choices, help_text="In this state.")
    ordered_after = MomentFilter("order_time", "gt", help_text="Ordered after this time.")
    ordered_before = MomentFilter("order_time", "lt", help_text="Ordered before this time.")

    # A page of what was ordered in a time is found by that time.
    times = {"ordered_after": "order_time", "ordered_before": "order_time"}

    class Meta:
        model = Order
        fields: tuple[str, ...] = ()
