"""An address that changes or goes away, wherever it stands in the tables."""

import pytest

from tests.site import PASSWORD, Client, Row, Site

pytestmark = pytest.mark.sql

_LINK = "(address, {}, domain, dest_domain) VALUES ('{}@ex.com', 'ann@ex.com', 'ex.com', 'ex.com')"
LEFT_BY_OTHERS = (
    "INSERT INTO sender_relayhost (account, relayhost) VALUES ('ann@ex.com', '[192.0.2.1]:25')",
    "INSERT INTO used_quota (username, bytes, messages) VALUES ('ann@ex.com', 4096, 3)",
    "INSERT INTO last_login (username, domain, imap) VALUES ('ann@ex.com', 'ex.com', 86400)",
    "INSERT INTO share_folder (from_user, to_user) VALUES ('ann@ex.com', 'bob@ex.com')",
    "INSERT INTO share_folder (from_user, to_user) VALUES ('bob@ex.com', 'ann@ex.com')",
    "INSERT INTO anyone_shares (from_user) VALUES ('ann@ex.com')",
)
NAMED_BY_OTHERS = (
    f"INSERT INTO moderators {_LINK.format('moderator', 'all')}",
    f"INSERT INTO maillist_owners {_LINK.format('owner', 'list')}",
)


@pytest.fixture
def root(site: Site) -> Client:
    """Ann and Bob, and Ann's address in every table that may hold it."""
    root = site.root()
    root.ok("POST", "domain/ex.com")
    root.ok("POST", "domain/far.com")
    root.ok("POST", "user/ann@ex.com", password=PASSWORD, aliases="sales@ex.com", senderBcc="a@x.test",
            recipientBcc="a@x.test")  # fmt: skip
    root.ok("POST", "user/bob@ex.com", password=PASSWORD, forwarding="ann@ex.com", senderBcc="ann@ex.com",
            recipientBcc="ann@ex.com")  # fmt: skip
    root.ok("POST", "alias/all@ex.com", members="ann@ex.com,bob@ex.com")
    root.ok("PUT", "domain/ex.com", catchall="ann@ex.com", senderBcc="ann@ex.com", recipientBcc="ann@ex.com")
    root.ok("PUT", "domain/admins/ex.com", addAdmin="ann@ex.com")
    for statement in LEFT_BY_OTHERS + NAMED_BY_OTHERS:
        site.execute("vmail", statement)
    return root


def _naming(site: Site, address: str) -> list[str]:
    """Return the tables that still name an address, history left out."""
    return [
        table
        for table, rows in site.dump().items()
        if table not in {"deleted_mailboxes", "log"} and any(address in map(str, row.values()) for row in rows)
    ]


def _texts(site: Site, old: str, new: str, domains: tuple[str, str]) -> dict[str, list[str]]:
    """Return all rows as text, with one address (and the domain beside it) in place of another."""

    def changed(row: Row) -> str:
        shown = {key: new if value == old else value for key, value in row.items() if key not in {"id", "modified"}}
        for key, beside in (("domain", _OWNERS), ("dest_domain", _VALUES)):
            if key in shown and any(shown.get(column) == new for column in beside) and shown[key] == domains[0]:
                shown[key] = domains[1]
        return str(shown)

    return {table: sorted(map(changed, rows)) for table, rows in site.dump().items() if table != "log"}


_OWNERS = ("username", "address")
_VALUES = ("forwarding", "moderator", "owner")


def test_a_renamed_user_is_renamed_everywhere(site: Site, root: Client) -> None:
    expected = _texts(site, "ann@ex.com", "anna@ex.com", ("ex.com", "ex.com"))
    before = _naming(site, "ann@ex.com")
    root.ok("POST", "user/ann@ex.com/change_email/anna@ex.com")
    assert _naming(site, "ann@ex.com") == []
    assert _naming(site, "anna@ex.com") == before
    assert len(before) == 14
    assert _texts(site, "", "", ("", "")) == expected


