"""Client addresses: which lists they are in, and whose word about them counts."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

NOWHERE = "0.0.0.0"  # noqa: S104 - the address of a client that has none, such as one on a Unix socket


def lies_in(client: str, networks: Iterable[str]) -> bool:
    """Tell whether an address lies in one of some networks; entries that are no networks match nothing."""
    address = ip_address(client)
    return any(address in network for network in _parsed(tuple(networks)) if network.version == address.version)


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
            found.append(ip_network(network.strip(), strict=False))
        except ValueError:
            continue
    return tuple(found)
