"""A whole installation for tests: two databases, the application behind a real HTTP server, and clients of it."""

import shutil
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import msgspec
import requests
import sqlalchemy as sa
import uvicorn

from postreeve import app as assembly
from postreeve import operations
from postreeve.backends.common import Stores
from postreeve.operations import REGISTRY, Call
from postreeve.permissions import Actor
from postreeve.settings import STORES, Ldap, Settings, Store
from postreeve.storage.directory.names import Tree
from postreeve.storage.sql import Database, Session
from postreeve.storage.tables.amavisd import AMAVISD
from postreeve.storage.tables.iredadmin import BESIDE_DIRECTORY, IREDADMIN
from postreeve.storage.tables.iredapd import IREDAPD
from postreeve.storage.tables.postreeve import OURS
from postreeve.storage.tables.vmail import VMAIL
from postreeve.values import Address
from tests.servers import MANAGER_PASSWORD, OPENLDAP, BesideOpenldap, Entries, OpenldapServer, Server

TABLES: dict[str, dict[str, sa.Table]] = {
    "vmail": dict(VMAIL.tables), "iredadmin": dict(IREDADMIN.tables), "amavisd": dict(AMAVISD.tables),
    "iredapd": dict(IREDAPD.tables),
}  # fmt: skip
"""iRedMail's tables in each database."""
ROOT = "root@admins.test"
PASSWORD = "A@StrongPassword2"

Row = dict[str, Any]


class Client:
    """A client of the API with a cookie of its own."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.session = requests.Session()
        self.session.trust_env = False

    def login(self, account: str, password: str = PASSWORD) -> "Client":
        assert self.post("login", username=account, password=password) == {"_success": True}
        return self

    def login_user(self, account: str, password: str = PASSWORD) -> "Client":
        """Log in as a mail user, for self-service."""
        assert self.post("self-service/login", username=account, password=password) == {"_success": True}
        return self

    def raw(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a request as it is; `path` begins below `/api/`."""
        return self.session.request(method, f"{self.base}/{path}", timeout=60, **options)

    def get(self, path: str, **parameters: str) -> dict[str, Any]:
        return self._answer(self.raw("GET", path, params=parameters))

    def post(self, path: str, **parameters: str) -> dict[str, Any]:
        return self._answer(self.raw("POST", path, data=parameters))

    def put(self, path: str, **parameters: str) -> dict[str, Any]:
        return self._answer(self.raw("PUT", path, data=parameters))

    def delete(self, path: str, **parameters: str) -> dict[str, Any]:
        return self._answer(self.raw("DELETE", path, params=parameters))

    def data(self, path: str, **parameters: str) -> Any:
        """Get, and insist on success."""
        answer = self.get(path, **parameters)
        assert answer["_success"], answer
        return answer["_data"]

    def ok(self, method: str, path: str, **parameters: str) -> None:
        """Ask for a change, and insist on success with nothing to say besides."""
        answer = self._answer(self.raw(method, path, data=parameters))
        assert answer == {"_success": True}, answer

    def refused(self, method: str, path: str, **parameters: str) -> str:
        """Ask for something that is to be refused, and return the code."""
        answer = self._answer(self.raw(method, path, data=parameters))
        assert answer["_success"] is False, answer
        return str(answer["_msg"])

    @staticmethod
    def _answer(response: requests.Response) -> dict[str, Any]:
        answer: dict[str, Any] = response.json()
        assert isinstance(answer["_success"], bool)
        return answer


