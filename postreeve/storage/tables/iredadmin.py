"""iRedAdmin's database `iredadmin`: log, settings, sessions and what waits for somebody's answer."""

from typing import Any

from sqlalchemy import MetaData, Table

from postreeve.storage.tables import vmail
from postreeve.storage.tables.columns import (
    NOW,
    Made,
    char,
    column,
    date,
    flag,
    index,
    indexes,
    key,
    line,
    long_text,
    optional,
    serial,
    timestamp,
    unsigned,
    varchar,
)
from postreeve.storage.tables.vmail import deleted_mailboxes_columns

IREDADMIN = MetaData()
BESIDE_DIRECTORY = (
    vmail.used_quota, vmail.last_login, vmail.share_folder, vmail.anyone_shares, vmail.deleted_mailboxes,
)  # fmt: skip
"""The tables that are here and not in `vmail` where accounts are in a directory."""

OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_default_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_unicode_ci",
    "sqlite_autoincrement": True,
}

sessions = Table(
    "sessions",
    IREDADMIN,
    column("session_id", char(128), None),
    column("atime", timestamp(), NOW),
    long_text("data"),
    index("sessions", "session_id", unique=True),
    **OPTIONS,
)

log = Table(
    "log",
    IREDADMIN,
    serial(),
    column("timestamp", timestamp(), NOW),
    column("admin", varchar(), None),
    column("ip", varchar(40), None),
    line("domain"),
    line("username"),
    column("event", varchar(20)),
    column("loglevel", varchar(10), "'info'"),
    long_text("msg"),
    index("log", "admin", only=("mariadb",)),
    *indexes("log", "timestamp", "ip", "domain", "username", "event", "loglevel"),
    **OPTIONS,
)

updatelog = Table(
    "updatelog",
    IREDADMIN,
    serial(only=("mariadb",)),
    key("date", date(), differs={"mariadb": Made()}),
    index("updatelog", "date", only=("mariadb",)),
    **OPTIONS,
)

tracking = Table(
    "tracking",
    IREDADMIN,
    serial(),
    column("k", varchar(), None),
    long_text("v"),
    column("time", timestamp(), NOW),
    index("tracking", "k", unique=True),
    **OPTIONS,
)

settings = Table(
    "settings",
    IREDADMIN,
    serial(),
    column("account", varchar(), "'global'"),
    column("k", varchar(), None),
    long_text("v"),
    index("settings", "account", "k", unique=True),
    **OPTIONS,
)

domain_ownership = Table(
    "domain_ownership",
    IREDADMIN,
    serial(),
    line("admin"),
    line("domain"),
    line("alias_domain"),
    column("verify_code", varchar(100)),
    flag("verified", 0),
    long_text("message"),
    optional("last_verify", timestamp()),
    optional("expire", unsigned(), "0"),
    index("domain_ownership", "admin", "domain", "alias_domain", unique=True),
    index("domain_ownership", "verified"),
    **OPTIONS,
)

newsletter_subunsub_confirms = Table(
    "newsletter_subunsub_confirms",
    IREDADMIN,
    serial(),
    line("mail"),
    line("mlid"),
    line("subscriber"),
    column("kind", varchar(20)),
    line("token"),
    optional("expired", unsigned(), "0"),
    index("newsletter_subunsub_confirms", "mlid", "subscriber", "kind", unique=True),
    *indexes("newsletter_subunsub_confirms", "mail", "token", "expired"),
    **OPTIONS,
)

deleted_mailboxes = Table(
    "deleted_mailboxes",
    IREDADMIN,
    *deleted_mailboxes_columns(),
    *indexes("deleted_mailboxes", "timestamp", "username", "domain", "admin", "delete_date"),
    # Used with accounts in LDAP; with SQL, iRedAdmin takes the table in `vmail`.
    info={"only": ("mariadb",)},
    **OPTIONS,
)
