"""Throttles in the SQL database `iredapd`."""

from collections.abc import Collection
from typing import Any, cast

import sqlalchemy as sa

from postreeve.errors import Code, refuse
from postreeve.fields import Changes
from postreeve.patterns import form_of
from postreeve.shapes import Column
from postreeve.storage import iredapd
from postreeve.storage.sql import Schema, Session, Statement, among, parameter
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
        values = self._values(changes)
        self.session.begin()
        rows = self.session.mappings(FIND, account=scope, kind=direction)
        present = rows[0] if rows else None
        for double in rows[1:]:
            iredapd.remove(self.session, throttle, double["id"])
        limits = [{**(present or {}), **values}.get(of.name, UNSET) for of in THROTTLE if of is not PERIOD]
        if values[PERIOD.name] == 0 or all(limit is None or limit < 0 for limit in limits):
            if present:
                iredapd.remove(self.session, throttle, present["id"])
        elif present:
            self.session.update(throttle, values, id=present["id"])
        else:
            row = {"account": scope, "kind": direction, "priority": form_of(scope).in_iredapd, **values}
            self.session.insert(throttle, row)

    def _values(self, changes: Changes) -> dict[str, int]:
        self.remarks.ignored += [of.name for of in changes if not self.session.schema.has("throttle", of.name)]
        if self.session.database.store.engine == "mariadb":
            for of, most in MOST_COUNTED:
                if (changes.get(of) or 0) > most:
                    refuse(Code.INVALID_NUMBER, hint=f"{of.name}: iRedAPD counts up to {most} on MariaDB.")
        given = {shape.name: value for shape, value in changes.of_shape(Column)}
        return {**dict.fromkeys((of.name for of in LIMITS), UNSET), **given}


def _throttle(row: dict[str, Any]) -> Throttle:
    del row["id"]
    return cast("Throttle", {key: UNSET if value is None else value for key, value in row.items()})
