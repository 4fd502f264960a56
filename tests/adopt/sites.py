"""Sites of iRedMail, made by hand: its databases with its own accounts in them, its directory, its panel's settings."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import psycopg

from postreeve.settings import STORES, Store
from postreeve.storage import schema
from postreeve.storage.sql import Database, Session
from postreeve.storage.tables.iredadmin import BESIDE_DIRECTORY
from tests.servers import MariadbServer, OpenldapServer, PostgresqlServer, Server

ADMIN = "postmaster@admins.test"
PASSWORD = "A@StrongPassword2"
BCRYPT = "{CRYPT}$2b$10$Kd3JmF0hGbYw1uTqLrZx8et3oL7gadB3fPG0bdv6YSMrTrS.pEao6"
_ROLES = {"vmail": "vmailadmin", "iredadmin": "iredadmin", "amavisd": "amavisd", "iredapd": "iredapd"}
_ROWS = (
    f"INSERT INTO admin (username, password) VALUES ('{ADMIN}', '{BCRYPT}')",
    f"INSERT INTO domain_admins (username, domain) VALUES ('{ADMIN}', 'ALL')",
    "INSERT INTO domain (domain) VALUES ('ex.com')",
    f"INSERT INTO mailbox (username, domain, password) VALUES ('ann@ex.com', 'ex.com', '{BCRYPT}')",
    """INSERT INTO forwardings (address, forwarding, domain, is_forwarding)
    VALUES ('ann@ex.com', 'ann@ex.com', 'ex.com', 1)""",
)


@dataclass
class IredmailSite:
    """A site before Postreeve: how to reach its databases, with all rights in them, and what its panel's file says."""

    stores: Mapping[str, Store]
    values: dict[str, Any]
    folder: Path

    def settings_py(self, **values: Any) -> Path:
        """Write the panel's settings file."""
        file = self.folder / "settings.py"
        lines = ["from libs.default_settings import *", ""]
        lines += [f"{name} = {value!r}" for name, value in {**self.values, **values}.items()]
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return file

    def execute(self, name: str, *texts: str) -> None:
        """Run statements in a database with all rights."""
        database = Database(self.stores[name], 1)
        with Session(database) as session:
            for text in texts:
                session.text_execute(text)
        database.pool.dispose()

    def tables(self, name: str) -> set[str]:
        """Return the names of the tables in a database."""
        database = Database(self.stores[name], 1)
        try:
            return set(database.schema.columns)
        finally:
            database.pool.dispose()


@contextmanager
def sql_site(server: Server, folder: Path) -> Iterator[IredmailSite]:
    """Make a site whose accounts are in SQL."""
    with _databases(server, STORES) as (stores, values), socket.create_server(("127.0.0.1", 0)) as amavisd:
        word = "pgsql" if isinstance(server, PostgresqlServer) else "mysql"
        site = IredmailSite(stores, {"backend": word, **values, **_OTHERS, **_release(amavisd)}, folder)
        site.execute("vmail", *_ROWS)
        yield site


@contextmanager
def ldap_site(server: Server, slapd: OpenldapServer, folder: Path) -> Iterator[IredmailSite]:
    """Make a site whose accounts are in a directory, as iRedMail's installer leaves it."""
    from postreeve.storage.directory import setup

    name = f"a{uuid4().hex[:12]}"
    manager = slapd.create_directory(name)
    ours = msgspec.structs.replace(manager, bind_dn="", password=PASSWORD)
    setup.fill(ours, setup.Manager(manager.bind_dn, manager.password), PASSWORD)
    slapd.add_entries(name, _entries(manager.suffix))
    with _databases(server, STORES[1:]) as (stores, values), socket.create_server(("127.0.0.1", 0)) as amavisd:
        directory = {
            "backend": "ldap", "ldap_uri": manager.url, "ldap_basedn": f"o=domains,{manager.suffix}",
            "ldap_domainadmin_dn": f"o=domainAdmins,{manager.suffix}", "ldap_bind_dn": ours.account,
            "ldap_bind_password": PASSWORD,
        }  # fmt: skip
        yield IredmailSite(stores, {**directory, **values, **_OTHERS, **_release(amavisd)}, folder)
    slapd.wipe_directory(name)


_OTHERS = {
    "webmaster": "root@ex.com", "default_language": "en_US", "storage_base_directory": "/var/vmail/vmail1",
    "default_mta_transport": "dovecot", "min_passwd_length": 8, "max_passwd_length": 0,
    "amavisd_enable_logging": True, "amavisd_enable_quarantine": True, "amavisd_enable_policy_lookup": True,
    "iredapd_enabled": True, "DEFAULT_PASSWORD_SCHEME": "SSHA512", "ENABLE_RESTFUL_API": True,
}  # fmt: skip


