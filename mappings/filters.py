from uuid import UUID

import django_filters
from django.db.models import QuerySet

from common.filters import CreatedFilter, IdFilter
from customers.lookup import present_id
from mappings.models import App, Mapping


class AppFilter(CreatedFilter):
    """What a list of applications can be narrowed to."""

    class Meta:
        model = App
        fields: tuple[str, ...] = ()


class MappingFilter(CreatedFilter):
    """What a list of mappings can be narrowed to."""

    customer = IdFilter(
        method="of_customer",
        help_text="Of the customer with this id. A form in the body will do, too.",
    )
    app = django_filters.CharFilter(
        method="in_app", max_length=50, help_text="In the application with this slug."
    )

    def of_customer(
        self, rows: QuerySet[Mapping], name: str, customer_id: UUID
    ) -> QuerySet[Mapping]:
        """By the customer's id, or the one that they had before a merge."""
        return rows.filter(customer=present_id(customer_id))

    def in_app(self, rows: QuerySet[Mapping], name: str, slug: str) -> QuerySet[Mapping]:
        """Asked for first: PostgreSQL knows how many rows an id has, but not what a join finds."""
        app = App.objects.filter(slug=slug).first()
        return rows.filter(app=app) if app else rows.none()

    class Meta:
        model = Mapping
        fields: tuple[str, ...] = ()
