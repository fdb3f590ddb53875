"""The services that carry an SMS, each a file of this package.

A file joins by defining `build() -> Gateway`, and `SMS_GATEWAY` names the one in use; so
another provider is a copy of one of these files.
"""

from dataclasses import replace
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol, cast

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from outbox.outcomes import Accepted, NotSent, Outcome, Unknown


class Gateway(Protocol):
    """What carries an SMS. It is called from many threads at once."""

    def send(self, *, to: str, text: str) -> Outcome:
        """Hand `text` to the service for the phone `to` (E.164).

        Raises nothing: whatever happens is one of the four outcomes. `Accepted` may carry
        the columns `cost` and `cost_currency` of the message, if the service says them.
        """
        ...


def gateway_names() -> list[str]:
    """The names that `SMS_GATEWAY` may have."""
    return sorted(module.name for module in iter_modules(__path__))


@cache
def gateway(setting: str = "SMS_GATEWAY") -> Gateway:
    """The gateway that a setting names, built once for the process.

    Raises ImproperlyConfigured when it names none of those there are, or when that gateway
    lacks a setting of its own.
    """
    name = getattr(settings, setting)
    if name not in gateway_names():
        known = ", ".join(gateway_names())
        raise ImproperlyConfigured(f"{setting} is {name!r}. It must be one of: {known}.")
    return cast("Gateway", import_module(f"{__name__}.{name}").build())


def send(*, to: str, text: str) -> Outcome:
    """Hands an SMS to the gateway, and to the fallback what that one certainly did not send.

    Never after an outcome that is unknown: it could arrive twice. What the fallback does not
    take either is the first one's to try again; only that one's refusal is final.
    """
    outcome = send_by("SMS_GATEWAY", to=to, text=text)
    if not isinstance(outcome, NotSent) or not settings.SMS_FALLBACK_GATEWAY:
        return outcome
    second = send_by("SMS_FALLBACK_GATEWAY", to=to, text=text)
    if isinstance(second, Accepted | Unknown):
        return second
    return replace(outcome, reason=f"{outcome.reason} The fallback: {second.reason}")


def send_by(setting: str, *, to: str, text: str) -> Outcome:
    """The outcome of one gateway; an accepted one says which that was."""
    outcome = gateway(setting).send(to=to, text=text)
    if isinstance(outcome, Accepted):
        return replace(outcome, columns={**outcome.columns, "gateway": getattr(settings, setting)})
    return outcome
