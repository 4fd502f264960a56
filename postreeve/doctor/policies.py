"""Who has policies in Amavisd's and iRedAPD's SQL databases, for the mail that they get or send."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from postreeve.storage import amavisd, iredapd
from postreeve.storage.conditions import parameter
from postreeve.storage.sql import Schema, Session, Statement
from postreeve.storage.tables.amavisd import outbound_wblist, users, wblist
from postreeve.storage.tables.iredapd import greylisting, greylisting_whitelists, throttle
from postreeve.values import Address

_INBOUND, _OUTBOUND = "inbound", "outbound"
"""The kinds of throttles that are for accounts; others are for strangers."""

_GETS = sa.or_(users.c.policy_id != amavisd.NO_POLICY, sa.exists().where(wblist.c.rid == users.c.id))
_SENDS = sa.exists().where(outbound_wblist.c.sid == users.c.id)
RECIPIENTS = Statement(lambda _: sa.select(users.c.email).where(sa.or_(_GETS, ~_SENDS)).order_by(users.c.email))
"""Whoever has nothing at all is among them."""
SENDERS = Statement(lambda _: sa.select(users.c.email).where(_SENDS).order_by(users.c.email))
SENDS = Statement(lambda _: sa.select(outbound_wblist.c.rid).where(outbound_wblist.c.sid == parameter("id")).limit(1))


def _throttled(kind: str) -> sa.Select[Any]:
    return sa.select(throttle.c.account).where(throttle.c.kind == kind)


def _throttled_or_greylisted(schema: Schema) -> sa.Executable:
    greylisted = (table for table in (greylisting, greylisting_whitelists) if schema.has(table.name))
    parts = (_throttled(_INBOUND), *(sa.select(table.c.account) for table in greylisted))
    return sa.union(*parts).order_by(sa.literal_column("1"))


IN_IREDAPD = Statement(_throttled_or_greylisted)
THROTTLED_SENDERS = Statement(lambda _: _throttled(_OUTBOUND).order_by(throttle.c.account))


class AmavisdHolders:
    """The rows of `users` in `amavisd`: who has a spam policy, or lists."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def receiving(self) -> Iterator[str]:
        return _names(amavisd.text_of(email) for (email,) in self.session.rows(RECIPIENTS))

    def sending(self) -> Iterator[str]:
        return _names(amavisd.text_of(email) for (email,) in self.session.rows(SENDERS))

    def forget(self, name: Address) -> None:
        account = amavisd.lock(self.session, name)
        if account is None or not self.session.rows(SENDS, id=account.id):
            amavisd.forget(self.session, name)
            return
        self.session.delete(wblist, rid=account.id)
        amavisd.remove_policy(self.session, name)
        self.session.update(users, {"policy_id": amavisd.NO_POLICY}, id=account.id)


class IredapdHolders:
    """The accounts in the tables of `iredapd`: who has throttles or greylisting."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def receiving(self) -> Iterator[str]:
        return _names(account for (account,) in self.session.rows(IN_IREDAPD))

    def sending(self) -> Iterator[str]:
        return _names(account for (account,) in self.session.rows(THROTTLED_SENDERS))

    def forget(self, name: Address) -> None:
        for number, kind in self.session.rows(iredapd.THROTTLES, account=name):
            if kind == _INBOUND:
                iredapd.remove_throttle(self.session, number)
        for table in (greylisting, greylisting_whitelists):
            self.session.delete(table, account=name)


def _names(texts: Iterator[str]) -> Iterator[str]:
    """Yield what is an address or a domain: `@.` is everybody, and `@.ex.com` a domain with those below it."""
    for text in texts:
        if "@" in text and not text.startswith("@."):
            yield text
