"""Databases that iRedMail made and other programs filled: empty settings, zero dates, missing columns and tables."""

from collections.abc import Iterator

import pytest

from tests.servers import Server
from tests.site import PASSWORD, Client, Site, running

pytestmark = pytest.mark.sql

MISSING = {
    "mailbox": ("first_name", "last_name", "mobile", "telephone", "recovery_email", "birthday"),
    "deleted_mailboxes": ("bytes", "messages"),
}
"""Columns that came with iRedMail 1.7.3."""
MISSING_TABLES = ("last_login", "maillist_owners", "anyone_shares", "share_folder")


@pytest.fixture(scope="module")
def older(server: Server) -> Iterator[Site]:
    """An installation whose database is some releases old."""
    with running(server) as site:
        for table, columns in MISSING.items():
            for column in columns:
                site.execute("vmail", f"ALTER TABLE {table} DROP COLUMN {column}")
        for table in MISSING_TABLES:
            site.execute("vmail", f"DROP TABLE {table}")
        site.storage.databases["vmail"].forget_schema()
        yield site


@pytest.fixture
def root(older: Site) -> Iterator[Client]:
    """A domain with a user in it."""
    root = older.root()
    root.ok("POST", "domain/ex.com")
    root.ok("POST", "user/ann@ex.com", password=PASSWORD)
    yield root
    root.delete("domain/ex.com")


def test_columns_that_are_missing_are_named_and_the_rest_is_changed(root: Client) -> None:
    answer = root.put("user/ann@ex.com", gn="Ann", mobile="1", telephoneNumber="2", name="Ann")
    assert answer["_success"]
    assert sorted(answer["_ignored"]) == ["gn", "mobile", "telephoneNumber"]
    profile = root.data("user/ann@ex.com")
    assert profile["name"] == "Ann"
    assert {"first_name", "mobile", "birthday"}.isdisjoint(profile)


def test_nothing_but_missing_columns_is_no_failure(root: Client) -> None:
    assert root.put("user/ann@ex.com", sn="Lee") == {"_success": True, "_ignored": ["sn"]}


def test_a_profile_has_its_extras_without_the_missing_tables(root: Client) -> None:
    profile = root.data("user/ann@ex.com")
    assert (profile["last_login"], profile["stored_bytes"], profile["mailing_lists"]) == ("", 0, [])
    assert root.data("users/ex.com") == [profile]


def test_accounts_are_renamed_and_deleted_without_the_missing_tables(older: Site, root: Client) -> None:
    root.ok("POST", "alias/all@ex.com", members="ann@ex.com")
    root.ok("POST", "user/ann@ex.com/change_email/anna@ex.com")
    root.ok("POST", "alias/all@ex.com/change_email/team@ex.com")
    assert root.data("alias/team@ex.com")["members"] == ["anna@ex.com"]
    root.ok("DELETE", "user/anna@ex.com/keep_mailbox_days/7")
    root.ok("DELETE", "alias/team@ex.com")
    older.execute("vmail", "DELETE FROM deleted_mailboxes")
    assert older.rows("forwardings") == []


def test_other_programs_rows_with_nothing_in_them_are_read_and_changed(site: Site) -> None:
    root = site.root()
    site.execute("vmail", "INSERT INTO domain (domain) VALUES ('ex.com')")
    site.execute("vmail", "INSERT INTO mailbox (username, domain) VALUES ('ann@ex.com', 'ex.com')")
    site.execute("vmail", "INSERT INTO alias (address, domain) VALUES ('all@ex.com', 'ex.com')")
    site.execute("vmail", "INSERT INTO admin (username) VALUES ('boss@admins.test')")
    assert root.data("domain/ex.com")["settings"] == {}
    assert root.data("user/ann@ex.com")["forwardings"] == []
    assert root.data("user/ann@ex.com")["birthday"] == "0001-01-01"
    assert root.data("admin/boss@admins.test")["settings"] == {}
    assert root.data("alias/all@ex.com")["members"] == []
    root.ok("PUT", "domain/ex.com", defaultQuota="5")
    root.ok("PUT", "admin/boss@admins.test", maxUsers="5")
    root.ok("PUT", "user/ann@ex.com", addForwarding="x@x.test")
    assert root.data("domain/ex.com")["settings"] == {"default_user_quota": 5}
    assert root.data("admin/boss@admins.test")["settings"] == {"create_max_users": 5}
    assert root.data("user/ann@ex.com")["forwardings"] == ["ann@ex.com", "x@x.test"]


def test_a_login_with_an_empty_password_column_fails(site: Site) -> None:
    site.execute("vmail", "INSERT INTO admin (username) VALUES ('boss@admins.test')")
    assert site.client().refused("POST", "login", username="boss@admins.test", password="x") == "INVALID_CREDENTIALS"


def test_zero_dates_are_shown_as_they_are_stored(site: Site) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com")
    root.ok("POST", "user/ann@ex.com", password=PASSWORD)
    if site.engine == "mariadb":
        site.execute("vmail", "UPDATE mailbox SET created = 0, birthday = 0")
        expected = ("0000-00-00 00:00:00", "0000-00-00")
    else:
        site.execute("vmail", "UPDATE mailbox SET created = '1970-01-01 01:01:01', birthday = '1999-12-31'")
        expected = ("1970-01-01 01:01:01", "1999-12-31")
    profile = root.data("user/ann@ex.com")
    assert (profile["created"], profile["birthday"]) == expected
    root.ok("PUT", "user/ann@ex.com", name="Ann")
    assert root.data("users/ex.com")[0]["created"] == expected[0]
