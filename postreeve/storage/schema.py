"""The schema of a database: filled when it is empty, checked when it is iRedMail's, our own tables moved forward."""

import grp
import logging
import os
import sqlite3
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import sqlalchemy as sa

from postreeve.settings import SettingsError, Store
from postreeve.storage import generations
from postreeve.storage.sql import ATTEMPTS, Database, Session, Statement
from postreeve.storage.tables.amavisd import AMAVISD
from postreeve.storage.tables.amavisd import INSTALLED as AMAVISD_ROWS
from postreeve.storage.tables.ddl import present, statements, table_statements
from postreeve.storage.tables.iredadmin import BESIDE_DIRECTORY, IREDADMIN
from postreeve.storage.tables.iredapd import INSTALLED as IREDAPD_ROWS
from postreeve.storage.tables.iredapd import IREDAPD
from postreeve.storage.tables.postreeve import MIGRATIONS, Migration, versions
from postreeve.storage.tables.vmail import VMAIL
from postreeve.work import ConflictError, DuplicateError, StoreUnavailableError

log = logging.getLogger("postreeve.storage")

LATEST = MIGRATIONS[-1].version
NEEDED = {
    "vmail": (
        "admin",
        "alias",
        "alias_domain",
        "domain",
        "domain_admins",
        "forwardings",
        "mailbox",
        "used_quota",
    ),
    "iredadmin": ("log", "settings", "domain_ownership"),
    "amavisd": ("mailaddr", "outbound_wblist", "policy", "users", "wblist"),
    "iredapd": ("greylisting", "greylisting_whitelists", "greylisting_whitelist_domains", "throttle"),
}
_LOOKED_UP = (
    "alias_domain", "domain", "forwardings", "mailbox", "maillists", "recipient_bcc_domain", "recipient_bcc_user",
    "sender_bcc_domain", "sender_bcc_user", "sender_relayhost",
)  # fmt: skip
METADATA = {"vmail": VMAIL, "iredadmin": IREDADMIN, "amavisd": AMAVISD, "iredapd": IREDAPD}
_INSTALLED = {"amavisd": AMAVISD_ROWS, "iredapd": IREDAPD_ROWS}
"""The rows that iRedMail puts into a new database."""
_MAY_WAIT = frozenset({"amavisd", "iredapd"})
"""Databases without which work on accounts goes on."""
_READ_BY_GROUP = 0o640
APPLIED = Statement(lambda _: sa.select(sa.func.max(versions.c.version)))


def create(store: Store, name: str, group: str, *, is_beside_directory: bool = False) -> bool:
    """Create what is missing of a database such as `vmail`, and tell whether it had no tables.

    Of an embedded one that is the file as well. Beside accounts in a directory `iredadmin` has some tables more.
    """
    if store.engine == "sqlite":
        create_file(store, group, is_read_by_mail=name == "vmail")
    database = Database(store, 1)
    try:
        return create_tables(database, name, BESIDE_DIRECTORY if is_beside_directory and name == "iredadmin" else ())
    finally:
        database.pool.dispose()


def create_file(store: Store, group: str, *, is_read_by_mail: bool) -> None:
    """Create an embedded database's file if there is none, and let the group read it, new or not.

    Where Postfix and Dovecot read, changes go through a rollback journal: they can not write what WAL needs.
    """
    number = _number_of(group) if group else None
    path = Path(store.path)
    is_new = not path.exists()
    try:
        if is_new:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_EXCL, _READ_BY_GROUP))
            path.chmod(_READ_BY_GROUP)
    except OSError as error:
        raise SettingsError(f"The {store} can not be created: {error.strerror}.") from error
    if number is not None:
        _give(path, number, group)
    if is_new:
        connection = sqlite3.connect(path)
        connection.execute(f"PRAGMA journal_mode = {'DELETE' if is_read_by_mail else 'WAL'}")
        connection.close()


def _number_of(group: str) -> int:
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError as error:
        raise SettingsError(f"There is no group {group!r}, which the setting sqlite_group names.") from error


def _give(path: Path, number: int, group: str) -> None:
    """Let a group read a database; SQLite makes later files beside it like the first."""
    for file in (path, *(path.with_name(f"{path.name}-{part}") for part in ("wal", "shm"))):
        if not file.exists():
            continue
        try:
            os.chown(file, -1, number)
            file.chmod(_READ_BY_GROUP)
        except OSError as error:
            raise SettingsError(
                f"The group {group!r} of the setting sqlite_group can not get {file}: {error.strerror}."
            ) from error


def create_tables(database: Database, name: str, further: Collection[sa.Table] = ()) -> bool:
    """Fill a database, such as `vmail`, with its tables if it has none, and tell whether it had none."""
    engine = database.store.engine
    of_its_own = {table.name for table in present(METADATA[name], engine)}
    texts = statements(METADATA[name], engine)
    for table in further:
        texts += table_statements(table, engine) if table.name not in of_its_own else []
    reach(database)
    if any(table in database.schema.columns for table in NEEDED[name]):
        return False
    with Session(database) as session:
        session.begin()  # a half-filled database would be taken for another layout
        try:
            for text in texts:
                session.text_execute(text)
        except database.engine.errors as error:  # such as rights that are missing
            raise SettingsError(f"The {database.store} can not be filled: {error}") from error
        session.commit()
    database.forget_schema()
    with Session(database) as session:
        for table, row in _INSTALLED.get(name, ()):
            session.insert(table, row)
        session.commit()
    return True


