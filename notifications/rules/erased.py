"""Nothing is sent about somebody who was erased after a worker had claimed it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from notifications.erasing import ERASED_CUSTOMER
from notifications.models import Message
from outbox.outcomes import Outcome, Skipped


def stopped(rows: Sequence[Message], now: datetime) -> dict[UUID, Outcome]:
    """Skips what has no number any more, as the database knows it now. One statement."""
    sendable = [row.pk for row in rows if row.to]
    erased = Message.objects.filter(pk__in=sendable, to="").order_by()
    return dict.fromkeys(erased.values_list("pk", flat=True), Skipped(ERASED_CUSTOMER))
