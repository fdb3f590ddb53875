"""The services that carry an SMS, each a file of this package.

A file joins by defining `build() -> Gateway`, and `SMS_GATEWAY` names the one in use; so
another provider is a copy of one of these files.
"""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol, cast

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from outbox.outcomes import Outcome


class Gateway(Protocol):
    """What carries an SMS. It is called from many threads at once."""

    def send(self, *, to: str, text: str) -> Outcome:
        """Hand `text` to the service for the phone `to` (E.164).

        Raises nothing: whatever happens is one of the four outcomes.
        """
        ...


def gateway_names() -> list[str]:
    """The names that `SMS_GATEWAY` may have."""
    return sorted(module.name for module in iter_modules(__path__))


@cache
def gateway() -> Gateway:
    """The gateway that the settings choose, built once for the process.

    Raises ImproperlyConfigured when `SMS_GATEWAY` is none of those there are, or when
    that gateway lacks a setting.
    """
    name = settings.SMS_GATEWAY
    if name not in gateway_names():
        known = ", ".join(gateway_names())
        raise ImproperlyConfigured(f"SMS_GATEWAY is {name!r}. It must be one of: {known}.")
    return cast("Gateway", import_module(f"{__name__}.{name}").build())
