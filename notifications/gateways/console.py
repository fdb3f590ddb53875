"""Prints each SMS instead of sending it, for development and demonstrations."""

import sys
from uuid import uuid4

from notifications.gateways import Gateway
from outbox.outcomes import Accepted, NotSent, Outcome


class ConsoleGateway:
    """The gateway to the terminal."""

    def send(self, *, to: str, text: str) -> Outcome:
        """Print the SMS."""
        try:
            # One write: the lines of threads that print at once stay whole.
            sys.stdout.write(f"SMS to {to}: {text}\n")
            sys.stdout.flush()
        except (OSError, ValueError) as error:
            return NotSent(f"The console cannot be written to ({type(error).__name__}).")
        return Accepted(provider_id=f"console-{uuid4()}")


def build() -> Gateway:
    """The gateway; it has no settings."""
    return ConsoleGateway()
