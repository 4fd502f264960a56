"""The tables of the mail policies, as Amavisd and iRedAPD find them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import MetaData, Table

from postreeve.storage.tables import amavisd as amavisd_tables
from postreeve.storage.tables import iredapd as iredapd_tables
from postreeve.storage.tables.amavisd import AMAVISD
from postreeve.storage.tables.ddl import statements
from postreeve.storage.tables.iredapd import IREDAPD
from tests.servers import Server
from tests.storage.test_tables import Database, connected

TYPES = {
    "sqlite": "SELECT lower(type) FROM pragma_table_info('{table}') WHERE name = '{column}'",
    "postgresql": "SELECT format_type(atttypid, atttypmod) FROM pg_attribute"
    " WHERE attrelid = '{table}'::regclass AND attname = '{column}'",
    "mariadb": "SELECT column_type FROM information_schema.columns"
    " WHERE table_schema = database() AND table_name = '{table}' AND column_name = '{column}'",
}
NULLABLE = {
    "sqlite": "SELECT c.name FROM pragma_table_info('{table}') c WHERE NOT c.\"notnull\" ORDER BY c.cid",
    "postgresql": "SELECT column_name FROM information_schema.columns"
    " WHERE table_name = '{table}' AND is_nullable = 'YES' ORDER BY ordinal_position",
    "mariadb": "SELECT column_name FROM information_schema.columns"
    " WHERE table_schema = database() AND table_name = '{table}' AND is_nullable = 'YES' ORDER BY ordinal_position",
}
INDEXES = {
    "sqlite": "SELECT i.name, i.\"unique\", c.name FROM pragma_index_list('{table}') i"
    " JOIN pragma_index_info(i.name) c WHERE i.origin = 'c' ORDER BY i.name, c.seqno",
    "postgresql": "SELECT i.relname, x.indisunique::int, c.attname FROM pg_index x"
    " JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_attribute c ON c.attrelid = i.oid"
    " WHERE x.indrelid = '{table}'::regclass AND NOT x.indisprimary ORDER BY i.relname, c.attnum",
    "mariadb": "SELECT index_name, 1 - non_unique, column_name FROM information_schema.statistics"
    " WHERE table_schema = database() AND table_name = '{table}' AND index_name <> 'PRIMARY'"
    " ORDER BY index_name, seq_in_index",
}

MSG = (
    "INSERT INTO msgs (mail_id, am_id, time_num, time_iso, sid, size, host)"
    " VALUES ('abcdefghijkl', '1-1', 1700000000, '20231114T221320Z', 1, 9, 'mx.ex.com')"
)
RECIPIENT = "INSERT INTO msgrcpt (mail_id, rid, ds, rs) VALUES ('abcdefghijkl', 1, 'P', ' ')"
ADDRESSES = [
    ("", ""),
    ("ann@ex.com", "ann@ex.com"),
    ("ann+news@ex.com", "ann@ex.com"),
    ("ann+news+old@ex.com", "ann@ex.com"),
    ('"b@d+x"@ex.com', '"b@d@ex.com'),
    ("+@ex.com", "@ex.com"),
    ("grün+x@ex.com", "grün@ex.com"),
    (r"ann\+x@ex.com", r"ann\@ex.com"),
]


@contextmanager
def created(server: Server, metadata: MetaData) -> Iterator[Database]:
    """Create the tables in a database of their own; MariaDB copies no foreign keys."""
    name = f"policies_{uuid4().hex}"
    server.create_database(name)
    with connected(server.store(name)) as database:
        if database.engine == "sqlite":
            database.execute("PRAGMA foreign_keys = ON")
        for statement in statements(metadata, database.engine):
            database.execute(statement)
        yield database
    server.drop_database(name)


@pytest.fixture(scope="module")
def amavisd(server: Server) -> Iterator[Database]:
    with created(server, AMAVISD) as database:
        yield database


@pytest.fixture(scope="module")
def iredapd(server: Server) -> Iterator[Database]:
    with created(server, IREDAPD) as database:
        yield database


def read(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def insert(database: Database, table: Table, values: Mapping[str, object]) -> None:
    database.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(map(repr, values.values()))})")


def kind(database: Database, table: str, column: str) -> str:
    return str(database.rows(TYPES[database.engine].format(table=table, column=column))[0][0])


def nullable(database: Database, table: str) -> list[str]:
    return [name for (name,) in database.rows(NULLABLE[database.engine].format(table=table))]


def indexes(database: Database, table: str, *, unique: bool) -> dict[str, list[str]]:
    """Return the names of a table's indexes but the primary key, and their columns."""
    found: dict[str, list[str]] = {}
    for name, is_unique, column in database.rows(INDEXES[database.engine].format(table=table)):
        if is_unique == unique:
            found.setdefault(name, []).append(column)
    return found


