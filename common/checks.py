"""What can be wrong with how Klanten is reached and watched, found before the first request."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004 - its name

from common import personal

SHORTEST_TOKEN = 20
# By the version of IP: the largest private networks there are (10.0.0.0/8, fc00::/7).
SHORTEST_PREFIX = {4: 8, 6: 7}


@register()
def metrics_token_cannot_be_guessed(**kwargs: Any) -> list[CheckMessage]:
    """METRICS_TOKEN is not there, or long enough."""
    if not settings.METRICS_TOKEN or len(settings.METRICS_TOKEN) >= SHORTEST_TOKEN:
        return []
    message = f"METRICS_TOKEN needs {SHORTEST_TOKEN} characters or more."
    return [Error(message, id="common.E001")]


def no_proxy_is_trusted() -> str | None:
    """What comes of it when PUBLIC_URL is https and TRUSTED_PROXIES empty; None if all is well."""
    if not settings.PUBLIC_URL.startswith("https://") or settings.TRUSTED_PROXIES:
        return None
    return (
        "PUBLIC_URL is https, and TRUSTED_PROXIES is empty: all requests seem to come from the"
        " proxy, so that a few failed logins lock everybody out, and its X-Forwarded-Proto is not"
        " believed, so that pages redirect for ever. Name the network of the proxy."
    )


@register()
def a_proxy_is_trusted(**kwargs: Any) -> list[CheckMessage]:
    """Behind https there is a proxy, unless the web server itself holds the certificate."""
    sentence = no_proxy_is_trusted()
    return [Warning(sentence, id="common.W001")] if sentence else []


@register()
def not_everybody_is_a_proxy(**kwargs: Any) -> list[CheckMessage]:
    """Clients in TRUSTED_PROXIES choose the address that they seem to have."""
    return [
        Warning(
            f"TRUSTED_PROXIES has {network}: whoever calls from there chooses their address, past"
            " every limit by address. Name the network of the proxy alone.",
            id="common.W002",
        )
        for network in settings.TRUSTED_PROXIES
        if network.prefixlen < SHORTEST_PREFIX[network.version]
    ]


@register()
def personal_data_is_declared(**kwargs: Any) -> list[CheckMessage]:
    """Every field that can hold text is known to say something about people, or not to."""
    hint = "Declare it in the app's personal_data.py; see common/personal.py."
    return [
        Error(f"{field} is declared neither personal nor impersonal.", hint=hint, id="common.E002")
        for field in personal.undeclared()
    ]
