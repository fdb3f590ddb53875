"""What one attempt to hand something to an outside service can come to.

Every gateway answers with one of these four and raises nothing. The difference
that matters is between `NotSent` (it is certain that nothing arrived, so another
attempt is safe) and `Unknown` (it may have arrived; none of the services has an
idempotency key, so another attempt could double it).
"""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Accepted:
    """The service took it. `provider_id` is its own id for it, kept as text."""

    provider_id: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """The service will never take it. `reason` is a sentence for staff."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """It certainly did not arrive and may be tried again.

    `retry_after`, if given, is the shortest wait before the next attempt.
    """

    reason: str
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have arrived, and nobody can say. Never sent again by itself."""

    reason: str


Outcome = Accepted | Refused | NotSent | Unknown
