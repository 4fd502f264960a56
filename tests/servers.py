"""Private PostgreSQL, MariaDB and OpenLDAP servers for one run of the tests, and SQLite files in the same manner.

`started` starts servers in a folder and stops them at its end; `reached` finds them there, from any process.
Nothing is synced to the disk and nothing survives.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Literal, Protocol, get_args
from urllib.parse import quote

import psycopg
import pymysql
from psycopg import sql
from pymysql.cursors import Cursor

from postreeve.ldap_config import changes_of_configuration
from postreeve.settings import Ldap, Store
from postreeve.storage.directory import names
from postreeve.storage.directory.names import Tree
from postreeve.storage.directory.schema import SCHEMAS, Schema, files_of

Name = Literal["sqlite", "postgresql", "mariadb", "mariadb-mysqlclient"]
"""An engine and, where there are two, the driver to reach it."""
NAMES: tuple[Name, ...] = get_args(Name)
OPENLDAP = "openldap"
"""The name of the directory server among the engines."""
MANAGER_PASSWORD = "Manager1"
_ONE_LEVEL, _SUBTREE, _REPLACE = 1, 2, 2
"""Scopes of searches and a kind of change, in the driver's own numbers."""
Entries = dict[str, dict[str, list[str]]]

_PATH = f"{os.environ['PATH']}:/usr/local/sbin:/usr/sbin:/sbin"
_START_SECONDS = 60


class ServerError(Exception):
    """A test server can not be had; the text says why."""


class Server(Protocol):
    """Where the databases of one engine live."""

    def store(self, database: str) -> Store:
        """Return how to reach a database, with all rights."""

    def create_database(self, name: str, template: str | None = None) -> None:
        """Create a database, empty or as a copy of another to which nobody is connected."""

    def drop_database(self, name: str) -> None:
        """Drop a database, and its connections; one that is not there is fine."""


@dataclass(frozen=True)
class SqliteFolder:
    """A folder of SQLite files."""

    folder: Path

    def store(self, database: str) -> Store:
        return Store(engine="sqlite", path=str(self.folder / f"{database}.db"))

    def create_database(self, name: str, template: str | None = None) -> None:
        self.folder.mkdir(exist_ok=True)
        if template:
            shutil.copyfile(self.store(template).path, self.store(name).path)
        else:
            Path(self.store(name).path).touch(exist_ok=False)

    def drop_database(self, name: str) -> None:
        for suffix in ("", "-journal", "-wal", "-shm"):
            Path(self.store(name).path + suffix).unlink(missing_ok=True)


