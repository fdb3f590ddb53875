"""It knows where a request came from, and is not told by those who would like to be elsewhere."""

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from common.client_ip import NOWHERE, client_ip
from common.networks import parse_networks

PROXY = "10.0.0.1"
OUTER_PROXY = "10.0.0.2"
CLIENT = "192.0.2.7"
OTHER = "198.51.100.9"


@pytest.fixture(autouse=True)
def proxies(settings: Settings) -> None:
    """A network of ours, in which the proxies are."""
    settings.TRUSTED_PROXIES = parse_networks("10.0.0.0/8 2001:db8:10::/48")


def address(peer: str, forwarded: str | None = None) -> str:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return client_ip(RequestFactory().get("/", headers=headers, REMOTE_ADDR=peer))


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        # Nobody between us.
        (CLIENT, None, CLIENT),
        (CLIENT, "", CLIENT),
        # What somebody says who is no proxy of ours.
        (CLIENT, OTHER, CLIENT),
        (CLIENT, f"{OTHER}, {PROXY}", CLIENT),
        (CLIENT, PROXY, CLIENT),
        # Behind one proxy.
        (PROXY, CLIENT, CLIENT),
        (PROXY, f" {CLIENT} ", CLIENT),
        (PROXY, f"{OTHER}, {CLIENT}", CLIENT),
        (PROXY, f"{OTHER},{PROXY},{OTHER},{CLIENT}", CLIENT),
        (PROXY, f"{PROXY}, {CLIENT}", CLIENT),
        (PROXY, f"garbage, , {CLIENT}", CLIENT),
        # Behind two.
        (PROXY, f"{CLIENT}, {OUTER_PROXY}", CLIENT),
        (PROXY, f"{OTHER}, {CLIENT}, {OUTER_PROXY}", CLIENT),
        # The proxy itself, or only proxies.
        (PROXY, None, PROXY),
        (PROXY, "", PROXY),
        (PROXY, " , ", PROXY),
        (PROXY, OUTER_PROXY, OUTER_PROXY),
        # IPv6, and IPv4 as a server on IPv6 sees it.
        ("2001:db8:10::1", "2001:DB8:0::7", "2001:db8::7"),
        ("::ffff:10.0.0.1", CLIENT, CLIENT),
        (f"::ffff:{CLIENT}", OTHER, CLIENT),
        (PROXY, f"::ffff:{CLIENT}", CLIENT),
        ("fe80::1%eth0", None, "fe80::1"),
        # Proxies that write the port.
        (PROXY, f"{CLIENT}:1234", CLIENT),
        (PROXY, "[2001:db8::7]:1234", "2001:db8::7"),
        (PROXY, "[2001:db8::7]", "2001:db8::7"),
        # What a proxy of ours says and is no address: nobody knows.
        (PROXY, "unknown", NOWHERE),
        (PROXY, "_hidden", NOWHERE),
        (PROXY, f"{CLIENT}, unknown", NOWHERE),
        (PROXY, "192.0.2.7:", NOWHERE),
        (PROXY, "[]", NOWHERE),
        (PROXY, "192.0.2.7/24", NOWHERE),
        (PROXY, "192.0.2.7\0", NOWHERE),
        (PROXY, "x" * 10_000, NOWHERE),
        # A socket in the file system has no address.
        ("", None, NOWHERE),
        ("", CLIENT, NOWHERE),
    ],
)
def test_is_the_last_hop_that_is_no_proxy_of_ours(
    peer: str, forwarded: str | None, expected: str
) -> None:
    assert address(peer, forwarded) == expected


def test_believes_nobody_without_proxies(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = ()

    assert address(PROXY, CLIENT) == PROXY


@pytest.mark.parametrize("header", ["Forwarded", "X-Real-IP", "True-Client-IP", "Client-IP"])
def test_reads_no_other_header(header: str) -> None:
    request = RequestFactory().get("/", headers={header: CLIENT}, REMOTE_ADDR=PROXY)

    assert client_ip(request) == PROXY