def refused_as_duplicate(database: Database, statement: str) -> None:
    database.execute(statement)
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        database.execute(statement)


def test_amavisd_has_all_tables_with_all_columns(amavisd: Database) -> None:
    expected = {table.name: [column.name for column in table.columns] for table in AMAVISD.tables.values()}
    assert amavisd.columns() == expected
    assert {name: len(columns) for name, columns in expected.items()} == {
        "users": 5, "mailaddr": 3, "wblist": 3, "outbound_wblist": 3, "policy": 45,
        "maddr": 5, "msgs": 20, "msgrcpt": 12, "quarantine": 4,
    }  # fmt: skip


def test_iredapd_has_all_tables_with_all_columns(iredapd: Database) -> None:
    expected = {table.name: [column.name for column in table.columns] for table in IREDAPD.tables.values()}
    assert iredapd.columns() == expected
    assert {name: len(columns) for name, columns in expected.items()} == {
        "throttle": 9, "throttle_tracking": 9, "greylisting": 7, "greylisting_whitelists": 4,
        "greylisting_whitelist_domain_spf": 4, "greylisting_whitelist_domains": 2, "greylisting_tracking": 11,
        "wblist_rdns": 3, "srs_exclude_domains": 2, "senderscore_cache": 3, "smtp_sessions": 20,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("column", "postgresql", "mariadb"),
    [
        ("users.email", "bytea", "varbinary(255)"),
        ("mailaddr.email", "bytea", "varbinary(255)"),
        ("maddr.email", "bytea", "varbinary(255)"),
        ("maddr.email_raw", "character varying(255)", "varbinary(255)"),
        ("maddr.domain", "bytea", "varchar(255)"),
        ("msgs.mail_id", "bytea", "varbinary(16)"),
        ("msgs.secret_id", "bytea", "varbinary(16)"),
        ("msgs.quar_loc", "character varying(255)", "varbinary(255)"),
        ("msgs.from_addr", "bytea", "varbinary(255)"),
        ("msgs.subject", "bytea", "varbinary(1024)"),
        ("msgs.time_iso", "timestamp with time zone", "char(16)"),
        ("msgrcpt.mail_id", "bytea", "varbinary(16)"),
        ("quarantine.mail_id", "bytea", "varbinary(16)"),
        ("quarantine.mail_text", "bytea", "blob"),
        ("policy.spam_lover", "character(1)", "char(1)"),
        ("policy.banned_rulenames", "character varying(64)", "varchar(64)"),
    ],
)
def test_amavisds_texts_are_bytes_where_amavisd_has_bytes(
    amavisd: Database, column: str, postgresql: str, mariadb: str
) -> None:
    expected = {"sqlite": "text", "postgresql": postgresql, "mariadb": mariadb}
    assert kind(amavisd, *column.split(".")) == expected[amavisd.engine]


@pytest.mark.parametrize(
    ("column", "postgresql", "mariadb"),
    [
        ("users.id", "integer", "int(10) unsigned"),
        ("users.priority", "integer", "int(11)"),
        ("users.policy_id", "integer", "int(10) unsigned"),
        ("mailaddr.id", "integer", "int(10) unsigned"),
        ("wblist.rid", "integer", "int(10) unsigned"),
        ("outbound_wblist.sid", "integer", "int(10) unsigned"),
        ("policy.id", "integer", "int(10) unsigned"),
        ("policy.message_size_limit", "integer", "int(11)"),
        ("maddr.id", "integer", "bigint(20) unsigned"),
        ("msgs.sid", "integer", "bigint(20) unsigned"),
        ("msgs.time_num", "integer", "int(10) unsigned"),
        ("msgs.size", "integer", "int(10) unsigned"),
        ("msgrcpt.rid", "integer", "bigint(20) unsigned"),
        ("msgrcpt.rseqnum", "integer", "int(11)"),
        ("quarantine.chunk_ind", "integer", "int(10) unsigned"),
    ],
)
def test_amavisds_numbers_are_as_large_as_in_iredmail(
    amavisd: Database, column: str, postgresql: str, mariadb: str
) -> None:
    expected = {"sqlite": "integer", "postgresql": postgresql, "mariadb": mariadb}
    assert kind(amavisd, *column.split(".")) == expected[amavisd.engine]


