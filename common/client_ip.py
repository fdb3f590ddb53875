"""Where a request came from, behind proxies that we know and past those that we do not."""

import re
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from common.networks import contains, parse_address, subscriber_network

# In `request.META`: the header in which a proxy says whether it was called over HTTPS.
FORWARDED_PROTO = "HTTP_X_FORWARDED_PROTO"

# Stands for an unknown address. No request comes from it (RFC 1122, 3.2.1.3), but failed logins
# can be counted by it, and a column of addresses can hold it.
NOWHERE = "0.0.0.0"  # noqa: S104 - nothing listens there
# Some proxies write the port, too: `192.0.2.7:1234`, `[2001:db8::7]:1234`.
WITH_PORT = re.compile(r"\[(?P<ipv6>[^\]]*)\](:[0-9]+)?|(?P<ipv4>[0-9.]+):[0-9]+")


def client_ip(request: HttpRequest) -> str:
    """The address of the client: the last hop that is none of TRUSTED_PROXIES.

    A proxy adds the address it was called from at the end of `X-Forwarded-For`; what stands
    before the entry of an untrusted hop is what that hop says, and counts for nothing.
    NOWHERE when a trusted proxy names something that is no address: then nobody knows.
    """
    address = peer(request)
    forwarded = request.headers.get("X-Forwarded-For", "")
    hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()]
    while hops and contains(settings.TRUSTED_PROXIES, address):
        address = address_in(hops.pop())
    return address


def address_in(hop: str) -> str:
    """The address of a hop in its one written form, without a port; NOWHERE if it has none."""
    if match := WITH_PORT.fullmatch(hop):
        hop = match["ipv6"] or match["ipv4"] or ""
    address = parse_address(hop)
    # The zone of a link-local address (`%eth0`) is ours, and no database takes it.
    return str(address).partition("%")[0] if address else NOWHERE


def peer(request: HttpRequest) -> str:
    """The address from which we are called, be it the client's or a proxy's."""
    return address_in(str(request.META.get("REMOTE_ADDR", "")))


class ForwardedProtoMiddleware:
    """Forgets `X-Forwarded-Proto` unless one of TRUSTED_PROXIES calls us.

    Django would believe it from anybody (SECURE_PROXY_SSL_HEADER).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        says = FORWARDED_PROTO in request.META
        if says and not contains(settings.TRUSTED_PROXIES, peer(request)):
            del request.META[FORWARDED_PROTO]
        return self.get_response(request)


def network_of(request: HttpRequest) -> str:
    """The first address of the client's network: what failed logins are counted by.

    That is the address itself, or of IPv6 the first of its /64: a subscriber has all of those.
    """
    return subscriber_network(client_ip(request))
