"""What the rows of overviews show."""

import re

import pytest

from tests.overviews.world import add_users, addresses, forwards, use
from tests.site import PASSWORD, ROOT, Client, Site

MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


def test_a_user_has_size_and_login_and_rights(site: Site, root: Client) -> None:
    add_users(root, "ann@ex.com", name="Ann", quota="100")
    add_users(root, "boss@ex.com", name="Boss", isGlobalAdmin="yes", quota="0")
    root.ok("PUT", "domain/admins/ex.com", addAdmin="ann@ex.com")
    root.ok("PUT", "domain/admins/other.test", addAdmin="ann@ex.com")
    root.ok("PUT", "user/ann@ex.com", accountStatus="disabled")
    use(site, "ann@ex.com", octets=5_000_000_000, messages=7, imap=1_700_000_000, pop3=1_600_000_000)
    ann, boss = root.data("panel/users/ex.com")["rows"]
    assert MOMENT.fullmatch(ann.pop("created"))
    assert ann == {
        "address": "ann@ex.com", "name": "Ann", "is_active": False, "quota": 100, "used_bytes": 5_000_000_000,
        "used_messages": 7, "last_login": "2023-11-14 22:13:20", "is_global_admin": False, "domains": 2,
    }  # fmt: skip
    assert {key: boss[key] for key in boss if key not in {"created", "name"}} == {
        "address": "boss@ex.com", "is_active": True, "quota": 0, "used_bytes": 0, "used_messages": 0,
        "last_login": "", "is_global_admin": True, "domains": 0,
    }  # fmt: skip


def test_an_alias_has_its_members_counted(root: Client) -> None:
    root.ok("POST", "alias/all@ex.com", name="All", members="a@x.test,b@x.test,c@x.test", accessPolicy="domain")
    root.ok("POST", "alias/none@ex.com", accountStatus="disabled")
    everybody, nobody = root.data("panel/aliases/ex.com")["rows"]
    assert MOMENT.fullmatch(everybody.pop("created"))
    assert everybody == {
        "address": "all@ex.com", "name": "All", "is_active": True, "access_policy": "domain", "members": 3,
    }  # fmt: skip
    assert (nobody["is_active"], nobody["members"]) == (False, 0)


def test_a_list_is_subscribable(root: Client) -> None:
    root.ok("POST", "ml/news@ex.com", name="News", is_newsletter="yes", accessPolicy="membersonly")
    [news] = root.data("panel/lists/ex.com")["rows"]
    assert MOMENT.fullmatch(news.pop("created"))
    assert news == {
        "address": "news@ex.com", "name": "News", "is_active": True, "kind": "subscribable", "is_newsletter": True,
        "access_policy": "membersonly", "members": None,
    }  # fmt: skip
    assert root.data("panel/lists/other.test")["rows"] == []


@pytest.mark.ldap
def test_an_unsubscribable_list_stands_beside_and_has_members(root: Client) -> None:
    add_users(root, "ann@ex.com")
    root.ok("POST", "ml/news@ex.com")
    root.ok("POST", "maillist/all@ex.com", members="ann@ex.com,x@x.test,y@x.test")
    root.ok("POST", "maillist/none@ex.com")
    rows = root.data("panel/lists/ex.com")["rows"]
    assert [(row["address"], row["kind"], row["members"]) for row in rows] == [
        ("all@ex.com", "unsubscribable", 3), ("news@ex.com", "subscribable", None),
        ("none@ex.com", "unsubscribable", 0),
    ]  # fmt: skip


def test_a_domain_has_what_lies_in_it_counted(site: Site, root: Client) -> None:
    root.ok(
        "PUT", "domain/ex.com", quota="5000", numberOfUsers="10", numberOfAliases="20", numberOfLists="-1",
        aliasDomains="ex.net,ex.org",
    )  # fmt: skip
    add_users(root, "ann@ex.com", "bob@ex.com", quota="100")
    root.ok("POST", "alias/all@ex.com")
    use(site, "ann@ex.com", octets=1000)
    use(site, "bob@ex.com", octets=234)
    root.ok("PUT", "domain/other.test", is_backupmx="yes", accountStatus="disabled")
    ex, other = root.data("panel/domains")["rows"]
    assert MOMENT.fullmatch(ex.pop("created"))
    assert ex == {
        "domain": "ex.com", "name": "Example Inc.", "is_active": True, "users": 2, "aliases": 1, "lists": 0,
        "allocated_quota": 200, "used_bytes": 1234, "quota": 5000, "most_users": 10, "most_aliases": 20,
        "most_lists": -1, "is_backup_mx": False, "alias_domains": ["ex.net", "ex.org"], "waiting": [],
    }  # fmt: skip
    assert (other["is_backup_mx"], other["is_active"], other["users"], other["alias_domains"]) == (True, False, 0, [])


