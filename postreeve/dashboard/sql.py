"""The numbers of a dashboard from SQL databases."""

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

import sqlalchemy as sa

from postreeve.dashboard.recent import Recent
from postreeve.dashboard.store import Numbers, Server
from postreeve.storage.conditions import among
from postreeve.storage.sql import Database, Schema, Session, Statement
from postreeve.storage.tables import vmail
from postreeve.storage.used import used
from postreeve.work import StoreUnavailableError

_BOX = vmail.mailbox.c
_ADMINS: sa.ColumnElement[str] = sa.literal_column("'admins'")
_COUNTED = {"domains": vmail.domain, "users": vmail.mailbox, "aliases": vmail.alias, "lists": vmail.maillists}
_VERSION = {"sqlite": "SELECT sqlite_version()", "postgresql": "SELECT version()", "mariadb": "SELECT version()"}
_PROGRAM = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MariaDB"}


def _counts(schema: Schema, *, is_bounded: bool) -> sa.Executable:
    """Count everything, and add up the quotas: rows of a word and a number."""
    number = sa.cast(sa.func.count(), sa.BigInteger)
    quota = sa.cast(sa.func.sum(_BOX.quota), sa.BigInteger)
    wanted = [(word, number, table) for word, table in _COUNTED.items() if schema.has(table.name)]
    parts: list[sa.Select[*tuple[Any, ...]]] = [
        sa.select(sa.literal_column(f"'{word}'"), value)
        .select_from(table)
        .where(*_bounds(table, is_bounded=is_bounded))
        for word, value, table in [*wanted, ("allocated_quota", quota, vmail.mailbox)]
    ]
    if not is_bounded:
        of_users = sa.select(_ADMINS, number).where(sa.or_(_BOX.isadmin == 1, _BOX.isglobaladmin == 1))
        parts += [sa.select(_ADMINS, number).select_from(vmail.admin), of_users]
    return sa.union_all(*parts)


def _bounds(table: sa.Table, *, is_bounded: bool) -> list[sa.ColumnElement[bool]]:
    return [among(table.c.domain, "domains")] if is_bounded else []


IN_DOMAINS = Statement(lambda schema: _counts(schema, is_bounded=True))
EVERYWHERE = Statement(lambda schema: _counts(schema, is_bounded=False))


class SqlFigures:
    """The numbers of accounts, counted in their tables."""

    def __init__(self, session: Session, recent: Recent) -> None:
        self.session = session
        self.recent = recent

    def numbers(self, domains: Collection[str] | None) -> Numbers:
        question = ("numbers", None if domains is None else frozenset(domains))
        return self.recent.answer(question, lambda: self._counted(domains))

    def _counted(self, domains: Collection[str] | None) -> Numbers:
        bounds = {} if domains is None else {"domains": [*domains]}
        total: dict[str, int] = {}
        for word, number in self.session.rows(EVERYWHERE if domains is None else IN_DOMAINS, **bounds):
            total[word] = total.get(word, 0) + int(number or 0)
        octets, messages = used(self.session, domains)
        return {
            "domains": total["domains"], "users": total["users"], "aliases": total["aliases"],
            "lists": total.get("lists", 0), "admins": total.get("admins", 0),
            "allocated_quota": total["allocated_quota"], "used_bytes": octets, "used_messages": messages,
        }  # fmt: skip


class SqlServers:
    """The servers of databases, and a directory about which nothing is known but that it is there."""

    def __init__(self, databases: Mapping[str, Database], recent: Recent, *, has_directory: bool) -> None:
        self.databases = databases
        self.recent = recent
        self.has_directory = has_directory

    def versions(self) -> list[Server]:
        found: list[Server] = [{"name": "ldap", "version": "OpenLDAP"}] if self.has_directory else []
        for name, database in self.databases.items():
            version = self.recent.answer(("version", name), partial(_version, database))
            found.append({"name": name, "version": version})
        return found


def _version(database: Database) -> str:
    """Return the program and version of a server, without what it says about its compiler."""
    engine = database.store.engine
    try:
        with Session(database) as session:
            [(told,)] = session.text_rows(_VERSION[engine])
    except StoreUnavailableError:
        return ""
    words = str(told).removeprefix(_PROGRAM[engine]).split()
    return f"{_PROGRAM[engine]} {words[0].partition('-')[0]}"
