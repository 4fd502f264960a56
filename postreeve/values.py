"""Addresses and domain names: parsed once, trusted afterwards.

There is one spelling of each: lower case, no surrounding blanks, international domain names as A-labels.
"""

import re
from functools import lru_cache
from typing import Self

import idna

from postreeve.errors import Code, Refused, refuse

LONGEST_DOMAIN = 253
LONGEST_LOCAL_PART = 64
LONGEST_ADDRESS = 254

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])")
# What iRedMail's own panel takes for members and forwardings, and the apostrophe and tilde of real names.
_LOCAL_PART = re.compile(r"[a-z0-9_#-][a-z0-9_#.+=/&'~-]*")
# A login: no extension separator, no path separator, not to be taken for an option of a command.
_LOGIN_LOCAL_PART = re.compile(r"[a-z0-9_#][a-z0-9_#&-]*(?:\.[a-z0-9_#&-]+)*")
_OWN_LOCAL_PART = re.compile(r"[a-z0-9_#][a-z0-9_#+=/&'~-]*(?:\.[a-z0-9_#+=/&'~-]+)*")


class DomainName(str):
    """A mail domain's name."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a domain name, international ones included; `INVALID_DOMAIN_NAME` if it is none."""
        name = _domain(text.strip())
        if name is None:
            refuse(Code.INVALID_DOMAIN_NAME, hint=text[:LONGEST_ADDRESS])
        return cls(name)


class Address(str):
    """An e-mail address."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an address as it may stand for an account or a destination; `INVALID_MAIL` if it is none."""
        local, at, rest = text.strip().rpartition("@")
        local = local.lower() if local.isascii() else ""
        domain = _domain(rest)
        if not at or domain is None or not _LOCAL_PART.fullmatch(local):
            refuse(Code.INVALID_MAIL, hint=text[:LONGEST_ADDRESS])
        address = cls(f"{local}@{domain}")
        if len(local) > LONGEST_LOCAL_PART or len(address) > LONGEST_ADDRESS:
            refuse(Code.INVALID_MAIL, hint=text[:LONGEST_ADDRESS])
        return address

    @property
    def local_part(self) -> str:
        return self.rpartition("@")[0]

    @property
    def domain(self) -> DomainName:
        return DomainName(self.rpartition("@")[2])

    def without_extension(self, delimiters: str) -> "Address":
        """Return the address that Postfix falls back to: `ann+news@ex.com` is delivered to `ann@ex.com`."""
        local = self.local_part
        cuts = [at for at in (local.find(delimiter, 1) for delimiter in delimiters) if at > 0]
        return Address(f"{local[: min(cuts)]}@{self.domain}") if cuts else self

    def require_login(self) -> None:
        """Refuse an address that may be a destination, but not the name of a new mailbox or admin."""
        if not _LOGIN_LOCAL_PART.fullmatch(self.local_part):
            refuse(Code.INVALID_MAIL, hint=self)

    def require_own(self) -> None:
        """Refuse an address that may be a destination, but not a new address of ours."""
        if not _OWN_LOCAL_PART.fullmatch(self.local_part):
            refuse(Code.INVALID_MAIL, hint=self)


class Scope(str):
    """Whom a policy is for, as Amavisd and iRedAPD name it: `@.` everybody, `@ex.com` a domain, or an account."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `global`, a domain name or an address; `INVALID_ACCOUNT` if it is none of them."""
        word = text.strip()
        try:
            if word.lower() == "global":
                return cls("@.")
            return cls(Address.parse(word) if "@" in word else f"@{DomainName.parse(word)}")
        except Refused:
            refuse(Code.INVALID_ACCOUNT, hint=word[:LONGEST_ADDRESS])

    @classmethod
    def of(cls, place: "Address | DomainName | None") -> Self:
        """Return the scope of a domain or an account; of nothing, everybody."""
        match place:
            case Address():
                return cls(place)
            case DomainName():
                return cls(f"@{place}")
            case None:
                return cls("@.")

    @property
    def place(self) -> "Address | DomainName | None":
        """The domain or account; None is everybody."""
        local, _, domain = self.rpartition("@")
        if local:
            return Address(self)
        return None if domain == "." else DomainName(domain)

    @property
    def name(self) -> str:
        """Its name in a path of the API."""
        return str(self.place or "global")


def _domain(text: str) -> str | None:
    """Return the one spelling of a domain name, or None; what is far too long is not even remembered."""
    return _spelled(text) if len(text) <= LONGEST_DOMAIN else None


@lru_cache(maxsize=4096)
def _spelled(text: str) -> str | None:
    name = text.lower()
    if not name.isascii() or "xn--" in name:
        try:
            name = idna.encode(text, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            return None
    return name if len(name) <= LONGEST_DOMAIN and _DOMAIN.fullmatch(name) else None
