"""Mailboxes whose users are deleted: recorded, so that a job may remove their files when the time has come."""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from postreeve.domains.store import Removal
from postreeve.storage.sql import Schema, Session, Statement
from postreeve.storage.tables import vmail


def keep_mailboxes(session: Session, removal: Removal, column: sa.Column[str], value: str) -> None:
    """Record mailboxes about to be deleted, so that a job may remove their files when the time has come."""
    session.execute(KEEP[column.name], value=value, admin=removal.by, day=last_day(removal))


def last_day(removal: Removal) -> str | None:
    """Return the day until which the files are kept; None is for ever."""
    return (datetime.now(UTC) + timedelta(days=removal.days)).strftime("%Y-%m-%d") if removal.days else None


def _keep(schema: Schema, column: sa.Column[str]) -> sa.Executable:
    box, used, kept = vmail.mailbox, vmail.used_quota, vmail.deleted_mailboxes
    path = box.c.storagebasedirectory + "/" + box.c.storagenode + "/" + box.c.maildir
    values: dict[str, sa.ColumnElement[Any]] = {
        "username": box.c.username, "domain": box.c.domain, "maildir": path,
        "admin": sa.cast(sa.bindparam("admin"), sa.String(255)), "delete_date": sa.cast(sa.bindparam("day"), _DAY),
        "bytes": sa.func.coalesce(used.c.bytes, 0), "messages": sa.func.coalesce(used.c.messages, 0),
    }  # fmt: skip
    present = {name: value for name, value in values.items() if schema.has(kept.name, name)}
    rows = sa.select(*present.values()).select_from(box.outerjoin(used, used.c.username == box.c.username))
    return sa.insert(kept).from_select(
        list(present), rows.where(column == sa.bindparam("value")), include_defaults=False
    )


_DAY = sa.Date().with_variant(sa.Text(), "sqlite")
KEEP = {
    column.name: Statement(lambda schema, column=column: _keep(schema, column))  # type: ignore[misc]
    for column in (vmail.mailbox.c.domain, vmail.mailbox.c.username)
}
