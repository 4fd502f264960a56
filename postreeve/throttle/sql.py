"""Throttles in the SQL database `iredapd`."""

from collections.abc import Collection, Mapping
from typing import Any, cast

import sqlalchemy as sa

from postreeve.errors import Code, refuse
from postreeve.fields import Changes
from postreeve.patterns import form_of
from postreeve.shapes import Column
from postreeve.storage import iredapd
from postreeve.storage.conditions import among, parameter
from postreeve.storage.sql import Schema, Session, Statement
from postreeve.storage.tables.iredapd import throttle
from postreeve.throttle.fields import LIMITS, MAX_MSGS, MAX_QUOTA, PERIOD, THROTTLE
from postreeve.throttle.store import Throttle
from postreeve.values import Scope
from postreeve.work import Remarks

MOST_COUNTED = ((MAX_MSGS, 2**24 - 1), (MAX_QUOTA, 2**32 - 1))
"""Where the counters end in `throttle_tracking` on MariaDB: a higher limit would never be reached."""
UNSET = -1

_ROW = throttle.c
_NAMES = ("id", "account", "kind", "priority", *(of.name for of in THROTTLE))


def _select(schema: Schema) -> sa.Select[Any]:
    """Select throttles in iRedAPD's order; on PostgreSQL an account may have several, of which the first counts."""
    present = [_ROW[name] for name in _NAMES if schema.has("throttle", name)]
    return sa.select(*present).where(_ROW.kind == parameter("kind")).order_by(_ROW.priority.desc(), _ROW.id)


FIND = Statement(lambda schema: _select(schema).where(_ROW.account == parameter("account")))
MATCHING = Statement(lambda schema: _select(schema).where(among(_ROW.account, "accounts")))


class SqlThrottles:
    """The throttles, as rows of `throttle`."""

    def __init__(self, session: Session, remarks: Remarks) -> None:
        self.session = session
        self.remarks = remarks

    def find(self, scope: Scope, direction: str) -> Throttle | None:
        rows = self.session.mappings(FIND, account=scope, kind=direction)
        return _throttle(rows[0]) if rows else None

    def matching(self, accounts: Collection[str], direction: str) -> list[Throttle]:
        return [_throttle(row) for row in self.session.mappings(MATCHING, accounts=list(accounts), kind=direction)]

    def write(self, scope: Scope, direction: str, changes: Changes) -> None:
        self._check_counters(changes)
        values = {"priority": form_of(scope).in_iredapd, **self._limits(changes)}
        self.session.begin()
        rows = self.session.mappings(FIND, account=scope, kind=direction)
        present = rows[0] if rows else None
        for double in rows[1:]:
            iredapd.remove_throttle(self.session, double["id"])
        if not _says_something({**(present or {}), **values}):
            if present:
                iredapd.remove_throttle(self.session, present["id"])
        elif present:
            self.session.update(throttle, values, id=present["id"])
        else:
            self.session.insert(throttle, {"account": scope, "kind": direction, **values})

    def _check_counters(self, changes: Changes) -> None:
        if self.session.database.store.engine == "mariadb":
            for of, most in MOST_COUNTED:
                if (changes.get(of) or 0) > most:
                    refuse(Code.INVALID_NUMBER, hint=f"{of.name}: iRedAPD counts up to {most} on MariaDB.")

    def _limits(self, changes: Changes) -> dict[str, int]:
        """Return the columns that change: those that were not given, too, and not those that are not there."""
        given = {shape.name: value for shape, value in changes.of_shape(Column)}
        known = {name: value for name, value in given.items() if self.session.schema.has("throttle", name)}
        self.remarks.ignored += given.keys() - known.keys()
        return {**dict.fromkeys((of.name for of in LIMITS), UNSET), **known}


def _says_something(row: Mapping[str, Any]) -> bool:
    """Tell whether a throttle limits anything: one without a period is invisible, and a limit below 0 is none."""
    limits = [row.get(of.name) for of in THROTTLE if of is not PERIOD]
    return row[PERIOD.name] > 0 and any(limit is not None and limit >= 0 for limit in limits)


def _throttle(row: dict[str, Any]) -> Throttle:
    del row["id"]
    return cast("Throttle", {key: UNSET if value is None else value for key, value in row.items()})
