"""Everything that is held about a customer, from every app."""

from typing import Any
from uuid import UUID

from django.utils import timezone

from customers import signals
from customers.models import Customer
from customers.signals import Section


def sections(customer_id: UUID) -> dict[str, Section]:
    """What each app has about a customer; nothing is read yet."""
    about = signals.Export(customer_id)
    signals.exporting.send(Customer, about=about)
    return about.sections


def export_of(customer: Customer) -> dict[str, Any]:
    """The members of the customer's export, for ExportSerializer. One statement for each."""
    return {
        "exported_at": timezone.now(),
        "customer": customer,
        "login": customer.user,
        "merges": customer.merges.order_by("id"),
        **{name: each.rows for name, each in sections(customer.pk).items()},
    }
