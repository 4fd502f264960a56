"""The accounts of mailing lists in the SQL database `vmail`."""

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from postreeve.errors import Code, refuse
from postreeve.fields import Changes
from postreeve.shapes import Rows
from postreeve.storage import accounts, traces
from postreeve.storage.conditions import among, parameter
from postreeve.storage.sql import Schema, Session, Statement, batches
from postreeve.storage.tables import vmail
from postreeve.subscribable_lists.fields import ACCOUNT_STATUS, EXTRA_ADDRESSES
from postreeve.subscribable_lists.store import MailingList
from postreeve.values import Address
from postreeve.work import Profile

_EXTRA = Rows("forwardings", "forwarding", "address", {"is_alias": 1})
_OWNERS = Rows("maillist_owners", "address", "owner")
_MODERATORS = Rows("moderators", "address", "moderator")

_LIST, _LINK = vmail.maillists.c, vmail.forwardings.c
_COLUMNS = sa.select(_LIST.active, _LIST.name, _LIST.accesspolicy, _LIST.maxmsgsize).where(
    _LIST.address == parameter("mail")
)
FIND = Statement(lambda _: _COLUMNS)
LOCK = Statement(lambda _: _COLUMNS.with_for_update(), is_locking=True)
COUNT = Statement(
    lambda _: sa.select(sa.func.count()).select_from(vmail.maillists).where(among(_LIST.domain, "domains"))
)
COUNT_ALL = Statement(lambda _: sa.select(sa.func.count()).select_from(vmail.maillists))
ALL = Statement(lambda _: sa.select(_LIST.address).order_by(_LIST.address))
ADDRESSES = Statement(
    lambda _: sa.select(_LIST.address).where(_LIST.domain == parameter("domain")).order_by(_LIST.address)
)
PROFILES = Statement(
    lambda _: sa.select(sa.literal_column("maillists.*")).select_from(vmail.maillists)
    .where(among(_LIST.address, "mails")).order_by(_LIST.address)
)  # fmt: skip
EXTRA_OF = Statement(
    lambda _: sa.select(_LINK.address).where(_LINK.forwarding == parameter("mail"), _LINK.is_alias == 1)
)


def _values_of(name: str, value: str) -> Statement:
    table = vmail.VMAIL.tables[name]
    return Statement(lambda _: sa.select(table.c[value]).where(table.c.address == parameter("mail")))


_PEOPLE = {shape.table: _values_of(shape.table, shape.value) for shape in (_OWNERS, _MODERATORS)}
SWITCH = Statement(
    lambda _: sa.update(vmail.forwardings).values(active=parameter("active"))
    .where(sa.or_(
        sa.and_(_LINK.address == parameter("mail"), _LINK.is_maillist == 1),
        sa.and_(_LINK.forwarding == parameter("mail"), _LINK.is_alias == 1),
    ))
)  # fmt: skip