@dataclass(frozen=True)
class PostgresqlServer:
    """A PostgreSQL server with its socket in a folder."""

    folder: Path

    def store(self, database: str) -> Store:
        return Store(engine="postgresql", socket=str(self.folder), port=5432, database=database, user="postgres")

    def create_database(self, name: str, template: str | None = None) -> None:
        self._execute("CREATE DATABASE {} TEMPLATE {}", name, template or "template1")

    def drop_database(self, name: str) -> None:
        self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def is_ready(self) -> bool:
        try:
            self._execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _execute(self, statement: str, *names: str) -> None:
        query = sql.SQL(statement).format(*map(sql.Identifier, names))
        with psycopg.connect(
            host=str(self.folder), port=5432, user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(query)


@dataclass(frozen=True)
class MariadbServer:
    """A MariaDB server with its socket in a folder, and the driver to reach it."""

    folder: Path
    driver: Literal["pymysql", "mysqlclient"] = "pymysql"

    @property
    def socket(self) -> str:
        return str(self.folder / "socket")

    def store(self, database: str) -> Store:
        return Store(engine="mariadb", socket=self.socket, database=database, user="root", driver=self.driver)

    def create_database(self, name: str, template: str | None = None) -> None:
        with closing(self._connection()) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE `{name}`")
            if template:
                _copy_mariadb(cursor, template, name)

    def drop_database(self, name: str) -> None:
        with closing(self._connection()) as connection, connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS `{name}`")

    def is_ready(self) -> bool:
        # PyMySQL leaves a socket open when nobody answers.
        with socket.socket(socket.AF_UNIX) as line:
            if line.connect_ex(self.socket):
                return False
        self._connection().close()
        return True

    def _connection(self) -> "pymysql.Connection[Cursor]":
        return pymysql.connect(unix_socket=self.socket, user="root", charset="utf8mb4", autocommit=True)


def _copy_mariadb(cursor: Cursor, source: str, target: str) -> None:
    """Copy tables, rows and triggers; MariaDB has no word for that."""
    cursor.execute(f"USE `{target}`")
    cursor.execute("SET foreign_key_checks = 0")  # a table may come before the one that it refers to
    cursor.execute(f"SHOW TABLES FROM `{source}`")
    for (table,) in cursor.fetchall():
        cursor.execute(f"SHOW CREATE TABLE `{source}`.`{table}`")
        cursor.execute(cursor.fetchone()[1])
        cursor.execute(f"INSERT INTO `{table}` SELECT * FROM `{source}`.`{table}`")
    cursor.execute(f"SHOW TRIGGERS FROM `{source}`")
    for trigger, *_ in cursor.fetchall():
        cursor.execute(f"SHOW CREATE TRIGGER `{source}`.`{trigger}`")
        cursor.execute(cursor.fetchone()[2])


@dataclass(frozen=True)
class OpenldapServer:
    """An OpenLDAP server with its sockets and certificates in a folder; each directory is a database of its own.

    slapd has room for some twenty of them in its lifetime, dropped ones counted, so they are wiped and used again.
    """

    folder: Path

    @property
    def local(self) -> str:
        """The URL of its Unix socket."""
        return f"ldapi://{quote(str(self.folder / 'socket'), safe='')}"

    @property
    def authority(self) -> Path:
        """The certificate of the authority that the server's own is from."""
        return self.folder / "authority.pem"

    def url(self, kind: Literal["ldap", "ldaps"], host: str = "127.0.0.1") -> str:
        return f"{kind}://{host}:{(self.folder / kind).read_text()}"

    def directory(self, name: str, **values: Any) -> Ldap:
        """Return how to reach a directory, as who may do everything in it."""
        suffix = f"dc={name},dc=test"
        known = {"url": self.local, "suffix": suffix, "bind_dn": f"cn=Manager,{suffix}", "password": MANAGER_PASSWORD}
        return Ldap(**{**known, **values})

    def create_directory(self, name: str) -> Ldap:
        """Create an empty directory, with the rights and indexes that we give the administrator."""
        there = self.create_plain_directory(name)
        with self._connection("cn=config") as driver:
            [(dn, _)] = driver.search_s("cn=config", _ONE_LEVEL, f"(olcSuffix={there.suffix})", ["1.1"])
        self.run("ldapmodify", changes_of_configuration(Tree(there.suffix), dn))
        return there

    def create_plain_directory(self, name: str) -> Ldap:
        """Create an empty directory in which nobody has rights but its manager."""
        there = self.directory(name)
        (self.folder / name).mkdir()
        _give(self.folder / name, "openldap")
        database = {
            "objectClass": "olcMdbConfig", "olcDatabase": "mdb", "olcSuffix": there.suffix,
            "olcRootDN": there.bind_dn, "olcRootPW": MANAGER_PASSWORD, "olcDbDirectory": str(self.folder / name),
            "olcDbMaxSize": str(256 * 1024 * 1024), "olcDbNoSync": "TRUE",
        }  # fmt: skip
        with self._connection("cn=config") as driver:
            driver.add_s("olcDatabase=mdb,cn=config", [(key, [text.encode()]) for key, text in database.items()])
        return there

    def wipe_directory(self, name: str) -> None:
        """Delete everything in the containers of a directory."""
        there = self.directory(name)
        found = [dn for dn, _ in self._entries(there, ["1.1"])]
        with self._connection(there.account) as driver:
            for dn in sorted(found, key=lambda dn: -len(names.parts(dn))):
                driver.delete_s(dn)

    def entries(self, name: str) -> Entries:
        """Return everything in the containers of a directory, by its name; octets that are no UTF-8 in hexadecimal."""
        found = sorted(
            self._entries(self.directory(name), ["*"]), key=lambda entry: list(reversed(names.parts(entry[0])))
        )
        return {dn: {key: sorted(map(_text, values)) for key, values in sorted(entry.items())} for dn, entry in found}

    def add_entries(self, name: str, entries: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
        """Add entries to a directory, as another program would."""
        with self._connection(self.directory(name).account) as driver:
            for dn, entry in entries.items():
                driver.add_s(dn, [(key, [text.encode() for text in texts]) for key, texts in entry.items()])

    def change_entry(self, name: str, dn: str, **attributes: Sequence[str]) -> None:
        """Give attributes of an entry other values, as another program would."""
        with self._connection(self.directory(name).account) as driver:
            driver.modify_s(dn, [(_REPLACE, key, [text.encode() for text in texts] or None)
                                 for key, texts in attributes.items()])  # fmt: skip

    def delete_entry(self, name: str, dn: str) -> None:
        """Delete an entry of a directory, as another program would."""
        with self._connection(self.directory(name).account) as driver:
            driver.delete_s(dn)

    def _entries(self, there: Ldap, attributes: list[str]) -> list[tuple[str, dict[str, list[bytes]]]]:
        with self._connection(there.account) as driver:
            return [
                (dn, entry)
                for container in (f"o=domains,{there.suffix}", f"o=domainAdmins,{there.suffix}")
                for dn, entry in driver.search_s(container, _SUBTREE, attrlist=attributes)
                if names.key(dn) != names.key(container)
            ]

    def is_ready(self) -> bool:
        with socket.socket(socket.AF_UNIX) as line:
            if line.connect_ex(str(self.folder / "socket")):
                return False
        with self._connection("cn=config"):
            return True

    @contextmanager
    def _connection(self, account: str) -> Iterator[Any]:
        import ldap  # an extra, which `make quick` does without

        driver = ldap.initialize(self.local)
        driver.simple_bind_s(account, MANAGER_PASSWORD)
        try:
            yield driver
        finally:
            driver.unbind_s()

    def run(self, program: str, text: str) -> None:
        """Run one of OpenLDAP's own clients on a text, for the configuration."""
        words = [_program(program), "-x", "-H", self.local, "-D", "cn=config", "-w", MANAGER_PASSWORD]
        done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ServerError(f"{program} failed:\n{done.stdout}{done.stderr}")


@dataclass(frozen=True)
class BesideOpenldap(SqliteFolder):
    """The SQLite files of an installation whose accounts are in a directory."""

    slapd: OpenldapServer


def reached_directory(folder: Path) -> OpenldapServer:
    """Return the directory server that was started in a folder."""
    return OpenldapServer(folder / OPENLDAP)


def reached(name: Name | Literal["openldap"], folder: Path) -> Server:
    """Return the server that was started in a folder."""
    match name:
        case "openldap":
            return BesideOpenldap(folder / "beside-openldap", reached_directory(folder))
        case "sqlite":
            return SqliteFolder(folder / "sqlite")
        case "postgresql":
            return PostgresqlServer(folder / "postgresql")
        case "mariadb":
            return MariadbServer(folder / "mariadb")
        case "mariadb-mysqlclient":
            return MariadbServer(folder / "mariadb", driver="mysqlclient")


@contextmanager
def started(names: Iterable[str]) -> Iterator[Path]:
    """Start what the names need, and yield the folder in which `reached` finds it."""
    engines = {name.partition("-")[0] for name in names}
    with ExitStack() as stack:
        folder = stack.enter_context(_folder())
        if "postgresql" in engines:
            stack.enter_context(postgresql(folder / "postgresql"))
        if "mariadb" in engines:
            stack.enter_context(mariadb(folder / "mariadb"))
        if OPENLDAP in engines:
            stack.enter_context(openldap(folder / OPENLDAP))
        yield folder


@contextmanager
def postgresql(folder: Path) -> Iterator[PostgresqlServer]:
    """Run a PostgreSQL server in a new folder."""
    programs = _postgresql_programs()
    _make_folder(folder, "postgres")
    installer = [
        f"{programs}/initdb", f"--pgdata={folder}/data", "--auth=trust", "--username=postgres",
        "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync",
    ]  # fmt: skip
    _install(folder, "postgres", installer)
    options = {
        "listen_addresses": "",
        "unix_socket_directories": folder,
        "fsync": "off",
        "full_page_writes": "off",
        "synchronous_commit": "off",
        "autovacuum": "off",
        "wal_level": "minimal",
        "max_wal_senders": 0,
        "max_connections": 300,
    }
    command = [f"{programs}/postgres", "-D", f"{folder}/data"]
    command += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    server = PostgresqlServer(folder)
    with _running(folder, "postgres", command, server.is_ready):
        yield server


@contextmanager
def mariadb(folder: Path) -> Iterator[MariadbServer]:
    """Run a MariaDB server in a new folder."""
    daemon = _program("mariadbd")
    data = ["--no-defaults", f"--datadir={folder}/data"]
    installer = [
        _program("mariadb-install-db"), *data, "--auth-root-authentication-method=normal",
        "--skip-test-db", "--skip-name-resolve",
    ]  # fmt: skip
    _make_folder(folder, "mysql")
    _install(folder, "mysql", installer)
    command = [
        daemon, *data, f"--socket={folder}/socket", f"--pid-file={folder}/pid", f"--tmpdir={folder}",
        "--skip-networking", "--skip-log-bin", "--max-connections=300", "--performance-schema=off",
        "--character-set-server=utf8mb4", "--collation-server=utf8mb4_general_ci",
        "--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync", "--innodb-doublewrite=0",
    ]  # fmt: skip
    server = MariadbServer(folder)
    with _running(folder, "mysql", command, server.is_ready):
        yield server


@contextmanager
def openldap(folder: Path, schemas: Sequence[Schema] = SCHEMAS) -> Iterator[OpenldapServer]:
    """Run an OpenLDAP server in a new folder, with some schemas besides its own."""
    _make_folder(folder, OPENLDAP)
    _make_certificates(folder)
    for name, text in files_of(schemas):
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "slapd.conf").write_text(_openldap_settings(folder, schemas), encoding="utf-8")
    (folder / "slapd.d").mkdir()
    _give(folder / "slapd.d", OPENLDAP)
    _install(folder, OPENLDAP, [_program("slaptest"), "-f", f"{folder}/slapd.conf", "-F", f"{folder}/slapd.d"])
    for kind in ("ldap", "ldaps"):
        (folder / kind).write_text(str(_free_port()))
    server = OpenldapServer(folder)
    with _running(folder, OPENLDAP, openldap_command(server), server.is_ready, signal.SIGINT):
        yield server


def openldap_command(server: OpenldapServer) -> list[str]:
    """Return the words that start the server of a folder."""
    urls = f"{server.local} {server.url('ldap')} {server.url('ldaps')}"
    return [_program("slapd"), "-d", "0", "-F", f"{server.folder}/slapd.d", "-h", urls]


def _openldap_settings(folder: Path, schemas: Sequence[Schema]) -> str:
    lines = [f"include /etc/ldap/schema/{name}.schema" for name in ("core", "cosine", "inetorgperson", "nis")]
    lines += [f"include {folder}/{schema.name}.schema" for schema in schemas]
    lines += [
        f"pidfile {folder}/pid",
        "modulepath /usr/lib/ldap",
        "moduleload back_mdb",
        "moduleload pw-sha2",
        f"TLSCACertificateFile {folder}/authority.pem",
        f"TLSCertificateFile {folder}/server.pem",
        f"TLSCertificateKeyFile {folder}/server.key",
        "database config",
        f"rootpw {MANAGER_PASSWORD}",
    ]
    return "\n".join(lines) + "\n"


def _make_certificates(folder: Path) -> None:
    """Make an authority, and a certificate of its own for the server under the name of loopback's address."""
    new = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "9",
    ]
    authority = [f"{folder}/authority.pem", f"{folder}/authority.key"]
    for subject, files, options in (
        ("authority", authority, ["-addext", "keyUsage=critical,keyCertSign"]),
        (
            "server",
            [f"{folder}/server.pem", f"{folder}/server.key"],
            ["-CA", authority[0], "-CAkey", authority[1], "-addext", "subjectAltName=IP:127.0.0.1"],
        ),
    ):
        words = [*new, "-subj", f"/CN={subject}", *options, "-out", files[0], "-keyout", files[1]]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ServerError(f"openssl failed:\n{done.stderr}")
        _give(Path(files[1]), OPENLDAP)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(mkdtemp(prefix="postreeve-"))
    if os.geteuid() == 0:
        # The servers and the mail programs run as users of their own.
        folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _make_folder(folder: Path, user: str) -> None:
    folder.mkdir()
    _give(folder, user)


