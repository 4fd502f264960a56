"""The tables, as each engine has them after they were created."""

import importlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import Column, MetaData, String, Table, text

from postreeve.settings import Engine, Store
from postreeve.storage.tables.ddl import statements
from postreeve.storage.tables.iredadmin import IREDADMIN
from postreeve.storage.tables.vmail import VMAIL
from tests.servers import Server

CATALOGUE = {
    "sqlite": "SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c"
    " WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' ORDER BY t.name, c.cid",
    "postgresql": "SELECT table_name, column_name FROM information_schema.columns"
    " WHERE table_schema = 'public' ORDER BY table_name, ordinal_position",
    "mariadb": "SELECT table_name, column_name FROM information_schema.columns"
    " WHERE table_schema = database() ORDER BY table_name, ordinal_position",
}


@dataclass
class Database:
    """A database in which all tables were created."""

    engine: Engine
    cursor: Any

    def execute(self, statement: str) -> None:
        self.cursor.execute(statement)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        self.cursor.execute(query)
        return [tuple(row) for row in self.cursor.fetchall()]

    def columns(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for table, name in self.rows(CATALOGUE[self.engine]):
            found.setdefault(table, []).append(name)
        return found


@pytest.fixture(scope="module")
def vmail(server: Server) -> Iterator[Database]:
    with created(server, VMAIL) as database:
        yield database


@pytest.fixture(scope="module")
def iredadmin(server: Server) -> Iterator[Database]:
    with created(server, IREDADMIN) as database:
        yield database


@contextmanager
def created(server: Server, metadata: MetaData) -> Iterator[Database]:
    """Create the tables in one database, and yield a copy of it, which has to be as good."""
    template = f"tables_{uuid4().hex}"
    copy = f"{template}_copy"
    server.create_database(template)
    with connected(server.store(template)) as database:
        for statement in statements(metadata, database.engine):
            database.execute(statement)
    server.create_database(copy, template)
    server.drop_database(template)
    with connected(server.store(copy)) as database:
        yield database
    server.drop_database(copy)


@contextmanager
def connected(store: Store) -> Iterator[Database]:
    where: dict[str, Any] = {"user": store.user, "autocommit": True}
    connection: Any
    match store.engine, store.driver:
        case "sqlite", _:
            connection = sqlite3.connect(store.path, isolation_level=None)
        case "postgresql", _:
            connection = psycopg.connect(host=store.socket, port=store.port, dbname=store.database, **where)
        case _, driver:
            module = importlib.import_module("MySQLdb" if driver == "mysqlclient" else driver)
            connection = module.connect(unix_socket=store.socket, database=store.database, **where)
    with closing(connection), closing(connection.cursor()) as cursor:
        yield Database(store.engine, cursor)


def test_vmail_has_all_tables_with_all_columns(vmail: Database) -> None:
    assert vmail.columns() == {table.name: [column.name for column in table.columns] for table in VMAIL.tables.values()}
    assert len(vmail.columns()["mailbox"]) == 57


def test_iredadmin_has_all_tables_with_all_columns(iredadmin: Database) -> None:
    expected = {table.name: [column.name for column in table.columns] for table in IREDADMIN.tables.values()}
    if iredadmin.engine != "mariadb":
        del expected["deleted_mailboxes"]
        expected["updatelog"] = ["date"]
    assert iredadmin.columns() == expected


def test_a_new_mailbox_has_the_defaults_of_iredmail(vmail: Database) -> None:
    vmail.execute("INSERT INTO mailbox (username) VALUES ('ann@ex.com')")
    flags = "SELECT enableimap, enablesogo, isadmin, active, enablesogowebmail, quota FROM mailbox"
    assert vmail.rows(flags) == [(1, 1, 0, 1, "y", 0)]
    texts = "SELECT mailboxformat, mailboxfolder, storagebasedirectory, storagenode, rank, name FROM mailbox"
    assert vmail.rows(texts) == [("maildir", "Maildir", "/var/vmail", "vmail1", "normal", "")]
    is_null = None if vmail.engine == "mariadb" else ""
    assert vmail.rows("SELECT allow_nets, settings, disclaimer FROM mailbox") == [(None, is_null, is_null)]


def test_a_new_mailbox_was_made_long_ago_except_on_postgresql(vmail: Database) -> None:
    vmail.execute("INSERT INTO mailbox (username) VALUES ('ben@ex.com')")
    query = "SELECT birthday, expired, created, passwordlastchange FROM mailbox WHERE username = 'ben@ex.com'"
    birthday, expired, *made = map(str, vmail.rows(query)[0])
    assert birthday == "0001-01-01"
    if vmail.engine == "postgresql":
        assert expired == "9999-12-31 01:01:01"
        assert all(moment > "2020" for moment in made)
    else:
        assert expired == "9999-12-31 00:00:00"
        assert made == ["1970-01-01 01:01:01"] * 2


def test_dovecots_quota_gets_its_domain(vmail: Database) -> None:
    vmail.execute("INSERT INTO used_quota (username, bytes, messages) VALUES ('a@b@ex.com', 5, 1)")
    assert vmail.rows("SELECT * FROM used_quota") == [("a@b@ex.com", 5, 1, "ex.com")]
    if vmail.engine == "postgresql":
        vmail.execute("INSERT INTO used_quota (username, bytes) VALUES ('a@b@ex.com', 2)")
        assert vmail.rows("SELECT * FROM used_quota") == [("a@b@ex.com", 7, 1, "ex.com")]


def test_a_second_list_without_mlid_is_refused(vmail: Database) -> None:
    vmail.execute("INSERT INTO maillists (address) VALUES ('one@ex.com')")
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        vmail.execute("INSERT INTO maillists (address) VALUES ('two@ex.com')")


def test_settings_are_unique_and_numbered(iredadmin: Database) -> None:
    iredadmin.execute("INSERT INTO settings (k) VALUES ('mailbox_format')")
    assert iredadmin.rows("SELECT id, account, k, v FROM settings") == [(1, "global", "mailbox_format", None)]
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        iredadmin.execute("INSERT INTO settings (k) VALUES ('mailbox_format')")


@pytest.mark.parametrize("engine", ["sqlite", "postgresql", "mariadb"])
def test_a_percent_sign_stays_single(engine: Engine) -> None:
    metadata = MetaData()
    Table("odd", metadata, Column("percent%", String(9), server_default=text("'5 %'")))
    assert "%%" not in statements(metadata, engine)[0]
