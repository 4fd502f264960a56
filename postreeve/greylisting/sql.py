"""Greylisting in the SQL database `iredapd`."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from postreeve.fields import SetChange
from postreeve.greylisting.store import StoredSetting, Whitelisted
from postreeve.patterns import EVERYBODY, Pattern, form_of
from postreeve.storage.conditions import among, parameter
from postreeve.storage.sql import Schema, Session, Statement, batches
from postreeve.storage.tables.iredapd import (
    greylisting,
    greylisting_tracking,
    greylisting_whitelist_domain_spf,
    greylisting_whitelist_domains,
    greylisting_whitelists,
)
from postreeve.values import DomainName, Scope
from postreeve.work import ConflictError, DuplicateError

_SETTING, _WHITELISTED = greylisting.c, greylisting_whitelists.c
_SETTINGS = sa.select(
    _SETTING.account, _SETTING.priority, _SETTING.sender, _SETTING.sender_priority, _SETTING.active, _SETTING.comment
).order_by(_SETTING.priority.desc(), _SETTING.sender_priority.desc(), _SETTING.id)
FIND = Statement(
    lambda _: sa.select(_SETTING.active)
    .where(_SETTING.account == parameter("account"), _SETTING.sender == EVERYBODY)
)  # fmt: skip
ALL = Statement(lambda _: _SETTINGS)
OF_ACCOUNTS = Statement(lambda _: _SETTINGS.where(among(_SETTING.account, "accounts")))
SENDERS_OF = Statement(lambda _: sa.select(_WHITELISTED.sender).where(_WHITELISTED.account == parameter("account")))
FORGET_SENDERS = Statement(
    lambda _: sa.delete(greylisting_whitelists)
    .where(_WHITELISTED.account == parameter("account"), among(_WHITELISTED.sender, "senders"))
)  # fmt: skip
SPF_DOMAINS = Statement(lambda _: sa.select(greylisting_whitelist_domains.c.domain))
SPF_SENDERS = Statement(
    lambda _: sa.select(greylisting_whitelist_domain_spf.c.sender)
    .where(greylisting_whitelist_domain_spf.c.account == EVERYBODY)
)  # fmt: skip
FORGET_TRIPLETS = Statement(
    lambda _: sa.delete(greylisting_tracking).where(among(greylisting_tracking.c.client_address, "clients"))
)


def _whitelisted(schema: Schema) -> sa.Executable:
    """Select whitelisted senders from both tables; older releases have only the first."""
    tables = [table for table in (greylisting_whitelists, greylisting_whitelist_domain_spf) if schema.has(table.name)]
    return sa.union_all(
        *(
            sa.select(table.c.account, table.c.sender, table.c.comment).where(among(table.c.account, "accounts"))
            for table in tables
        )
    )


WHITELISTED = Statement(_whitelisted)


class SqlGreylisting:
    """Greylisting, as rows of `greylisting` and of its tables of whitelisted senders."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def find(self, scope: Scope) -> bool | None:
        row = self.session.row(FIND, account=scope)
        return bool(row[0]) if row else None

    def write(self, scope: Scope, *, is_active: bool) -> None:
        key, active = {"account": scope, "sender": EVERYBODY}, {"active": int(is_active)}
        if not self.session.update(greylisting, {**active, "priority": form_of(scope).in_iredapd}, **key):
            row = {**key, **active, "priority": form_of(scope).in_iredapd, "sender_priority": 0, "comment": ""}
            self._insert(greylisting, [row])

    def remove(self, scope: Scope) -> None:
        self.session.delete(greylisting, account=scope, sender=EVERYBODY)

    def settings(self, accounts: Collection[str] | None) -> list[StoredSetting]:
        rows = self.session.rows(ALL) if accounts is None else self.session.rows(OF_ACCOUNTS, accounts=list(accounts))
        return [
            StoredSetting(
                account=account, priority=priority, sender=sender, sender_priority=sender_priority or 0,
                status="enable" if active else "disable", comment=comment,
            )
            for account, priority, sender, sender_priority, active, comment in rows
        ]  # fmt: skip

    def senders(self, scope: Scope) -> set[str]:
        return {sender for (sender,) in self.session.rows(SENDERS_OF, account=scope)}

    def whitelist(self, scope: Scope, change: SetChange[Pattern]) -> None:
        self.session.begin()
        before = self.senders(scope)
        after = change.applied(before)
        for batch in batches(sorted(before - after)):
            self.session.execute(FORGET_SENDERS, account=scope, senders=batch)
        new = [{"account": scope, "sender": sender, "comment": ""} for sender in sorted(after - before)]
        self._insert(greylisting_whitelists, new)

    def whitelisted(self, accounts: Collection[str]) -> list[Whitelisted]:
        return [Whitelisted(*row) for row in self.session.rows(WHITELISTED, accounts=list(accounts))]

    def spf_domains(self) -> set[str]:
        return {name.lower() for (name,) in self.session.rows(SPF_DOMAINS)}

    def change_spf_domains(self, change: SetChange[DomainName]) -> set[str]:
        self.session.begin()
        before = self.spf_domains()
        after = change.applied(before)
        for name in sorted(before - after):
            self.session.delete(greylisting_whitelist_domains, domain=name)
            self._forget_spf_senders(name)
        self._insert(greylisting_whitelist_domains, [{"domain": name} for name in sorted(after - before)])
        return after - before

    def write_spf_senders(self, found: Mapping[str, Collection[str]]) -> None:
        """Write them as iRedAPD's own program does, so that either may run."""
        self.session.begin()
        for name in found:
            self._forget_spf_senders(name)
        known = {sender.lower() for (sender,) in self.session.rows(SPF_SENDERS)}  # one spelling is all MariaDB takes
        for name, senders in found.items():
            new = sorted(set(senders) - known)
            known |= set(new)
            comment = _comment(name)
            self._insert(
                greylisting_whitelist_domain_spf,
                [{"account": EVERYBODY, "sender": sender, "comment": comment} for sender in new],
            )
            for batch in batches(new):
                self.session.execute(FORGET_TRIPLETS, clients=batch)

    def _forget_spf_senders(self, name: str) -> None:
        for table in (greylisting_whitelist_domain_spf, greylisting_whitelists):
            self.session.delete(table, comment=_comment(name))

    def _insert(self, table: sa.Table, rows: Iterable[Mapping[str, Any]]) -> None:
        try:
            self.session.insert_many(table, list(rows))
        except DuplicateError as error:  # somebody else has just added the same
            raise ConflictError(str(error)) from error


def _comment(name: str) -> str:
    """Return the remark by which the senders of a domain are found again."""
    return f"AUTO-UPDATE: {name}"
