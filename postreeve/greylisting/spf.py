"""Which senders a mail domain's DNS names: the addresses and networks of its SPF record, or else of its MX hosts.

iRedAPD's `spf_to_greylist_whitelists.py` fills the same table, so this finds what that finds and leaves out what that
leaves out: AAAA records, `exists`, macros, and the `/n` that may follow `a` and `mx`. Two things differ on purpose. A
failing DNS is told apart from one that answers "nothing", so that nobody loses what was known before; and included
domains are visited in the order of the record, not in a random one. RFC 7208 describes the record itself.
"""

import re
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import TypeVar

from dns.exception import DNSException
from dns.rdata import Rdata
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TXT import TXT
from dns.rdtypes.IN.A import A
from dns.resolver import NXDOMAIN, YXDOMAIN, NoAnswer, Resolver

from postreeve.errors import Refused
from postreeve.patterns import network_text
from postreeve.values import DomainName

MOST_QUERIES = 20
"""Queries for one domain after its first one. What would need more is left out without a word, as in iRedAPD's job."""

MOST_SENDERS = 1000
"""Senders of one domain; large providers have some hundreds. What comes after them in the record is left out."""

LONGEST_SENDER = 100
"""Characters of a sender: the length of its column in iRedAPD's tables on MariaDB."""

_VERSION = "v=spf1"
_TERM = re.compile(r"\+?(\w*)([:=]?)(.*)")
_Record = TypeVar("_Record", bound=Rdata)


class LookUpFailedError(Exception):
    """The DNS gave no answer (time-out, SERVFAIL, REFUSED, no server): what was known before stays true."""


class SenderLookUp:
    """The look-ups of one run: whatever domain includes it, a domain is visited once."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._visited: frozenset[str] = frozenset()

    def senders_of(self, domain: str) -> frozenset[str] | None:
        """Return the senders that a mail domain's DNS names, at most `MOST_SENDERS`; an empty set if it names none.

        They are addresses, networks and `@domain`, in the spelling that iRedAPD compares with: lower case, IPv6
        compressed, networks without host bits. None means that the domain is to be skipped and its former senders stay:
        it was visited in this run already, by itself or included by another, or its name is no domain name.

        Raises `LookUpFailedError` if any query got no answer. The run then forgets whom this look-up visited: the next
        domain that includes them has to ask for itself, or it would seem to have lost their senders.
        """
        name = _domain_name(domain)
        if name is None or name in self._visited:
            return None
        look_up = _DomainLookUp(self._resolver, self._visited)
        look_up.run(name)
        self._visited = frozenset(look_up.visited)
        return frozenset(look_up.senders)


class _DomainLookUp:
    """The look-up of one domain: the senders found, the domains visited, and the queries that are left."""

    def __init__(self, resolver: Resolver, visited: frozenset[str]) -> None:
        self._resolver = resolver
        self._queries_left = 1 + MOST_QUERIES
        self.visited = set(visited)
        self.senders: set[str] = set()

    def run(self, domain: str) -> None:
        if (record := self._visit(domain)) is None:
            self._note_mail_hosts(domain)
        else:
            self._follow(record, domain)

    def _follow(self, record: str, domain: str) -> None:
        for mechanism, target in _terms(record, domain):
            match mechanism:
                case "ip4" | "ip6":
                    self._note(target)
                case "a":
                    self._note_addresses(target)
                case "mx":
                    self._note_mail_hosts(target)
                case "ptr":
                    self._note(f"@{target}")
                case "include" | "redirect":
                    self._include(target)

    def _include(self, domain: str) -> None:
        if domain in self.visited or not self._may_ask():
            return
        # Without a record the MX hosts do not step in: they do for the domain that was listed, and only for that.
        if (record := self._visit(domain)) is not None:
            self._follow(record, domain)

    def _visit(self, domain: str) -> str | None:
        """Return the SPF record of a domain: the first of its texts that begins like one."""
        self.visited.add(domain)
        texts = (b"".join(text.strings).decode("ascii", "replace") for text in self._ask(domain, TXT))
        return next((text for text in texts if text.startswith(_VERSION)), None)

    def _note_mail_hosts(self, domain: str) -> None:
        for mx in sorted(self._ask(domain, MX), key=lambda mx: (mx.preference, mx.exchange)):
            # Among what is no name here is the lone dot by which a domain says that it takes no mail (RFC 7505).
            if host := _domain_name(mx.exchange.to_text()):
                self._note_addresses(host)

    def _note_addresses(self, host: str) -> None:
        for a in self._ask(host, A):
            self._note(a.address)

    def _note(self, sender: str) -> None:
        if len(sender) <= LONGEST_SENDER and len(self.senders) < MOST_SENDERS:
            self.senders.add(sender)

    def _may_ask(self) -> bool:
        return self._queries_left > 0 and len(self.senders) < MOST_SENDERS

    def _ask(self, name: str, kind: type[_Record]) -> list[_Record]:
        """Return a name's records of one kind; none if there are none, or if there is no query left to ask."""
        if not self._may_ask():
            return []
        self._queries_left -= 1
        try:
            answer = self._resolver.resolve(f"{name}.", kind.__name__)
        except (NXDOMAIN, YXDOMAIN, NoAnswer):
            return []
        except DNSException as error:
            raise LookUpFailedError(f"The DNS gave no answer about {kind.__name__} of {name}.") from error
        return [record for record in answer if isinstance(record, kind)]


def _terms(record: str, domain: str) -> Iterator[tuple[str, str]]:
    """Yield mechanism and target of each term that may name senders, in the order of the record."""
    for term in record.lower().split()[1:]:
        parts = _TERM.fullmatch(term)
        assert parts, "the pattern takes any text without line ends"
        mechanism, separator, text = parts.groups()
        if target := _target(mechanism, separator, text, domain):
            yield mechanism, target


def _target(mechanism: str, separator: str, text: str, domain: str) -> str | None:
    """Return whom a term is about, by itself or by default the record's own domain; None if it names no senders.

    A sign other than `+` is no part of any mechanism, so these terms name none: they say who is not a sender.
    """
    match mechanism, separator:
        case (("ip4" | "ip6"), ":"):
            return _address_or_network(text)
        case (("a" | "mx" | "ptr" | "include"), ":") | ("redirect", "="):
            return _domain_name(text)
        case (("a" | "mx" | "ptr"), ""):
            return None if text else domain
        case _:
            return None


def _domain_name(text: str) -> str | None:
    """Return a domain name in its one spelling; None if it is none, which every macro and every `/n` is."""
    try:
        return DomainName.parse(text.removesuffix("."))
    except Refused:
        return None


def _address_or_network(text: str) -> str | None:
    """Return an address or a network in its one spelling; None if it is neither, or has host bits or a zone."""
    if "%" in text:
        return None
    try:
        return network_text(ip_network(text)) if "/" in text else str(ip_address(text))
    except ValueError:
        return None
