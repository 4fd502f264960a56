"""Pending work in our own table of the SQL database `iredadmin`."""

import time
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from postreeve.pending.store import ARCHIVE, ERASE, FORGET, MLMMJ, READDRESS, RENAME, Step
from postreeve.storage.sql import Row, Schema, Session, Statement, among, ending, parameter
from postreeve.storage.tables import vmail
from postreeve.storage.tables.postreeve import pending
from postreeve.values import Address, DomainName

_STEP = pending.c
_COLUMNS = sa.select(_STEP.id, _STEP.store, _STEP.deed, _STEP.name, _STEP.new_name, _STEP.witness).order_by(_STEP.id)
ALL = Statement(lambda _: _COLUMNS)
ABOUT = Statement(lambda _: _COLUMNS.where(sa.or_(among(_STEP.name, "names"), among(_STEP.new_name, "names"))))
WITHIN = Statement(
    lambda _: _COLUMNS.where(
        sa.or_(*(name.like(parameter("below"), escape="/") for name in (_STEP.name, _STEP.new_name)))
    )
)
COMMITTED = "committed"
"""As the witness of a step: no account looks like that."""
_LISTS = vmail.maillists.name
_ACCOUNTS = {vmail.domain: "domain", vmail.mailbox: "username", vmail.alias: "address", vmail.maillists: "address"}


def _witnesses(schema: Schema) -> sa.Executable:
    return sa.union_all(*(_witness(table) for table in _ACCOUNTS if schema.has(table.name)))


def _witness(table: sa.Table) -> sa.Select[Any]:
    columns: list[sa.ColumnElement[Any]] = [
        sa.literal_column(f"'{table.name}'"),
        sa.cast(table.c.created, sa.String(26)),
    ]
    return sa.select(*columns).where(table.c[_ACCOUNTS[table]] == parameter("name"))


def _locked(table: sa.Table) -> Statement:
    return Statement(lambda _: _witness(table).with_for_update(), is_locking=True)


WITNESS = Statement(_witnesses)
LOCKED_WITNESSES = {table.name: _locked(table) for table in _ACCOUNTS}


class SqlPending:
    """The steps of one work, and the rows of `postreeve_pending`."""

    def __init__(self, iredadmin_session: Session, vmail_session: Session, stores: Collection[str] = ()) -> None:
        """`stores` are those that have something to follow."""
        self.session = iredadmin_session
        self.vmail = vmail_session
        self.stores = stores
        self.steps: list[Step] = []
        """The steps of this work, once they are recorded."""
        self._meant: list[Step] = []

    @property
    def names(self) -> frozenset[str]:
        """The names that the steps of this work are about."""
        return frozenset(name for step in self._meant for name in step.names)

    def forget(self, name: Address | DomainName) -> None:
        self._add(FORGET, name, "", self.stores)

    def rename(self, mail: Address, new: Address) -> None:
        self._add(RENAME, mail, new, self.stores)

    def remove_list(self, mail: str, *, is_kept: bool) -> None:
        self._add(ARCHIVE if is_kept else ERASE, mail, "", [MLMMJ])

    def readdress_lists(self, name: DomainName) -> None:
        if MLMMJ in self.stores:
            self._add(READDRESS, name, "", [MLMMJ])

    def record(self) -> None:
        """Write the steps down, before anything is committed."""
        for step in self._meant:
            row = {
                "store": step.store, "deed": step.deed, "name": step.name, "new_name": step.new,
                "witness": step.witness, "created": int(time.time()),
            }  # fmt: skip
            number = self.session.inserted_id(pending, row)
            self.steps.append(Step(number, step.store, step.deed, step.name, step.new, step.witness))

    def withdraw(self) -> None:
        """Take them back: nothing was committed."""
        for step in self.steps:
            self.done(step.number)

    def done(self, number: int) -> None:
        """Say that a step is done, or that it need not be done."""
        self.session.delete(pending, id=number)

    def confirm(self, number: int) -> None:
        """Say that the accounts of a step were committed; whoever gets its name now is another."""
        self.session.update(pending, {"witness": COMMITTED}, id=number)

    def all(self) -> list[Step]:
        """Return all steps, in their order."""
        return list(map(_step, self.session.rows(ALL)))

    def about(self, names: Collection[str]) -> list[Step]:
        """Return the steps about some names, and about the accounts of those that are domains, in their order."""
        rows = set(self.session.rows(ABOUT, names=sorted(names)))
        for domain in sorted(name for name in names if "@" not in name):
            rows |= set(self.session.rows(WITHIN, below=ending(f"@{domain}")))
        return list(map(_step, sorted(rows)))

    def linked(self, names: Collection[str]) -> list[Step]:
        """Return the steps about some names, and about all that these were or became: they need their order."""
        found: set[Step] = set()
        seen: set[str] = set()
        further = set(names)
        while further:
            found |= set(self.about(further))
            seen |= further
            further = {name for step in found for name in step.names} - seen
        return sorted(found, key=lambda step: step.number)

    def is_account(self, name: str) -> bool:
        """Tell whether there is an account or domain of a name."""
        return bool(self._witness(name))

    def is_due(self, step: Step) -> bool:
        """Tell whether the accounts were committed: then the account of the step is there no more, or is another.

        The look at an account that is there waits for whoever is changing it. A list that is there again has put away
        what was left of the former one. The addresses of lists are made what they should be at any time.
        """
        rows = [
            row
            for table, statement in LOCKED_WITNESSES.items()
            if self.vmail.schema.has(table)
            for row in self.vmail.rows(statement, name=step.name)
        ]
        self.vmail.rollback()
        if step.deed in {ARCHIVE, ERASE}:
            return _LISTS not in {table for table, _ in rows}
        return step.deed == READDRESS or _text(rows) != step.witness

    def _add(self, deed: str, name: str, new: str, stores: Collection[str]) -> None:
        self._drop_dead(name)
        witness = self._witness(name)
        self._meant += [Step(0, store, deed, name, new, witness) for store in stores]

    def _drop_dead(self, name: str) -> None:
        """Drop what was once recorded about an account and never came true: soon it would look as if it had.

        Of a domain that goes these are the renamings out of it; its accounts are forgotten either way.
        """
        for step in self.about([name]):
            is_going = step.name == name or (step.deed == RENAME and step.name.endswith(f"@{name}"))
            if is_going and self._witness(step.name) == step.witness:
                self.done(step.number)

    def _witness(self, name: str) -> str:
        return _text(self.vmail.rows(WITNESS, name=name))


def _text(rows: Collection[Row]) -> str:
    return " ".join(f"{table} {created}" for table, created in rows)


def _step(row: Row) -> Step:
    return Step(*row)