@pytest.mark.parametrize("column", ["policy.spam_tag2_level", "msgs.spam_level", "msgrcpt.bspam_level"])
def test_scores_are_short_floating_numbers_on_both_servers(amavisd: Database, column: str) -> None:
    expected = {"sqlite": "real", "postgresql": "real", "mariadb": "float"}
    assert kind(amavisd, *column.split(".")) == expected[amavisd.engine]


@pytest.mark.parametrize(
    ("column", "postgresql", "mariadb"),
    [
        ("throttle.id", "integer", "bigint(20) unsigned"),
        ("throttle.priority", "bigint", "tinyint(3) unsigned"),
        ("throttle.period", "bigint", "int(10) unsigned"),
        ("throttle.max_quota", "bigint", "bigint(20)"),
        ("throttle_tracking.tid", "bigint", "bigint(20) unsigned"),
        ("throttle_tracking.cur_msgs", "bigint", "mediumint(8) unsigned"),
        ("throttle_tracking.cur_quota", "bigint", "int(10) unsigned"),
        ("throttle_tracking.last_notify_time", "bigint", "int(10) unsigned"),
        ("greylisting.priority", "smallint", "tinyint(4)"),
        ("greylisting.sender_priority", "smallint", "tinyint(4)"),
        ("greylisting.active", "smallint", "tinyint(1)"),
        ("greylisting_tracking.blocked_count", "bigint", "bigint(20)"),
        ("greylisting_tracking.passed", "smallint", "tinyint(1)"),
        ("senderscore_cache.score", "integer", "int(10) unsigned"),
        ("senderscore_cache.time", "bigint", "int(10) unsigned"),
    ],
)
def test_iredapds_numbers_are_as_large_as_in_iredmail(
    iredapd: Database, column: str, postgresql: str, mariadb: str
) -> None:
    expected = {"sqlite": "integer", "postgresql": postgresql, "mariadb": mariadb}
    assert kind(iredapd, *column.split(".")) == expected[iredapd.engine]


@pytest.mark.parametrize(
    ("column", "postgresql", "mariadb"),
    [
        ("throttle.account", 255, 255),
        ("throttle.kind", 10, 10),
        ("greylisting.account", 255, 100),
        ("greylisting.sender", 255, 100),
        ("greylisting.comment", 255, 255),
        ("greylisting_whitelists.sender", 255, 100),
        ("greylisting_whitelist_domain_spf.account", 255, 100),
        ("greylisting_tracking.sender", 255, 255),
        ("greylisting_tracking.client_address", 40, 40),
        ("smtp_sessions.reason", 255, 150),
    ],
)
def test_iredapds_texts_are_as_long_as_in_iredmail(
    iredapd: Database, column: str, postgresql: int, mariadb: int
) -> None:
    expected = {
        "sqlite": "text",
        "postgresql": f"character varying({postgresql})",
        "mariadb": f"varchar({mariadb})",
    }
    assert kind(iredapd, *column.split(".")) == expected[iredapd.engine]


def test_what_a_policy_does_not_say_is_null(amavisd: Database) -> None:
    unnamed = [] if amavisd.engine == "mariadb" else ["policy_name"]
    columns = [column.name for column in amavisd_tables.policy.columns]
    assert nullable(amavisd, "policy") == unnamed + columns[2:]


def test_what_may_be_null_in_amavisds_log(amavisd: Database) -> None:
    headers = [] if amavisd.engine == "mariadb" else ["from_addr", "subject"]
    assert nullable(amavisd, "users") == ["fullname"]
    assert nullable(amavisd, "maddr") == ["partition_tag"]
    assert nullable(amavisd, "msgs") == [
        "secret_id", "policy", "client_addr", "content", "quar_type", "quar_loc", "dsn_sent", "spam_level",
        "message_id", *headers,
    ]  # fmt: skip
    assert nullable(amavisd, "msgrcpt") == ["bl", "wl", "bspam_level", "smtp_resp"]
    assert not nullable(amavisd, "quarantine")


def test_what_may_be_null_in_iredapds_tables(iredapd: Database) -> None:
    counts = ["period", "cur_msgs", "cur_quota", "init_time", "last_time", "last_notify_time"]
    assert nullable(iredapd, "throttle") == ["max_msgs", "max_quota", "max_rcpts"]
    throttle = [] if iredapd.engine == "mariadb" else ["tid"]
    assert nullable(iredapd, "throttle_tracking") == throttle + counts
    assert nullable(iredapd, "greylisting") == ["sender_priority"]
    assert not nullable(iredapd, "greylisting_tracking")


