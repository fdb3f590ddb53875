"""At night, as the customer's clock has it, nothing goes out but what is essential."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings

from customers.models import Customer
from notifications.clock import next_allowed, parse_window, zone_of
from notifications.models import Message
from outbox.outcomes import Outcome, Postponed


def stopped(rows: Sequence[Message], now: datetime) -> dict[UUID, Outcome]:
    """Postpones messages to the end of the customer's quiet hours. At most one statement."""
    window = parse_window(settings.QUIET_HOURS)
    asked = [row for row in rows if not row.essential]
    if window is None or not asked:
        return {}
    customers = Customer.objects.filter(pk__in={row.customer_id for row in asked})
    zones = dict(customers.values_list("pk", "time_zone"))
    waiting: dict[UUID, Outcome] = {}
    for row in asked:
        zone = zone_of(zones.get(row.customer_id, "") if row.customer_id else "")
        if (until := next_allowed(now, window, zone)) > now:
            waiting[row.pk] = Postponed(until, f"Quiet hours ({settings.QUIET_HOURS}, {zone.key}).")
    return waiting
