"""What the slices in iRedAPD's database share: the accounts of its settings, renamed and forgotten.

Rows of throttles must outlive those of `throttle_tracking` that refer to them: neither server removes these with them.
"""

import sqlalchemy as sa

from postreeve.storage.sql import Session, Statement, among, ending, parameter
from postreeve.storage.tables.iredapd import (
    greylisting,
    greylisting_whitelists,
    throttle,
    throttle_tracking,
)

_KEYS = {throttle: "kind", greylisting: "sender", greylisting_whitelists: "sender"}
"""The tables of settings, each with what tells the rows of one account apart."""


def _of_accounts(table: sa.Table) -> Statement:
    account = table.c.account
    return Statement(
        lambda _: sa.select(table.c.id).where(
            sa.or_(among(account, "texts"), account.like(parameter("below"), escape="/"))
        )
    )


def _of_account(table: sa.Table, key: str) -> Statement:
    return Statement(lambda _: sa.select(table.c.id, table.c[key]).where(table.c.account == parameter("account")))


_BELOW = {table.name: _of_accounts(table) for table in _KEYS}
_ROWS = {table.name: _of_account(table, key) for table, key in _KEYS.items()}


def remove(session: Session, table: sa.Table, number: int) -> None:
    """Remove a row of settings, with what refers to it."""
    if table is throttle:
        session.delete(throttle_tracking, tid=number)
    session.delete(table, id=number)


def rename(session: Session, old: str, new: str) -> None:
    """Let every setting of an account be another's; what was set for the new one since then stays."""
    for table in _KEYS:
        kept = {key for _, key in session.rows(_ROWS[table.name], account=new)}
        for number, key in session.rows(_ROWS[table.name], account=old):
            if key in kept:
                remove(session, table, number)
            else:
                session.update(table, {"account": new}, id=number)


def forget(session: Session, name: str) -> None:
    """Remove the settings of an account, or of a domain and everything below it."""
    texts = [name] if "@" in name else [f"@{name}", f"@.{name}"]
    below = "" if "@" in name else ending(f"@{name}")
    for table in _KEYS:
        for (number,) in session.rows(_BELOW[table.name], texts=texts, below=below):
            remove(session, table, number)
