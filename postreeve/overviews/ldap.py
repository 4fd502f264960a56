"""Overviews of the accounts in a directory.

A directory sorts nothing: for each page the names of all entries of the domain are read, and of those on the page what
its rows show. A text and a status are conditions of the search, for which a server has indexes.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain

import sqlalchemy as sa

from postreeve.overviews.bookmarks import MOST_COUNTED, UNLIMITED, Bookmark, Order, Part, Wanted, part_of
from postreeve.overviews.store import (
    MOST_FOUND,
    AccountRow,
    AdminRow,
    AliasRow,
    Domain,
    DomainRow,
    Found,
    Kind,
    ListRow,
    UserRow,
    in_order,
)
from postreeve.storage import sql
from postreeve.storage.conditions import among, parameter
from postreeve.storage.directory import accounts, filters, groups, mailboxes, names, rights
from postreeve.storage.directory.entries import Entry
from postreeve.storage.directory.filters import Filter
from postreeve.storage.directory.mailboxes import Use
from postreeve.storage.directory.session import NAME_ONLY, Session
from postreeve.storage.directory.tallies import COUNTERS, tally
from postreeve.storage.sql import Statement
from postreeve.storage.tables import vmail

Place = tuple[int | str, str]
"""Where a row is in an order: by what it is sorted, and its address."""

_USED, _LOGIN = vmail.used_quota.c, vmail.last_login.c
USED_IN_DOMAIN = Statement(lambda _: sa.select(_USED.username, _USED.bytes).where(_USED.domain == parameter("domain")))
LOGINS_IN_DOMAIN = Statement(
    lambda _: sa.select(_LOGIN.username, _LOGIN.imap, _LOGIN.pop3).where(_LOGIN.domain == parameter("domain"))
)
USED_BY_DOMAIN = Statement(
    lambda _: sa.select(_USED.domain, sa.func.sum(_USED.bytes)).where(among(_USED.domain, "domains"))
    .group_by(_USED.domain)
)  # fmt: skip

_ACTIVE = filters.equal("accountStatus", "active")
_GLOBAL = filters.equal("domainGlobalAdmin", "yes")
_CREATED = "createTimestamp"
_OF_ACCOUNT = ("cn", "accountStatus", _CREATED)
_OF_USER = (*_OF_ACCOUNT, "objectClass", "mailQuota", "domainGlobalAdmin")
_OF_ALIAS = (*_OF_ACCOUNT, "accessPolicy", "mailForwardingAddress")
_OF_LIST = (*_OF_ACCOUNT, "accessPolicy", "enabledService")
_OF_ADMIN = (*_OF_ACCOUNT, "objectClass", "domainGlobalAdmin")
_OTHER_NAMES = ("domainAliasName", "domainPendingAliasName")
_OF_DOMAIN = (
    *_OF_ACCOUNT, *_OTHER_NAMES, *COUNTERS, "domainBackupMX", accounts.SETTINGS,
)  # fmt: skip
_SORTED_BY: Mapping[Order, Sequence[str]] = {
    Order.NAME: ["cn"], Order.QUOTA: ["mailQuota", accounts.SETTINGS], Order.CREATED: [_CREATED],
}  # fmt: skip
"""What has to be read of every entry for an order, if not its name alone."""
_KINDS: Mapping[str, Kind] = {
    "mailDomain": "domain", "mailUser": "user", "mailAlias": "alias", "mailList": "list", "mailAdmin": "admin",
}  # fmt: skip
_KINDS_OF_LISTS: tuple[Kind, ...] = ("list", "maillist")
_OTHER_NAME = {"mailDomain": "domainAliasName", "mailUser": "shadowAddress", "mailList": "shadowAddress"}
"""Where further addresses or names are, in which a search looks as well."""
_FEW_DOMAINS = 3
"""So many are searched one by one; of more, what is not in them is left out of what all domains have."""


class LdapOverviews:
    """The accounts, as entries of a domain's containers; what Dovecot knows of mailboxes is in SQL."""

    def __init__(self, session: Session, iredadmin: sql.Session) -> None:
        self.session = session
        self.iredadmin = iredadmin

    def domains(self, wanted: Wanted, within: Collection[str] | None) -> Part[Domain]:
        tree = self.session.tree
        condition = filters.both(filters.is_("mailDomain"), *_conditions(wanted, "domainName"))
        named = [filters.ANYTHING]
        if within is not None:
            named = [filters.among("domainName", batch) for batch in accounts.batches(sorted(within))]
        found = [
            entry for some in named
            for entry in self._searched(tree.domains, filters.both(condition, some), wanted)
        ]  # fmt: skip
        part = _part([_place(entry, wanted.order) for entry in found], wanted)
        entries = self._entries(map(tree.domain, part.rows), _OF_DOMAIN)
        used = self._used_by_domain(list(entries))
        return part.of([self._domain(entries[name], used.get(name, 0)) for name in part.rows if name in entries])

    def users(self, domain: str, wanted: Wanted) -> Part[UserRow]:
        tree = self.session.tree
        condition = filters.both(filters.is_("mailUser"), *_conditions(wanted))
        places = [_place(entry, wanted.order) for entry in self._searched(tree.users(domain), condition, wanted)]
        if wanted.order in {Order.USED, Order.LAST_LOGIN}:
            numbers = self._numbers(domain, wanted.order)
            places = [(numbers.get(address, 0), address) for _, address in places]
        part = _part(places, wanted)
        entries = self._entries(map(tree.user, part.rows), _OF_USER)
        managed = rights.administered(self.session, part.rows) if part.rows else {}
        uses = mailboxes.uses(self.iredadmin, part.rows) if part.rows else {}
        return part.of(
            [
                _user(entries[mail], uses.get(mail, Use()), len(managed[mail]))
                for mail in part.rows if mail in entries
            ]
        )  # fmt: skip

    def aliases(self, domain: str, wanted: Wanted) -> Part[AliasRow]:
        tree = self.session.tree
        condition = filters.both(filters.is_("mailAlias"), *_conditions(wanted))
        found = self._searched(tree.aliases(domain), condition, wanted)
        part = _part([_place(entry, wanted.order) for entry in found], wanted)
        entries = self._entries(map(tree.alias, part.rows), _OF_ALIAS)
        return part.of([_alias(entries[mail]) for mail in part.rows if mail in entries])

    def lists(self, domain: str, wanted: Wanted) -> Part[ListRow]:
        tree = self.session.tree
        condition = filters.both(filters.is_("mailList"), *_conditions(wanted))
        found = self._searched(tree.lists(domain), condition, wanted)
        part = _part([_place(entry, wanted.order) for entry in found], wanted)
        entries = self._entries(map(tree.list, part.rows), _OF_LIST)
        members = self._members([mail for mail, entry in entries.items() if not _is_subscribable(entry)])
        return part.of([_list(entries[mail], members.get(mail)) for mail in part.rows if mail in entries])

    def admins(self, wanted: Wanted) -> Part[AdminRow]:
        """Return a page of the admins, of whom all are read: there are few."""
        everybody, managed = self._admins()
        entries = {mail: entry for mail, entry in everybody.items() if _is_wanted(entry, wanted)}
        part = _part([_place(entry, wanted.order) for entry in entries.values()], wanted)
        return part.of([_admin(entries[mail], managed[mail]) for mail in part.rows])

    def find(self, text: str, within: Collection[str] | None) -> list[Found]:
        tree = self.session.tree
        bases = [tree.domains]
        if within is not None and len(within) <= _FEW_DOMAINS:
            bases = [tree.domain(name) for name in sorted(within)]
        found = [self._found(name, bases, within, text) for name in _KINDS if name != "mailAdmin"]
        if within is None:
            found.append(self._found("mailAdmin", [tree.admins], None, text))
        return in_order(chain.from_iterable(found), text)

    # What is read

    def _searched(self, base: str, condition: Filter, wanted: Wanted) -> Iterator[Entry]:
        """Yield the entries that an overview shows, each with what it is sorted by; a catch-all is no account."""
        for entry in self.session.search(base, condition, _SORTED_BY.get(wanted.order, NAME_ONLY)):
            if not (address := _address(entry)).startswith("@") and address.startswith(wanted.letter):
                yield entry

    def _entries(self, dns: Iterable[str], attributes: Sequence[str]) -> dict[str, Entry]:
        return {_address(entry): entry for entry in self.session.find_all(list(dns), attributes)}

    def _numbers(self, domain: str, order: Order) -> dict[str, int]:
        """Return by what the users of a domain are sorted that is in SQL."""
        table = vmail.used_quota if order is Order.USED else vmail.last_login
        if not self.iredadmin.schema.has(table.name):
            return {}
        statement = USED_IN_DOMAIN if order is Order.USED else LOGINS_IN_DOMAIN
        rows = self.iredadmin.rows(statement, domain=domain)
        return {mail.lower(): int(max(number or 0 for number in numbers)) for mail, *numbers in rows}

    def _used_by_domain(self, domains: list[str]) -> dict[str, int]:
        if not domains or not self.iredadmin.schema.has(vmail.used_quota.name):
            return {}
        rows = self.iredadmin.rows(USED_BY_DOMAIN, domains=domains)
        return {domain.lower(): int(octets or 0) for domain, octets in rows}

    def _members(self, lists: Sequence[str]) -> dict[str, int]:
        """Count the members of unsubscribable lists: whoever carries the address of one."""
        found: dict[str, set[str]] = {mail: set() for mail in lists}
        if lists:
            condition = filters.among(groups.MEMBERSHIP, lists)
            for entry in self.session.search(
                self.session.tree.domains, condition, ["mail", groups.MEMBERSHIP], scope="sub"
            ):
                for mail in {text.lower() for text in entry.texts(groups.MEMBERSHIP)} & found.keys():
                    found[mail].update(text.lower() for text in entry.texts("mail"))
        return {mail: len(members) for mail, members in found.items()}

    def _admins(self) -> tuple[dict[str, Entry], Counter[str]]:
        """Return everybody who administers something, and how many domains each of them has."""
        tree, search = self.session.tree, self.session.search
        is_managed = filters.both(filters.is_("mailDomain"), filters.present("domainAdmin"))
        managed = Counter(
            account
            for entry in search(tree.domains, is_managed, ["domainAdmin"])
            for account in {text.lower() for text in entry.texts("domainAdmin")}
        )
        found = {_address(entry): entry for entry in search(tree.admins, filters.is_("mailAdmin"), _OF_ADMIN)}
        users = self._entries([tree.user(mail) for mail in managed if mail not in found], _OF_ADMIN)
        are_global = filters.both(filters.is_("mailUser"), _GLOBAL)
        users |= {_address(entry): entry for entry in search(tree.domains, are_global, _OF_ADMIN, scope="sub")}
        return users | found, managed

    def _found(
        self, object_class: str, bases: Iterable[str], within: Collection[str] | None, text: str
    ) -> Iterator[Found]:
        """Yield what of a class has a text, one more than is shown of each kind at most, first what begins with it."""
        kinds = _KINDS_OF_LISTS if object_class == "mailList" else (_KINDS[object_class],)
        known: dict[Kind, set[str]] = {kind: set() for kind in kinds}
        for entry in self._having(object_class, bases, within, text):
            found = _finding(object_class, entry, text)
            same = known[found["kind"]]
            if found["address"] not in same and len(same) <= MOST_FOUND:
                same.add(found["address"])
                yield found
            if all(len(addresses) > MOST_FOUND for addresses in known.values()):
                return

    def _having(
        self, object_class: str, bases: Iterable[str], within: Collection[str] | None, text: str
    ) -> Iterator[Entry]:
        """Yield the entries of a class of which an address begins with a text, and then all that have it.

        A catch-all is no account.
        """
        other = _OTHER_NAME.get(object_class)
        addresses = ["domainName" if object_class == "mailDomain" else "mail", *([other] if other else [])]
        begins = filters.either(*(filters.starting(attribute, text) for attribute in addresses))
        has = filters.either(*(filters.containing(attribute, text) for attribute in (*addresses, "cn")))
        attributes = [*addresses, "cn", "accountStatus", "enabledService"]
        for part in (begins, has):
            condition = filters.both(filters.is_(object_class), part)
            for entry in chain.from_iterable(
                self.session.search(base, condition, attributes, scope="sub") for base in bases
            ):
                if not _address(entry).startswith("@") and (within is None or _domain_of(entry) in within):
                    yield entry

    def _domain(self, entry: Entry, used: int) -> Domain:
        name, account = _address(entry), _account(entry)
        told = tally(self.session, entry)
        settings = accounts.settings_of(entry)
        row: DomainRow = {
            "domain": name, "name": account["name"], "is_active": account["is_active"],
            "created": account["created"], "users": told.users, "aliases": told.aliases, "lists": told.lists,
            "allocated_quota": told.octets // 2**20, "used_bytes": used,
            "quota": accounts.in_megabytes(accounts.setting(entry, "domainQuota")),
            "most_users": accounts.number(entry, "numberOfUsers"),
            "most_aliases": accounts.number(entry, "numberOfAliases"),
            "most_lists": accounts.number(entry, "numberOfLists"),
            "is_backup_mx": entry.has("domainBackupMX", "yes"),
            "alias_domains": sorted({text.lower() for other in _OTHER_NAMES for text in entry.texts(other)}),
            "waiting": [],
        }  # fmt: skip
        return Domain(row, frozenset(section.lower() for section in settings.get("disabledDomainProfile", [])))


