"""iRedMail's database `vmail`: domains, admins, users, aliases and lists."""

from typing import Any

from sqlalchemy import Column, MetaData, Table
from sqlalchemy.sql import quoted_name

from postreeve.settings import Engine
from postreeve.storage.tables.columns import (
    EMPTY,
    NOW,
    Made,
    ascii_varchar,
    bigint,
    char,
    column,
    count,
    date,
    flag,
    index,
    indexes,
    key,
    lifetime,
    line,
    long_text,
    optional,
    past,
    remark,
    serial,
    timestamp,
    unix_time,
    varchar,
    yes_no,
)

VMAIL = MetaData()

OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_default_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_general_ci",
    "sqlite_autoincrement": True,
}

SERVICE_FLAGS = (
    "enablesmtp", "enablesmtpsecured",
    "enablepop3", "enablepop3secured", "enablepop3tls",
    "enableimap", "enableimapsecured", "enableimaptls",
    "enabledeliver", "enablelda", "enablelmtp",
    "enablemanagesieve", "enablemanagesievesecured",
    "enablesieve", "enablesievesecured", "enablesievetls",
    "enableinternal", "enabledoveadm", "enablelib-storage", "enableindexer-worker", "enabledsync",
    "enablequota-status", "enablesogo",
)  # fmt: skip
"""The columns of `mailbox` that switch one service each, 0 or 1."""

domain = Table(
    "domain",
    VMAIL,
    key("domain", varchar(), EMPTY),
    remark("description"),
    remark("disclaimer"),
    column("aliases", count(), "0"),
    column("mailboxes", count(), "0"),
    column("maillists", count(), "0"),
    column("maxquota", bigint(), "0"),
    column("quota", bigint(), "0"),
    column("transport", varchar(), "'dovecot'"),
    flag("backupmx", 0),
    remark("settings"),
    *lifetime(),
    *indexes("domain", "backupmx", "expired", "active"),
    **OPTIONS,
)

alias_domain = Table(
    "alias_domain",
    VMAIL,
    key("alias_domain", varchar()),
    column("target_domain", varchar(), None),
    past("created"),
    past("modified"),
    flag("active", 1),
    *indexes("alias_domain", "target_domain", "active"),
    **OPTIONS,
)

mailbox = Table(
    "mailbox",
    VMAIL,
    key("username", varchar(), differs={"mariadb": Made(default=EMPTY, primary_key=True)}),
    line("password"),
    line("name"),
    column("language", varchar(5)),
    line("first_name"),
    line("last_name"),
    line("mobile"),
    line("telephone"),
    line("recovery_email"),
    column("birthday", date(), "'0001-01-01'"),
    column("mailboxformat", varchar(50), "'maildir'"),
    column("mailboxfolder", varchar(50), "'Maildir'"),
    column("storagebasedirectory", varchar(), "'/var/vmail'"),
    column("storagenode", varchar(), "'vmail1'"),
    line("maildir"),
    column("quota", bigint(), "0"),
    line("domain"),
    line("transport"),
    line("department"),
    # MySQL 8 reserves this word, and MariaDB's dialect does not know.
    column(quoted_name("rank", quote=True), varchar(), "'normal'"),
    line("employeeid"),
    flag("isadmin", 0),
    flag("isglobaladmin", 0),
    *(flag(name, 1) for name in SERVICE_FLAGS),
    column("enablesogowebmail", yes_no(), "'y'"),
    column("enablesogocalendar", yes_no(), "'y'"),
    column("enablesogoactivesync", yes_no(), "'y'"),
    # Without a default: an empty string would refuse every login in Dovecot's password query.
    long_text("allow_nets"),
    remark("disclaimer"),
    remark("settings"),
    past("passwordlastchange"),
    *lifetime(),
    index("mailbox", "domain", only=("postgresql", "mariadb")),
    # Lists a domain's users in order. InnoDB ends every index with the primary key, so it has this anyway.
    index("mailbox", "domain", "username", only=("sqlite",)),
    *indexes("mailbox", "department", "employeeid", "isadmin", "isglobaladmin"),
    # The embedded database does without: no account query uses them, and they double the time of an insert.
    *(index("mailbox", name, only=("postgresql", "mariadb")) for name in SERVICE_FLAGS),
    *indexes("mailbox", "passwordlastchange", "expired", "active"),
    **OPTIONS,
)

