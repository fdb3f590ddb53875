"""What one attempt to hand something to an outside service can come to.

Every gateway answers with one of the first four and raises nothing. The difference
that matters is between `NotSent` (it is certain that nothing arrived, so another
attempt is safe) and `Unknown` (it may have arrived; none of the services has an
idempotency key, so another attempt could double it).

The last two are decisions of our own, made before anything is attempted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Accepted:
    """The service took it. `provider_id` is its own id for it, kept as text.

    `columns` are further columns of the row that are written with the outcome: its cost, say.
    """

    provider_id: str = ""
    columns: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """The service will never take it. `reason` is a sentence for staff."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """It certainly did not arrive and may be tried again.

    `retry_after`, if given, is the shortest wait before the next attempt. `away` says that
    it was not about this one: the service cannot be reached, or takes nothing from anybody.
    """

    reason: str
    retry_after: timedelta | None = None
    away: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have arrived, and nobody can say. Never sent again by itself."""

    reason: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """It shall not be sent: nobody is to get it (any more). The attempt is not counted."""

    reason: str


@dataclass(frozen=True, slots=True)
class Postponed:
    """Not before `until`. The attempt is not counted."""

    until: datetime
    reason: str


Outcome = Accepted | Refused | NotSent | Unknown | Skipped | Postponed
