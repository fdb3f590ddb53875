from uuid import UUID

import django_filters
from django.db.models import QuerySet

from common.filters import CreatedFilter, IdFilter
from customers.lookup import present_id
from notifications.models import Message


class MessageFilter(CreatedFilter):
    """What a list of messages can be narrowed to."""

    status = django_filters.ChoiceFilter(
        choices=[
            ("queued", "queued"),
            *(choice for choice in Message.Status.choices if choice[0] != Message.Status.PENDING),
        ],
        method="as_shown",
        help_text="In this state.",
    )
    order = IdFilter("order_id", help_text="About the order with this id.")
    customer = IdFilter(method="about_customer", help_text="About the customer with this id.")
    to = django_filters.CharFilter(max_length=16, help_text="To this number, in E.164.")

    def as_shown(self, rows: object, name: str, status: str) -> object:
        """By the status as partners see it: `pending` is called `queued`."""
        stored = Message.Status.PENDING if status == "queued" else status
        return rows.filter(status=stored)  # type: ignore[attr-defined]

    def about_customer(
        self, rows: QuerySet[Message], name: str, customer_id: UUID
    ) -> QuerySet[Message]:
        """By the customer's id, or the one that they had before a merge."""
        return rows.filter(customer=present_id(customer_id))

    class Meta:
        model = Message
        fields: tuple[str, ...] = ()
