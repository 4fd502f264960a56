"""White and black lists in the SQL database `amavisd`."""

from collections.abc import Collection, Mapping

import sqlalchemy as sa

from postreeve.patterns import Pattern
from postreeve.storage import amavisd
from postreeve.storage.amavisd import LISTS, OwnedList, text_of
from postreeve.storage.conditions import among, parameter
from postreeve.storage.sql import Session, Statement, batches
from postreeve.storage.tables.amavisd import mailaddr, users
from postreeve.values import Scope
from postreeve.wblist.store import Entry
from postreeve.work import ConflictError, DuplicateError

LETTERS: Mapping[str, str] = {"whitelist": "W", "blacklist": "B"}
"""The only letters that both daemons read alike."""

_ADDRESS = mailaddr.c
KNOWN = Statement(lambda _: sa.select(_ADDRESS.email, _ADDRESS.id).where(among(_ADDRESS.email, "texts")))


def _addresses(owned: OwnedList) -> Statement:
    row = owned.table.c
    return Statement(
        lambda _: sa.select(_ADDRESS.email).join(owned.table, row[owned.other] == _ADDRESS.id)
        .where(row[owned.owner] == parameter("owner"), row.wb == parameter("wb")),
        is_planned_each_time=True,  # a plan from when the lists were short goes through `mailaddr` for each entry
    )  # fmt: skip


def _present(owned: OwnedList) -> Statement:
    row = owned.table.c
    return Statement(
        lambda _: sa.select(row[owned.other], row.wb)
        .where(row[owned.owner] == parameter("owner"))
    )  # fmt: skip


def _turn(owned: OwnedList) -> Statement:
    row = owned.table.c
    return Statement(
        lambda _: sa.update(owned.table).values(wb=parameter("wb"))
        .where(row[owned.owner] == parameter("owner"), among(row[owned.other], "numbers"))
    )  # fmt: skip


def _remove(owned: OwnedList) -> Statement:
    row = owned.table.c
    numbers = sa.select(_ADDRESS.id).where(among(_ADDRESS.email, "texts"))
    return Statement(
        lambda _: sa.delete(owned.table)
        .where(row[owned.owner] == parameter("owner"), row.wb == parameter("wb"), row[owned.other].in_(numbers))
    )  # fmt: skip


def _matching(owned: OwnedList) -> Statement:
    row = owned.table.c
    return Statement(
        lambda _: sa.select(users.c.email, _ADDRESS.email, row.wb)
        .select_from(users).join(owned.table, row[owned.owner] == users.c.id)
        .join(mailaddr, row[owned.other] == _ADDRESS.id)
        .where(among(users.c.email, "texts"))
        .order_by(users.c.priority.desc(), users.c.id, _ADDRESS.priority.desc(), _ADDRESS.id),
        is_planned_each_time=True,
    )  # fmt: skip


ADDRESSES = {direction: _addresses(owned) for direction, owned in LISTS.items()}
PRESENT = {direction: _present(owned) for direction, owned in LISTS.items()}
TURN = {direction: _turn(owned) for direction, owned in LISTS.items()}
REMOVE = {direction: _remove(owned) for direction, owned in LISTS.items()}
MATCHING = {direction: _matching(owned) for direction, owned in LISTS.items()}


class SqlWblists:
    """The lists, as rows of `wblist` and `outbound_wblist` between `users` and `mailaddr`."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def addresses(self, scope: Scope, direction: str, verdict: str) -> list[str]:
        if (account := amavisd.find(self.session, scope)) is None:
            return []
        rows = self.session.rows(ADDRESSES[direction], owner=account.id, wb=LETTERS[verdict])
        return sorted(text_of(email) for (email,) in rows)

    def add(self, scope: Scope, direction: str, verdict: str, addresses: Collection[Pattern]) -> None:
        owner, letter = amavisd.own(self.session, scope).id, LETTERS[verdict]
        owned = LISTS[direction]
        try:
            present: dict[int, str] = dict(self.session.rows(PRESENT[direction], owner=owner))
            for batch in batches(sorted(addresses)):
                numbers = self._numbers(batch)
                if turned := [number for number in numbers if present.get(number, letter) != letter]:
                    self.session.execute(TURN[direction], owner=owner, numbers=turned, wb=letter)
                new = [number for number in numbers if number not in present]
                self.session.insert_many(
                    owned.table, [{owned.owner: owner, owned.other: number, "wb": letter} for number in new]
                )
        except DuplicateError as error:  # somebody else has just added the same
            raise ConflictError(str(error)) from error

    def remove(self, scope: Scope, direction: str, verdict: str, addresses: Collection[Pattern]) -> None:
        if account := amavisd.lock(self.session, scope):
            for batch in batches(sorted(addresses)):
                self.session.execute(
                    REMOVE[direction], owner=account.id, wb=LETTERS[verdict], texts=self._octets(batch)
                )

    def clear(self, scope: Scope, direction: str, verdict: str) -> None:
        if account := amavisd.lock(self.session, scope):
            owned = LISTS[direction]
            self.session.delete(owned.table, **{owned.owner: account.id, "wb": LETTERS[verdict]})

    def matching(self, accounts: Collection[str], direction: str) -> list[Entry]:
        rows = self.session.rows(MATCHING[direction], texts=self._octets(accounts))
        return [Entry(text_of(account), text_of(address), letter) for account, address, letter in rows]

    def _numbers(self, addresses: Collection[str]) -> list[int]:
        """Return the numbers of addresses, which are given one where they have none; rows of `mailaddr` are shared."""
        texts = self._octets(addresses)
        known = {text_of(email) for email, _ in self.session.rows(KNOWN, texts=texts)}
        new = [Pattern(address) for address in addresses if address not in known]
        self.session.insert_many(mailaddr, [{"email": address, "priority": address.form.in_amavisd} for address in new])
        return [number for _, number in self.session.rows(KNOWN, texts=texts)]

    def _octets(self, addresses: Collection[str]) -> list[str | bytes]:
        return list(map(self.session.database.engine.octets, addresses))
