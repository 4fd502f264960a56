"""An address wherever it stands in a directory: as destination, member, moderator, owner, admin or copy.

Each sweep is a search and an edit of each entry that it finds, and may be repeated. The account's own entry is renamed
or deleted by its slice, which says so after the sweep.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from postreeve.storage.directory import filters, names, rights
from postreeve.storage.directory.entries import Entry
from postreeve.storage.directory.filters import Filter
from postreeve.storage.directory.session import Session
from postreeve.values import Address, DomainName

_IN_DOMAINS = ("domainAdmin", "domainSenderBccAddress", "domainRecipientBccAddress")
_IN_ACCOUNTS = (
    "mailForwardingAddress", "memberOfGroup", "shadowAddress", "listAllowedUser", "userSenderBccAddress",
    "userRecipientBccAddress",
)  # fmt: skip
_IN_LISTS = ("listOwner", "listModerator")
"""iRedMail's servers have no index for these: they are asked for together with the classes that have them."""
_SINGLE = frozenset({
    "domainSenderBccAddress", "domainRecipientBccAddress", "userSenderBccAddress", "userRecipientBccAddress",
})  # fmt: skip
_MEMBERS = ("member", "uniqueMember")
"""Attributes of lists with the names of their members' entries."""
_HOLDERS = filters.either(filters.is_("mailList"), filters.is_("mailAlias"))
_EXTERNAL = "mailExternalUser"


class _Place(NamedTuple):
    """A value of an entry that is to change."""

    entry: Entry
    attribute: str
    value: str


def rename(session: Session, old: Address, new: Address) -> None:
    """Put a new address in an old one's place; rights that somebody else left under the new one are not inherited.

    The domains, which give rights, come last: a sweep that broke off among them and is repeated takes rights for left.
    """
    for entry, attribute, value in _memberships(session, old):
        renamed = _accounts(session, new)[_keys(session, old).index(names.key(value))]
        session.edit(entry.dn).remove(attribute, value).insert(attribute, renamed)
    found = list(_places(session, old))
    _replace(session, [place for place in found if place.attribute not in _IN_DOMAINS], new)
    rights.withdraw(session, new)
    _replace(session, [place for place in found if place.attribute in _IN_DOMAINS], new)


def forget(session: Session, address: Address) -> None:
    """Remove an address that is no more."""
    own = _keys(session, address)
    for entry, attribute, value in (*_places(session, address), *_memberships(session, address)):
        if names.key(entry.dn) not in own:
            session.edit(entry.dn).remove(attribute, value)


def forget_domain(session: Session, name: DomainName) -> None:
    """Remove the addresses of a domain that is no more from everything that lies in other domains."""
    inside = names.key(session.tree.domain(name))
    end = f"@{name}"
    for entry in session.search(
        session.tree.domains, _naming(lambda attribute: filters.ending(attribute, end)), _READ, scope="sub"
    ):
        if names.key(entry.dn).endswith(inside):
            continue
        for attribute, value in _values(entry, lambda text: text.endswith(end) and not text.startswith("*")):
            session.edit(entry.dn).remove(attribute, value)


def _replace(session: Session, places: Iterable[_Place], new: str) -> None:
    for entry, attribute, value in places:
        edit = session.edit(entry.dn)
        if attribute in _SINGLE:
            edit.replace(attribute, new)
        else:
            edit.remove(attribute, value).insert(attribute, new)


def _places(session: Session, address: str) -> Iterator[_Place]:
    """Yield where an address stands."""
    condition = _naming(lambda attribute: filters.equal(attribute, address))
    for entry in session.search(session.tree.domains, condition, _READ, scope="sub"):
        for attribute, value in _values(entry, lambda text: text == address):
            yield _Place(entry, attribute, value)


def _naming(is_wanted: Callable[[str], Filter]) -> Filter:
    """Return the condition for everything with a wanted value in one of the attributes that hold addresses."""
    return filters.either(
        filters.both(filters.is_("mailDomain"), filters.either(*map(is_wanted, _IN_DOMAINS))),
        *map(is_wanted, _IN_ACCOUNTS),
        filters.both(_HOLDERS, filters.either(*map(is_wanted, _IN_LISTS))),
        filters.both(filters.is_(_EXTERNAL), is_wanted("mail")),
    )


def _values(entry: Entry, is_wanted: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    """Yield the attributes of an entry and their wanted values, but for the value that is its name."""
    own = names.parts(entry.dn)[0]
    attributes = (*_IN_DOMAINS, *_IN_ACCOUNTS, *_IN_LISTS, *(["mail"] if entry.has("objectClass", _EXTERNAL) else []))
    for attribute in attributes:
        for value in entry.texts(attribute):
            if is_wanted(value.lower()) and (attribute.lower(), value.lower()) != (own[0].lower(), own[1].lower()):
                yield attribute, value


_READ = ("objectClass", "mail", *_IN_DOMAINS, *_IN_ACCOUNTS, *_IN_LISTS)


def _memberships(session: Session, address: str) -> Iterator[_Place]:
    """Yield where lists name the entry of an account among their members."""
    wanted = _accounts(session, address)
    condition = filters.either(*(filters.among(attribute, wanted) for attribute in _MEMBERS))
    keys = _keys(session, address)
    for entry in session.search(
        session.tree.domains, filters.both(filters.is_("mailList"), condition), _MEMBERS, scope="sub"
    ):
        for attribute in _MEMBERS:
            for value in entry.texts(attribute):
                if names.key(value) in keys:
                    yield _Place(entry, attribute, value)


def _accounts(session: Session, address: str) -> list[str]:
    """Return the names of the entries that an account with this address may have."""
    tree = session.tree
    return [tree.user(address), tree.alias(address), tree.list(address)]


def _keys(session: Session, address: str) -> list[str]:
    return list(map(names.key, _accounts(session, address)))