def test_an_account_without_a_word_about_it_takes_the_first_policy(amavisd: Database) -> None:
    amavisd.execute("INSERT INTO users (email) VALUES ('@ex.com')")
    rows = amavisd.rows("SELECT priority, policy_id, email, fullname FROM users WHERE email = '@ex.com'")
    assert [tuple(map(read, row)) for row in rows] == [(7, 1, "@ex.com", None)]


def test_a_new_mail_has_the_defaults_of_iredmail(amavisd: Database) -> None:
    amavisd.execute(MSG)
    given = "partition_tag, mail_id, secret_id, policy, client_addr, quar_loc, message_id, from_addr, subject"
    assert [read(value) for value in amavisd.rows(f"SELECT {given} FROM msgs")[0]] == [0, "abcdefghijkl"] + [""] * 7
    assert amavisd.rows("SELECT content, quar_type, dsn_sent, spam_level FROM msgs") == [(None,) * 4]
    blank = "" if amavisd.engine == "mariadb" else " "  # a char has no blanks at its end there
    assert amavisd.rows("SELECT originating FROM msgs") == [(blank,)]
    amavisd.execute(RECIPIENT)
    query = "SELECT rseqnum, is_local, content, bl, wl, bspam_level, smtp_resp FROM msgrcpt"
    assert amavisd.rows(query) == [(0, blank, blank, blank, blank, None, "")]


def test_a_new_throttle_limits_nothing(iredapd: Database) -> None:
    iredapd.execute("INSERT INTO throttle (account) VALUES ('defaults@ex.com')")
    query = (
        "SELECT kind, priority, period, msg_size, max_msgs, max_quota, max_rcpts FROM throttle"
        " WHERE account = 'defaults@ex.com'"
    )
    assert iredapd.rows(query) == [("outbound", 0, 0, -1, -1, -1, -1)]


def test_a_new_greylisting_is_active(iredapd: Database) -> None:
    iredapd.execute("INSERT INTO greylisting (account) VALUES ('@ex.com')")
    query = "SELECT account, priority, sender, sender_priority, comment, active FROM greylisting"
    assert iredapd.rows(f"{query} WHERE account = '@ex.com'") == [("@ex.com", 0, "", 0, "", 1)]


def test_what_iredapd_remembers_begins_at_zero(iredapd: Database) -> None:
    iredapd.execute("INSERT INTO greylisting_tracking (sender, recipient, client_address) VALUES ('a', 'b', 'c')")
    query = "SELECT sender_domain, init_time, block_expired, record_expired, blocked_count, passed"
    assert iredapd.rows(f"{query} FROM greylisting_tracking") == [("", 0, 0, 0, 0, 0)]
    iredapd.execute("INSERT INTO wblist_rdns (rdns) VALUES ('.dynamic.ex.com')")
    assert iredapd.rows("SELECT wb FROM wblist_rdns") == [("B",)]


def test_a_session_is_logged_in_utc(iredapd: Database) -> None:
    now = {"sqlite": "datetime('now')", "postgresql": "timezone('UTC', now())", "mariadb": "now()"}[iredapd.engine]
    if iredapd.engine == "postgresql":  # MariaDB keeps a moment and shows it in the zone of whoever asks
        iredapd.execute("SET TimeZone = 'Asia/Tokyo'")
    before = iredapd.rows(f"SELECT {now}")[0][0]
    iredapd.execute("INSERT INTO smtp_sessions (action) VALUES ('DUNNO')")
    after = iredapd.rows(f"SELECT {now}")[0][0]
    assert before <= iredapd.rows("SELECT time FROM smtp_sessions")[0][0] <= after


@pytest.mark.parametrize(
    ("table", "name", "columns"),
    [
        ("users", "idx_users_email", ["email"]),
        ("mailaddr", "idx_mailaddr_email", ["email"]),
        ("policy", "policy_idx_policy_name", ["policy_name"]),
        ("maddr", "part_email", ["partition_tag", "email"]),
    ],
)
def test_what_is_unique_in_amavisd(amavisd: Database, table: str, name: str, columns: list[str]) -> None:
    assert indexes(amavisd, table, unique=True) == {name: columns}