@dataclass
class Site:
    """An installation with one global admin, `ROOT`."""

    settings: Settings
    storage: Stores
    base: str
    """Of the API, such as `http://127.0.0.1:1234/iredadmin/api`."""
    app: assembly.App
    directory: "DirectoryOfSite | None" = None
    """Where the accounts are, if not in SQL."""
    _initial: dict[str, dict[str, list[Row]]] = field(default_factory=dict)
    _entries: Entries = field(default_factory=dict)

    @property
    def stores(self) -> dict[str, Store | Ldap]:
        """Where the databases and the directory are, under the names of their settings."""
        return {**self.settings.databases, **({"ldap": self.settings.ldap} if self.settings.ldap else {})}

    @property
    def engine(self) -> str:
        return OPENLDAP if self.settings.ldap else self.settings.vmail.engine

    def client(self) -> Client:
        """Return a client that has not logged in."""
        return Client(self.base)

    def root(self) -> Client:
        """Return a client of the global admin."""
        return self.client().login(ROOT)

    def admin(self, account: str, *domains: str, **parameters: str) -> Client:
        """Create a standalone domain admin of some domains, and return its client."""
        root = self.root()
        root.ok("POST", f"admin/{account}", password=PASSWORD, **parameters)
        for domain in domains:
            root.ok("PUT", f"domain/admins/{domain}", addAdmin=account)
        return self.client().login(account)

    def change_settings(self, **values: Any) -> None:
        """Serve with other settings from now on, until the site is wiped."""
        self._use(msgspec.structs.replace(self.storage.settings, **values))

    def rows(self, table: str, **where: Any) -> list[Row]:
        """Return rows of a table in a comparable form, sorted; `where` bounds them."""
        found = _read(self.database_of(table), table)
        return sorted((row for row in found if all(row[name] == value for name, value in where.items())), key=str)

    def tables(self, database: str) -> dict[str, sa.Table]:
        """Return iRedMail's tables in a database such as `iredadmin`, which has more beside a directory."""
        is_beside = database == "iredadmin" and self.directory
        return TABLES[database] | ({table.name: table for table in BESIDE_DIRECTORY} if is_beside else {})

    def database_of(self, table: str) -> Database:
        """Return the database that has a table; of two with one name, the accounts'."""
        databases = self.storage.databases
        return databases[next((name for name in databases if table in self.tables(name)), "iredadmin")]

    def entries(self) -> Entries:
        """Return the domains, accounts and admins of a directory."""
        assert self.directory
        return self.directory.entries()

    def dump(self) -> dict[str, Any]:
        """Return all rows of all of iRedMail's tables that are not empty, and all accounts of a directory."""
        tables = dict.fromkeys(table for name in self.storage.databases for table in self.tables(name))
        found: dict[str, Any] = {table: rows for table in tables if (rows := self.rows(table))}
        return found | ({OPENLDAP: self.entries()} if self.directory else {})

    def execute(self, database: str, text: str) -> None:
        """Run a statement in a database such as `vmail`, as another program would."""
        with Session(self.storage.databases[database]) as session:
            session.text_execute(text)

    def analyze(self, database: str, table: str) -> None:
        """Have the engine count what is in a table; an empty one would be taken for empty by later tests, too."""
        self.execute(database, f"ANALYZE {'TABLE ' if self.engine == 'mariadb' else ''}{table}")

    def wipe(self) -> None:
        """Make everything as it was: no rows but those of the global admin, the first settings."""
        self._use(self.settings)
        for place in ("mlmmj_spool", "mlmmj_archive"):
            shutil.rmtree(getattr(self.settings, place), ignore_errors=True)
        for name in self.storage.databases:
            self.wipe_database(name)
        if self.directory:
            self.directory.refill(self._entries)

    def wipe_database(self, name: str) -> None:
        """Make a database as it was."""
        with Session(self.storage.databases[name]) as session:
            session.begin()
            for table in self._filled(name, session):
                session.delete(table)
            for table_name, rows in self._initial[name].items():
                for row in rows:
                    session.insert(self.tables(name)[table_name], row)
            session.commit()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Until the end of the block, wipe back to what the databases and the directory hold now."""
        before = self._initial, self._entries
        self._remember()
        try:
            yield
        finally:
            self._initial, self._entries = before
            self.wipe()

    def _remember(self) -> None:
        self._initial = {
            name: {
                table: rows
                for table in self.tables(name)
                if database.schema.has(table) and (rows := _read(database, table))
            }
            for name, database in self.storage.databases.items()
        }
        self._entries = self.entries() if self.directory else {}

    def _filled(self, name: str, session: Session) -> list[sa.Table]:
        """Return the tables of a database that have rows, in the order in which they can be emptied."""
        ours = OURS.tables.values() if name == "iredadmin" else ()
        there = {table.name: table for table in (*self.tables(name).values(), *ours) if session.schema.has(table.name)}
        there.pop("postreeve_versions", None)
        look = "SELECT '{0}' FROM (SELECT 1 AS one) AS o WHERE EXISTS (SELECT 1 FROM {0})"
        filled = {row[0] for row in session.text_rows(" UNION ALL ".join(map(look.format, there)))}
        return [there[each] for each in reversed(there) if each in filled]

    def create_root(self) -> None:
        """Create the global admin, and remember its rows."""
        nobody = Actor(account=Address("setup@admins.test"), is_global=True, is_user=False)
        form = {"password": [PASSWORD], "isGlobalAdmin": ["yes"]}
        operations.run(REGISTRY["POST /api/admin/<mail>"], Call(nobody, (ROOT,), form, "127.0.0.1"), self.storage)
        self.execute("iredadmin", "DELETE FROM log")
        self._remember()

    def _use(self, settings: Settings) -> None:
        self.storage.settings = settings
        self.storage._site = (0.0, settings)
        for part in (self.app.api, self.app.panel, self.app.health, self.app.watch):
            part.settings = settings
        self.app.is_api_on = settings.enable_restful_api


@dataclass
class DirectoryOfSite:
    """The directory of an installation."""

    slapd: OpenldapServer
    name: str

    @property
    def manager(self) -> Ldap:
        """How its manager reaches it, who may do everything."""
        return self.slapd.directory(self.name)

    @property
    def ours(self) -> Ldap:
        """How we reach it."""
        return msgspec.structs.replace(self.manager, bind_dn="", password=PASSWORD)

    @property
    def tree(self) -> Tree:
        return Tree(self.manager.suffix)

    def entries(self) -> Entries:
        """Return all domains, accounts and admins, by their names without the suffix."""
        return {dn.removesuffix(f",{self.tree.suffix}"): entry for dn, entry in self.slapd.entries(self.name).items()}

    def add(self, dn: str, **attributes: Sequence[str]) -> None:
        """Add an entry, as another program would."""
        self.slapd.add_entries(self.name, {dn: attributes})

    def add_many(self, entries: Entries) -> None:
        """Add many entries at once."""
        self.slapd.add_entries(self.name, entries)

    def change(self, dn: str, **attributes: Sequence[str]) -> None:
        """Give attributes of an entry other values, as another program would."""
        self.slapd.change_entry(self.name, dn, **attributes)

    def delete(self, dn: str) -> None:
        """Delete an entry, as another program would."""
        self.slapd.delete_entry(self.name, dn)

    def refill(self, entries: Entries) -> None:
        """Replace all domains, accounts and admins by others, whose names lack the suffix as well."""
        self.slapd.wipe_directory(self.name)
        self.slapd.add_entries(self.name, {f"{dn},{self.tree.suffix}": entry for dn, entry in entries.items()})

    def give_back(self) -> None:
        """Leave an empty directory to the next installation: a server has room for some twenty."""
        self.slapd.wipe_directory(self.name)
        _free_directories.append(self.name)


_free_directories: list[str] = []


def _directory_of(server: BesideOpenldap) -> DirectoryOfSite:
    """Return an empty directory that no other process uses."""
    if _free_directories:
        return DirectoryOfSite(server.slapd, _free_directories.pop())
    name = f"s{uuid4().hex[:12]}"
    server.slapd.create_directory(name)
    return DirectoryOfSite(server.slapd, name)


def _read(database: Database, table: str) -> list[Row]:
    with Session(database) as session:
        session._send(sa.text(f"SELECT * FROM {table}").text, None)
        names = [column[0] for column in session._cursor.description]
        return [dict(zip(names, map(_plain, row), strict=True)) for row in session._fetched()]


def _plain(value: Any) -> Any:
    match value:
        case bytes():
            return value.decode()
        case datetime():
            return str(value.replace(microsecond=0))
        case date():
            return str(value)
    return value


def stores(server: Server, name: str) -> dict[str, Store]:
    """Create empty databases, and return how to reach them under the names of their settings."""
    parts = [part for part in STORES if part != "vmail" or not isinstance(server, BesideOpenldap)]
    for part in parts:
        server.create_database(f"{part}_{name}")
    return {part: server.store(f"{part}_{name}") for part in parts}


@contextmanager
def running(server: Server, **values: Any) -> Iterator[Site]:
    """Run a new installation on a server of databases, until the end of the block."""
    name = uuid4().hex[:12]
    with TemporaryDirectory(prefix="postreeve-lists-") as folder:
        yield from _running(server, name, {**_lists(Path(folder)), **values})


def _lists(folder: Path) -> dict[str, str]:
    """Return the settings of a mlmmj of its own."""
    return {"mlmmj": "native", "mlmmj_spool": f"{folder}/spool", "mlmmj_archive": f"{folder}/archive"}


def _running(server: Server, name: str, values: dict[str, Any]) -> Iterator[Site]:
    directory = _directory_of(server) if isinstance(server, BesideOpenldap) else None
    there = {"ldap": directory.ours} if directory else {}
    settings = msgspec.convert({**stores(server, name), **there, "login_answer_ms": 0, **values}, Settings)
    if directory:
        assembly.fill_directory(settings, directory.manager.bind_dn, MANAGER_PASSWORD, PASSWORD)
    storage = assembly.created_storage(settings)
    storage.site_seconds = 0.05
    application = assembly.App(storage, settings)
    with serving(application) as base:
        site = Site(settings, storage, base, application, directory)
        site.create_root()
        yield site
    storage.close()
    if directory:
        directory.give_back()
    for part in STORES:
        server.drop_database(f"{part}_{name}")


@contextmanager
def serving(application: assembly.App) -> Iterator[str]:
    """Serve an application on a free port of loopback, in a thread, and yield the API's base."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(application, access_log=False, proxy_headers=False, log_level="error", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.005)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/iredadmin/api"
        server.should_exit = True
        thread.join()
