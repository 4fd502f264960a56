"""Who is asked when something looks into the DNS."""

from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from dns.nameserver import Do53Nameserver
from dns.resolver import NoResolverConfiguration, Resolver

SECONDS_TO_ANSWER = 3.0
"""How long one query may take, all name servers and repetitions together."""

DNS_PORT = 53


def resolver_of(servers: Sequence[str], *, seconds: float = SECONDS_TO_ANSWER) -> Resolver:
    """Return a resolver that asks some name servers, or the system's if none are named.

    A server is `192.0.2.53`, `192.0.2.53:5353`, `2001:db8::53` or `[2001:db8::53]:5353`; `ValueError` if it is none of
    these. A query ends after some seconds; several servers share them, so that a dead one does not hide the next. If
    the system names no server either, every look-up fails.
    """
    resolver = Resolver(configure=False) if servers else _system_resolver()
    if servers:
        resolver.nameservers = [_name_server(server) for server in servers]
    resolver.timeout = seconds / max(1, len(resolver.nameservers))
    resolver.lifetime = seconds
    return resolver


def _system_resolver() -> Resolver:
    try:
        return Resolver()
    except (NoResolverConfiguration, ValueError):
        return Resolver(configure=False)


def _name_server(text: str) -> Do53Nameserver:
    try:
        return Do53Nameserver(str(ip_address(text)), DNS_PORT)
    except ValueError:
        parts = urlsplit(f"//{text}")
        return Do53Nameserver(str(ip_address(parts.hostname or "")), parts.port or DNS_PORT)