def test_amavisds_indexes_have_iredmails_names(amavisd: Database) -> None:
    on_mariadb = amavisd.engine == "mariadb"
    assert set(indexes(amavisd, "maddr", unique=False)) == {
        "maddr_idx_email", "maddr_idx_email_raw", "maddr_idx_domain",
    }  # fmt: skip
    assert indexes(amavisd, "msgs", unique=False) == {
        "msgs_idx_content": ["content"],
        **({"msgs_idx_content_time_num": ["content", "time_num"]} if on_mariadb else {}),
        "msgs_idx_mail_id": ["mail_id"],
        "msgs_idx_mess_id": ["message_id"],
        "msgs_idx_quar_type": ["quar_type"],
        "msgs_idx_sid": ["sid"],
        "msgs_idx_spam_level": ["spam_level"],
        "msgs_idx_time_iso": ["time_iso"],
        "msgs_idx_time_num": ["time_num"],
    }
    assert set(indexes(amavisd, "msgrcpt", unique=False)) == {"msgrcpt_idx_mail_id", "msgrcpt_idx_rid"}
    expected = {"quar_idx_mail_id": ["mail_id"]} if on_mariadb else {}
    assert indexes(amavisd, "quarantine", unique=False) == expected


def test_a_throttle_is_unique_except_on_postgresql(iredapd: Database) -> None:
    if iredapd.engine == "postgresql":
        assert indexes(iredapd, "throttle", unique=False) == {"idx_account": ["account"]}
        assert indexes(iredapd, "throttle_tracking", unique=False) == {"idx_tid_account": ["tid", "account"]}
        assert not indexes(iredapd, "throttle", unique=True)
        assert not indexes(iredapd, "throttle_tracking", unique=True)
    else:
        assert indexes(iredapd, "throttle", unique=True) == {"account_kind": ["account", "kind"]}
        assert indexes(iredapd, "throttle_tracking", unique=True) == {"tid_account": ["tid", "account"]}
        assert not indexes(iredapd, "throttle", unique=False)
        assert not indexes(iredapd, "throttle_tracking", unique=False)


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("greylisting", ["account", "sender"]),
        ("greylisting_whitelists", ["account", "sender"]),
        ("greylisting_whitelist_domain_spf", ["account", "sender"]),
        ("greylisting_whitelist_domains", ["domain"]),
        ("greylisting_tracking", ["sender", "recipient", "client_address"]),
        ("wblist_rdns", ["rdns"]),
        ("srs_exclude_domains", ["domain"]),
    ],
)
def test_what_is_unique_in_iredapd(iredapd: Database, table: str, columns: list[str]) -> None:
    assert indexes(iredapd, table, unique=True) == {"_".join(["idx", table, *columns]): columns}


def test_sessions_are_found_by_everything(iredapd: Database) -> None:
    columns = [column.name for column in iredapd_tables.smtp_sessions.columns]
    assert sorted(indexes(iredapd, "smtp_sessions", unique=False).values()) == sorted([name] for name in columns[1:])


def test_a_white_or_black_listing_is_there_once(amavisd: Database) -> None:
    refused_as_duplicate(amavisd, "INSERT INTO wblist (rid, sid, wb) VALUES (1, 1, 'W')")
    refused_as_duplicate(amavisd, "INSERT INTO outbound_wblist (rid, sid, wb) VALUES (1, 1, 'B')")


def test_chunks_are_numbered_within_their_mail(amavisd: Database) -> None:
    amavisd.execute("INSERT INTO quarantine (mail_id, chunk_ind, mail_text) VALUES ('abcdefghijkl', 1, 'one')")
    refused_as_duplicate(
        amavisd, "INSERT INTO quarantine (mail_id, chunk_ind, mail_text) VALUES ('abcdefghijkl', 2, 'two')"
    )
    chunks = amavisd.rows("SELECT partition_tag, mail_text FROM quarantine ORDER BY chunk_ind")
    assert [(tag, read(text)) for tag, text in chunks] == [(0, "one"), (0, "two")]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO users (email, policy_id) VALUES ('negative@ex.com', -1)",
        "INSERT INTO wblist (rid, sid, wb) VALUES (-1, 5, 'W')",
        "INSERT INTO outbound_wblist (rid, sid, wb) VALUES (5, -1, 'W')",
        "INSERT INTO quarantine (mail_id, chunk_ind, mail_text) VALUES ('m', -1, '')",
        MSG.replace("1700000000", "-1"),
        MSG.replace("1, 9,", "-1, 9,"),
        MSG.replace("1, 9,", "1, -9,"),
    ],
)
def test_no_number_below_zero_where_iredmail_has_none(amavisd: Database, statement: str) -> None:
    with pytest.raises(Exception, match=r"(?i)check constraint|out of range"):
        amavisd.execute(statement)