class SqlSubscribableLists:
    """The lists, as rows of `maillists` and `forwardings` and what belongs to them."""

    def __init__(self, session: Session, transport: str) -> None:
        """`transport` is Postfix's name of mlmmj."""
        self.session = session
        self.transport = transport

    @property
    def schema(self) -> Schema:
        return self.session.schema

    def require(self, mail: str) -> MailingList:
        return _list(self.session.row(FIND, mail=mail), mail)

    def lock(self, mail: str) -> MailingList:
        return _list(self.session.row(LOCK, mail=mail), mail)

    def count(self, domains: Collection[str] | None) -> int:
        row = self.session.row(COUNT_ALL) if domains is None else self.session.row(COUNT, domains=list(domains))
        return int(row[0]) if row else 0

    def addresses(self, domain: str | None = None) -> list[str]:
        if not self.schema.has("maillists"):
            return []
        rows = self.session.rows(ALL) if domain is None else self.session.rows(ADDRESSES, domain=domain)
        return [mail for (mail,) in rows]

    def profiles(self, mails: Iterable[str]) -> Iterator[Profile]:
        for batch in batches(mails):
            rows = self.session.mappings(PROFILES, mails=batch)
            self.session.rest()
            yield from map(_profile, rows)

    def extra_addresses(self, mail: str) -> set[str]:
        return {address for (address,) in self.session.rows(EXTRA_OF, mail=mail)}

    def owners(self, mail: str) -> tuple[str, ...]:
        return tuple(sorted(self._people(_OWNERS, mail)))

    def moderators(self, mail: str) -> tuple[str, ...]:
        return tuple(sorted(self._people(_MODERATORS, mail)))

    def create(self, mail: Address, changes: Changes, owners: Collection[str], moderators: Collection[str]) -> None:
        stamp = accounts.now()
        row = {
            "address": mail, "domain": mail.domain, "transport": f"{self.transport}:{mail.domain}/{mail.local_part}",
            "mlid": str(uuid.uuid4()), "active": 1, "description": "", "settings": "",
            "created": stamp, "modified": stamp,
        }  # fmt: skip
        self.session.insert(vmail.maillists, {**row, **accounts.columns(changes)})
        is_active = int(changes.get(ACCOUNT_STATUS) is not False)
        link = {"address": mail, "forwarding": mail, "domain": mail.domain, "dest_domain": mail.domain}
        self.session.insert(vmail.forwardings, {**link, "is_maillist": 1, "active": is_active})
        self._write_extra(mail, changes, is_active)
        self._write_people(mail, _OWNERS, owners)
        self._write_people(mail, _MODERATORS, moderators)

    def update(
        self, mail: Address, changes: Changes, owners: Collection[str] | None, moderators: Collection[str] | None
    ) -> None:
        self.session.update(vmail.maillists, {**accounts.columns(changes), "modified": accounts.now()}, address=mail)
        row = self.session.row(FIND, mail=mail)
        self._write_extra(mail, changes, int(row[0]) if row else 1)
        if (status := changes.get(ACCOUNT_STATUS)) is not None:
            self.session.execute(SWITCH, mail=mail, active=int(status))
        for shape, people in ((_OWNERS, owners), (_MODERATORS, moderators)):
            if people is not None:
                self._write_people(mail, shape, people)

    def delete(self, mail: Address) -> None:
        for extra in self.extra_addresses(mail):
            traces.forget(self.session, Address(extra))
        self.session.delete(vmail.maillists, address=mail)
        traces.forget(self.session, mail)

    def _write_extra(self, mail: Address, changes: Changes, is_active: int) -> None:
        if change := changes.of(EXTRA_ADDRESSES):
            before = self.extra_addresses(mail)
            after = change.applied(before)
            for new in sorted(after - before):
                common = {"domain": Address(new).domain, "dest_domain": mail.domain, "active": is_active}
                accounts.write_members(self.session, _EXTRA, mail, (), {new}, common)
            accounts.write_members(self.session, _EXTRA, mail, before - after, (), {})

    def _write_people(self, mail: Address, shape: Rows, people: Collection[str]) -> None:
        if self.schema.has(shape.table):
            common = {"domain": mail.domain}
            accounts.write_members(self.session, shape, mail, self._people(shape, mail), people, common)

    def _people(self, shape: Rows, mail: str) -> set[str]:
        if not self.schema.has(shape.table):
            return set()
        return {person for (person,) in self.session.rows(_PEOPLE[shape.table], mail=mail)}


def _list(row: tuple[Any, ...] | None, mail: str) -> MailingList:
    if row is None:
        refuse(Code.NO_SUCH_ACCOUNT, hint=mail)
    _, name, access_policy, max_message_size = row
    return MailingList(name or "", access_policy, max_message_size or 0)


def _profile(row: Mapping[str, Any]) -> Profile:
    profile = accounts.as_stored(dict(row))
    return {
        **profile,
        "mail": profile["address"],
        "accountStatus": "active" if profile["active"] else "disabled",
        "accessPolicy": profile["accesspolicy"],
        "is_newsletter": "yes" if profile["is_newsletter"] else "no",
        "newsletter_description": profile["description"] or "",
    }
