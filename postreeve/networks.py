"""Network addresses: how they are written, which lists clients are in, and whose word about them counts."""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

NOWHERE = "0.0.0.0"  # noqa: S104 - the address of a client that has none, such as one on a Unix socket

_INNER = tuple(
    map(
        ip_network,
        (
            # RFC 6890 and IANA's registries of special addresses: nobody's, this host's, those of local networks,
            # of examples and of measurements, groups, and what is reserved.
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
            "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16",
            "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
            # Of IPv6 all but 2000::/3; in it, what hides an IPv4 address (Teredo, 6to4), examples and special services.
            "::/3", "4000::/2", "8000::/1", "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
        ),
    )
)  # fmt: skip
"""Networks that are not part of the public Internet."""

_HOST_AND_PORT = re.compile(r"(?:\[(?P<v6>[^\s\]]+)\]|(?P<name>[^\s:\[\]/@]+)):(?P<port>[0-9]{1,5})")


def host_and_port(text: str) -> tuple[str, int]:
    """Read `HOST:PORT` or `[IPv6]:PORT`; `ValueError` if it is neither."""
    found = _HOST_AND_PORT.fullmatch(text)
    if not found or not 0 < int(found["port"]) < 2**16:
        raise ValueError(text)
    return str(IPv6Address(found["v6"])) if found["v6"] else found["name"], int(found["port"])


def is_host_and_port(text: str) -> bool:
    """Tell whether a text is `HOST:PORT` or `[IPv6]:PORT`."""
    return _is_read(host_and_port, text)


def is_network(text: str) -> bool:
    """Tell whether a text is an address or a network."""
    return _is_read(_network, text)


def is_server(text: str) -> bool:
    """Tell whether a text is an address, with a port if need be."""
    return _is_read(ip_address, text) or (is_host_and_port(text) and _is_read(ip_address, host_and_port(text)[0]))


def lies_in(client: str, networks: Iterable[str]) -> bool:
    """Tell whether an address lies in one of some networks; entries that are no networks match nothing."""
    address = ip_address(client)
    return any(address in network for network in _parsed(tuple(networks)) if network.version == address.version)


def is_public(text: str) -> bool:
    """Tell whether an address is one of the public Internet, which strangers may be asked at."""
    address = ip_address(text)
    return not any(address in network for network in _INNER if network.version == address.version)


@lru_cache(maxsize=4096)
def plain(client: str) -> str:
    """Return an address in its one spelling: no zone, and IPv4 out of its IPv6 wrapping."""
    try:
        address = ip_address(client.partition("%")[0])
    except ValueError:
        return NOWHERE
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def behind_proxies(peer: str, forwarded: Sequence[str], trusted: Sequence[str]) -> str:
    """Return the client's address: the last one in X-Forwarded-For that is no trusted proxy of ours.

    Only a trusted peer's word counts; what stands before the first untrusted address may be invented.
    """
    client = peer
    for hop in reversed(forwarded):
        if not trusted or not lies_in(client, trusted):
            break
        client = plain(hop.strip())
    return client


@lru_cache(maxsize=64)
def _parsed(networks: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    found = []
    for network in networks:
        try:
            found.append(_network(network))
        except ValueError:
            continue
    return tuple(found)


def _network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text.strip(), strict=False)


def _is_read(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True