def test_a_user_may_move_to_another_domain(site: Site, root: Client) -> None:
    root.ok("POST", "user/ann@ex.com/change_email/ann@far.com")
    assert _naming(site, "ann@ex.com") == []
    [box] = site.rows("mailbox", username="ann@far.com")
    assert (box["domain"], box["maildir"].partition("/")[0]) == ("far.com", "ex.com")
    [own] = site.rows("forwardings", address="ann@far.com")
    assert (own["forwarding"], own["domain"], own["dest_domain"]) == ("ann@far.com", "far.com", "far.com")
    [alias] = site.rows("forwardings", address="sales@ex.com")
    assert (alias["domain"], alias["dest_domain"]) == ("ex.com", "far.com")
    for table in ("used_quota", "last_login", "sender_bcc_user"):
        assert [row["domain"] for row in site.rows(table, username="ann@far.com")] == ["far.com"]


def test_moving_a_user_counts_in_the_new_domain(site: Site, root: Client) -> None:
    root.ok("PUT", "domain/far.com", numberOfUsers="-1")
    before = site.dump()
    assert root.refused("POST", "user/ann@ex.com/change_email/ann@far.com") == "NOT_ALLOWED"
    root.ok("PUT", "domain/far.com", numberOfUsers="0", quota="10")
    root.ok("PUT", "user/ann@ex.com", quota="11")
    assert root.refused("POST", "user/ann@ex.com/change_email/ann@far.com") == "EXCEEDED_DOMAIN_QUOTA_SIZE"
    assert site.rows("forwardings") == before["forwardings"]
    root.ok("POST", "user/ann@ex.com/change_email/anna@ex.com")


@pytest.mark.parametrize("kind", ["user/ann@ex.com", "alias/all@ex.com"])
def test_a_new_name_that_is_a_member_already_stays_one_once(site: Site, root: Client, kind: str) -> None:
    old = kind.partition("/")[2]
    root.ok("POST", "alias/team@ex.com", members=f"{old},future@ex.com,bob@ex.com")
    root.ok("PUT", "user/bob@ex.com", forwarding=f"{old},future@ex.com")
    root.ok("POST", f"{kind}/change_email/future@ex.com")
    assert root.data("alias/team@ex.com")["members"] == ["bob@ex.com", "future@ex.com"]
    assert root.data("user/bob@ex.com")["forwardings"] == ["future@ex.com"]
    assert _naming(site, old) == []


def test_what_an_earlier_user_left_behind_does_not_stand_in_the_way(site: Site, root: Client) -> None:
    for statement in LEFT_BY_OTHERS:
        site.execute("vmail", statement.replace("ann@ex.com", "anna@ex.com"))
    root.ok("POST", "user/ann@ex.com/change_email/anna@ex.com")
    assert len(site.rows("share_folder")) == 2
    assert len(site.rows("sender_relayhost")) == len(site.rows("used_quota")) == len(site.rows("last_login")) == 1


def test_renaming_onto_an_address_in_use_is_refused(site: Site, root: Client) -> None:
    before = site.dump()
    for new in ("bob@ex.com", "all@ex.com", "sales@ex.com", "ann@ex.com"):
        assert root.refused("POST", f"user/ann@ex.com/change_email/{new}") == "ALREADY_EXISTS"
    for new in ("bob@ex.com", "sales@ex.com"):
        assert root.refused("POST", f"alias/all@ex.com/change_email/{new}") == "ALREADY_EXISTS"
    assert root.refused("POST", "user/ann@ex.com/change_email/ann@nowhere.test") == "NO_SUCH_DOMAIN"
    assert root.refused("POST", "user/no@ex.com/change_email/new@ex.com") == "NO_SUCH_ACCOUNT"
    assert root.refused("POST", "user/ann@ex.com/change_email/nonsense") == "INVALID_MAIL"
    assert site.dump() == before


def test_a_renamed_alias_is_renamed_everywhere(site: Site, root: Client) -> None:
    root.ok("POST", "alias/team@far.com", members="all@ex.com,x@x.test")
    root.ok("PUT", "domain/far.com", recipientBcc="all@ex.com", catchall="all@ex.com")
    site.execute("vmail", "INSERT INTO sender_relayhost (account, relayhost) VALUES ('all@ex.com', '[192.0.2.1]:25')")
    expected = _texts(site, "all@ex.com", "all@far.com", ("ex.com", "far.com"))
    root.ok("POST", "alias/all@ex.com/change_email/all@far.com")
    assert _naming(site, "all@ex.com") == []
    assert _texts(site, "", "", ("", "")) == expected


def test_moving_an_alias_counts_in_the_new_domain(root: Client) -> None:
    root.ok("PUT", "domain/far.com", numberOfAliases="1")
    root.ok("POST", "alias/one@far.com")
    assert root.refused("POST", "alias/all@ex.com/change_email/all@far.com") == "EXCEEDED_DOMAIN_ACCOUNT_LIMIT"
    root.ok("POST", "alias/one@far.com/change_email/two@far.com")


