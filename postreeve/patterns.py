"""The texts by which Amavisd and iRedAPD name senders and recipients, and how specific each form of them is.

A policy's row wins by the number in its priority column, not by its form, and the two daemons number differently.
Texts are compared, not understood: only the one spelling that stands here ever matches.
"""

import re
from enum import Enum
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Self

from postreeve.errors import Code, Refused, refuse
from postreeve.values import LONGEST_ADDRESS, Address, DomainName

EVERYBODY = "@."

_TOP_LEVEL = re.compile(r"[a-z0-9-]{2,25}")
_WILDCARD_FIELD = r"(?:\*|25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_WILDCARD_IP = re.compile(rf"{_WILDCARD_FIELD}(?:\.{_WILDCARD_FIELD}){{3}}")


class Form(Enum):
    """A form of text, with its priorities: in the databases `amavisd` and `iredapd`."""

    ADDRESS = (10, 100)
    IP_ADDRESS = (9, 80)
    WILDCARD_IP = (8, 70)
    NETWORK = (7, 70)
    ANY_DOMAIN = (7, 90)
    """A local part with every domain, `user@*`."""
    DOMAIN = (5, 60)
    DOMAIN_TREE = (3, 50)
    """A domain with all below it, `@.ex.com`."""
    TOP_LEVEL = (2, 40)
    EVERYBODY = (0, 0)

    @property
    def in_amavisd(self) -> int:
        """The priority in `users` and `mailaddr`."""
        return int(self.value[0])

    @property
    def in_iredapd(self) -> int:
        """The priority in `throttle` and `greylisting`."""
        return int(self.value[1])


class Pattern(str):
    """A sender or recipient as the daemons match it."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a pattern in any form; `INVALID_VALUE` if the daemons would never match it."""
        spelled = _spelled(text.strip().lower())
        return cls(spelled) if spelled else refuse(Code.INVALID_VALUE, hint=text[:LONGEST_ADDRESS])

    @property
    def form(self) -> Form:
        """How specific it is; a text of no known form, which other programs may have written, is taken for a domain."""
        return form_of(self)


def form_of(text: str) -> Form:
    """Return the form of a text that is a pattern already."""
    local, at, domain = text.rpartition("@")
    if not at:
        return Form.NETWORK if "/" in text else Form.WILDCARD_IP if "*" in text else Form.IP_ADDRESS
    if local:
        return Form.ANY_DOMAIN if domain == "*" else Form.ADDRESS
    if domain == ".":
        return Form.EVERYBODY
    if domain.startswith("."):
        return Form.DOMAIN_TREE if "." in domain[1:] else Form.TOP_LEVEL
    return Form.DOMAIN


def tried_by_iredapd(address: str) -> list[str]:
    """Return the texts that iRedAPD looks up for an address, which is without an extension; its order means nothing."""
    domain = address.rpartition("@")[2]
    return [address, f"@{domain}", EVERYBODY, *_trees(domain)]


def tried_by_amavisd(address: str) -> list[str]:
    """Return the texts that Amavisd looks up for an address, as iRedMail configures it."""
    local, _, domain = address.rpartition("@")
    return [address, local, f"@{domain}", *_trees(domain), EVERYBODY]


def network_text(network: IPv4Network | IPv6Network) -> str:
    """Return a network's text, an IPv6 one with `::` at its end wherever that can be.

    iRedAPD looks only at those IPv6 networks whose text contains `:/`, but the compressed form may have its `::` in
    another place or, for a single group of zeros, none. A network longer than /112 may have no such text, and iRedAPD
    passes over it. A /128 is written as its address, which is compared as such.
    """
    if network.version == 4:
        return str(network)
    if network.prefixlen == network.max_prefixlen:
        return str(network.network_address)
    groups = [f"{int(group, 16):x}" for group in network.network_address.exploded.split(":")]
    while groups and groups[-1] == "0":
        groups.pop()
    return f"{':'.join(groups)}::/{network.prefixlen}" if len(groups) < 8 else str(network)


def _trees(domain: str) -> list[str]:
    labels = domain.split(".")
    return [f"@.{'.'.join(labels[index:])}" for index in range(len(labels))]


def _spelled(word: str) -> str | None:
    local, at, domain = word.rpartition("@")
    try:
        if len(word) > LONGEST_ADDRESS or not at:
            return _ip_spelled(word)
        return _address_spelled(local, domain) if local else _domain_spelled(domain)
    except Refused:
        return None


def _domain_spelled(domain: str) -> str:
    """Return everybody, a domain, or all below one."""
    if domain == "." or (domain.startswith(".") and _TOP_LEVEL.fullmatch(domain[1:])):
        return f"@{domain}"
    return f"@.{DomainName.parse(domain[1:])}" if domain.startswith(".") else f"@{DomainName.parse(domain)}"


def _address_spelled(local: str, domain: str) -> str | None:
    """Return an address, or `user@*`; iRedAPD never takes a sender with an apostrophe or a tilde for an address."""
    is_anywhere = domain == "*"
    address = Address.parse(f"{local}@{'any.test' if is_anywhere else domain}")
    if "'" in local or "~" in local:
        return None
    return f"{address.local_part}@*" if is_anywhere else address


def _ip_spelled(word: str) -> str | None:
    """Return an IP address, a network without host bits, or an IPv4 address with wildcards."""
    if _WILDCARD_IP.fullmatch(word) and "*" in word:
        return word
    if "%" in word:  # a zone means something on its own host only
        return None
    try:
        return network_text(ip_network(word)) if "/" in word else str(ip_address(word))
    except ValueError:
        return None
