r"""Names of entries (RFC 4514): written and read in one place, and where iRedMail keeps which entry.

slapd answers a name in its own spelling (`mail=\23a@ex.com`), so names are never compared as texts, but by `key`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

_SPECIAL = frozenset(b',+"\\<>;=')
_BLANK, _HASH, _DELETE = 0x20, 0x23, 0x7F
_ESCAPED = re.compile(rb"\\([0-9A-Fa-f]{2}|.)", re.DOTALL)
_PART = re.compile(r" *([A-Za-z0-9.-]+) *= *((?:[^\\,+ ]|\\.| +(?=[^ ,+]))*) *(,|\+|\Z)", re.DOTALL)
CONTAINERS = ("Users", "Groups", "Aliases", "Externals")
"""The containers of every domain."""


def rdn(attribute: str, value: str) -> str:
    """Return the last part of a name, for any value: blanks, line breaks and NUL included."""
    octets = value.encode("utf-8", "surrogateescape")
    last = len(octets) - 1
    written = bytearray()
    for place, octet in enumerate(octets):
        is_edge = (octet == _BLANK and place in {0, last}) or (octet == _HASH and place == 0)
        if is_edge or octet in _SPECIAL or octet < _BLANK or octet == _DELETE:
            written += b"\\%02X" % octet
        else:
            written.append(octet)
    return f"{attribute}={written.decode('utf-8', 'surrogateescape')}"


def parts(dn: str) -> list[tuple[str, str]]:
    """Return a name's attributes and their values, the entry's own first; `ValueError` if it is no name."""
    return [(match[1], _unescaped(match[2])) for match in _matched(dn)]


def key(dn: str) -> str:
    """Return what two spellings of one name have in common."""
    return ",".join(rdn(attribute.lower(), value.lower()) for attribute, value in parts(dn))


def value(dn: str) -> str:
    """Return the value in the last part of a name: the address, or the domain's name."""
    return parts(dn)[0][1]


def parent(dn: str) -> str:
    """Return the name of the entry above."""
    return next(dn[match.end() :] for match in _matched(dn) if match[3] != "+")


def is_name(dn: str) -> bool:
    """Tell whether a text is a name of an entry."""
    try:
        return bool(parts(dn))
    except ValueError:
        return False


def _matched(dn: str) -> Iterator[re.Match[str]]:
    at, separator = 0, ","
    while separator:
        match = _PART.match(dn, at)
        if match is None:
            raise ValueError(f"{dn!r} is no name of an entry")
        yield match
        at, separator = match.end(), match[3]


def _unescaped(text: str) -> str:
    octets = text.encode("utf-8", "surrogateescape")
    plain = _ESCAPED.sub(lambda match: bytes.fromhex(match[1].decode()) if len(match[1]) > 1 else match[1], octets)
    return plain.decode("utf-8", "surrogateescape")


@dataclass(frozen=True)
class Tree:
    """Where the entries of an installation are, below its suffix; Postfix and Dovecot rely on it."""

    suffix: str

    @cached_property
    def domains(self) -> str:
        """The container of all domains."""
        return f"o=domains,{self.suffix}"

    @cached_property
    def admins(self) -> str:
        """The container of the standalone admins."""
        return f"o=domainAdmins,{self.suffix}"

    @cached_property
    def reader(self) -> str:
        """The account with which the mail programs read."""
        return f"cn=vmail,{self.suffix}"

    @cached_property
    def writer(self) -> str:
        """The account with which panels write, this one too."""
        return f"cn=vmailadmin,{self.suffix}"

    def domain(self, name: str) -> str:
        return f"{rdn('domainName', name)},{self.domains}"

    def container(self, which: str, domain: str) -> str:
        """Return one of the `CONTAINERS` of a domain."""
        return f"ou={which},{self.domain(domain)}"

    def users(self, domain: str) -> str:
        return self.container("Users", domain)

    def lists(self, domain: str) -> str:
        """Return the container of the mailing lists of both kinds."""
        return self.container("Groups", domain)

    def aliases(self, domain: str) -> str:
        return self.container("Aliases", domain)

    def externals(self, domain: str) -> str:
        """Return the container of the entries for lists' members elsewhere."""
        return self.container("Externals", domain)

    def user(self, mail: str) -> str:
        return f"{rdn('mail', mail)},{self.users(_domain(mail))}"

    def catch_all(self, domain: str) -> str:
        return self.user(f"@{domain}")

    def alias(self, mail: str) -> str:
        return f"{rdn('mail', mail)},{self.aliases(_domain(mail))}"

    def list(self, mail: str) -> str:
        return f"{rdn('mail', mail)},{self.lists(_domain(mail))}"

    def external(self, mail: str) -> str:
        """Return the entry that holds the members elsewhere of a list."""
        return f"{rdn('memberOfGroup', mail)},{self.externals(_domain(mail))}"

    def admin(self, mail: str) -> str:
        return f"{rdn('mail', mail)},{self.admins}"


def _domain(mail: str) -> str:
    return mail.rpartition("@")[2]
