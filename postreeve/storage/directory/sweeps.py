"""What the accounts of a domain have by it: whether it is on, and their names in its alias domains.

Postfix and Dovecot ask the accounts and not the domain. So each of them says `domainStatus: disabled` while the domain
is off, and carries its name in each alias domain. A sweep makes the accounts what the domain's entry says, may be
repeated at any time, and is sent in pieces.
"""

from collections.abc import Callable, Collection, Iterator

from postreeve.storage.directory import filters
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
    domain = session.find(session.tree.domain(name), ["accountStatus", "domainAliasName"])
    if domain is None:
        return
    status = [] if domain.has("accountStatus", "active") else ["disabled"]
    aliases = sorted(alias.lower() for alias in domain.texts("domainAliasName"))

    def follow(entry: Entry) -> None:
        edit = session.edit(entry.dn)
        if [text.lower() for text in entry.texts("domainStatus")] != status:
            edit.replace("domainStatus", status)
        for attribute, addresses in _named(entry, name, aliases).items():
            edit.insert(attribute, addresses - {text.lower() for text in entry.texts(attribute)})

    _each(session, session.search(session.tree.domain(name), _ACCOUNTS, _READ, scope="sub"), follow)


def forget_alias_domain(session: Session, name: str, alias: str) -> None:
    """Take the addresses in a former alias domain from the accounts of a domain: the next host must not lose mail."""
    domain = session.find(session.tree.domain(name), ["domainAliasName"])
    if domain and domain.has("domainAliasName", alias):  # it never went, or has come back
        return
    end = f"@{alias}"
    condition = filters.either(*(filters.ending(attribute, end) for attribute in _ADDRESSES))

    def forget(entry: Entry) -> None:
        for attribute in _ADDRESSES:
            session.edit(entry.dn).remove(attribute, [text for text in entry.texts(attribute) if _ends(text, end)])

    _each(session, session.search(session.tree.domain(name), condition, _ADDRESSES, scope="sub"), forget)


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


def _each(session: Session, entries: Iterator[Entry], change: Callable[[Entry], None]) -> None:
    for number, entry in enumerate(entries, 1):
        change(entry)
        if number % AT_ONCE == 0:
            session.commit()
    session.commit()