def _conditions(wanted: Wanted, address: str = "mail") -> Iterator[Filter]:
    if wanted.is_active is not None:
        yield _ACTIVE if wanted.is_active else filters.unless(_ACTIVE)
    if wanted.text:
        yield filters.either(*(filters.containing(name, wanted.text) for name in (address, "cn")))


def _is_wanted(entry: Entry, wanted: Wanted) -> bool:
    """Tell by an entry that has been read what conditions of a search tell elsewhere."""
    address = _address(entry)
    return (
        address.startswith(wanted.letter)
        and (wanted.is_active is None or wanted.is_active == entry.has("accountStatus", "active"))
        and (not wanted.text or wanted.text in address or wanted.text in entry.text("cn").lower())
    )


def _place(entry: Entry, order: Order) -> Place:
    address = _address(entry)
    match order:
        case Order.NAME:
            return entry.text("cn").lower()[:255], address
        case Order.QUOTA:
            octets = entry.number("mailQuota")
            quota = accounts.megabytes(octets) or accounts.in_megabytes(accounts.setting(entry, "domainQuota"))
            return quota or UNLIMITED, address
        case Order.CREATED:
            return _created(entry), address
    return "", address


def _part(places: Collection[Place], wanted: Wanted) -> Part[str]:
    """Return the addresses on a page, out of all."""
    mark = (wanted.bookmark.key, wanted.bookmark.address) if wanted.bookmark else None
    ordered = sorted(places, reverse=wanted.is_falling)
    if mark is not None:
        ordered = [place for place in ordered if (place < mark if wanted.is_falling else place > mark)]
    total = min(len(places), MOST_COUNTED + 1) if wanted.is_counted else None
    part = part_of(ordered[: wanted.size + 1], wanted, lambda place: Bookmark(wanted.order, *place), total)
    return part.of([address for _, address in part.rows])


