"""Who has policies in Amavisd's and iRedAPD's SQL databases."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from postreeve.storage import amavisd, iredapd
from postreeve.storage.sql import Schema, Session, Statement
from postreeve.storage.tables.amavisd import users
from postreeve.storage.tables.iredapd import greylisting, greylisting_whitelists, throttle
from postreeve.values import Address

_OURS = ("inbound", "outbound")
"""The kinds of throttles that are for accounts; others are for strangers."""

IN_AMAVISD = Statement(lambda _: sa.select(users.c.email).order_by(users.c.email))


def _in_iredapd(schema: Schema) -> sa.Executable:
    parts: list[sa.Select[Any]] = [
        sa.select(throttle.c.account).where(sa.or_(*(throttle.c.kind == kind for kind in _OURS)))
    ]
    parts += [sa.select(table.c.account) for table in (greylisting, greylisting_whitelists) if schema.has(table.name)]
    return sa.union(*parts).order_by(sa.literal_column("1"))


IN_IREDAPD = Statement(_in_iredapd)


class AmavisdHolders:
    """The rows of `users` in `amavisd`: who has a spam policy, or lists."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def names(self) -> Iterator[str]:
        return _names(amavisd.text_of(email) for (email,) in self.session.rows(IN_AMAVISD))

    def forget(self, name: Address) -> None:
        amavisd.forget(self.session, name)


class IredapdHolders:
    """The accounts in the tables of `iredapd`: who has throttles or greylisting."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def names(self) -> Iterator[str]:
        return _names(account for (account,) in self.session.rows(IN_IREDAPD))

    def forget(self, name: Address) -> None:
        iredapd.forget(self.session, name)


def _names(texts: Iterator[str]) -> Iterator[str]:
    """Yield what is an address or a domain: `@.` is everybody, and `@.ex.com` a domain with those below it."""
    for text in texts:
        if "@" in text and not text.startswith("@."):
            yield text
