"""The rules of sending, each a file of this package, asked once for each batch of a worker.

A rule is told which messages are about to be attempted, and answers for those that it does not
let through what becomes of them: `Skipped`, for good, or `Postponed`. It costs the same number
of statements whatever the size of the batch. Another rule is another file, and a name in RULES.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from notifications.models import Message
from notifications.rules import caps, opt_outs, quiet_hours, spending
from outbox.outcomes import Outcome

Stopped = Mapping[UUID, Outcome]
Rule = Callable[[Sequence[Message], datetime], Stopped]

# What is skipped need not wait for the morning; what waits has spent nothing.
RULES: tuple[Rule, ...] = (
    opt_outs.stopped,
    quiet_hours.stopped,
    caps.stopped_for_customers,
    caps.stopped_for_partners,
    spending.stopped,
)


def screened(rows: Sequence[Message]) -> Stopped:
    """What the first rule that stops it says, for each of `rows` that one stops."""
    now = timezone.now()
    stopped: dict[UUID, Outcome] = {}
    for rule in RULES:
        if left := [row for row in rows if row.pk not in stopped]:
            stopped |= rule(left, now)
    return stopped
