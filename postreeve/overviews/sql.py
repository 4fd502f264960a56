"""Overviews of the accounts in the SQL database `vmail`.

A page in the order of addresses is read along an index. InnoDB and the embedded database have one of the domains in
which the addresses stand in their order. PostgreSQL has none, so that it goes through the addresses of all domains, or
sorts those of one: it sees by the values which is the shorter way, and is asked to plan these statements each time.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

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
    ListRow,
    UserRow,
    in_order,
)
from postreeve.storage import accounts, settings_text
from postreeve.storage.conditions import among, containing, leading, literal, parameter, resembling, starting
from postreeve.storage.rights import GLOBAL
from postreeve.storage.sql import Schema, Session, Statement
from postreeve.storage.tables import vmail

_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
_LONGEST_NAME = 255
"""Of a name, what counts for the order."""
_NONE: sa.ColumnElement[int] = sa.literal_column("0")
_EMPTY: sa.ColumnElement[str] = sa.literal_column("''")
_DOMAIN, _BOX, _ALIAS, _LIST = vmail.domain.c, vmail.mailbox.c, vmail.alias.c, vmail.maillists.c
_ADMIN, _ADMINS, _USED, _LOGIN = vmail.admin.c, vmail.domain_admins.c, vmail.used_quota.c, vmail.last_login.c
_LINK, _OTHER_NAME = vmail.forwardings.c, vmail.alias_domain.c


class _Source(NamedTuple):
    """Where the rows of an overview come from."""

    tables: sa.FromClause
    key: sa.ColumnElement[str]
    name: sa.ColumnElement[str]
    active: sa.ColumnElement[int]
    created: sa.ColumnElement[Any]
    others: Mapping[str, sa.ColumnElement[Any]]
    domain: sa.ColumnElement[str]
    """The column of the domain by which the overview is bounded."""
    quota: sa.ColumnElement[int] = _NONE
    used: sa.ColumnElement[int] = _NONE
    login: sa.ColumnElement[int] = _NONE


def _domains(_schema: Schema) -> _Source:
    others = (_DOMAIN.maxquota, _DOMAIN.mailboxes, _DOMAIN.aliases, _DOMAIN.maillists, _DOMAIN.backupmx)
    return _Source(
        vmail.domain, _DOMAIN.domain, sa.func.coalesce(_DOMAIN.description, ""), _DOMAIN.active, _DOMAIN.created,
        {**{column.name: column for column in others}, "settings": _DOMAIN.settings}, _DOMAIN.domain, _DOMAIN.maxquota,
    )  # fmt: skip


def _users(_schema: Schema) -> _Source:
    return _Source(
        vmail.mailbox, _BOX.username, _BOX.name, _BOX.active, _BOX.created,
        {"quota": _BOX.quota, "isglobaladmin": _BOX.isglobaladmin}, _BOX.domain, _BOX.quota,
    )  # fmt: skip


def _users_by_use(schema: Schema) -> _Source:
    tables = vmail.mailbox.outerjoin(vmail.used_quota, _USED.username == _BOX.username)
    return _users(schema)._replace(tables=tables, used=sa.func.coalesce(_USED.bytes, 0))


def _users_by_login(schema: Schema) -> _Source:
    if not schema.has(vmail.last_login.name):
        return _users(schema)
    by_both = (_LOGIN.username == _BOX.username) & (_LOGIN.domain == _BOX.domain)
    imap, pop3 = sa.func.coalesce(_LOGIN.imap, 0), sa.func.coalesce(_LOGIN.pop3, 0)
    tables = vmail.mailbox.outerjoin(vmail.last_login, by_both)
    return _users(schema)._replace(tables=tables, login=sa.case((imap > pop3, imap), else_=pop3))


def _aliases(_schema: Schema) -> _Source:
    return _Source(
        vmail.alias, _ALIAS.address, _ALIAS.name, _ALIAS.active, _ALIAS.created,
        {"accesspolicy": _ALIAS.accesspolicy}, _ALIAS.domain,
    )  # fmt: skip


def _lists(_schema: Schema) -> _Source:
    return _Source(
        vmail.maillists, _LIST.address, _LIST.name, _LIST.active, _LIST.created,
        {"accesspolicy": _LIST.accesspolicy, "is_newsletter": _LIST.is_newsletter}, _LIST.domain,
    )  # fmt: skip


def _admins(_schema: Schema) -> _Source:
    """Select standalone admins, and the users who have any of their rights."""
    shown = (_BOX.username, _BOX.name, _BOX.active, _BOX.created)
    users = sa.select(*shown, sa.literal_column("'user'").label("kind"), _BOX.isglobaladmin)
    people = sa.union(
        sa.select(
            _ADMIN.username, _ADMIN.name, _ADMIN.active, _ADMIN.created,
            sa.literal_column("'admin'").label("kind"), _NONE.label("isglobaladmin"),
        ),
        users.where(_BOX.isglobaladmin > 0),
        users.join(vmail.domain_admins, _ADMINS.username == _BOX.username),
    ).subquery("people")  # fmt: skip
    found = people.c
    return _Source(
        people, found.username, found.name, found.active, found.created,
        {"kind": found.kind, "isglobaladmin": found.isglobaladmin}, found.username,
    )  # fmt: skip


_SOURCES: Mapping[str, Callable[[Schema], _Source]] = {
    "domains": _domains, "users": _users, "aliases": _aliases, "lists": _lists, "admins": _admins,
}  # fmt: skip
_BY_OTHER_TABLES: Mapping[Order, Callable[[Schema], _Source]] = {
    Order.USED: _users_by_use, Order.LAST_LOGIN: _users_by_login,
}  # fmt: skip


class _Form(NamedTuple):
    """What differs from one statement to the next; everything else are its parameters."""

    overview: str
    order: Order
    is_falling: bool
    has_bookmark: bool
    has_text: bool
    is_ascii: bool
    """Of the text."""
    has_letter: bool
    has_next_letter: bool
    is_active: bool | None
    bound: str
    """The parameter that bounds the overview: `domain`, `within`, or nothing."""
    is_counted: bool = False


@cache
def _statement(form: _Form) -> Statement:
    return Statement(lambda schema: _selected(form, schema), is_planned_each_time=True)


def _selected(form: _Form, schema: Schema) -> sa.Executable:
    source = _BY_OTHER_TABLES.get(form.order, _SOURCES[form.overview])(schema)
    place = _place(form.order, source)
    conditions = list(_conditions(form, source, place))
    if form.is_counted:
        rows: sa.Select[Any] = (
            sa.select(sa.literal_column("1").label("one")).select_from(source.tables).where(*conditions)
        )
        return sa.select(sa.func.count()).select_from(rows.limit(parameter("most")).subquery())
    columns = [column.label(label) for label, column in source.others.items()]
    columns += [source.name.label("name"), source.active.label("active")]
    created = sa.cast(source.created, sa.String(19)).label("created")
    above = [source.domain] if form.bound == "domain" else []
    places = [*above, source.key] if place is None else [place, source.key]
    return (
        sa.select(source.key.label("address"), (_EMPTY if place is None else place).label("place"), created, *columns)
        .select_from(source.tables).where(*conditions)
        .order_by(*(each.desc() if form.is_falling else each for each in places)).limit(parameter("most"))
    )  # fmt: skip


def _place(order: Order, source: _Source) -> sa.ColumnElement[Any] | None:
    """Return by what rows are sorted before their addresses."""
    match order:
        case Order.ADDRESS:
            return None
        case Order.NAME:
            return sa.func.substr(sa.func.lower(source.name), 1, _LONGEST_NAME)
        case Order.QUOTA:
            return sa.case((source.quota <= 0, sa.literal_column(str(UNLIMITED))), else_=source.quota)
        case Order.CREATED:
            return sa.cast(source.created, sa.String(19))
        case Order.USED:
            return source.used
        case Order.LAST_LOGIN:
            return source.login


def _conditions(form: _Form, source: _Source, place: sa.ColumnElement[Any] | None) -> Iterable[sa.ColumnElement[bool]]:
    if form.bound == "domain":
        yield leading(source.domain, "domain")
    if form.bound == "within":
        yield among(source.domain, "within")
    if form.has_bookmark:
        here = source.key if place is None else sa.tuple_(place, source.key)
        there = parameter("address") if place is None else sa.tuple_(parameter("place"), parameter("address"))
        yield here < there if form.is_falling else here > there
    if form.has_letter:
        yield source.key >= parameter("letter")
        yield resembling(source.key, "letters", is_ascii=True)
    if form.has_next_letter:
        yield source.key < parameter("next_letter")
    if form.is_active is not None:
        yield source.active == int(form.is_active)
    if form.has_text:
        yield sa.or_(*(resembling(text, "text", is_ascii=form.is_ascii) for text in (source.key, source.name)))


# What belongs to the rows of a page


def _numbers(kind: str, owner: sa.ColumnElement[Any], *numbers: sa.ColumnElement[Any]) -> sa.Select[Any]:
    first, second = [*numbers, _NONE][:2]
    whole = [sa.cast(sa.func.coalesce(number, 0), sa.BigInteger) for number in (first, second)]
    shown: list[sa.ColumnElement[Any]] = [sa.literal_column(f"'{kind}'").label("kind"), sa.cast(owner, _TEXT), *whole]
    return sa.select(*shown).where(among(owner, "owners"))


_TEXT = sa.Text().with_variant(sa.CHAR(255), "mysql", "mariadb")
_MANAGED = _numbers(
    "domains", _ADMINS.username, sa.func.sum(sa.case((_ADMINS.domain != GLOBAL, 1), else_=0)),
    sa.func.max(sa.case((_ADMINS.domain == GLOBAL, 1), else_=0)),
).where(_ADMINS.active == 1).group_by(_ADMINS.username)  # fmt: skip


def _of_users(schema: Schema) -> sa.Executable:
    parts = [_numbers("used", _USED.username, _USED.bytes, _USED.messages), _MANAGED]
    if schema.has(vmail.last_login.name):
        parts.append(_numbers("login", _LOGIN.username, _LOGIN.imap, _LOGIN.pop3))
    return sa.union_all(*parts)


def _of_domains(schema: Schema) -> sa.Executable:
    count = sa.func.count()
    parts = [
        _numbers("users", _BOX.domain, count, sa.func.sum(_BOX.quota)).group_by(_BOX.domain),
        _numbers("aliases", _ALIAS.domain, count).group_by(_ALIAS.domain),
        _numbers("used", _USED.domain, sa.func.sum(_USED.bytes)).group_by(_USED.domain),
    ]
    if schema.has(vmail.maillists.name):
        parts.append(_numbers("lists", _LIST.domain, count).group_by(_LIST.domain))
    return sa.union_all(*parts)


OF_USERS = Statement(_of_users)
OF_DOMAINS = Statement(_of_domains)
OF_ADMINS = Statement(lambda _: _MANAGED)
OF_ALIASES = Statement(
    lambda _: _numbers("members", _LINK.address, sa.func.count()).where(_LINK.is_list == 1).group_by(_LINK.address)
)
OTHER_NAMES = Statement(
    lambda _: sa.select(_OTHER_NAME.target_domain, _OTHER_NAME.alias_domain)
    .where(among(_OTHER_NAME.target_domain, "owners")).order_by(_OTHER_NAME.alias_domain)
)  # fmt: skip


# Searching


class _Searched(NamedTuple):
    """One of the places where a text is looked for."""

    kind: str
    tables: sa.FromClause
    key: sa.ColumnElement[str]
    name: sa.ColumnElement[str]
    active: sa.ColumnElement[int]
    domain: sa.ColumnElement[str]
    other: sa.ColumnElement[str] | None = None
    """An alias address or alias domain, in which the text is looked for then."""


def _searched(schema: Schema) -> Iterable[_Searched]:
    description = sa.func.coalesce(_DOMAIN.description, "")
    of_domain = (_DOMAIN.domain, description, _DOMAIN.active, _DOMAIN.domain)
    of_user = (_BOX.username, _BOX.name, _BOX.active, _BOX.domain)
    yield _Searched("domain", vmail.domain, *of_domain)
    other_names = vmail.alias_domain.join(vmail.domain, _DOMAIN.domain == _OTHER_NAME.target_domain)
    yield _Searched("domain", other_names, *of_domain, _OTHER_NAME.alias_domain)
    yield _Searched("user", vmail.mailbox, *of_user)
    is_extra = _LINK.is_alias == 1
    others = vmail.forwardings.join(vmail.mailbox, (_BOX.username == _LINK.forwarding) & is_extra)
    yield _Searched("user", others, *of_user, _LINK.address)
    yield _Searched("alias", vmail.alias, _ALIAS.address, _ALIAS.name, _ALIAS.active, _ALIAS.domain)
    if schema.has(vmail.maillists.name):
        of_list = (_LIST.address, _LIST.name, _LIST.active, _LIST.domain)
        yield _Searched("list", vmail.maillists, *of_list)
        others = vmail.forwardings.join(vmail.maillists, (_LIST.address == _LINK.forwarding) & is_extra)
        yield _Searched("list", others, *of_list, _LINK.address)


def _found(schema: Schema, *, is_bounded: bool, is_ascii: bool) -> sa.Executable:
    places = list(_searched(schema))
    if not is_bounded:
        places.append(_Searched("admin", vmail.admin, _ADMIN.username, _ADMIN.name, _ADMIN.active, _ADMIN.username))
    parts = []
    for place in places:
        texts = (place.key, place.name) if place.other is None else (place.other,)
        has_text = sa.or_(*(resembling(text, "text", is_ascii=is_ascii) for text in texts))
        begins = resembling(texts[0], "beginning", is_ascii=is_ascii)
        inside = [among(place.domain, "within")] if is_bounded else []
        first = (
            sa.select(
                sa.literal_column(f"'{place.kind}'").label("kind"), place.key.label("address"),
                place.name.label("name"), place.active.label("active"),
                (_EMPTY if place.other is None else place.other).label("matched"),
                sa.case((begins, 0), else_=1).label("rank"),
            ).select_from(place.tables).where(has_text, *inside)
            .order_by(sa.literal_column("6"), sa.literal_column("2")).limit(parameter("most"))
        )  # fmt: skip
        parts.append(sa.select(first.subquery()))
    return sa.union_all(*parts)


@cache
def _search(*, is_bounded: bool, is_ascii: bool) -> Statement:
    return Statement(lambda schema: _found(schema, is_bounded=is_bounded, is_ascii=is_ascii), is_planned_each_time=True)


_Row = dict[str, Any]


@dataclass
class _Numbers:
    """Numbers of a kind that belong to the rows of a page, by their owners in lower case."""

    found: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    def of(self, row: _Row, kind: str) -> tuple[int, int]:
        return self.found.get((kind, row["address"].lower()), (0, 0))


class SqlOverviews:
    """The accounts, as rows of `domain`, `mailbox`, `alias`, `maillists` and `admin`."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def domains(self, wanted: Wanted, within: Collection[str] | None) -> Part[Domain]:
        part = self._part("domains", wanted, within=sorted(within) if within is not None else None)
        numbers = self._numbers(OF_DOMAINS, part)
        names: dict[str, list[str]] = {}
        if part.rows:
            for owner, name in self.session.rows(OTHER_NAMES, owners=_addresses(part)):
                names.setdefault(owner.lower(), []).append(name)
        return part.of([_domain(row, numbers, names.get(row["address"].lower(), [])) for row in part.rows])

    def users(self, domain: str, wanted: Wanted) -> Part[UserRow]:
        part = self._part("users", wanted, domain=domain)
        numbers = self._numbers(OF_USERS, part)
        return part.of([_user(row, numbers) for row in part.rows])

    def aliases(self, domain: str, wanted: Wanted) -> Part[AliasRow]:
        part = self._part("aliases", wanted, domain=domain)
        numbers = self._numbers(OF_ALIASES, part)
        return part.of(
            [
                {**_account(row), "access_policy": row["accesspolicy"], "members": numbers.of(row, "members")[0]}
                for row in part.rows
            ]
        )

    def lists(self, domain: str, wanted: Wanted) -> Part[ListRow]:
        if not self.session.schema.has(vmail.maillists.name):
            return Part([], total=0 if wanted.is_counted else None)
        part = self._part("lists", wanted, domain=domain)
        return part.of([_list(row) for row in part.rows])

    def admins(self, wanted: Wanted) -> Part[AdminRow]:
        part = self._part("admins", wanted)
        numbers = self._numbers(OF_ADMINS, part)
        return part.of([_admin(row, numbers) for row in part.rows])

    def find(self, text: str, within: Collection[str] | None) -> list[Found]:
        if within is not None and not within:
            return []
        statement = _search(is_bounded=within is not None, is_ascii=text.isascii())
        values: dict[str, Any] = {} if within is None else {"within": sorted(within)}
        rows = self.session.rows(
            statement, text=containing(text), beginning=starting(text), most=MOST_FOUND + 1, **values
        )
        found: list[Found] = [
            {"kind": kind, "address": address, "name": name, "is_active": bool(active), "matched": matched}
            for kind, address, name, active, matched, _ in rows
        ]
        return in_order(found, text)

    def _part(
        self, overview: str, wanted: Wanted, *, domain: str | None = None, within: list[str] | None = None
    ) -> Part[_Row]:
        """Return a page; a domain or a list of domains bounds the overview, or nothing does."""
        if within == []:
            return Part([], total=0 if wanted.is_counted else None)
        bound, value = ("domain", domain) if domain else ("within", within)
        values: dict[str, Any] = {bound: value} if value else {}
        if domain:
            values["domain_pattern"] = literal(domain)
        next_letter = _LETTERS[_LETTERS.find(wanted.letter) + 1 :][:1] if wanted.letter else ""
        form = _Form(
            overview, wanted.order, wanted.is_falling, wanted.bookmark is not None, bool(wanted.text),
            wanted.text.isascii(), bool(wanted.letter), bool(next_letter), wanted.is_active, bound if value else "",
        )  # fmt: skip
        if wanted.text:
            values["text"] = containing(wanted.text)
        if wanted.letter:
            values |= {"letter": wanted.letter, "letters": starting(wanted.letter)}
        if next_letter:
            values["next_letter"] = next_letter
        total = self._total(form, values) if wanted.is_counted else None
        if wanted.bookmark:
            values["address"] = wanted.bookmark.address
            if wanted.order is not Order.ADDRESS:
                values["place"] = wanted.bookmark.key
        rows = self.session.mappings(_statement(form), **values, most=wanted.size + 1)
        return part_of(rows, wanted, lambda row: Bookmark(wanted.order, row["place"], row["address"]), total)

    def _total(self, form: _Form, values: Mapping[str, Any]) -> int:
        counting = form._replace(order=Order.ADDRESS, is_falling=False, has_bookmark=False, is_counted=True)
        [(total,)] = self.session.rows(_statement(counting), **values, most=MOST_COUNTED + 1)
        return int(total)

    def _numbers(self, statement: Statement, part: Part[_Row]) -> _Numbers:
        if not part.rows:
            return _Numbers()
        rows = self.session.rows(statement, owners=_addresses(part))
        return _Numbers({(kind, owner.lower()): (first, second) for kind, owner, first, second in rows})


