"""What can be wrong with the gateway's configuration, found before the first SMS."""

import re
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

from notifications.clock import house_zone, parse_window
from notifications.gateways import gateway
from notifications.unknown import POLICIES

NOT_NEGATIVE = (
    "SMS_CAP_PER_CUSTOMER_PER_DAY",
    "SMS_CAP_PER_PARTNER_PER_DAY",
    "SMS_DAILY_SPEND_LIMIT",
    "UNKNOWN_AFTER_HOURS",
    "MESSAGE_RETENTION_DAYS",
)
WHOLE = 100
# What stands in an address as it is; twenty of them cannot be guessed.
SECRET = re.compile(r"[A-Za-z0-9_-]{20,}")


@register()
def gateway_is_usable(**kwargs: Any) -> list[CheckMessage]:
    """SMS_GATEWAY names a provider, and that provider has what it needs."""
    try:
        gateway()
        if settings.SMS_FALLBACK_GATEWAY:
            gateway("SMS_FALLBACK_GATEWAY")
    except ImproperlyConfigured as error:
        return [Error(str(error), id="notifications.E001")]
    return []


@register()
def quiet_hours_are_hours(**kwargs: Any) -> list[CheckMessage]:
    """QUIET_HOURS is empty or two times, and DEFAULT_TIME_ZONE the name of a zone."""
    try:
        parse_window(settings.QUIET_HOURS)
        house_zone()
    except ValueError as error:
        return [Error(str(error), id="notifications.E002")]
    return []


@register()
def policy_is_one(**kwargs: Any) -> list[CheckMessage]:
    """UNKNOWN_POLICY is a word that we know."""
    if settings.UNKNOWN_POLICY in POLICIES:
        return []
    known = ", ".join(sorted(POLICIES))
    message = f"UNKNOWN_POLICY is {settings.UNKNOWN_POLICY!r}. It must be one of: {known}."
    return [Error(message, id="notifications.E003")]


@register()
def limits_are_numbers_that_make_sense(**kwargs: Any) -> list[CheckMessage]:
    """No cap, limit or time is negative, and the reserve is a share."""
    wrong = [name for name in NOT_NEGATIVE if getattr(settings, name) < 0]
    errors: list[CheckMessage] = [
        Error(f"{name} cannot be negative.", id="notifications.E004") for name in wrong
    ]
    if not 0 <= settings.SMS_SPEND_RESERVE_PERCENT <= WHOLE:
        message = "SMS_SPEND_RESERVE_PERCENT must be from 0 to 100."
        errors.append(Error(message, id="notifications.E005"))
    return errors


@register()
def callback_secret_fits_an_address(**kwargs: Any) -> list[CheckMessage]:
    """The callback secret is a part of an address, and cannot be guessed."""
    secret = settings.AFRICAS_TALKING_CALLBACK_SECRET
    if not secret or SECRET.fullmatch(secret):
        return []
    message = "AFRICAS_TALKING_CALLBACK_SECRET needs 20 letters, digits, - or _, or more."
    return [Error(message, id="notifications.E006")]