forwardings = Table(
    "forwardings",
    VMAIL,
    serial(),
    line("address"),
    line("forwarding"),
    line("domain"),
    line("dest_domain"),
    flag("is_maillist", 0),
    flag("is_list", 0),
    flag("is_forwarding", 0),
    flag("is_alias", 0),
    flag("active", 1),
    index("forwardings", "address", "forwarding", unique=True),
    index("forwardings", "address", only=("postgresql",)),
    index("forwardings", "is_forwarding", only=("postgresql",)),
    *indexes("forwardings", "forwarding", "domain", "dest_domain", "is_maillist", "is_list", "is_alias"),
    **OPTIONS,
)

alias = Table(
    "alias",
    VMAIL,
    key("address", varchar(), EMPTY),
    line("name"),
    column("accesspolicy", varchar(30)),
    line("domain"),
    *lifetime(),
    *indexes("alias", "domain", "expired", "active"),
    **OPTIONS,
)

moderators = Table(
    "moderators",
    VMAIL,
    serial(),
    line("address"),
    line("moderator"),
    line("domain"),
    line("dest_domain"),
    index("moderators", "address", "moderator", unique=True),
    index("moderators", "address", only=("postgresql",)),
    index("moderators", "moderator", only=("postgresql",)),
    *indexes("moderators", "domain", "dest_domain"),
    **OPTIONS,
)

maillists = Table(
    "maillists",
    VMAIL,
    serial(),
    line("address"),
    line("domain"),
    line("transport"),
    column("accesspolicy", varchar(30)),
    column("maxmsgsize", bigint(), "0"),
    line("name"),
    long_text("description"),
    column("mlid", varchar(36)),
    flag("is_newsletter", 0),
    long_text("settings"),
    *lifetime(),
    index("maillists", "address", unique=True),
    index("maillists", "mlid", unique=True),
    *indexes("maillists", "is_newsletter", "domain", "active"),
    **OPTIONS,
)

maillist_owners = Table(
    "maillist_owners",
    VMAIL,
    serial(),
    line("address"),
    line("owner"),
    line("domain"),
    line("dest_domain"),
    index("maillist_owners", "address", "owner", unique=True),
    *indexes("maillist_owners", "owner", "domain", "dest_domain"),
    **OPTIONS,
)

admin = Table(
    "admin",
    VMAIL,
    key("username", varchar(), EMPTY),
    line("password"),
    line("name"),
    column("language", varchar(5)),
    past("passwordlastchange"),
    remark("settings"),
    *lifetime(),
    *indexes("admin", "passwordlastchange", "expired", "active"),
    **OPTIONS,
)

domain_admins = Table(
    "domain_admins",
    VMAIL,
    key("username", ascii_varchar(), EMPTY),
    key("domain", ascii_varchar(), EMPTY),
    *lifetime(),
    *indexes("domain_admins", "username", "domain", "active"),
    **OPTIONS,
)


def _domain_bcc(name: str) -> Table:
    return Table(
        name,
        VMAIL,
        key("domain", varchar(), EMPTY),
        line("bcc_address"),
        *lifetime(),
        *indexes(name, "bcc_address", "expired", "active"),
        **OPTIONS,
    )


def _user_bcc(name: str, *indexed: str) -> Table:
    return Table(
        name,
        VMAIL,
        key("username", varchar(), EMPTY),
        line("bcc_address"),
        line("domain"),
        *lifetime(),
        *indexes(name, *indexed),
        **OPTIONS,
    )


sender_bcc_domain = _domain_bcc("sender_bcc_domain")
recipient_bcc_domain = _domain_bcc("recipient_bcc_domain")
sender_bcc_user = _user_bcc("sender_bcc_user", "bcc_address", "domain", "expired", "active")
recipient_bcc_user = _user_bcc("recipient_bcc_user", "bcc_address", "expired", "active")

