"""Questions to Postfix and Dovecot, and the answers to be expected for plain accounts."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tests.mail_system import Doveadm, PostfixMaps, Protection
from tests.site import PASSWORD

T = TypeVar("T")
Answers = dict[str, set[str]]
"""What each Postfix map says about one key; maps that say nothing are not in it."""

NOTHING: Answers = {}
Door = tuple[str, Protection]
"""A protocol, and how the connection is protected."""


def of_protocol(name: str) -> set[Door]:
    """Return the doors of one protocol; Postfix tells Dovecot of no TLS but that it is there."""
    protections: tuple[Protection, ...] = ("", "secured") if name == "smtp" else ("", "secured", "tls")
    return {(name, protection) for protection in protections}


DOORS = of_protocol("imap") | of_protocol("pop3") | of_protocol("smtp") | of_protocol("sieve")


class Readers:
    """What the mail server's programs see of an installation."""

    def __init__(self, maps: PostfixMaps, doveadm: Doveadm) -> None:
        self._maps = maps
        self.doveadm = doveadm

    def postfix(self, *keys: str) -> dict[str, Answers]:
        """Ask every map for every key."""
        found: dict[str, Answers] = {key: {} for key in keys}
        with ThreadPoolExecutor(4) as threads:
            for name, table in threads.map(lambda name: (name, self._maps.table(name, keys)), self._maps.names):
                for key, values in table.items():
                    found[key][name] = values
        return found

    def about(self, key: str) -> Answers:
        """Ask every map for one key."""
        return self.postfix(key)[key]

    def logins(self, *users: str, password: str = PASSWORD, service: str = "imap") -> set[str]:
        """Return those of the users whom Dovecot lets in with a password."""
        return self._passed({user: (user, password, service, "") for user in users})

    def passwords(self, given: dict[str, str]) -> set[str]:
        """Return those of the users whom Dovecot lets in with the password of each."""
        return self._passed({user: (user, password, "", "") for user, password in given.items()})

    def services(self, user: str, doors: Iterable[Door]) -> set[Door]:
        """Return those of the doors that let the user in."""
        return self._passed({door: (user, PASSWORD, *door) for door in doors})

    def fields(self, name: str, *users: str) -> list[str]:
        """Return what Dovecot has for each of the users in one field."""
        return [(self.doveadm.user(user) or {})[name] for user in users]

    def is_unknown(self, user: str) -> bool:
        """Tell that neither program knows an address any more."""
        return self.about(user) == NOTHING and self.doveadm.user(user) is None and not self.logins(user)

    def _passed(self, tests: dict[T, tuple[str, str, str, Protection]]) -> set[T]:
        """Make logins side by side, since Dovecot takes half a second to refuse one."""

        def passes(test: tuple[str, str, str, Protection]) -> bool:
            user, password, service, protection = test
            return self.doveadm.auth_test(user, password, service=service, protection=protection)

        with ThreadPoolExecutor(len(tests)) as threads:
            return {key for key, passed in zip(tests, threads.map(passes, tests.values()), strict=True) if passed}


def hosted(domain: str, transport: str = "dovecot") -> Answers:
    """Return what Postfix says about a domain whose mailboxes are here."""
    return {"virtual_mailbox_domains": {domain}, "transport_maps_domain": {transport}}


def alias_domain(name: str) -> Answers:
    """Return what Postfix says about an alias domain: it has no transport."""
    return {"virtual_mailbox_domains": {name}}


def mailbox(mail: str, *forwarding: str, name: str = "") -> Answers:
    """Return what Postfix says about a user whose mail goes there, or to the mailbox alone.

    `name` is the address under which the mailbox was created.
    """
    local, _, domain = (name or mail).partition("@")
    return {
        "virtual_alias_maps": set(forwarding) or {mail},
        "virtual_mailbox_maps": {f"vmail1/{domain}/{local}//Maildir/"},
        "sender_login_maps": {mail},
    }


def leads_to(*destinations: str) -> Answers:
    """Return what Postfix says about an address from which nobody sends."""
    return {"virtual_alias_maps": set(destinations)}


def further_address(of: str) -> Answers:
    """Return what Postfix says about an alias address of a user, who may send from it."""
    return {"virtual_alias_maps": {of}, "sender_login_alias_maps": {of}}


def in_alias_domain(user: str, *forwarding: str) -> Answers:
    """Return what Postfix says about a user's name in an alias domain."""
    return {"domain_alias_maps": set(forwarding) or {user}, "sender_login_alias_maps": {user}}


def without(answers: Answers, name: str) -> Answers:
    """Return the same with one map silent."""
    return {other: values for other, values in answers.items() if other != name}