def _addresses(part: Part[_Row]) -> list[str]:
    return [row["address"] for row in part.rows]


def _account(row: _Row) -> AccountRow:
    created = row["created"] or ""
    is_known = not created.startswith(_UNKNOWN)
    return {
        "address": row["address"], "name": row["name"], "is_active": bool(row["active"]),
        "created": created if is_known else "",
    }  # fmt: skip


_UNKNOWN = (accounts.NEVER, "0000-00-00")
"""What the tables say of accounts that other programs have made."""


def _user(row: _Row, numbers: _Numbers) -> UserRow:
    octets, messages = numbers.of(row, "used")
    return {
        **_account(row), "quota": max(row["quota"], 0), "used_bytes": octets, "used_messages": messages,
        "last_login": accounts.moment(max(numbers.of(row, "login"))),
        "is_global_admin": bool(row["isglobaladmin"]), "domains": numbers.of(row, "domains")[0],
    }  # fmt: skip


def _list(row: _Row) -> ListRow:
    return {
        **_account(row), "kind": "subscribable", "access_policy": row["accesspolicy"],
        "is_newsletter": bool(row["is_newsletter"]), "members": None,
    }  # fmt: skip


def _admin(row: _Row, numbers: _Numbers) -> AdminRow:
    domains, is_global = numbers.of(row, "domains")
    is_user = row["kind"] == "user"
    return {
        **_account(row), "kind": row["kind"], "is_global_admin": bool(row["isglobaladmin"] if is_user else is_global),
        "domains": domains,
    }  # fmt: skip


def _domain(row: _Row, numbers: _Numbers, alias_domains: list[str]) -> Domain:
    account = _account(row)
    users, allocated = numbers.of(row, "users")
    shown: DomainRow = {
        "domain": account["address"], "name": account["name"], "is_active": account["is_active"],
        "created": account["created"], "users": users, "aliases": numbers.of(row, "aliases")[0],
        "lists": numbers.of(row, "lists")[0], "allocated_quota": allocated,
        "used_bytes": numbers.of(row, "used")[0], "quota": max(row["maxquota"], 0), "most_users": row["mailboxes"],
        "most_aliases": row["aliases"], "most_lists": row["maillists"], "is_backup_mx": bool(row["backupmx"]),
        "alias_domains": alias_domains, "waiting": [],
    }  # fmt: skip
    return Domain(shown, frozenset(settings_text.words(row["settings"], "disabled_domain_profiles")))
