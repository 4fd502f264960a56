"""What an admin sees first."""

import time
from typing import Any

import pytest

from postreeve import __version__
from postreeve.dashboard.recent import Recent
from tests.site import PASSWORD, ROOT, Client, Site


@pytest.fixture
def root(site: Site) -> Client:
    """Two domains with what may lie in them."""
    site.execute("iredadmin", "DELETE FROM log")
    root = site.root()
    root.ok("POST", "domain/a.test", aliasDomains="a.example")
    root.ok("POST", "domain/b.test")
    root.ok("POST", "user/ann@a.test", password=PASSWORD, quota="100", aliases="anna@a.test")
    root.ok("POST", "user/bob@a.test", password=PASSWORD, quota="0", accountStatus="disabled")
    root.ok("POST", "user/cat@b.test", password=PASSWORD, quota="50", isGlobalAdmin="yes")
    root.ok("POST", "alias/all@a.test", members="ann@a.test")
    root.ok("POST", "ml/news@a.test")
    root.ok("PUT", "domain/a.test", catchall="ann@a.test")
    root.ok("PUT", "domain/admins/b.test", addAdmin="ann@a.test")
    for mail, octets, messages in (("ann@a.test", 1000, 10), ("bob@a.test", 200, 2), ("cat@b.test", 30, 3)):
        site.execute(
            "iredadmin" if site.directory else "vmail",
            "INSERT INTO used_quota (username, bytes, messages, domain) VALUES"
            f" ('{mail}', {octets}, {messages}, '{mail.partition('@')[2]}')",
        )
    return root


def test_numbers_are_those_of_everything(site: Site, root: Client) -> None:
    found = root.data("panel/dashboard")
    assert found["numbers"] == {
        "domains": 2, "users": 3, "aliases": 1, "lists": 1, "admins": 3, "allocated_quota": 150, "used_bytes": 1230,
        "used_messages": 15,
    }  # fmt: skip
    assert found["version"] == __version__
    names = [server["name"] for server in found["servers"]]
    assert names == [*(["ldap"] if site.directory else []), *site.storage.databases]
    assert all(server["version"] for server in found["servers"])


@pytest.mark.usefixtures("root")
def test_domain_admins_see_their_domains(site: Site) -> None:
    found = site.admin("al@far.test", "a.test").data("panel/dashboard")
    assert found["numbers"] == {
        "domains": 1, "users": 2, "aliases": 1, "lists": 1, "admins": 0, "allocated_quota": 100, "used_bytes": 1200,
        "used_messages": 12,
    }  # fmt: skip
    assert (found["servers"], found["python"], found["pending"]) == ([], "", {"number": 0, "steps": []})
    assert [new["name"] for new in found["newest"]] == [
        "news@a.test", "all@a.test", "bob@a.test", "ann@a.test", "a.test",
    ]  # fmt: skip
    nothing = site.admin("no@far.test").data("panel/dashboard")
    assert not any(nothing["numbers"].values())
    assert nothing["newest"] == []
    assert site.client().refused("GET", "panel/dashboard") == "LOGIN_REQUIRED"


def test_the_newest_accounts_are_those_that_are_there(site: Site, root: Client) -> None:
    site.admin("al@far.test")
    root.ok("DELETE", "user/cat@b.test")
    found = root.data("panel/dashboard")["newest"]
    assert [(new["kind"], new["name"]) for new in found] == [
        ("admin", "al@far.test"), ("list", "news@a.test"), ("alias", "all@a.test"), ("user", "bob@a.test"),
        ("user", "ann@a.test"), ("domain", "b.test"), ("domain", "a.test"),
    ]  # fmt: skip
    assert {new["by"] for new in found} == {ROOT}
    for number in range(12):
        root.ok("POST", f"domain/d{number}.test")
    assert [new["name"] for new in root.data("panel/dashboard")["newest"]] == [f"d{n}.test" for n in range(11, 1, -1)]


@pytest.mark.ldap
def test_an_unsubscribable_list_is_told_from_one_with_subscribers(root: Client) -> None:
    root.ok("POST", "maillist/team@a.test")
    found = root.data("panel/dashboard")["newest"]
    assert [(new["kind"], new["name"]) for new in found[:2]] == [("maillist", "team@a.test"), ("list", "news@a.test")]


def test_what_is_pending_is_told_in_words(site: Site, root: Client) -> None:
    assert root.data("panel/dashboard")["pending"] == {"number": 0, "steps": []}
    site.execute(
        "iredadmin",
        "INSERT INTO postreeve_pending (store, deed, name, new_name, witness, created)"
        " VALUES ('amavisd', 'forget', 'old@a.test', '', 'x', 1)",
    )
    pending = root.data("panel/dashboard")["pending"]
    assert pending == {"number": 1, "steps": ["amavisd: old@a.test is to be forgotten"]}


def test_the_mail_of_the_day_is_there_where_it_is_logged(site: Site, root: Client) -> None:
    flow: dict[str, Any] = root.data("panel/dashboard")["mail"]
    assert len(flow["hours"]) == 24
    kept = site.admin("al@far.test", "a.test", disableViewingMailLog="yes")
    assert kept.data("panel/dashboard")["mail"] is None


# What is dear to find out


def test_what_is_cheap_is_found_out_each_time() -> None:
    recent, asked = Recent(), iter(range(10))
    assert [recent.answer("x", lambda: next(asked)) for _ in range(3)] == [0, 1, 2]


def test_what_is_dear_is_kept_twenty_times_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: clock)
    recent, asked = Recent(), []

    def find_out() -> int:
        nonlocal clock
        clock += 2
        asked.append(clock)
        return len(asked)

    assert recent.answer("x", find_out) == 1
    clock = 39.9
    assert recent.answer("x", find_out) == 1
    assert recent.answer("y", find_out) == 2
    clock = 60.0
    assert recent.answer("x", find_out) == 3