def _release(amavisd: socket.socket) -> dict[str, Any]:
    """Say where quarantined mail is released: a port that somebody listens to, who need not be Amavisd to be found."""
    return {"AMAVISD_QUARANTINE_HOST": "127.0.0.1", "amavisd_quarantine_port": str(amavisd.getsockname()[1])}


def _entries(suffix: str) -> dict[str, dict[str, list[str]]]:
    domain = f"domainName=ex.com,o=domains,{suffix}"
    containers = {
        f"ou={name},{domain}": {"objectClass": ["organizationalUnit"], "ou": [name]}
        for name in ("Users", "Groups", "Aliases", "Externals")
    }
    return {
        f"mail={ADMIN},o=domainAdmins,{suffix}": {
            "objectClass": ["mailAdmin"], "mail": [ADMIN], "userPassword": [BCRYPT], "accountStatus": ["active"],
            "domainGlobalAdmin": ["yes"],
        },
        domain: {
            "objectClass": ["mailDomain"], "domainName": ["ex.com"], "mtaTransport": ["dovecot"],
            "accountStatus": ["active"], "enabledService": ["mail"],
        },
        **containers,
        f"mail=ann@ex.com,ou=Users,{domain}": {
            "objectClass": ["inetOrgPerson", "mailUser", "shadowAccount", "amavisAccount"], "mail": ["ann@ex.com"],
            "uid": ["ann"], "cn": ["ann"], "sn": ["ann"], "userPassword": [BCRYPT], "accountStatus": ["active"],
            "homeDirectory": ["/var/vmail/vmail1/ex.com/a/n/n/ann/"], "enabledService": ["mail", "smtp", "deliver"],
        },
    }  # fmt: skip


@contextmanager
def _databases(server: Server, names: tuple[str, ...]) -> Iterator[tuple[dict[str, Store], dict[str, Any]]]:
    """Make iRedMail's databases, with its roles and their rights; yield them and what the settings say of them."""
    word = uuid4().hex[:8]
    stores = {name: server.store(f"{name}_{word}") for name in names}
    values: dict[str, Any] = {}
    for name, store in [*stores.items()]:
        role = f"{_ROLES[name]}_{word}"
        server.create_database(store.database)
        _create_role(server, store, name, role, is_beside="vmail" not in names)
        if store.engine == "postgresql":  # who is no owner does not see the tables
            stores[name] = msgspec.structs.replace(store, user=role)
        values |= {
            f"{name}_db_host": store.socket, f"{name}_db_port": "5432" if store.engine == "postgresql" else "3306",
            f"{name}_db_name": store.database, f"{name}_db_user": role, f"{name}_db_password": f"secret-{word}",
        }  # fmt: skip
    yield stores, values
    for name, store in stores.items():
        server.drop_database(store.database)
        _drop_role(server, f"{_ROLES[name]}_{word}")


def _create_role(server: Server, store: Store, name: str, role: str, *, is_beside: bool) -> None:
    """Fill a database, and give it a role: the owner in PostgreSQL; in MariaDB only `iredadmin` may create tables."""
    further = BESIDE_DIRECTORY if is_beside and name == "iredadmin" else ()
    password = f"secret-{role.rpartition('_')[2]}"
    match server:
        case PostgresqlServer():
            with psycopg.connect(
                host=str(server.folder), user="postgres", dbname="postgres", autocommit=True
            ) as driver:
                driver.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{password}'".encode())
                driver.execute(f"ALTER DATABASE {store.database} OWNER TO {role}".encode())
            _fill(msgspec.structs.replace(store, user=role), name, further)
        case MariadbServer():
            _fill(store, name, further)
            rights = "ALL PRIVILEGES" if name == "iredadmin" else "SELECT, INSERT, UPDATE, DELETE"
            with closing(server._connection()) as connection, connection.cursor() as cursor:
                cursor.execute(f"CREATE USER '{role}'@'localhost' IDENTIFIED BY '{password}'")
                cursor.execute(f"GRANT {rights} ON `{store.database}`.* TO '{role}'@'localhost'")


def _as_postgres(server: PostgresqlServer) -> "psycopg.Connection[Any]":
    return psycopg.connect(host=str(server.folder), user="postgres", dbname="postgres", autocommit=True)


def _fill(store: Store, name: str, further: tuple[Any, ...]) -> None:
    database = Database(store, 1)
    assert schema.create_tables(database, name, further)
    database.pool.dispose()


def _drop_role(server: Server, role: str) -> None:
    match server:
        case PostgresqlServer():
            with psycopg.connect(
                host=str(server.folder), user="postgres", dbname="postgres", autocommit=True
            ) as driver:
                driver.execute(f"DROP ROLE {role}".encode())
        case MariadbServer():
            with closing(server._connection()) as connection, connection.cursor() as cursor:
                cursor.execute(f"DROP USER '{role}'@'localhost'")
