"""iRedAPD's database `iredapd`: throttling, greylisting, reverse names, and what iRedAPD itself remembers."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, ForeignKeyConstraint, MetaData, Table
from sqlalchemy.dialects import mysql

from postreeve.storage.tables.columns import (
    NOW,
    Made,
    amount,
    bigint,
    column,
    flag,
    index,
    indexes,
    key,
    line,
    optional,
    serial,
    small,
    timestamp,
    unsigned,
    varchar,
)
from postreeve.storage.tables.vmail import OPTIONS

IREDAPD = MetaData()

throttle = Table(
    "throttle",
    IREDAPD,
    serial(),
    column("account", varchar(), None),
    column("kind", varchar(10), "'outbound'"),
    column("priority", bigint(mariadb=mysql.TINYINT(unsigned=True)), "0"),
    column("period", amount(), "0"),
    column("msg_size", bigint(), "-1"),
    optional("max_msgs", bigint(), "-1"),
    optional("max_quota", bigint(), "-1"),
    optional("max_rcpts", bigint(), "-1"),
    index("throttle", "account", name="idx_account", only=("postgresql",)),
    index("throttle", "account", "kind", unique=True, name="account_kind", only=("sqlite", "mariadb")),
    **OPTIONS,
)

throttle_tracking = Table(
    "throttle_tracking",
    IREDAPD,
    serial(),
    optional("tid", bigint(mariadb=mysql.BIGINT(unsigned=True)), differs={"mariadb": Made(default="0")}),
    line("account"),
    optional("period", amount(), "0"),
    optional("cur_msgs", bigint(mariadb=mysql.MEDIUMINT(unsigned=True)), "0"),
    optional("cur_quota", amount(), "0"),
    optional("init_time", amount(), "0"),
    optional("last_time", amount(), "0"),
    optional("last_notify_time", amount(), "0"),
    # Without an action: a throttle that was counted against is not deleted before its counts.
    ForeignKeyConstraint(["tid"], [throttle.c.id]),
    index("throttle_tracking", "tid", "account", name="idx_tid_account", only=("postgresql",)),
    index("throttle_tracking", "tid", "account", unique=True, name="tid_account", only=("sqlite", "mariadb")),
    **OPTIONS,
)


def _greylisted(name: str) -> Column[Any]:
    return column(name, varchar(mariadb=100))


greylisting = Table(
    "greylisting",
    IREDAPD,
    serial(),
    _greylisted("account"),
    column("priority", small(), "0"),
    _greylisted("sender"),
    optional("sender_priority", small(), "0"),
    line("comment"),
    flag("active", 1),
    index("greylisting", "account", "sender", unique=True),
    index("greylisting", "comment"),
    **OPTIONS,
)


def _whitelist(name: str) -> Table:
    return Table(
        name,
        IREDAPD,
        serial(),
        _greylisted("account"),
        _greylisted("sender"),
        line("comment"),
        index(name, "account", "sender", unique=True),
        index(name, "comment"),
        **OPTIONS,
    )


greylisting_whitelists = _whitelist("greylisting_whitelists")
greylisting_whitelist_domain_spf = _whitelist("greylisting_whitelist_domain_spf")

greylisting_whitelist_domains = Table(
    "greylisting_whitelist_domains",
    IREDAPD,
    serial(),
    line("domain"),
    index("greylisting_whitelist_domains", "domain", unique=True),
    **OPTIONS,
)

greylisting_tracking = Table(
    "greylisting_tracking",
    IREDAPD,
    serial(),
    column("sender", varchar(), None),
    column("recipient", varchar(), None),
    column("client_address", varchar(40), None),
    line("sender_domain"),
    line("rcpt_domain"),
    column("init_time", amount(), "0"),
    column("block_expired", amount(), "0"),
    column("record_expired", amount(), "0"),
    column("blocked_count", bigint(), "0"),
    flag("passed", 0),
    index("greylisting_tracking", "sender", "recipient", "client_address", unique=True),
    *indexes("greylisting_tracking", "sender_domain", "rcpt_domain"),
    index("greylisting_tracking", "client_address", "passed"),
    **OPTIONS,
)

wblist_rdns = Table(
    "wblist_rdns",
    IREDAPD,
    serial(),
    line("rdns"),
    column("wb", varchar(10), "'B'"),
    index("wblist_rdns", "rdns", unique=True),
    index("wblist_rdns", "wb"),
    **OPTIONS,
)

srs_exclude_domains = Table(
    "srs_exclude_domains",
    IREDAPD,
    serial(),
    line("domain"),
    index("srs_exclude_domains", "domain", unique=True),
    **OPTIONS,
)

senderscore_cache = Table(
    "senderscore_cache",
    IREDAPD,
    key("client_address", varchar(40)),
    optional("score", unsigned(), "0"),
    column("time", amount(), "0"),
    *indexes("senderscore_cache", "score", "time"),
    **OPTIONS,
)


_SESSION: list[Column[Any]] = [
    # In UTC, whatever the time zone of the server.
    column("time", timestamp(), NOW, differs={"postgresql": Made(default="timezone('UTC', now())")}),
    column("time_num", amount(), "0"),
    column("action", varchar(20)),
    column("reason", varchar(mariadb=150)),
    column("instance", varchar(40)),
    column("client_address", varchar(40)),
    line("client_name"),
    line("reverse_client_name"),
    line("helo_name"),
    line("sender"),
    line("sender_domain"),
    line("sasl_username"),
    line("sasl_domain"),
    line("recipient"),
    line("recipient_domain"),
    column("encryption_protocol", varchar(20)),
    column("encryption_cipher", varchar(50)),
    column("server_address", varchar(40)),
    column("server_port", varchar(10)),
]

smtp_sessions = Table(
    "smtp_sessions",
    IREDAPD,
    serial(),
    *_SESSION,
    *indexes("smtp_sessions", *(column.name for column in _SESSION)),
    **OPTIONS,
)

INSTALLED: tuple[tuple[Table, Mapping[str, object]], ...] = (
    (greylisting, {"account": "@.", "priority": 0, "sender": "@.", "sender_priority": 0, "comment": "", "active": 1}),
)
"""The rows with which iRedMail installs the database: everybody is greylisted."""
