"""The activity log in the SQL database `iredadmin`."""

import sqlalchemy as sa

from postreeve.activity.store import ChangedAt, Intent, Line
from postreeve.storage import accounts
from postreeve.storage.sql import Session, Statement, parameter
from postreeve.storage.tables import iredadmin, vmail

INTENT, CONFIRMED = "intent", "info"
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


class SqlChangedAt:
    """When accounts were changed, as the column `modified` says."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def changed_at(self, name: str) -> list[str]:
        return [str(modified) for (modified,) in self.session.rows(MODIFIED, name=name)]


class SqlActivity:
    """The log as rows of `iredadmin.log`, where an intent is a line of its own level."""

    def __init__(self, iredadmin_session: Session, accounts: ChangedAt) -> None:
        self.session = iredadmin_session
        self.accounts = accounts

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
        if intent.event not in _IN_ACCOUNTS:
            return None
        times = self.accounts.changed_at(intent.username or intent.domain)
        if intent.event == "delete" or (intent.event == "update" and not times):
            return not times
        return any(modified >= intent.at for modified in times)


def _row(line: Line, level: str) -> dict[str, str]:
    return {
        "timestamp": accounts.now(), "admin": line.admin, "ip": line.ip, "domain": line.domain,
        "username": line.username, "event": line.event, "loglevel": level, "msg": line.msg,
    }  # fmt: skip
