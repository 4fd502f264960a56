"""The three SQL engines: how to connect, which dialect they speak, what their errors mean."""

import math
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pymysql
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine import Dialect

from postreeve.settings import Store
from postreeve.work import ConflictError, DuplicateError, StoreUnavailableError

CONNECT_SECONDS = 5
LOCK_SECONDS = 5
LOOK_SECONDS = 3
"""For whoever only asks whether a server answers."""
CACHE_KIB = 8192
"""Of a SQLite connection; with SQLite's own two megabytes a large directory is read from the file again and again."""


_EVERYTHING = 7
"""Reading, changing and inserting on a node of Galera wait until it has what others have committed before."""


class SqlEngine(ABC):
    """One engine and where its database is."""

    dialect: Dialect
    begin = "BEGIN"
    takes_arrays = False
    """A list of values is one parameter."""
    planning: Mapping[str, Any] = {}
    """What tells the driver to have a statement planned with its values, and not once for all."""
    errors: tuple[type[Exception], ...]
    silent_seconds: float = math.inf
    """A server of which nothing at all is heard for so long is taken for lost, as after a power failure."""
    is_cluster = False
    """Several nodes write, and none knows the locks of another; known with the first connection."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def octets(self, text: str) -> str | bytes:
        """Return a text as a column of bytes takes it: of `amavisd`, where SQLite holds text."""
        return text.encode()

    @abstractmethod
    def connect(self, *, is_look: bool = False) -> Any:
        """Return a new connection of the driver, in autocommit mode: transactions begin by our own word.

        One for a look waits `LOOK_SECONDS` and no longer, as far as the driver can.
        """

    @abstractmethod
    def meaning(self, error: Exception) -> Exception | None:
        """Return what an error of the driver means to us; None is a defect of ours."""

    @abstractmethod
    def is_broken(self, error: Exception) -> bool:
        """Tell whether the connection is of no use any more."""

    def is_momentary(self, error: Exception) -> bool:  # noqa: ARG002 - what SQLite reports has been waited for already
        """Tell whether a conflict is over already, so that a statement that stands alone may be sent again at once."""
        return False


class SqliteEngine(SqlEngine):
    """SQLite: files that Postfix and Dovecot read as well."""

    begin = "BEGIN IMMEDIATE"
    errors = (sqlite3.Error,)

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.dialect = sqlite.dialect(paramstyle="named")

    def octets(self, text: str) -> str:
        return str(text)

    def connect(self, *, is_look: bool = False) -> sqlite3.Connection:
        path = Path(self.store.path).resolve()
        connection = sqlite3.connect(
            f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None, check_same_thread=False,
            timeout=LOOK_SECONDS if is_look else LOCK_SECONDS, cached_statements=512,
        )  # fmt: skip
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.create_function("unicode_lower", 1, _lower, deterministic=True)  # its own knows ASCII alone
        return connection

    def meaning(self, error: Exception) -> Exception | None:
        match getattr(error, "sqlite_errorname", ""):
            case "SQLITE_CONSTRAINT_PRIMARYKEY" | "SQLITE_CONSTRAINT_UNIQUE":
                return DuplicateError(str(error))
            case "SQLITE_ERROR" if str(error).endswith("already exists"):  # a table or an index
                return DuplicateError(str(error))
            case name if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_CONSTRAINT_FOREIGNKEY")):
                return ConflictError(str(error))
            case name if name.startswith(
                (
                    "SQLITE_CANTOPEN",
                    "SQLITE_IOERR",
                    "SQLITE_FULL",
                    "SQLITE_READONLY",
                    "SQLITE_NOTADB",
                    "SQLITE_CORRUPT",
                )
            ):
                return StoreUnavailableError(str(error))
        return None

    def is_broken(self, error: Exception) -> bool:
        return isinstance(self.meaning(error), StoreUnavailableError)


class PostgresqlEngine(SqlEngine):
    """PostgreSQL over psycopg 3."""

    takes_arrays = True
    silent_seconds = 10
    planning: Mapping[str, Any] = {"prepare": False}
    errors = (psycopg.Error,)

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.dialect = postgresql.dialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]

    def connect(self, *, is_look: bool = False) -> psycopg.Connection[Any]:
        store = self.store
        options = f"-c TimeZone=UTC -c lock_timeout={LOCK_SECONDS}s"
        options += f" -c statement_timeout={LOOK_SECONDS}s" if is_look else ""
        return psycopg.connect(
            host=store.socket or store.host, port=store.port or None, dbname=store.database, user=store.user or None,
            password=store.password or None, connect_timeout=LOOK_SECONDS if is_look else CONNECT_SECONDS,
            target_session_attrs="read-write",  # of several hosts the one that is the primary
            # A host that is gone answers no packet; one that works at a long statement does.
            tcp_user_timeout=int(self.silent_seconds * 1000),
            keepalives_idle=10, keepalives_interval=5, keepalives_count=3,
            options=options, application_name="postreeve", autocommit=True,
        )  # fmt: skip

    def meaning(self, error: Exception) -> Exception | None:
        match error:
            case psycopg.errors.UniqueViolation():
                return DuplicateError(str(error))
            case (
                psycopg.errors.DeadlockDetected()
                | psycopg.errors.SerializationFailure()
                | psycopg.errors.LockNotAvailable()
                | psycopg.errors.ForeignKeyViolation()
            ):
                return ConflictError(str(error))
            case psycopg.errors.DuplicateTable():
                return DuplicateError(str(error))
            case (
                psycopg.OperationalError()
                | psycopg.InterfaceError()
                | psycopg.errors.ReadOnlySqlTransaction()  # what was the primary is one no longer
            ):
                return StoreUnavailableError(str(error))
        return None

    def is_broken(self, error: Exception) -> bool:
        return isinstance(self.meaning(error), StoreUnavailableError)

    def is_momentary(self, error: Exception) -> bool:
        return isinstance(error, psycopg.errors.DeadlockDetected | psycopg.errors.SerializationFailure)


class MariadbEngine(SqlEngine):
    """MariaDB and MySQL, over mysqlclient where it is installed, else over PyMySQL."""

    begin = "START TRANSACTION"
    silent_seconds = 60
    """Neither driver can tell a host that is gone from a long statement: more than one of ours should take."""

    _DUPLICATES = (1050, 1061, 1062, 1586)  # of tables and indexes, too
    _DEADLOCK = 1213
    """Galera's failed certification, too."""
    _CONFLICTS = (
        1205,
        _DEADLOCK,
        1020,
        1451,
        1452,
    )  # lock wait, deadlock (Galera's certification failure too), record has changed, foreign key
    _OUTAGES = (1040, 1047, 1053, 1129, 1130, 1152, 1158, 1159, 1160, 1161, 1180, 1290, 1317, 1836, 1927, 2000, 2002,
                2003, 2005, 2006, 2012, 2013, 2026, 2027, 2055)  # fmt: skip

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.driver: Any = _mariadb_driver(store)
        self.errors = (self.driver.Error,)
        self.dialect = mysql.dialect(paramstyle="pyformat")

    def connect(self, *, is_look: bool = False) -> Any:
        store = self.store
        silent_seconds = LOOK_SECONDS if is_look else self.silent_seconds
        where: dict[str, Any] = (
            {"unix_socket": store.socket} if store.socket else {"host": store.host, "port": store.port or 3306}
        )
        connection = self.driver.connect(
            **where, database=store.database, user=store.user, password=store.password, charset="utf8mb4",
            connect_timeout=LOOK_SECONDS if is_look else CONNECT_SECONDS, read_timeout=silent_seconds,
            write_timeout=silent_seconds, autocommit=True, client_flag=self._found_rows(),
        )  # fmt: skip
        # A count after a lock must see what others committed in between, so not REPEATABLE READ.
        cursor = connection.cursor()
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        cursor.execute(
            f"SET SESSION innodb_lock_wait_timeout = {LOCK_SECONDS}, time_zone = '+00:00',"
            " sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'"
        )
        cursor.execute("SHOW VARIABLES LIKE 'wsrep_on'")
        if ("wsrep_on", "ON") in cursor.fetchall():
            self.is_cluster = True
            cursor.execute(f"SET SESSION wsrep_sync_wait = {_EVERYTHING}")
        cursor.close()
        return connection

    def _found_rows(self) -> int:
        """An update that changes nothing still counts its row."""
        constants = __import__(f"{self.driver.__name__}.constants.CLIENT", fromlist=["FOUND_ROWS"])
        return int(constants.FOUND_ROWS)

    def meaning(self, error: Exception) -> Exception | None:
        number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        if number in self._DUPLICATES:
            return DuplicateError(str(error))
        if number in self._CONFLICTS:
            return ConflictError(str(error))
        is_outage = number in self._OUTAGES or isinstance(error, self.driver.InterfaceError)
        return StoreUnavailableError(str(error)) if is_outage or number in (1044, 1045, 1049, 1698) else None

    def is_broken(self, error: Exception) -> bool:
        return isinstance(self.meaning(error), StoreUnavailableError)

    def is_momentary(self, error: Exception) -> bool:
        return bool(error.args) and error.args[0] == self._DEADLOCK


def _lower(text: Any) -> Any:
    return text.lower() if isinstance(text, str) else text


def _mariadb_driver(store: Store) -> Any:
    if store.driver != "pymysql":
        try:
            import MySQLdb  # noqa: PLC0415 - an optional, faster driver

            return MySQLdb
        except ImportError:
            if store.driver:
                raise
    return pymysql


def engine_of(store: Store) -> SqlEngine:
    """Return the engine that a store names."""
    engines: dict[str, Callable[[Store], SqlEngine]] = {
        "sqlite": SqliteEngine,
        "postgresql": PostgresqlEngine,
        "mariadb": MariadbEngine,
    }
    return engines[store.engine](store)
