"""Pending work in our own table of the SQL database `iredadmin`."""

import time
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from postreeve.pending.store import (
    ALIGN,
    ARCHIVE,
    DIRECTORY,
    ERASE,
    FORGET,
    MLMMJ,
    READDRESS,
    RENAME,
    UNALIAS,
    Step,
    Witnesses,
)
from postreeve.storage.conditions import among, ending, parameter
from postreeve.storage.sql import Row, Schema, Session, Statement
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
_BY_DOMAIN = frozenset({READDRESS, ALIGN, UNALIAS})
"""Deeds that make of lists or accounts what their domain says then."""
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


class SqlWitnesses:
    """The kind of an account, and when its row was created."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def look(self, name: str, *, is_locked: bool = False) -> str:
        if not is_locked:
            return _text(self.session.rows(WITNESS, name=name))
        rows = [
            row
            for table, statement in LOCKED_WITNESSES.items()
            if self.session.schema.has(table)
            for row in self.session.rows(statement, name=name)
        ]
        self.session.rollback()
        return _text(rows)

    def is_list(self, name: str) -> bool:
        return _LISTS in {table for table, _ in self.session.rows(WITNESS, name=name)}


class SqlPending:
    """The steps of one work, and the rows of `postreeve_pending`."""

    def __init__(self, iredadmin_session: Session, accounts: Witnesses, stores: Collection[str] = ()) -> None:
        """`stores` are those that have something to follow."""
        self.session = iredadmin_session
        self.accounts = accounts
        self.stores = stores
        self.steps: list[Step] = []
        """The steps of this work, once they are recorded."""
        self._meant: list[Step] = []

    @property
    def names(self) -> frozenset[str]:
        """The names that the steps of this work are about."""
        return frozenset(name for step in self._meant for name in step.names)

    def forget(self, name: Address | DomainName) -> None:
        self._add(FORGET, name, "", self._others)

    def rename(self, mail: Address, new: Address) -> None:
        self._add(RENAME, mail, new, self._others)

    def remove_list(self, mail: str, *, is_kept: bool) -> None:
        self._add(ARCHIVE if is_kept else ERASE, mail, "", [MLMMJ])

    def readdress_lists(self, name: DomainName) -> None:
        if MLMMJ in self.stores:
            self._add(READDRESS, name, "", [MLMMJ])

    def align(self, name: DomainName, former_aliases: Collection[str] = ()) -> None:
        if DIRECTORY in self.stores:
            witness = self.accounts.look(name)
            self._meant += [Step(0, DIRECTORY, UNALIAS, name, alias, witness) for alias in sorted(former_aliases)]
            self._meant.append(Step(0, DIRECTORY, ALIGN, name, "", witness))

    @property
    def _others(self) -> list[str]:
        """The stores in which an account leaves traces that its own back end does not know of."""
        return [store for store in self.stores if store != DIRECTORY]

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
        """Return all steps, in their order; none where our own tables are not there yet."""
        return list(map(_step, self.session.rows(ALL))) if self.session.schema.has(pending.name) else []

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
        return bool(self.accounts.look(name))

    def is_due(self, step: Step) -> bool:
        """Tell whether the accounts were committed: then the account of the step is there no more, or is another.

        The look at an account that is there waits for whoever is changing it. A list that is there again has put away
        what was left of the former one. What a domain says of its lists and accounts can be done at any time.
        """
        if step.deed in {ARCHIVE, ERASE}:
            return not self.accounts.is_list(step.name)
        return step.deed in _BY_DOMAIN or self.accounts.look(step.name, is_locked=True) != step.witness

    def _add(self, deed: str, name: str, new: str, stores: Collection[str]) -> None:
        self._drop_dead(name)
        witness = self.accounts.look(name)
        self._meant += [Step(0, store, deed, name, new, witness) for store in stores]

    def _drop_dead(self, name: str) -> None:
        """Drop what was once recorded about an account and never came true: soon it would look as if it had.

        Of a domain that goes these are the renamings out of it; its accounts are forgotten either way.
        """
        for step in self.about([name]):
            is_within = step.deed == RENAME and step.name.endswith(f"@{name}")
            is_going = is_within or (step.name == name and step.store != DIRECTORY)
            if is_going and self.accounts.look(step.name) == step.witness:
                self.done(step.number)


def _text(rows: Collection[Row]) -> str:
    return " ".join(f"{table} {created}" for table, created in rows)


def _step(row: Row) -> Step:
    return Step(*row)