def _give(path: Path, user: str) -> None:
    if os.geteuid() == 0:
        shutil.chown(path, user, user)


def _install(folder: Path, user: str, command: Sequence[str]) -> None:
    done = subprocess.run(
        [*_as(user), *command],
        cwd=folder,
        # A MariaDB that starts clears away what another one has in the same temporary folder.
        env={"PATH": _PATH, "TMPDIR": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ServerError(f"{command[0]} failed:\n{done.stdout}")


@contextmanager
def _running(
    folder: Path,
    user: str,
    command: Sequence[str],
    is_ready: Callable[[], bool],
    ending: signal.Signals = signal.SIGQUIT,
) -> Iterator[None]:
    """Run a server; PostgreSQL takes SIGQUIT as "immediately", and MariaDB need not take anything well."""
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            # The server ends with this process, even if that is killed.
            [*_as(user, "--pdeathsig=QUIT"), *command],
            cwd=folder,
            # A MariaDB that starts clears away what another one has in the same temporary folder.
            env={"PATH": _PATH, "TMPDIR": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        _wait(process, is_ready, log)
        yield
    finally:
        process.send_signal(ending)
        process.wait()


def _wait(process: subprocess.Popen[bytes], is_ready: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not is_ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise ServerError(f"A test server did not start:\n{log.read_text()}")
        time.sleep(0.02)


def _as(user: str, *options: str) -> list[str]:
    """Return the words before a command that run it as a user; neither server runs as root."""
    identity = [f"--reuid={user}", f"--regid={user}", "--clear-groups"] if os.geteuid() == 0 else []
    return ["setpriv", *identity, *options] if identity or options else []


def _postgresql_programs() -> Path:
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version)
    return versions[-1].parent if versions else Path(_program("initdb")).parent


def _text(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.hex()


def _version(program: Path) -> float:
    return float(program.parts[-3])


def _program(name: str) -> str:
    if found := shutil.which(name, path=_PATH):
        return found
    raise ServerError(f"The tests need the program {name}, which is not installed: run `make dev`.")