def _address(entry: Entry) -> str:
    """Return what an entry is named after; a further value of `mail` is somebody's mistake."""
    return names.value(entry.dn).lower()


def _domain_of(entry: Entry) -> str:
    """Return the domain below which an entry is, or whose entry it is."""
    return next((text.lower() for name, text in names.parts(entry.dn) if name.lower() == "domainname"), "")


def _created(entry: Entry) -> str:
    stamp = entry.text(_CREATED)
    return accounts.moment(stamp) if stamp else ""


def _is_subscribable(entry: Entry) -> bool:
    return entry.has("enabledService", "mlmmj")


def _account(entry: Entry) -> AccountRow:
    return {
        "address": _address(entry), "name": entry.text("cn"), "is_active": entry.has("accountStatus", "active"),
        "created": _created(entry),
    }  # fmt: skip


def _user(entry: Entry, use: Use, domains: int) -> UserRow:
    return {
        **_account(entry), "quota": accounts.megabytes(entry.number("mailQuota")), "used_bytes": use.octets,
        "used_messages": use.messages, "last_login": use.last_login,
        "is_global_admin": entry.has("domainGlobalAdmin", "yes"), "domains": domains,
    }  # fmt: skip


def _alias(entry: Entry) -> AliasRow:
    members = {text.lower() for text in entry.texts("mailForwardingAddress")}
    return {**_account(entry), "access_policy": entry.text("accessPolicy"), "members": len(members)}


def _list(entry: Entry, members: int | None) -> ListRow:
    return {
        **_account(entry), "kind": "subscribable" if _is_subscribable(entry) else "unsubscribable",
        "access_policy": entry.text("accessPolicy"), "is_newsletter": entry.has("enabledService", "newsletter"),
        "members": members,
    }  # fmt: skip


def _admin(entry: Entry, domains: int) -> AdminRow:
    return {
        **_account(entry), "kind": "admin" if entry.has("objectClass", "mailAdmin") else "user",
        "is_global_admin": entry.has("domainGlobalAdmin", "yes"), "domains": domains,
    }  # fmt: skip


def _finding(object_class: str, entry: Entry, text: str) -> Found:
    kind: Kind = _KINDS[object_class]
    if kind == "list" and not _is_subscribable(entry):
        kind = "maillist"
    address, name = _address(entry), entry.text("cn")
    others = [other.lower() for other in entry.texts(_OTHER_NAME.get(object_class, "")) if text in other.lower()]
    is_by_other = others and text not in address and text not in name.lower()
    return {
        "kind": kind, "address": address, "name": name, "is_active": entry.has("accountStatus", "active"),
        "matched": min(others) if is_by_other else "",
    }  # fmt: skip
