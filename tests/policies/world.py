"""A small world of mail for questions about policies, and the notation in which tables of tests speak of it.

Its accounts are there once for all tests; policies are as a new installation has them before each.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa

from postreeve.patterns import form_of
from postreeve.storage.sql import Session
from postreeve.storage.tables.amavisd import mailaddr, outbound_wblist, users, wblist
from tests.site import PASSWORD, Client, Row, Site

POLICIES = ("amavisd", "iredapd")
CLIENT = "203.0.113.7"
"""The server that sends mail from outside."""
PEOPLE = {
    "u1": "u1@local.test",
    "u2": "u2@local.test",
    "s": "u1@sub.local.test",
    "v": "v@other.test",
    "a": "u1@alias.test",
    "u1+x": "u1+x@local.test",
    "x": "x@remote.test",
    "y": "y@else.test",
    "z": "z@remote.test",
    "ext": "ext@remote.test",
    "ext+tag": "ext+tag@remote.test",
}
"""Who sends and gets mail: the first ones in the domains here, `a` in an alias domain, the others outside."""
OURS = frozenset({"u1", "u2", "s", "v", "a", "u1+x"})
SCOPES = {"global": "global", "local": "local.test", "other": "other.test", **PEOPLE}


@dataclass
class World:
    """An installation with the accounts of the world."""

    site: Site
    root: Client
    admin: Client
    """Of a domain admin of `local.test`."""

    def reset(self) -> None:
        """Make all policies as a new installation has them."""
        for name in POLICIES:
            self.site.wipe_database(name)

    def insert(self, table: sa.Table, **values: Any) -> int:
        """Insert a row, as another program would, and return its number."""
        with Session(self.site.database_of(table.name)) as session:
            session.begin()
            number = session.inserted_id(table, values)
            session.commit()
        return number

    def change(self, table: sa.Table, values: Row, **where: Any) -> None:
        """Change rows, as another program would."""
        with Session(self.site.database_of(table.name)) as session:
            assert session.update(table, values, **where)
            session.commit()

    def insert_entry(self, direction: str, account: str, address: str, letter: str) -> None:
        """Insert an entry of a list, as another program would; an account or address that is not there is created."""
        table = wblist if direction == "inbound" else outbound_wblist
        ours, theirs = ("rid", "sid") if direction == "inbound" else ("sid", "rid")
        owner = self._number(users, account, policy_id=0)
        with Session(self.site.database_of("wblist")) as session:
            session.insert(table, {ours: owner, theirs: self._number(mailaddr, address), "wb": letter})
            session.commit()

    def _number(self, table: sa.Table, email: str, **values: Any) -> int:
        present: list[Row] = self.site.rows(table.name, email=email)
        if present:
            return int(present[0]["id"])
        return self.insert(table, email=email, priority=form_of(email).in_amavisd, **values)

    def effective(self, address: str, **parameters: str) -> dict[str, Any]:
        """Ask what applies to an address."""
        answer: dict[str, Any] = self.root.data(f"policy/effective/{address}", **parameters)
        return answer


def create_world(site: Site) -> World:
    """Create the accounts."""
    root = site.root()
    root.ok("POST", "domain/local.test", aliasDomains="alias.test")
    root.ok("POST", "domain/other.test")
    root.ok("POST", "domain/sub.local.test")
    for person in ("u1", "u2", "s", "v"):
        root.ok("POST", f"user/{PEOPLE[person]}", password=PASSWORD)
    root.ok("PUT", "user/u1@local.test", aliases="sales@local.test", forwarding="u1@local.test, far@away.test")
    root.ok("POST", "alias/team@local.test", members="u1@local.test")
    return World(site, root, site.admin("al@admins.test", "local.test"))


# The notation of the tables


@dataclass(frozen=True)
class Message:
    """A message as iRedAPD sees it: `sender>recipient`, whose server is 203.0.113.7.

    More may be said of it: `:600` its bytes, `*2` several recipients, `@8` or a whole address another client. Who has
    an account here has logged in.
    """

    sender: str
    recipient: str
    size: int
    recipients: int
    client: str

    @classmethod
    def parse(cls, text: str) -> "Message":
        parsed = re.fullmatch(r"(\S+?)>([^:*@]+)(?::(\d+))?(?:\*(\d+))?(?:@(\S+))?", text)
        assert parsed, text
        sender, recipient, size, number, host = parsed.groups(default="")
        client = host if set(host) & set(".:") else f"203.0.113.{host}" if host else CLIENT
        return cls(PEOPLE[sender], PEOPLE[recipient], int(size or 0), int(number or 1), client)

    @property
    def has_logged_in(self) -> bool:
        return self.sender in {PEOPLE[name] for name in OURS}

    @property
    def is_for_us(self) -> bool:
        return self.recipient in {PEOPLE[name] for name in OURS}


def lines(text: str) -> list[Any]:
    """Return the lines of a table with the first column as their ids; columns are separated by bars."""
    return [pytest.param(*cells[1:], id=cells[0]) for cells in _cells(text)]


def _cells(text: str) -> Iterator[list[str]]:
    for line in text.strip().splitlines():
        yield [cell.strip() for cell in line.split("|")]


def parts(cell: str) -> list[list[str]]:
    """Return the words of each part of a cell; parts are separated by semicolons."""
    return [part.split() for part in cell.split(";") if part.strip()]


def given(words: list[str]) -> dict[str, str]:
    """Return what is given as `name=value`."""
    return {name: value for name, _, value in (word.partition("=") for word in words)}
