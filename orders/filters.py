from uuid import UUID

import django_filters
from django.db.models import QuerySet

from common.filters import CreatedFilter, IdFilter, MomentFilter
from customers.lookup import customer_id_of, present_id
from orders.models import Order


class OrderFilter(CreatedFilter):
    """What a list of orders can be narrowed to."""

    customer = IdFilter(method="with_id", help_text="Of the customer with this id.")
    customer_code = django_filters.CharFilter(
        method="with_code", max_length=50, help_text="Of the customer with this code."
    )
    code = django_filters.CharFilter(max_length=50, help_text="With your own order number.")
    status = django_filters.ChoiceFilter(choices=Order.Status.choices, help_text="In this state.")
    ordered_after = MomentFilter("order_time", "gt", help_text="Ordered after this time.")
    ordered_before = MomentFilter("order_time", "lt", help_text="Ordered before this time.")

    # A page of what was ordered in a time is found by that time.
    times = {"ordered_after": "order_time", "ordered_before": "order_time"}

    def with_id(self, rows: QuerySet[Order], name: str, customer_id: UUID) -> QuerySet[Order]:
        """By the customer's id, or the one that they had before a merge."""
        return rows.filter(customer=present_id(customer_id))

    def with_code(self, rows: QuerySet[Order], name: str, code: str) -> QuerySet[Order]:
        """By the customer's code, or the one that they had before a merge."""
        return rows.filter(customer=customer_id_of(code=code))

    class Meta:
        model = Order
        fields: tuple[str, ...] = ()
