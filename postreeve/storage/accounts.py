"""What the account slices share on SQL: time stamps, changed columns and settings, rows that belong to an account."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any, cast

import sqlalchemy as sa

from postreeve.fields import Changes
from postreeve.shapes import Column, Row, Rows, Setting, SettingList
from postreeve.storage import settings_text
from postreeve.storage.conditions import among
from postreeve.storage.sql import Schema, Session, Statement
from postreeve.storage.tables.vmail import VMAIL
from postreeve.work import Profile

NEVER = "1970-01-01 01:01:01"
_DATES = {
    **dict.fromkeys(("created", "modified", "expired", "passwordlastchange"), "0000-00-00 00:00:00"),
    "birthday": "0000-00-00",
}
"""The columns that hold dates, with MariaDB's zero date, which mysqlclient reads as nothing."""


def now() -> str:
    """Return the time as iRedMail's panels write it: UTC text."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")


def touch(session: Session, table: sa.Table, **where: Any) -> None:
    """Say that rows were changed now, so that two works that do clash."""
    if session.database.engine.is_cluster:
        session.mark(table, **where)
    else:
        session.update(table, {"modified": now()}, **where)


def moment(seconds: int) -> str:
    """Return a time in Unix seconds as such a text, too; empty, if there was none."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}" if seconds else ""


def as_stored(row: dict[str, Any]) -> Profile:
    """Return a row as a profile: dates as text, settings as an object."""
    for key, unknown in _DATES.items():
        match row.get(key):
            case datetime() as moment:
                row[key] = moment.isoformat(" ", "seconds")
            case date() as day:
                row[key] = day.isoformat()
            case None if key in row:
                row[key] = unknown
    if "settings" in row:
        row["settings"] = settings_text.shown(row["settings"])
    return row


def columns(changes: Changes) -> dict[str, Any]:
    """Return the account's own columns that change, with the values as drivers take them."""
    return {shape.name: _plain(value) for shape, value in changes.of_shape(Column)}


def settings(changes: Changes, text: str | None) -> dict[str, str]:
    """Return the `settings` column with what changes in it, or nothing if nothing does."""
    new: dict[str, Any] = {shape.key: value for shape, value in changes.of_shape(Setting)}
    for shape, change in changes.of_shape(SettingList):
        new[shape.key] = change.applied(settings_text.words(text, shape.key))
    return {"settings": settings_text.changed(text, new)} if new else {}


def write_satellites(session: Session, changes: Changes, account: str, common: Mapping[str, Any]) -> None:
    """Write the single rows that belong to an account in other tables, such as its BCC addresses."""
    for shape, value in changes.of_shape(Row):
        write_satellite(session, shape, account, value, common)


def write_satellite(session: Session, shape: Row, account: str, value: str, common: Mapping[str, Any]) -> None:
    """Write one such row, or remove it when the value is empty."""
    table = VMAIL.tables[shape.table]
    if not value:
        session.delete(table, **{shape.owner: account})
    elif not session.update(table, {shape.value: value, "modified": now(), "active": 1}, **{shape.owner: account}):
        stamps = {"created": now(), "modified": now()}
        session.insert(table, {shape.owner: account, shape.value: value, **common, **stamps})


def write_members(  # noqa: PLR0913 - a set of rows has as many sides
    session: Session,
    shape: Rows,
    owner: str,
    before: Iterable[str],
    after: Iterable[str],
    common: Mapping[str, Any],
) -> None:
    """Make a set of rows, one for each value, what it is to be."""
    table = VMAIL.tables[shape.table]
    for gone in sorted(set(before) - set(after)):
        session.delete(table, **{shape.owner: owner, shape.value: gone})
    for new in sorted(set(after) - set(before)):
        session.insert(
            table,
            {shape.owner: owner, shape.value: new, **shape.marker, **common, **_domain_of(table, shape, new)},
        )


def links(select: Mapping[str, tuple[sa.Table, str, str, Mapping[str, Any]]]) -> Statement:
    """Return one query for what several tables hold for a list of accounts: rows of kind, owner, value.

    The mapping gives for each kind the table, the column of the owner, the column of the value and what marks the rows.
    """

    def build(schema: Schema) -> sa.Executable:
        parts: list[sa.Select[*tuple[Any, ...]]] = [
            sa.select(
                sa.literal_column(f"'{kind}'").label("kind"),
                sa.cast(table.c[owner], _TEXT).label("owner"),
                sa.cast(table.c[value], _TEXT).label("value"),
            ).where(among(table.c[owner], "owners"), *(table.c[name] == marker for name, marker in marks.items()))
            for kind, (table, owner, value, marks) in select.items()
            if schema.has(table.name)
        ]
        return sa.union_all(*parts).order_by(sa.literal_column("3"))

    return Statement(build)


_TEXT = sa.Text().with_variant(sa.CHAR(255), "mysql", "mariadb")


def _domain_of(table: sa.Table, shape: Rows, value: str) -> dict[str, str]:
    domain = value.rpartition("@")[2]
    return {"dest_domain": domain} if "dest_domain" in table.c and shape.value != "address" else {}


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else cast("Any", value)
