"""What the slices in Amavisd's database share: its accounts (`users`), which own policies and lists, by their texts.

One row of `users` serves the spam policy and the lists of an account alike.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from postreeve.patterns import form_of
from postreeve.storage.conditions import among, ending, parameter
from postreeve.storage.sql import Session, Statement
from postreeve.storage.tables.amavisd import outbound_wblist, policy, users, wblist
from postreeve.work import ConflictError, DuplicateError

NO_POLICY = 0
"""As `users.policy_id`: left out, MariaDB and PostgreSQL would attach the first policy there is."""
PART = 512
"""The rows that one statement deletes."""


class Account(NamedTuple):
    """A row of `users`."""

    id: int
    policy_id: int


class OwnedList(NamedTuple):
    """A table of white and black lists, with its columns for our account and for the other side."""

    table: sa.Table
    owner: str
    other: str


LISTS = {"inbound": OwnedList(wblist, "rid", "sid"), "outbound": OwnedList(outbound_wblist, "sid", "rid")}

_USER, _POLICY = users.c, policy.c
_EMAIL = sa.type_coerce(_USER.email, sa.types.NullType())  # SQLAlchemy knows no LIKE for bytes; the engines do
_ACCOUNT = sa.select(_USER.id, _USER.policy_id).where(_USER.email == parameter("email"))
FIND = Statement(lambda _: _ACCOUNT)
LOCK = Statement(lambda _: _ACCOUNT.with_for_update(), is_locking=True)
OF_DOMAIN = Statement(
    lambda _: sa.select(_USER.id)
    .where(sa.or_(among(_USER.email, "texts"), _EMAIL.like(parameter("below"), escape="/")))
)  # fmt: skip
POLICY_ID = Statement(lambda _: sa.select(_POLICY.id).where(_POLICY.policy_name == parameter("name")))
POLICIES_OF_DOMAIN = Statement(
    lambda _: sa.select(_POLICY.id)
    .where(sa.or_(among(_POLICY.policy_name, "texts"), _POLICY.policy_name.like(parameter("below"), escape="/")))
)  # fmt: skip
DETACH = Statement(lambda _: sa.update(users).values(policy_id=NO_POLICY).where(among(_USER.policy_id, "numbers")))


def _others(owned: OwnedList) -> Statement:
    row = owned.table.c
    return Statement(lambda _: sa.select(row[owned.other]).where(row[owned.owner] == parameter("owner")))


def _forget(column: sa.Column[int]) -> Statement:
    return Statement(lambda _: sa.delete(column.table).where(among(column, "numbers")))


_OTHERS = {owned.table.name: _others(owned) for owned in LISTS.values()}
_FORGET_ACCOUNTS = [*(_forget(owned.table.c[owned.owner]) for owned in LISTS.values()), _forget(_USER.id)]
_FORGET_POLICIES = [DETACH, _forget(_POLICY.id)]


def text_of(stored: str | bytes) -> str:
    """Return the text in a column of bytes; what is no UTF-8 was not written by any panel."""
    return stored.decode("utf-8", "replace") if isinstance(stored, bytes) else stored


def find(session: Session, scope: str) -> Account | None:
    """Return an account."""
    row = session.row(FIND, email=session.database.engine.octets(scope))
    return Account(*row) if row else None


def lock(session: Session, scope: str) -> Account | None:
    """Return an account, and keep other writers that lock it away until the work ends."""
    row = session.row(LOCK, email=session.database.engine.octets(scope))
    return Account(*row) if row else None


def own(session: Session, scope: str) -> Account:
    """Return an account, locked; one that is missing is created, without a policy."""
    if account := lock(session, scope):
        return account
    row = {"email": scope, "priority": form_of(scope).in_amavisd, "policy_id": NO_POLICY}
    try:
        return Account(session.inserted_id(users, row), NO_POLICY)
    except DuplicateError as error:
        raise ConflictError(str(error)) from error


def policy_id(session: Session, name: str) -> int:
    """Return the number of the policy of that name; `NO_POLICY` if there is none."""
    row = session.row(POLICY_ID, name=name)
    return int(row[0]) if row else NO_POLICY


def remove_policy(session: Session, name: str) -> None:
    """Remove the policy of that name; whoever was attached to it has none then."""
    if (number := policy_id(session, name)) != NO_POLICY:
        _execute(session, _FORGET_POLICIES, [number])


def rename(session: Session, old: str, new: str) -> None:
    """Let everything of an account be another's; what was set for the new one since then stays."""
    former = lock(session, old)
    if former is None:
        return
    later = lock(session, new)
    if later is None:
        session.update(users, {"email": new}, id=former.id)
        _rename_policy(session, old, new)
        return
    for owned in LISTS.values():
        _merge(session, owned, former.id, later.id)
    if later.policy_id == NO_POLICY and former.policy_id != NO_POLICY:
        _rename_policy(session, old, new)
        session.update(users, {"policy_id": former.policy_id}, id=later.id)
    else:
        remove_policy(session, old)
    session.delete(users, id=former.id)


def forget(session: Session, name: str) -> None:
    """Remove an account, or a domain with everything in it: policies and lists."""
    if "@" in name:
        account = find(session, name)
        _execute(session, _FORGET_ACCOUNTS, [account.id] if account else [])
        remove_policy(session, name)
        return
    octets = session.database.engine.octets
    texts, below = [f"@{name}", f"@.{name}"], ending(f"@{name}")
    accounts = session.rows(OF_DOMAIN, texts=list(map(octets, texts)), below=octets(below))
    _execute(session, _FORGET_ACCOUNTS, [number for (number,) in accounts])
    policies = session.rows(POLICIES_OF_DOMAIN, texts=texts, below=below)
    _execute(session, _FORGET_POLICIES, [number for (number,) in policies])


def _execute(session: Session, statements: Sequence[Statement], numbers: Sequence[int]) -> None:
    """Run statements over lists of such length as one takes well."""
    for part in _parts(numbers):
        for statement in statements:
            session.execute(statement, numbers=part)


def _parts(numbers: Sequence[int]) -> Iterator[list[int]]:
    return (list(numbers[start : start + PART]) for start in range(0, len(numbers), PART))


def _rename_policy(session: Session, old: str, new: str) -> None:
    """Name a policy after its account, as iRedMail's panel does; one that was left behind is in the way."""
    if policy_id(session, old) != NO_POLICY:
        remove_policy(session, new)
        session.update(policy, {"policy_name": new}, policy_name=old)


def _merge(session: Session, owned: OwnedList, former: int, later: int) -> None:
    others = {number for (number,) in session.rows(_OTHERS[owned.table.name], owner=former)}
    kept = {number for (number,) in session.rows(_OTHERS[owned.table.name], owner=later)}
    for number in sorted(others):
        where = {owned.owner: former, owned.other: number}
        if number in kept:
            session.delete(owned.table, **where)
        else:
            session.update(owned.table, {owned.owner: later}, **where)