sender_relayhost = Table(
    "sender_relayhost",
    VMAIL,
    serial(),
    line("account"),
    line("relayhost"),
    index("sender_relayhost", "account", unique=True),
    **OPTIONS,
)


def deleted_mailboxes_columns() -> list[Column[Any]]:
    """Declare the columns of `deleted_mailboxes`, which MariaDB has in `iredadmin` as well."""
    return [
        # iRedMail gives it a plain key on MariaDB; Galera and MySQL's group replication want a primary key.
        serial(),
        column("timestamp", timestamp(), NOW),
        line("username"),
        line("domain"),
        line("maildir"),
        column("bytes", bigint(), "0"),
        column("messages", bigint(), "0"),
        line("admin"),
        optional("delete_date", date()),
    ]


deleted_mailboxes = Table(
    "deleted_mailboxes",
    VMAIL,
    *deleted_mailboxes_columns(),
    *indexes("deleted_mailboxes", "timestamp", "username", "domain", "admin", "delete_date"),
    **OPTIONS,
)

# Dovecot writes only the name and the numbers; the panel sums by domain.
_QUOTA_TRIGGERS: dict[Engine, list[str]] = {
    "sqlite": [
        """\
CREATE TRIGGER used_quota_domain AFTER INSERT ON used_quota FOR EACH ROW BEGIN
    UPDATE used_quota
    SET domain = substr(username, length(rtrim(username, replace(username, '@', ''))) + 1)
    WHERE username = NEW.username;
END"""
    ],
    # The inner INSERT runs this trigger again, one level deeper, and has to pass. For Dovecot 2.3, which
    # sends what was added as an INSERT: the sum stays in the one row, and the outer INSERT reports no row.
    "postgresql": [
        """\
CREATE FUNCTION used_quota_add() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() > 1 THEN
        RETURN NEW;
    END IF;
    INSERT INTO used_quota (username, bytes, messages, domain)
    VALUES (NEW.username, NEW.bytes, NEW.messages, regexp_replace(NEW.username, '^.*@', ''))
    ON CONFLICT (username) DO UPDATE
    SET bytes = used_quota.bytes + EXCLUDED.bytes, messages = used_quota.messages + EXCLUDED.messages;
    RETURN NULL;
END
$$""",
        """\
CREATE TRIGGER used_quota_add BEFORE INSERT ON used_quota
FOR EACH ROW EXECUTE PROCEDURE used_quota_add()""",
    ],
    "mariadb": [
        """\
CREATE TRIGGER used_quota_domain BEFORE INSERT ON used_quota
FOR EACH ROW SET NEW.domain = SUBSTRING_INDEX(NEW.username, '@', -1)"""
    ],
}

used_quota = Table(
    "used_quota",
    VMAIL,
    key("username", varchar()),
    column("bytes", bigint(), "0"),
    column("messages", bigint(), "0"),
    line("domain"),
    *indexes("used_quota", "domain"),
    info={"triggers": _QUOTA_TRIGGERS},
    **OPTIONS,
)

last_login = Table(
    "last_login",
    VMAIL,
    key("username", varchar(), EMPTY),
    # Dovecot's upsert names both columns where it says ON CONFLICT.
    key("domain", varchar(), EMPTY, differs={"mariadb": Made(default=EMPTY)}),
    unix_time("imap"),
    unix_time("pop3"),
    unix_time("lda"),
    *indexes("last_login", "domain", "imap", "pop3", "lda"),
    **OPTIONS,
)

share_folder = Table(
    "share_folder",
    VMAIL,
    key("from_user", ascii_varchar()),
    key("to_user", ascii_varchar()),
    optional("dummy", char(1)),
    *indexes("share_folder", "from_user", "to_user"),
    **OPTIONS,
)

anyone_shares = Table(
    "anyone_shares",
    VMAIL,
    key("from_user", varchar()),
    optional("dummy", char(1), differs={"mariadb": Made(default="'1'", nullable=True)}),
    **OPTIONS,
)
