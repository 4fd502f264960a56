"""Pending work in our own table of the SQL database `iredadmin`."""

import time
from collections.abc import Collection

import sqlalchemy as sa

from postreeve.pending.store import MLMMJ, Deed, Step
from postreeve.storage.sql import Row, Schema, Session, Statement, among, parameter
from postreeve.storage.tables import vmail
from postreeve.storage.tables.postreeve import pending
from postreeve.values import Address, DomainName

_STEP = pending.c
_COLUMNS = sa.select(_STEP.id, _STEP.store, _STEP.deed, _STEP.name, _STEP.new_name, _STEP.witness).order_by(_STEP.id)
ALL = Statement(lambda _: _COLUMNS)
ABOUT = Statement(lambda _: _COLUMNS.where(sa.or_(among(_STEP.name, "names"), among(_STEP.new_name, "names"))))
_ACCOUNTS = (
    (vmail.domain, "domain"), (vmail.mailbox, "username"), (vmail.alias, "address"), (vmail.maillists, "address"),
)  # fmt: skip
_LIST_DEEDS = frozenset({"archive", "erase"})


def _witness(schema: Schema) -> sa.Executable:
    return sa.union_all(
        *(
            sa.select(sa.literal_column(f"'{table.name}'"), sa.cast(table.c.created, sa.String(26)))
            .where(table.c[key] == parameter("name"))
            for table, key in _ACCOUNTS
            if schema.has(table.name)
        )
    )  # fmt: skip


WITNESS = Statement(_witness)


class SqlPending:
    """The steps of one work, and their rows of `postreeve_pending`."""

    def __init__(self, iredadmin_session: Session, vmail_session: Session, stores: Collection[str]) -> None:
        """`stores` are those that have something to follow."""
        self.session = iredadmin_session
        self.vmail = vmail_session
        self.stores = stores
        self.names: set[str] = set()
        """The names that the steps of this work are about."""
        self._rows: list[dict[str, str | int]] = []
        self._numbers: list[int] = []

    def forget(self, name: Address | DomainName) -> None:
        self._add("forget", name, "", self.stores)

    def rename(self, mail: Address, new: Address) -> None:
        self._add("rename", mail, new, self.stores)

    def remove_list(self, mail: str, *, is_kept: bool) -> None:
        self._add("archive" if is_kept else "erase", mail, "", [MLMMJ])

    def readdress_lists(self, name: DomainName) -> None:
        if MLMMJ in self.stores:
            self._add("readdress", name, "", [MLMMJ])

    def record(self) -> None:
        """Write the steps down, before anything is committed."""
        self._numbers = [self.session.inserted_id(pending, row) for row in self._rows]

    def withdraw(self) -> None:
        """Take them back: nothing was committed."""
        for number in self._numbers:
            self.done(number)

    def done(self, number: int) -> None:
        """Say that a step is done, or that it need not be done."""
        self.session.delete(pending, id=number)

    def about(self, names: Collection[str]) -> list[Step]:
        """Return the steps about some names, in their order."""
        return list(map(_step, self.session.rows(ABOUT, names=sorted(names))))

    def all(self) -> list[Step]:
        """Return all steps, in their order."""
        return list(map(_step, self.session.rows(ALL)))

    def is_due(self, step: Step) -> bool:
        """Tell whether the accounts were committed: then the account of the step is there no more, or is another.

        A list that is there again has put away what was left of the former one.
        """
        if step.deed == "readdress":
            return True
        witness = self._witness(step.name)
        return "maillists" not in witness if step.deed in _LIST_DEEDS else witness != step.witness

    def _add(self, deed: Deed, name: str, new: str, stores: Collection[str]) -> None:
        row: dict[str, str | int] = {
            "deed": deed, "name": name, "new_name": new, "witness": self._witness(name), "created": int(time.time()),
        }  # fmt: skip
        self._rows += [{"store": store, **row} for store in stores]
        self.names |= {name, new} - {""}

    def _witness(self, name: str) -> str:
        return " ".join(f"{table} {created}" for table, created in self.vmail.rows(WITNESS, name=name))


def _step(row: Row) -> Step:
    return Step(*row)