def test_a_deleted_user_leaves_nothing_and_others_get_their_own_mail_again(site: Site, root: Client) -> None:
    root.ok("DELETE", "user/ann@ex.com/keep_mailbox_days/7")
    assert _naming(site, "ann@ex.com") == []
    assert site.rows("forwardings", address="sales@ex.com") == []
    assert root.data("user/bob@ex.com")["forwardings"] == ["bob@ex.com"]
    assert root.data("alias/all@ex.com")["members"] == ["bob@ex.com"]
    [kept] = site.rows("deleted_mailboxes")
    assert (kept["username"], kept["bytes"], kept["messages"]) == ("ann@ex.com", 4096, 3)
    assert kept["admin"] == "root@admins.test"
    assert root.refused("DELETE", "user/ann@ex.com") == "NO_SUCH_ACCOUNT"
    root.ok("POST", "user/ann@ex.com", password=PASSWORD)


def test_a_disabled_user_who_gets_the_own_row_back_stays_without_mail(site: Site, root: Client) -> None:
    root.ok("PUT", "user/bob@ex.com", accountStatus="disabled")
    root.ok("DELETE", "user/ann@ex.com")
    [own] = site.rows("forwardings", address="bob@ex.com")
    assert (own["forwarding"], own["active"]) == ("bob@ex.com", 0)


def test_a_deleted_alias_leaves_nothing(site: Site, root: Client) -> None:
    root.ok("POST", "alias/team@far.com", members="all@ex.com,x@x.test")
    root.ok("PUT", "user/bob@ex.com", forwarding="all@ex.com")
    root.ok("PUT", "domain/far.com", recipientBcc="all@ex.com", catchall="all@ex.com")
    root.ok("DELETE", "alias/all@ex.com")
    assert _naming(site, "all@ex.com") == []
    assert root.data("user/bob@ex.com")["forwardings"] == ["bob@ex.com"]


def test_a_deleted_domain_leaves_nothing_and_others_get_their_own_mail_again(site: Site, root: Client) -> None:
    root.ok("POST", "user/dot@far.com", password=PASSWORD, forwarding="ann@ex.com", senderBcc="bob@ex.com")
    root.ok("POST", "user/eve@far.com", password=PASSWORD)
    root.ok("POST", "alias/team@far.com", members="all@ex.com,x@x.test")
    root.ok("PUT", "domain/admins/ex.com", addAdmin="eve@far.com")
    root.ok("PUT", "domain/far.com", catchall="bob@ex.com", recipientBcc="bob@ex.com")
    root.ok("DELETE", "domain/ex.com")
    left = {table: str(rows) for table, rows in site.dump().items() if table not in {"deleted_mailboxes", "log"}}
    assert [table for table, text in left.items() if "ex.com" in text] == []
    assert root.data("user/dot@far.com")["forwardings"] == ["dot@far.com"]
    assert root.data("alias/team@far.com")["members"] == ["x@x.test"]
    assert [row["isadmin"] for row in site.rows("mailbox", username="eve@far.com")] == [0]
    assert {row["delete_date"] for row in site.rows("deleted_mailboxes")} == {None}


def test_a_domain_whose_name_ends_alike_is_left_alone(site: Site, root: Client) -> None:
    root.ok("POST", "domain/my_ex.com")
    root.ok("POST", "domain/myaex.com", catchall="x@x.test", outboundRelay="[192.0.2.1]:25", senderBcc="x@x.test")
    root.ok("POST", "user/ann@myaex.com", password=PASSWORD, senderBcc="copy@myaex.com")
    root.ok("PUT", "domain/admins/myaex.com", addAdmin="ann@myaex.com")
    site.execute("vmail", "INSERT INTO anyone_shares (from_user) VALUES ('ann@myaex.com')")
    before = {table: [row for row in rows if "myaex" in str(row)] for table, rows in site.dump().items()}
    root.ok("DELETE", "domain/my_ex.com")
    root.ok("DELETE", "domain/ex.com")
    after = {table: [row for row in site.rows(table) if "myaex" in str(row)] for table in before}
    assert {table: rows for table, rows in after.items() if table != "log"} == {
        table: rows for table, rows in before.items() if table != "log"
    }
