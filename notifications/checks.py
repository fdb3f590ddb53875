"""What can be wrong with the gateway's configuration, found before the first SMS."""

from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

from notifications.gateways import gateway


@register()
def gateway_is_usable(**kwargs: Any) -> list[CheckMessage]:
    """SMS_GATEWAY names a provider, and that provider has what it needs."""
    try:
        gateway()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="notifications.E001")]
    return []
