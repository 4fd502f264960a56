"""What the accounts of a domain have by it: whether it is on, and their names in its alias domains.

Postfix and Dovecot ask the accounts and not the domain. So each of them says `domainStatus: disabled` while the domain
is off, and carries its name in each alias domain. A sweep makes the accounts what the domain's entry says, may be
repeated at any time, and is sent in pieces.
"""

from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

from postreeve.storage.directory import filters
from postreeve.storage.directory.accounts import batches
from postreeve.storage.directory.entries import Entry
from postreeve.storage.directory.session import Session

AT_ONCE = 200
"""Entries that are changed before anything is sent."""
_EXTERNAL = "mailExternalUser"
_ACCOUNTS = filters.either(*map(filters.is_, ("mailUser", "mailAlias", "mailList", _EXTERNAL)))
_ADDRESSES = ("shadowAddress", "memberOfGroup")
_READ = ("objectClass", "mail", "domainStatus", *_ADDRESSES)


def align(session: Session, name: str) -> None:
    """Let the accounts of a domain follow its status, and give them their names in its alias domains."""
    domain = _domain(session, name)
    if domain is None:
        return

    def follow(entry: Entry) -> None:
        edit = session.edit(entry.dn)
        if [text.lower() for text in entry.texts("domainStatus")] != domain.status:
            edit.replace("domainStatus", domain.status)
        for attribute, addresses in _named(entry, name, domain.aliases).items():
            edit.insert(attribute, addresses - {text.lower() for text in entry.texts(attribute)})

    entries = session.search(session.tree.domain(name), _ACCOUNTS, _READ, scope="sub")
    _each(session, entries, follow, lambda: _domain(session, name) == domain)


def forget_alias_domain(session: Session, name: str, alias: str) -> None:
    """Take the addresses in a former alias domain from the accounts of a domain: the next host must not lose mail."""
    end = f"@{alias}"
    condition = filters.either(*(filters.ending(attribute, end) for attribute in _ADDRESSES))

    def is_gone() -> bool:
        domain = _domain(session, name)
        return domain is None or alias not in domain.aliases

    def forget(entry: Entry) -> None:
        for attribute in _ADDRESSES:
            session.edit(entry.dn).remove(attribute, [text for text in entry.texts(attribute) if _ends(text, end)])

    entries = session.search(session.tree.domain(name), condition, _ADDRESSES, scope="sub")
    _each(session, entries, forget, is_gone)


class _Domain(NamedTuple):
    """What a domain's accounts have by it."""

    status: list[str]
    aliases: list[str]


def _domain(session: Session, name: str) -> _Domain | None:
    domain = session.find(session.tree.domain(name), ["accountStatus", "domainAliasName"])
    if domain is None:
        return None
    status = [] if domain.has("accountStatus", "active") else ["disabled"]
    return _Domain(status, sorted(alias.lower() for alias in domain.texts("domainAliasName")))


def _named(entry: Entry, name: str, aliases: Collection[str]) -> dict[str, set[str]]:
    """Return what an account is called in alias domains, and what the lists are called there of which it is a member.

    A list's members elsewhere are in an entry that has the list's name: that gets further names of the list.
    """
    end = f"@{name}"
    lists = {text.lower().removesuffix(end) for text in entry.texts("memberOfGroup") if _ends(text, end)}
    if entry.has("objectClass", _EXTERNAL):
        return {"shadowAddress": _in(lists, aliases)}
    own = {text.lower().removesuffix(end) for text in entry.texts("mail") if _ends(text, end)}
    return {"shadowAddress": _in(own, aliases), "memberOfGroup": _in(lists, aliases)}


def _in(local_parts: Collection[str], domains: Collection[str]) -> set[str]:
    return {f"{local_part}@{domain}" for local_part in local_parts for domain in domains}


def _ends(text: str, end: str) -> bool:
    return text.lower().endswith(end)


def _each(
    session: Session, entries: Iterator[Entry], change: Callable[[Entry], None], is_wanted: Callable[[], bool]
) -> None:
    """Change entries and send that in pieces, as long as the domain has not changed its mind: then others sweep."""
    for piece in batches(entries, AT_ONCE):
        if not is_wanted():
            return
        for entry in piece:
            change(entry)
        session.commit()
