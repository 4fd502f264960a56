"""Mailing lists and their members in a directory: what stands on the members is what Postfix delivers by.

Postfix asks no unsubscribable list who its members are: it looks for entries whose `memberOfGroup` is the address. So
each member carries every address of the list, and who is no account of the list's domain is a value of `mail` in the
list's entry in the container `Externals`. That a list is gone or switched off changes nothing for its members.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from postreeve.storage.directory import accounts, filters, names
from postreeve.storage.directory.entries import Entry
from postreeve.storage.directory.session import Session
from postreeve.values import Address

COUNTER = "domainCurrentListNumber"
MEMBERSHIP = "memberOfGroup"
_IS_LIST = filters.is_("mailList")
_ELSEWHERE = "mailExternalUser"
_IS_ACCOUNT = filters.either(filters.is_("mailUser"), filters.is_("mailAlias"), _IS_LIST)


@dataclass(frozen=True)
class Members:
    """The members of an unsubscribable list, by where they stand."""

    accounts: dict[str, str]
    """The accounts that carry the list's addresses: their own ones, and the names of their entries."""
    elsewhere: set[str]


def count(session: Session, domains: Collection[str] | None) -> int:
    """Count the lists of both kinds in some domains, or in all: one limit holds for both."""
    if domains is None:
        return session.count(session.tree.domains, _IS_LIST, scope="sub")
    return sum(session.count(session.tree.lists(domain), _IS_LIST) for domain in domains)


def recount(session: Session, mail: Address, by: int) -> None:
    """Say in the domain's entry how many lists of both kinds it will have."""
    accounts.recount(session, COUNTER, session.tree.lists(mail.domain), _IS_LIST, by)


def addresses_of(entry: Entry) -> list[str]:
    """Return all addresses of a list, its own first."""
    own = entry.text("mail").lower()
    return [own, *sorted({address.lower() for address in entry.texts("shadowAddress")} - {own})]


def members(session: Session, mail: str) -> set[str]:
    """Return who gets the mail of an unsubscribable list."""
    return {address.lower() for entry in _carrying(session, [mail], "mail") for address in entry.texts("mail")}


def placed(session: Session, addresses: Sequence[str], wanted: Collection[str]) -> Members:
    """Find out where the members of a list stand: accounts of its own domain carry its addresses.

    So do those of other domains to which another program has given them, as long as they stay members.
    """
    found = {
        entry.text("mail").lower(): entry.dn
        for entry in _carrying(session, addresses, "mail")
        if not _is_elsewhere(entry)
    }
    inside = {address: dn for address, dn in found.items() if address in wanted}
    for batch in accounts.batches(sorted(set(wanted) - inside.keys())):
        condition = filters.both(_IS_ACCOUNT, filters.among("mail", batch))
        for entry in session.search(session.tree.domain(_domain(addresses)), condition, ["mail"], scope="sub"):
            inside[entry.text("mail").lower()] = entry.dn
    return Members(inside, set(wanted) - inside.keys())


def write(session: Session, addresses: Sequence[str], after: Members) -> None:
    """Make exactly these the members of a list; what one of the same name has left behind goes as well."""
    absent = {names.key(dn): dn for dn in after.accounts.values()}
    for entry in _carrying(session, addresses, MEMBERSHIP):
        if _is_elsewhere(entry):
            continue
        edit = session.edit(entry.dn)
        if absent.pop(names.key(entry.dn), None):
            edit.insert(MEMBERSHIP, [address for address in addresses if not entry.has(MEMBERSHIP, address)])
        else:
            edit.remove(MEMBERSHIP, [address for address in addresses if entry.has(MEMBERSHIP, address)])
    for dn in absent.values():
        session.edit(dn).insert(MEMBERSHIP, addresses)
    _write_elsewhere(session, addresses, after.elsewhere)


def delete_elsewhere(session: Session, addresses: Sequence[str]) -> None:
    """Delete the entries for members elsewhere of a list that goes; its accounts are a matter of `traces.forget`."""
    for entry in _carrying(session, addresses, MEMBERSHIP):
        if _is_elsewhere(entry) and names.value(entry.dn).lower() in addresses:
            session.delete(entry.dn)


def _write_elsewhere(session: Session, addresses: Sequence[str], wanted: Collection[str]) -> None:
    mail, further = Address(addresses[0]), addresses[1:]
    dn = session.tree.external(mail)
    if session.find(dn, [MEMBERSHIP]):
        session.edit(dn).replace("mail", sorted(wanted)).replace("shadowAddress", further)
    elif wanted:
        entry = {
            "objectClass": _ELSEWHERE, MEMBERSHIP: mail, "accountStatus": "active",
            "enabledService": ("mail", "deliver"), **accounts.by_domain(session, mail),
            "mail": sorted(wanted), "shadowAddress": further,
        }  # fmt: skip
        session.add(dn, entry)


def _carrying(session: Session, addresses: Sequence[str], attribute: str) -> Iterator[Entry]:
    """Yield the entries, of every kind and in every domain, that carry one of some addresses of a list."""
    condition = filters.among(MEMBERSHIP, addresses)
    yield from session.search(session.tree.domains, condition, ["objectClass", attribute], scope="sub")


def _is_elsewhere(entry: Entry) -> bool:
    return entry.has("objectClass", _ELSEWHERE)


def _domain(addresses: Sequence[str]) -> str:
    return Address(addresses[0]).domain
