"""Lists of networks (CIDR), as API keys and the settings write them."""

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address
# The bits before the IPv4 address in one that is mapped into IPv6 (RFC 4291, 2.5.5.2).
MAPPED_PREFIX = 96


def parse_networks(text: str) -> tuple[Network, ...]:
    """The networks in a list separated by spaces or commas. ValueError names a bad one."""
    networks = []
    for part in text.replace(",", " ").split():
        try:
            networks.append(unmapped(ip_network(part)))
        except ValueError:
            raise ValueError(f"{part} is no network. Write 192.0.2.0/24 or 192.0.2.7.") from None
    return tuple(networks)


def unmapped(network: Network) -> Network:
    """An IPv4 network that is written in IPv6 (`::ffff:192.0.2.0/120`) as such.

    The addresses of its hosts are compared in that form, too (`parse_address`).
    """
    ipv4 = getattr(network.network_address, "ipv4_mapped", None)
    if ipv4 is None or network.prefixlen < MAPPED_PREFIX:
        return network
    return IPv4Network((ipv4, network.prefixlen - MAPPED_PREFIX))


def parse_address(text: str) -> Address | None:
    """The address that `text` is, if it is one.

    A server that listens on IPv6 sees its IPv4 clients as `::ffff:192.0.2.7`: that is 192.0.2.7.
    """
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def contains(networks: Iterable[Network], address: str) -> bool:
    """Whether `address` lies in one of `networks`; what is no address lies in none."""
    ip = parse_address(address)
    return ip is not None and any(ip in network for network in networks)


def subscriber_network(address: str) -> str:
    """The first address of the smallest network that one subscriber is given.

    IPv4: the address; IPv6: of its /64 (RFC 6177, RFC 7934). What is no address stays as it is.
    """
    ip = parse_address(address)
    if not isinstance(ip, IPv6Address):
        return address
    return str(ip_network(f"{address}/64", strict=False).network_address)
