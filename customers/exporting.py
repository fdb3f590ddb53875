"""Everything that is held about a customer: the registry of personal data, read out."""

from typing import Any

from django.utils import timezone

from common import personal
from customers.models import Customer
from customers.subjects import subject_of


def export_of(customer: Customer) -> dict[str, Any]:
    """The members of the customer's export, for ExportSerializer. One statement for each."""
    who = subject_of(customer)
    members: dict[str, Any] = {"exported_at": timezone.now()}
    for holding, section in personal.sections():
        rows = section.prepare(holding.rows(who))
        members[section.name] = rows if section.many else rows.first()
    # The instance that the request found: it has `merged_from` if it was asked for by an old id.
    return members | {"customer": customer}
