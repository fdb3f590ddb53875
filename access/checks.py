"""What can be wrong with who gets in, found before the first request."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - its name
from django.core.exceptions import ImproperlyConfigured

from access.issuers import trusted_issuers
from common.attempts import parse_rate


@register()
def issuers_are_complete(**kwargs: Any) -> list[CheckMessage]:
    """Each entry of OIDC_TRUSTED_ISSUERS says who it is and for whom its tokens must be."""
    try:
        trusted_issuers()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="access.E001")]
    return []


@register()
def login_rate_is_one(**kwargs: Any) -> list[CheckMessage]:
    """LOGIN_RATE is a number and a period."""
    try:
        parse_rate(settings.LOGIN_RATE)
    except ValueError:
        message = f"LOGIN_RATE is {settings.LOGIN_RATE!r}. Write it like 30/min."
        return [Error(message, id="access.E002")]
    return []


@register()
def retention_is_no_less_than_none(**kwargs: Any) -> list[CheckMessage]:
    """No log is kept for a negative time: that would forget what is yet to come."""
    names = ("LOGIN_LOG_RETENTION_DAYS", "HISTORY_RETENTION_DAYS")
    wrong = [name for name in names if getattr(settings, name) < 0]
    return [Error(f"{name} cannot be negative.", id="access.E003") for name in wrong]


@register(Tags.security, deploy=True)
def issuers_are_private(**kwargs: Any) -> list[CheckMessage]:
    """The keys of an issuer come over HTTPS: whoever can change them on the way can be anybody."""
    if open_ones := [name for name in trusted_issuers() if not name.startswith("https://")]:
        return [Warning(f"Not over HTTPS: {', '.join(open_ones)}.", id="access.W001")]
    return []