def check(database: Database, name: str) -> None:
    """Raise `SettingsError` with one sentence when a database can not be used.

    One of policies that does not answer now is used as soon as it does.
    """
    if database.store.engine == "sqlite" and not Path(database.store.path).exists():
        raise SettingsError(f"There is no {database.store}: run `postreeve init` first.")
    try:
        reach(database)
    except SettingsError as error:
        if name not in _MAY_WAIT:
            raise
        log.warning("%s", error)
        return
    require(database, name)


def refuse_newer(store: Store) -> None:
    """Raise `SettingsError` where a database belongs to a generation that we do not know, before it is written to."""
    if store.engine == "sqlite" and not Path(store.path).exists():
        return
    database = Database(store, 1)
    try:
        reach(database)
        _require_known(database)
    finally:
        database.pool.dispose()


def require(database: Database, name: str) -> None:
    """Raise `SettingsError` where a database that answers can not be used."""
    _require_known(database)
    missing = [table for table in NEEDED[name] if not database.schema.has(table)]
    if len(missing) == len(NEEDED[name]):
        raise SettingsError(f"The {database.store} is empty: run `postreeve init` first.")
    if missing:
        raise SettingsError(
            f"The {database.store} has another layout than iRedMail's database {name} that Postreeve knows:"
            f" there is no table {', '.join(missing)}."
        )


def _require_known(database: Database) -> None:
    if newer := [table for table in generations.NEWER if database.schema.has(table)]:
        raise SettingsError(
            f"The {database.store} belongs to iRedMail Enterprise Edition 1.7.0 or later: it has a table {newer[0]}."
            " Postreeve does not know this layout, and writes nothing into it."
        )


@contextmanager
def of_ours(store: Store) -> Iterator[Database]:
    """Open `iredadmin` for its tables of ours alone; `SettingsError` says what is wrong with it."""
    database = Database(store, 1)
    try:
        check(database, "iredadmin")
        yield database
    finally:
        database.close()


def version(database: Database) -> int:
    """Return the version of our own tables; 0 if there are none."""
    with Session(database) as session:
        return _applied(session)


def _applied(session: Session) -> int:
    if not session.schema.has(versions.name):
        return 0
    row = session.row(APPLIED)
    return int(row[0] or 0) if row else 0


def migrate(database: Database, to: int = LATEST) -> None:
    """Bring our own tables in `iredadmin` to a version, forward or back.

    What is there already stays: another node may have started at the same moment, or a process died on the way. The
    tables of a later release stay as well, which this one does not know.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _migrate(database, to)
        except ConflictError:  # on a cluster, two nodes that wrote the same version
            if attempt == ATTEMPTS:
                raise
        else:
            return
        finally:
            database.forget_schema()


def _migrate(database: Database, to: int) -> None:
    with Session(database) as session:
        if not database.schema.has(versions.name):
            _add(session, versions)
        applied = _applied(session)
        for step in MIGRATIONS:
            if applied < step.version <= to:
                for table in step.adds:
                    _add(session, table)
                with suppress(DuplicateError), _may_change(database):
                    session.insert(versions, {"version": step.version, "at": int(time.time())})
                    session.commit()
                session.rollback()
        for step in reversed(MIGRATIONS):
            if to < step.version <= applied:
                _go_back(session, step)
        if not (to or _applied(session)):
            with _may_change(database):
                session.text_execute(f"DROP TABLE {versions.name}")
            session.commit()


def _add(session: Session, table: sa.Table) -> None:
    for text in table_statements(table, session.database.store.engine):
        with suppress(DuplicateError), _may_change(session.database):
            session.text_execute(text)
    session.database.forget_schema()


@contextmanager
def _may_change(database: Database) -> Iterator[None]:
    """Say it in a sentence where an account may not create our tables, or drop them."""
    try:
        yield
    except database.engine.errors as error:
        reason = " ".join(str(error).split())
        raise SettingsError(f"Postreeve's own tables in the {database.store} can not be changed: {reason}") from error


def _go_back(session: Session, step: Migration) -> None:
    for table in reversed(step.adds):
        if step.must_be_empty and session.text_rows(f"SELECT 1 FROM {table.name} LIMIT 1"):  # noqa: S608 - ours
            raise SettingsError(f"There are still rows in {table.name}: run `postreeve job pending` first.")
        with _may_change(session.database):
            session.text_execute(f"DROP TABLE {table.name}")
    session.delete(versions, version=step.version)
    session.commit()


def look_up_grants(store: Store) -> list[str]:
    """Return the SQL of a role that only reads, for Postfix's and Dovecot's look-ups; roles are the administrator's.

    A database that has its tables already has had its roles too, and an embedded one has none.
    """
    if store.engine == "sqlite" or _is_filled(store):
        return []
    if store.engine == "postgresql":
        return [
            f'-- Run this inside the database "{store.database}", as the owner of its tables or as a superuser.',
            "CREATE ROLE vmail LOGIN PASSWORD '<password>';",
            f'GRANT CONNECT ON DATABASE "{store.database}" TO vmail;',
            f"GRANT SELECT ON {', '.join(_LOOKED_UP)} TO vmail;",
        ]
    return [
        "CREATE USER 'vmail'@'localhost' IDENTIFIED BY '<password>';",
        *(f"GRANT SELECT ON `{store.database}`.{table} TO 'vmail'@'localhost';" for table in _LOOKED_UP),
    ]


def _is_filled(store: Store) -> bool:
    database = Database(store, 1)
    try:
        reach(database)
        return any(database.schema.has(table) for table in NEEDED["vmail"])
    finally:
        database.pool.dispose()


def reach(database: Database) -> None:
    """Raise `SettingsError` where a database does not answer."""
    try:
        assert database.schema is not None
    except StoreUnavailableError as error:
        reason = " ".join(str(error).split())
        raise SettingsError(f"The {database.store} can not be reached: {reason}") from error