def test_a_throttle_with_counts_is_not_deleted(iredapd: Database) -> None:
    iredapd.execute("INSERT INTO throttle (id, account) VALUES (901, 'counted@ex.com')")
    iredapd.execute("INSERT INTO throttle_tracking (tid, account) VALUES (901, 'counted@ex.com')")
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        iredapd.execute("DELETE FROM throttle WHERE id = 901")
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        iredapd.execute("UPDATE throttle SET id = 902 WHERE id = 901")
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        iredapd.execute("INSERT INTO throttle_tracking (tid, account) VALUES (999, 'nobody@ex.com')")
    iredapd.execute("DELETE FROM throttle_tracking WHERE tid = 901")
    iredapd.execute("DELETE FROM throttle WHERE id = 901")
    assert not iredapd.rows("SELECT id FROM throttle WHERE id = 901")


@pytest.mark.parametrize(("email", "raw"), ADDRESSES)
def test_an_address_in_the_log_is_known_without_its_extension(amavisd: Database, email: str, raw: str) -> None:
    spelling = {
        "sqlite": f"'{email}'",
        "postgresql": f"convert_to('{email}', 'UTF8')",
        "mariadb": f"X'{email.encode().hex()}'",
    }[amavisd.engine]
    amavisd.execute(f"INSERT INTO maddr (email, domain) VALUES ({spelling}, 'com.ex')")
    rows = amavisd.rows(f"SELECT email, email_raw, domain FROM maddr WHERE email = {spelling}")
    assert [tuple(map(read, row)) for row in rows] == [(email, raw, "com.ex")]


def test_an_address_that_is_not_utf8_is_logged(amavisd: Database) -> None:
    spelling = r"'\xfc2b784065782e636f6d'" if amavisd.engine == "postgresql" else "X'fc2b784065782e636f6d'"
    amavisd.execute(f"INSERT INTO maddr (email, domain) VALUES ({spelling}, 'com.ex')")
    raw = {
        "sqlite": b"\xfc+x@ex.com",  # no text, and so left as it is
        "postgresql": r"\374@ex.com",
        "mariadb": b"\xfc@ex.com",
    }
    assert amavisd.rows(f"SELECT email_raw FROM maddr WHERE email = {spelling}") == [(raw[amavisd.engine],)]


def test_numbers_are_not_given_twice(amavisd: Database) -> None:
    amavisd.execute("INSERT INTO mailaddr (email) VALUES ('once@ex.com')")
    first = amavisd.rows("SELECT id FROM mailaddr WHERE email = 'once@ex.com'")[0][0]
    amavisd.execute("DELETE FROM mailaddr WHERE email = 'once@ex.com'")
    amavisd.execute("INSERT INTO mailaddr (email) VALUES ('twice@ex.com')")
    assert amavisd.rows("SELECT id FROM mailaddr WHERE email = 'twice@ex.com'")[0][0] > first


def test_a_new_amavisd_has_the_policy_of_everybody_and_counts_on_from_there(server: Server) -> None:
    with created(server, AMAVISD) as amavisd:
        for table, values in amavisd_tables.INSTALLED:
            insert(amavisd, table, values)
        query = "SELECT u.id, u.priority, u.email, p.id, p.policy_name, p.virus_quarantine_to, p.spam_tag2_level"
        joined = amavisd.rows(f"{query} FROM users u JOIN policy p ON p.id = u.policy_id")
        assert [read(value) for value in joined[0]] == [1, 0, "@.", 1, "@.", "virus-quarantine", None]
        amavisd.execute("INSERT INTO policy (policy_name) VALUES ('@ex.com')")
        amavisd.execute("INSERT INTO users (policy_id, email) VALUES (2, '@ex.com')")
        assert amavisd.rows("SELECT u.id, p.id FROM users u JOIN policy p ON p.id = u.policy_id ORDER BY u.id") == [
            (1, 1),
            (2, 2),
        ]


def test_a_new_iredapd_greylists_everybody(server: Server) -> None:
    with created(server, IREDAPD) as iredapd:
        for table, values in iredapd_tables.INSTALLED:
            insert(iredapd, table, values)
        assert iredapd.rows("SELECT * FROM greylisting") == [(1, "@.", 0, "@.", 0, "", 1)]