def test_domains_are_sorted_and_found(root: Client) -> None:
    for number, name in enumerate(("b.test", "a.test", "c.test")):
        root.ok("POST", f"domain/{name}", name="Same", quota=str(number))
    names = ["a.test", "b.test", "c.test", "ex.com", "other.test"]
    for sort in ("domain", "name", "quota", "created"):
        met = addresses(forwards(root, "panel/domains", sort=sort, page_size="2"), "domain")
        assert sorted(met) == names, sort
    assert addresses(forwards(root, "panel/domains", direction="descending"), "domain") == names[::-1]
    assert addresses(forwards(root, "panel/domains", sort="quota"), "domain") == [
        "a.test", "c.test", "b.test", "ex.com", "other.test",
    ]  # fmt: skip
    assert addresses(root.data("panel/domains", search="SAME", letter="b")["rows"], "domain") == ["b.test"]
    assert root.data("panel/domains", search=".test", count="yes")["total"] == 4


def test_admins_are_standalone_ones_and_users(root: Client) -> None:
    root.ok("POST", "admin/al@admins.test", name="Al", password=PASSWORD)
    root.ok("PUT", "domain/admins/ex.com", addAdmin="al@admins.test")
    add_users(root, "ann@ex.com", name="Ann")
    add_users(root, "boss@ex.com", isGlobalAdmin="yes")
    add_users(root, "plain@ex.com")
    root.ok("PUT", "domain/admins/ex.com", addAdmin="ann@ex.com")
    root.ok("PUT", "domain/admins/other.test", addAdmin="ann@ex.com")
    rows = list(forwards(root, "panel/admins", page_size="2"))
    assert [(row["address"], row["kind"], row["is_global_admin"], row["domains"]) for row in rows] == [
        ("al@admins.test", "admin", False, 1), ("ann@ex.com", "user", False, 2), ("boss@ex.com", "user", True, 0),
        (ROOT, "admin", True, 0),
    ]  # fmt: skip
    assert MOMENT.fullmatch(rows[0]["created"])
    root.ok("PUT", "admin/al@admins.test", accountStatus="disabled")
    assert addresses(root.data("panel/admins", status="disabled")["rows"]) == ["al@admins.test"]
    assert addresses(root.data("panel/admins", search="ANN", letter="a", count="yes")["rows"]) == ["ann@ex.com"]
    for sort in ("name", "created"):
        assert len(set(addresses(forwards(root, "panel/admins", sort=sort, page_size="1")))) == 4


def test_a_catch_all_is_no_user(root: Client) -> None:
    add_users(root, "ann@ex.com")
    root.ok("PUT", "domain/ex.com", catchall="ann@ex.com")
    assert addresses(root.data("panel/users/ex.com")["rows"]) == ["ann@ex.com"]
    assert addresses(root.data("panel/search", search="ex.com")["found"]) == ["ex.com", "ann@ex.com"]


def test_what_is_not_there_is_refused(root: Client) -> None:
    for kind in ("users", "aliases", "lists"):
        assert root.refused("GET", f"panel/{kind}/no.test") == "NO_SUCH_DOMAIN"


@pytest.mark.usefixtures("root")
def test_what_waits_for_its_owner_is_named(site: Site) -> None:
    site.change_settings(require_domain_ownership_verification=True)
    al = site.admin("al@admins.test", "ex.com", maxDomains="5")
    assert al.post("domain/new.test")["_success"]
    assert al.put("domain/ex.com", addAliasDomain="ex.net")["_success"]
    al = site.client().login("al@admins.test")
    rows = {row["domain"]: row for row in al.data("panel/domains")["rows"]}
    assert {name: row["waiting"] for name, row in rows.items()} == {"ex.com": ["ex.net"], "new.test": ["new.test"]}
    assert rows["new.test"]["is_active"] is False
    assert rows["ex.com"]["alias_domains"] == ["ex.net"]
