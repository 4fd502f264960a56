"""The activity log in the SQL database `iredadmin`."""

from collections.abc import Callable, Collection
from dataclasses import asdict
from functools import cache
from typing import Any

import sqlalchemy as sa

from postreeve.activity.store import INTENT, ChangedAt, Intent, Line, LogLine, LogPage, Search
from postreeve.storage import accounts
from postreeve.storage.conditions import among, containing, parameter
from postreeve.storage.sql import Row, Session, Statement, batches
from postreeve.storage.tables import iredadmin, vmail

CONFIRMED = "info"
DOUBT = " (The server was interrupted; nobody knows whether this has happened.)"
_IN_ACCOUNTS = frozenset({"create", "update", "delete", "active", "disable"})
"""The events that change an account's own row."""

_LOG = iredadmin.log.c
UNSETTLED = Statement(
    lambda _: sa.select(
        _LOG.id, _LOG.event, _LOG.domain, _LOG.username, sa.cast(_LOG.timestamp, sa.String(19)), _LOG.msg
    ).where(_LOG.loglevel == INTENT, _LOG.timestamp < parameter("before")).order_by(_LOG.id)
)  # fmt: skip
MODIFIED = Statement(
    lambda _: sa.union_all(
        *(
            sa.select(sa.cast(table.c.modified, sa.String(19))).where(table.c[key] == parameter("name"))
            for table, key in (
                (vmail.domain, "domain"), (vmail.mailbox, "username"),
                (vmail.alias, "address"), (vmail.admin, "username"),
            )
        )
    )
)  # fmt: skip


_AT = sa.cast(_LOG.timestamp, sa.String(26))
_COLUMNS = (_LOG.id, _AT, _LOG.admin, _LOG.ip, _LOG.domain, _LOG.username, _LOG.event, _LOG.loglevel, _LOG.msg)
_CONDITIONS: dict[str, sa.ColumnElement[bool]] = {
    **{name: _LOG[name] == parameter(name) for name in ("admin", "domain", "username", "event", "ip")},
    "since": _LOG.timestamp >= parameter("since"),
    "until": _LOG.timestamp <= parameter("until"),
    "text": sa.func.lower(_LOG.msg).like(sa.func.lower(parameter("text")), escape="/"),
    "at": (_LOG.timestamp <= parameter("at")) & ((_LOG.timestamp < parameter("at")) | (_LOG.id < parameter("number"))),
    "within": among(_LOG.domain, "within") | (_LOG.username == parameter("own")),
}
"""What may bound the lines, by the parameters that say so."""


@cache
def _page(given: frozenset[str]) -> Statement:
    """Return the statement that selects a page; the index on times leads to the newest, and its row number orders."""
    return Statement(
        lambda _: sa.select(*_COLUMNS)
        .where(*(condition for name, condition in _CONDITIONS.items() if name in given))
        .order_by(_LOG.timestamp.desc(), _LOG.id.desc())
        .limit(parameter("size"))
    )  # fmt: skip


REMOVE = Statement(lambda _: sa.delete(iredadmin.log).where(among(_LOG.id, "numbers"), _LOG.loglevel != INTENT))
REMOVE_UNTIL = Statement(
    lambda _: sa.delete(iredadmin.log).where(_LOG.timestamp <= parameter("until"), _LOG.loglevel != INTENT)
)


class SqlChangedAt:
    """When accounts were changed, as the column `modified` says."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def changed_at(self, name: str) -> list[str]:
        return [str(modified) for (modified,) in self.session.rows(MODIFIED, name=name)]


class SqlActivity:
    """The log as rows of `iredadmin.log`, where an intent is a line of its own level."""

    def __init__(
        self, iredadmin_session: Session, accounts: ChangedAt, at_commit: Callable[[Callable[[], None]], None]
    ) -> None:
        """`at_commit` takes what is to be done when the work is committed."""
        self.session = iredadmin_session
        self.accounts = accounts
        self.at_commit = at_commit

    def note(self, line: Line) -> None:
        self.session.insert(iredadmin.log, _row(line, CONFIRMED))

    def intend(self, line: Line) -> int:
        return self.session.inserted_id(iredadmin.log, _row(line, INTENT))

    def confirm(self, number: int) -> None:
        self.session.update(iredadmin.log, {"loglevel": CONFIRMED}, id=number)

    def withdraw(self, number: int) -> None:
        self.session.delete(iredadmin.log, id=number)

    def doubt(self, intent: Intent) -> None:
        self.session.update(iredadmin.log, {"loglevel": CONFIRMED, "msg": intent.msg + DOUBT}, id=intent.number)

    def unsettled(self, before: str) -> list[Intent]:
        return [Intent(*row) for row in self.session.rows(UNSETTLED, before=before)]

    def has_happened(self, intent: Intent) -> bool | None:
        """Tell by the row: gone after a deletion or a renaming, else changed no earlier than the intent was written."""
        if intent.event not in _IN_ACCOUNTS or not (intent.username or intent.domain):
            return None
        times = self.accounts.changed_at(intent.username or intent.domain)
        if intent.event == "delete" or (intent.event == "update" and not times):
            return not times
        return any(modified >= intent.at for modified in times)

    def page(self, wanted: Search, within: Collection[str] | None, own: str, *, after: str = "", size: int) -> LogPage:
        given: dict[str, Any] = {name: value for name, value in asdict(wanted).items() if value}
        if "text" in given:
            given["text"] = containing(given["text"])
        if after:
            given["at"], number = after.split("/")
            given["number"] = int(number)
        if within is not None:
            given |= {"within": [*within], "own": own}
        rows = self.session.rows(_page(frozenset(given)), **given, size=size + 1)
        lines = rows[:size]
        return {"lines": [*map(_written, lines)], "next": f"{lines[-1][1]}/{lines[-1][0]}" if len(rows) > size else ""}

    def remove(self, numbers: Collection[int], until: str = "") -> None:
        def carry_out() -> None:
            for batch in batches(numbers):
                self.session.execute(REMOVE, numbers=batch)
            if until:
                self.session.execute(REMOVE_UNTIL, until=until)

        self.at_commit(carry_out)


def _written(row: Row) -> LogLine:
    number, at, admin, ip, domain, username, event, level, msg = row
    return {
        "id": number, "timestamp": at[:19], "admin": admin, "ip": ip, "domain": domain, "username": username,
        "event": event, "loglevel": level, "msg": msg or "",
    }  # fmt: skip


def _row(line: Line, level: str) -> dict[str, str]:
    return {
        "timestamp": accounts.now(), "admin": line.admin, "ip": line.ip, "domain": line.domain,
        "username": line.username, "event": line.event, "loglevel": level, "msg": line.msg,
    }  # fmt: skip
