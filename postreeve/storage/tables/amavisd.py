"""Amavisd's database `amavisd`: spam policies, white and black lists, the log of mails and the quarantine."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, Index, Integer, MetaData, Table

from postreeve.settings import Engine
from postreeve.storage.tables.columns import (
    EMPTY,
    Made,
    binary,
    binary_on_mariadb,
    binary_on_postgresql,
    blob,
    char,
    column,
    index,
    iso_time,
    key,
    natural,
    optional,
    real,
    row_number,
    serial,
    unsigned,
    varchar,
)
from postreeve.storage.tables.vmail import OPTIONS

AMAVISD = MetaData()

BLANK = "' '"


def _indexes(table: str, *columns: str) -> list[Index]:
    return [index(table, name, name=f"{table}_idx_{name}") for name in columns]


def _partition() -> Column[Any]:
    return key("partition_tag", Integer(), "0")


users = Table(
    "users",
    AMAVISD,
    serial(unsigned()),
    column("priority", Integer(), "7"),
    # 0 is no policy; the default is the policy of everybody.
    natural(column("policy_id", unsigned(), "1")),
    column("email", binary(), None),
    optional("fullname", varchar()),
    index("users", "email", unique=True),
    info={"counts_from": 2},
    **OPTIONS,
)

mailaddr = Table(
    "mailaddr",
    AMAVISD,
    serial(unsigned()),
    column("priority", Integer(), "7"),
    column("email", binary(), None),
    index("mailaddr", "email", unique=True),
    **OPTIONS,
)


def _list(name: str) -> Table:
    return Table(
        name,
        AMAVISD,
        natural(key("rid", unsigned())),
        natural(key("sid", unsigned())),
        column("wb", varchar(10), None),
        **OPTIONS,
    )


# The recipient is always `rid` and the sender always `sid`; of the two, the local one is in `users`.
wblist = _list("wblist")
outbound_wblist = _list("outbound_wblist")


def _answers(*names: str) -> list[Column[Any]]:
    """Declare columns with Y or N; NULL leaves the answer to a less specific account."""
    return [optional(name, char(1)) for name in names]


def _labels(*names: str) -> list[Column[Any]]:
    return [optional(name, varchar(64)) for name in names]


def _scores(*names: str) -> list[Column[Any]]:
    return [optional(name, real()) for name in names]


policy = Table(
    "policy",
    AMAVISD,
    serial(unsigned()),
    optional("policy_name", varchar(), differs={"mariadb": Made(default=EMPTY)}),
    *_answers("virus_lover", "spam_lover", "unchecked_lover", "banned_files_lover", "bad_header_lover"),
    *_answers("bypass_virus_checks", "bypass_spam_checks", "bypass_banned_checks", "bypass_header_checks"),
    *_labels("virus_quarantine_to", "spam_quarantine_to", "banned_quarantine_to", "unchecked_quarantine_to"),
    *_labels("bad_header_quarantine_to", "clean_quarantine_to", "archive_quarantine_to"),
    *_scores("spam_tag_level", "spam_tag2_level", "spam_tag3_level", "spam_kill_level"),
    *_scores("spam_dsn_cutoff_level", "spam_quarantine_cutoff_level"),
    *_labels("addr_extension_virus", "addr_extension_spam", "addr_extension_banned", "addr_extension_bad_header"),
    *_answers("warnvirusrecip", "warnbannedrecip", "warnbadhrecip"),
    *_labels("newvirus_admin", "virus_admin", "banned_admin", "bad_header_admin", "spam_admin"),
    *_labels("spam_subject_tag", "spam_subject_tag2", "spam_subject_tag3"),
    optional("message_size_limit", Integer()),
    *_labels("banned_rulenames", "disclaimer_options", "forward_method", "sa_userconf", "sa_username"),
    index("policy", "policy_name", unique=True, name="policy_idx_policy_name"),
    info={"counts_from": 2},
    **OPTIONS,
)

# `email_raw` is the address without an extension: the text before the first +, an @, and the domain.
_MADDR_TRIGGERS: dict[Engine, list[str]] = {
    "sqlite": [
        """\
CREATE TRIGGER maddr_email_raw AFTER INSERT ON maddr FOR EACH ROW BEGIN
    UPDATE maddr
    SET email_raw = CASE
        WHEN email GLOB '*+*@*' THEN
            substr(email, 1, instr(email, '+') - 1) || substr(email, length(rtrim(email, replace(email, '@', ''))))
        ELSE email
    END
    WHERE id = NEW.id;
END"""
    ],
    # Whatever a sender calls himself, his mail is logged: not every address is UTF-8.
    "postgresql": [
        """\
