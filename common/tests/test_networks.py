"""It reads lists of networks, and knows what lies in them."""

import pytest

from common.networks import contains, parse_address, parse_networks


@pytest.mark.parametrize(
    ("text", "networks"),
    [
        ("", []),
        (" , ,, ", []),
        ("192.0.2.7", ["192.0.2.7/32"]),
        ("192.0.2.0/24", ["192.0.2.0/24"]),
        ("192.0.2.0/24 2001:db8::/32", ["192.0.2.0/24", "2001:db8::/32"]),
        ("192.0.2.7,\n2001:DB8::1/128", ["192.0.2.7/32", "2001:db8::1/128"]),
        ("0.0.0.0/0 ::/0", ["0.0.0.0/0", "::/0"]),
    ],
)
def test_reads(text: str, networks: list[str]) -> None:
    assert [str(network) for network in parse_networks(text)] == networks


@pytest.mark.parametrize(
    "bad",
    ["x", "192.0.2", "192.0.2.256", "192.0.2.7/24", "192.0.2.0/33", "2001:db8::/129", "1", "/8"],
)
def test_names_what_is_no_network(bad: str) -> None:
    with pytest.raises(ValueError, match=rf"^{bad} is no network\. Write 192\.0\.2\.0/24 or "):
        parse_networks(f"192.0.2.0/24 {bad} 198.51.100.0/24")


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("192.0.2.0", True),
        ("192.0.2.255", True),
        ("192.0.1.255", False),
        ("192.0.3.0", False),
        ("2001:db8::1", True),
        ("2001:DB8:0:0:0:0:0:1", True),
        ("2001:db9::1", False),
        # How an IPv4 client looks to a server that listens on IPv6.
        ("::ffff:192.0.2.7", True),
        ("::ffff:192.0.3.7", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("", False),
        ("localhost", False),
        ("192.0.2.7:80", False),
        ("192.0.2.7 ", False),
        ("192.0.2.007", False),
        ("0xc0000207", False),
        ("3221225991", False),
        ("192.0.2.0/24", False),
    ],
)
def test_knows_what_lies_inside(address: str, inside: bool) -> None:
    assert contains(parse_networks("192.0.2.0/24, 2001:db8::/32"), address) is inside


def test_nothing_lies_in_no_network() -> None:
    assert not contains((), "192.0.2.7")


def test_everything_lies_in_all_networks_but_what_is_no_address() -> None:
    everywhere = parse_networks("0.0.0.0/0 ::/0")

    assert contains(everywhere, "192.0.2.7")
    assert contains(everywhere, "2001:db8::1")
    assert not contains(everywhere, "unknown")


def test_takes_an_address_for_what_it_stands_for() -> None:
    assert str(parse_address("::ffff:192.0.2.7")) == "192.0.2.7"
    assert str(parse_address("2001:DB8::0:1")) == "2001:db8::1"
    assert parse_address("x") is None
