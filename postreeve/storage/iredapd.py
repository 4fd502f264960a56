"""What the slices in iRedAPD's database share: the accounts of its settings, renamed and forgotten.

Rows of throttles must outlive those of `throttle_tracking` that refer to them: neither server removes these with them.
"""

import sqlalchemy as sa

from postreeve.storage.conditions import among, ending, parameter
from postreeve.storage.sql import Session, Statement, batches
from postreeve.storage.tables.iredapd import (
    greylisting,
    greylisting_whitelists,
    throttle,
    throttle_tracking,
)

LONGEST_GREYLISTED = 100
"""The characters of an account or a sender in the tables of greylisting on MariaDB."""

_GREYLISTING = (greylisting, greylisting_whitelists)
THROTTLES = Statement(
    lambda _: sa.select(throttle.c.id, throttle.c.kind).where(throttle.c.account == parameter("account"))
)


def _in_domain(table: sa.Table) -> sa.ColumnElement[bool]:
    account = table.c.account
    return sa.or_(among(account, "texts"), account.like(parameter("below"), escape="/"))


def _senders(table: sa.Table) -> Statement:
    return Statement(lambda _: sa.select(table.c.sender).where(table.c.account == parameter("account")))


def _forget_senders(table: sa.Table) -> Statement:
    return Statement(
        lambda _: sa.delete(table).where(table.c.account == parameter("account"), among(table.c.sender, "senders"))
    )


def _forget_domain(table: sa.Table) -> Statement:
    return Statement(lambda _: sa.delete(table).where(_in_domain(table)))


_SENDERS = {table.name: _senders(table) for table in _GREYLISTING}
_FORGET_SENDERS = {table.name: _forget_senders(table) for table in _GREYLISTING}
_FORGET_DOMAIN = {
    throttle_tracking.name: Statement(
        lambda _: sa.delete(throttle_tracking).where(
            throttle_tracking.c.tid.in_(sa.select(throttle.c.id).where(_in_domain(throttle)))
        )
    ),
    **{table.name: _forget_domain(table) for table in (throttle, *_GREYLISTING)},
}
"""In this order: what refers to others goes first."""


def remove_throttle(session: Session, number: int) -> None:
    """Remove a throttle, with what is counted for it."""
    session.delete(throttle_tracking, tid=number)
    session.delete(throttle, id=number)


def rename(session: Session, old: str, new: str) -> None:
    """Let every setting of an account be another's; what was set for the new one since then stays."""
    _rename_throttles(session, old, new)
    for table in filter(lambda table: session.schema.has(table.name), _GREYLISTING):
        if len(new) > LONGEST_GREYLISTED:  # nobody can set it for such an account either
            session.delete(table, account=old)
            continue
        kept = session.rows(_SENDERS[table.name], account=new)
        for batch in batches(sender for (sender,) in kept):
            session.execute(_FORGET_SENDERS[table.name], account=old, senders=batch)
        session.update(table, {"account": new}, account=old)


def forget(session: Session, name: str) -> None:
    """Remove the settings of an account, or of a domain and everything in it."""
    if "@" in name:
        for number, _ in session.rows(THROTTLES, account=name):
            remove_throttle(session, number)
        for table in _GREYLISTING:
            session.delete(table, account=name)
        return
    for named, statement in _FORGET_DOMAIN.items():
        if session.schema.has(named):
            session.execute(statement, texts=[f"@{name}", f"@.{name}"], below=ending(f"@{name}"))


def _rename_throttles(session: Session, old: str, new: str) -> None:
    kept = {kind for _, kind in session.rows(THROTTLES, account=new)}
    for number, kind in session.rows(THROTTLES, account=old):
        if kind in kept:
            remove_throttle(session, number)
        else:
            session.update(throttle, {"account": new}, id=number)