CREATE FUNCTION strip_addr_extension() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    address text;
BEGIN
    BEGIN
        address := convert_from(NEW.email, 'UTF8');
    EXCEPTION WHEN data_exception THEN
        address := encode(NEW.email, 'escape');
    END;
    NEW.email_raw := left(regexp_replace(address, '[+].*@', '@'), 255);
    RETURN NEW;
END
$$""",
        """\
CREATE TRIGGER maddr_email_raw BEFORE INSERT ON maddr
FOR EACH ROW EXECUTE PROCEDURE strip_addr_extension()""",
    ],
    "mariadb": [
        """\
CREATE TRIGGER maddr_email_raw BEFORE INSERT ON maddr
FOR EACH ROW SET NEW.email_raw = IF(
    NEW.email LIKE '%+%@%',
    CONCAT(SUBSTRING_INDEX(NEW.email, '+', 1), '@', SUBSTRING_INDEX(NEW.email, '@', -1)),
    NEW.email
)"""
    ],
}

maddr = Table(
    "maddr",
    AMAVISD,
    optional("partition_tag", Integer(), "0"),
    serial(),
    column("email", binary(), None),
    column("email_raw", binary_on_mariadb()),
    # Its labels are in reverse: test.local.
    column("domain", binary_on_postgresql(), None),
    index("maddr", "partition_tag", "email", unique=True, name="part_email"),
    *_indexes("maddr", "email", "email_raw", "domain"),
    info={"triggers": _MADDR_TRIGGERS},
    **OPTIONS,
)


def _header(name: str, length: int) -> Column[Any]:
    return optional(name, binary(length), EMPTY, differs={"mariadb": Made(default=EMPTY)})


msgs = Table(
    "msgs",
    AMAVISD,
    _partition(),
    key("mail_id", binary(16)),
    optional("secret_id", binary(16), EMPTY),
    column("am_id", varchar(20), None),
    natural(column("time_num", unsigned(), None)),
    column("time_iso", iso_time(), None),
    natural(column("sid", row_number(), None)),
    optional("policy", varchar(), EMPTY),
    optional("client_addr", varchar(), EMPTY),
    natural(column("size", unsigned(), None)),
    column("originating", char(1), BLANK),
    # NULL while Amavisd is at work, and for ever where it was stopped.
    optional("content", char(1)),
    optional("quar_type", char(1)),
    optional("quar_loc", binary_on_mariadb(), EMPTY),
    optional("dsn_sent", char(1)),
    optional("spam_level", real()),
    optional("message_id", varchar(), EMPTY),
    _header("from_addr", 255),
    _header("subject", 1024),
    column("host", varchar(), None),
    *_indexes("msgs", "sid", "time_iso", "time_num", "mail_id", "content", "quar_type", "spam_level"),
    index("msgs", "message_id", name="msgs_idx_mess_id"),
    index("msgs", "content", "time_num", name="msgs_idx_content_time_num", only=("mariadb",)),
    **OPTIONS,
)

msgrcpt = Table(
    "msgrcpt",
    AMAVISD,
    _partition(),
    key("mail_id", binary(16)),
    key("rseqnum", Integer(), "0"),
    column("rid", row_number(), None),
    column("is_local", char(1), BLANK),
    column("content", char(1), BLANK),
    column("ds", char(1), None),
    column("rs", char(1), None),
    optional("bl", char(1), BLANK),
    optional("wl", char(1), BLANK),
    optional("bspam_level", real()),
    optional("smtp_resp", varchar(), EMPTY),
    *_indexes("msgrcpt", "mail_id", "rid"),
    **OPTIONS,
)

quarantine = Table(
    "quarantine",
    AMAVISD,
    _partition(),
    key("mail_id", binary(16)),
    natural(key("chunk_ind", unsigned())),
    column("mail_text", blob(), None),
    index("quarantine", "mail_id", name="quar_idx_mail_id", only=("mariadb",)),
    **OPTIONS,
)

INSTALLED: tuple[tuple[Table, Mapping[str, object]], ...] = (
    (
        policy,
        {
            "id": 1,
            "policy_name": "@.",
            "spam_lover": "Y",
            "virus_lover": "N",
            "banned_files_lover": "N",
            "bad_header_lover": "Y",
            "bypass_virus_checks": "N",
            "bypass_spam_checks": "N",
            "bypass_banned_checks": "N",
            "bypass_header_checks": "N",
            "spam_quarantine_to": "",
            "virus_quarantine_to": "virus-quarantine",
            "banned_quarantine_to": "banned-quarantine",
            "bad_header_quarantine_to": "",
        },
    ),
    (users, {"id": 1, "priority": 0, "policy_id": 1, "email": "@."}),
)
"""The rows with which iRedMail installs the database: the policy of everybody."""
