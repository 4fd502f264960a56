"""Greylisting through the API: settings, whitelisted senders and the domains that the DNS answers for."""

from collections.abc import Iterator

import pytest

from tests.greylisting.dns import NameServer, serving
from tests.site import ROOT, Row, Site
from tests.spam_policy.world import Request, answers_at_once, furnished, log_lines

ANN = "greylisting/ann@a.test"
SENDERS = "greylisting/ann@a.test/whitelists"
SPF = "greylisting/whitelist_spf_domains"
NO_STATUS = ("", "maybe", "yes", "no", "1", "0", "true", "enabled", "disabled", "active", "enable,disable")
FORMS = [
    "192.0.2.0/24", "192.0.2.7", "2001:db8::/32", "2001:db8::7", "@.", "@.far.test", "@.test", "@far.test",
    "x@far.test",
]  # fmt: skip
INVALID = [
    "192.0.2.7/24", "2001:db8::7/64", "192.0.2.256", "192.0.2.*", "x@*", "far.test", ".far.test", "global", "*", "@",
    "@localhost", "x@localhost", "x@192.0.2.7", "ü@far.test", f"{'x' * 60}@{'y' * 40}.test",
]  # fmt: skip
"""What iRedAPD never compares; the last one is longer than 100 characters, which is all that MariaDB keeps."""
MANY = [f"u{number}@far.test" for number in range(100_000)]
MOST = 20_000
ZONE = """
    a.example. TXT "v=spf1 ip4:198.51.100.1 ip4:198.51.100.2 -all"
    b.example. TXT "v=spf1 ip4:198.51.100.2 ip6:2001:db8::/32 -all"
    none.example. A 198.51.100.9
"""


def set_rows(site: Site) -> list[tuple[object, ...]]:
    """Return the settings that are not of a new installation."""
    columns = ("account", "priority", "sender", "sender_priority", "active")
    return sorted(tuple(row[name] for name in columns) for row in site.rows("greylisting") if row["account"] != "@.")


def named(rows: list[Row], column: str) -> list[str]:
    return sorted(row[column] for row in rows)


# Settings


def test_a_scope_without_a_setting_says_nothing(site: Site) -> None:
    root = furnished(site)
    before = site.dump()
    assert root.data("greylisting/global") == {"status": "enable"}  # as iRedMail installs it
    for scope in ("a.test", "ann@a.test", "all@a.test"):
        assert root.data(f"greylisting/{scope}") == {}
        assert root.data(f"greylisting/{scope}/whitelists") == []
    assert root.data("greylisting/global/whitelists") == []
    assert root.data(SPF) == []
    assert site.dump() == before


def test_a_status_is_enable_or_disable(site: Site) -> None:
    root = furnished(site)
    before = site.dump()
    for value in NO_STATUS:
        assert root.refused("POST", ANN, status=value) == "INVALID_VALUE", value
    for wrong in (True, None, 1, ["enable", "disable"]):
        assert root.raw("POST", ANN, json={"status": wrong}).json()["_success"] is False, wrong
    assert root.refused("POST", ANN) == "MISSING_PARAMETER"
    assert root.raw("POST", ANN, data=[("status", "enable"), ("status", "disable")]).json()["_success"] is False
    assert site.dump() == before
    root.ok("POST", ANN, status=" ENABLE ")
    assert root.data(ANN) == {"status": "enable"}


def test_settings_are_rows_for_all_senders_with_the_priority_of_their_scope(site: Site) -> None:
    root = furnished(site)
    root.ok("POST", "greylisting/A.Test", status="disable")
    root.ok("POST", "greylisting/Ann@A.TEST", status="enable")
    root.ok("POST", "greylisting/global", status="disable")
    assert set_rows(site) == [("@a.test", 60, "@.", 0, 0), ("ann@a.test", 100, "@.", 0, 1)]
    assert [row["active"] for row in site.rows("greylisting", account="@.")] == [0]
    root.ok("POST", ANN, status="disable")
    root.ok("DELETE", "greylisting/a.test")
    root.ok("DELETE", "greylisting/a.test")
    assert set_rows(site) == [("ann@a.test", 100, "@.", 0, 0)]


def test_settings_for_one_sender_and_wrong_priorities_of_other_programs(site: Site) -> None:
    root = furnished(site)
    columns = "INSERT INTO greylisting (account, priority, sender, sender_priority, comment, active) VALUES"
    site.execute("iredapd", f"{columns} ('ann@a.test', 0, '@.', 0, 'by hand', 0)")
    site.execute("iredapd", f"{columns} ('ann@a.test', 100, '@far.test', 60, '', 0)")
    root.ok("POST", ANN, status="enable")
    assert set_rows(site) == [("ann@a.test", 100, "@.", 0, 1), ("ann@a.test", 100, "@far.test", 60, 0)]
    assert named(site.rows("greylisting", account="ann@a.test"), "comment") == ["", "by hand"]
    root.ok("DELETE", ANN)
    assert set_rows(site) == [("ann@a.test", 100, "@far.test", 60, 0)]
    assert root.data(ANN) == {}


def test_all_settings_are_listed_as_iredapd_asks_them(site: Site) -> None:
    root = furnished(site)
    root.ok("POST", "domain/b.test")
    for scope in ("a.test", "ann@a.test", "b.test"):
        root.ok("POST", f"greylisting/{scope}", status="disable")
    assert [(entry["account"], entry["status"]) for entry in root.data("greylisting/all")] == [
        ("ann@a.test", "disable"), ("@a.test", "disable"), ("@b.test", "disable"), ("@.", "enable"),
    ]  # fmt: skip
    admin = site.admin("al@admins.test", "a.test")
    assert [entry["account"] for entry in admin.data("greylisting/all")] == ["ann@a.test", "@a.test"]
    root.ok("PUT", "domain/a.test", disableUserProfile="greylisting")
    assert [entry["account"] for entry in admin.data("greylisting/all")] == ["@a.test"]
    root.ok("PUT", "domain/a.test", disableDomainProfile="greylisting")
    assert admin.data("greylisting/all") == []
    assert site.client().refused("GET", "greylisting/all") == "LOGIN_REQUIRED"


def test_an_address_that_mariadb_would_cut_is_refused(site: Site) -> None:
    root = furnished(site)
    fits, longer = f"{'x' * 40}@{'y' * 54}.test", f"{'x' * 41}@{'y' * 54}.test"
    assert (len(fits), len(longer)) == (100, 101)
    root.ok("POST", f"domain/{'y' * 54}.test")
    for address in (fits, longer):
        root.ok("POST", f"alias/{address}")
    for path, parameters in (("", {"status": "enable"}), ("/whitelists", {"addSenders": "@far.test"})):
        root.ok("POST", f"greylisting/{fits}{path}", **parameters)
        before = site.dump()
        assert root.refused("POST", f"greylisting/{longer}{path}", **parameters) == "INVALID_ACCOUNT"
        assert site.dump() == before
    assert (root.data(f"greylisting/{longer}"), root.data(f"greylisting/{longer}/whitelists")) == ({}, [])


# Whitelisted senders


def test_senders_are_kept_in_each_form_that_iredapd_compares(site: Site) -> None:
    root = furnished(site)
    root.ok("POST", SENDERS, addSenders=" , ".join(FORMS))
    assert root.data(SENDERS) == sorted(FORMS)
    answer = root.post(SENDERS, addSenders=",".join([*INVALID, "y@far.test"]))
    assert answer == {"_success": True, "_discarded": INVALID}
    assert root.data(SENDERS) == sorted([*FORMS, "y@far.test"])
    assert {(row["account"], row["comment"]) for row in site.rows("greylisting_whitelists")} == {("ann@a.test", "")}


def test_every_spelling_is_one_sender(site: Site) -> None:
    root = furnished(site)
    spellings = "X@Far.TEST,x@far.test,@GRÜN.test,2001:DB8:0::7,192.0.2.0/255.255.255.0,192.0.2.0/24"
    root.ok("POST", SENDERS, addSenders=spellings)
    root.ok("POST", SENDERS, addSenders=spellings.upper())
    assert root.data(SENDERS) == ["192.0.2.0/24", "2001:db8::7", "@xn--grn-ioa.test", "x@far.test"]
    root.ok("POST", SENDERS, removeSenders="X@FAR.TEST,192.0.2.0/255.255.255.0")
    assert root.data(SENDERS) == ["2001:db8::7", "@xn--grn-ioa.test"]


def test_a_reset_replaces_an_addition_adds_and_a_removal_removes(site: Site) -> None:
    root = furnished(site)
    root.ok("POST", SENDERS, senders="@a.example,@b.example")
    root.ok("POST", SENDERS, addSenders="@c.example,@b.example", removeSenders="@a.example,@z.example")
    assert root.data(SENDERS) == ["@b.example", "@c.example"]
    for name in ("addSenders", "removeSenders"):
        root.ok("POST", SENDERS, **{name: ""})
    assert root.data(SENDERS) == ["@b.example", "@c.example"]
    root.ok("POST", "greylisting/a.test/whitelists", senders="@b.example")
    root.ok("POST", SENDERS, senders="")
    assert (root.data(SENDERS), root.data("greylisting/a.test/whitelists")) == ([], ["@b.example"])


def test_a_reset_conflicts_with_additions_and_removals(site: Site) -> None:
    root = furnished(site)
    before = site.dump()
    for path, reset, *others in (
        (SENDERS, "senders", "addSenders", "removeSenders"),
        (SPF, "domains", "addDomains", "removeDomains"),
    ):
        for name in others:
            for values in (("a.example", "b.example"), ("", "b.example"), ("a.example", ""), ("", "")):
                parameters = dict(zip((reset, name), values, strict=True))
                assert root.refused("POST", path, **parameters) == "CONFLICTING_PARAMETERS", parameters
        assert root.refused("POST", path, **dict.fromkeys((reset, *others), "a.example")) == "CONFLICTING_PARAMETERS"
    assert site.dump() == before


@pytest.mark.slow  # as many as there may be
def test_a_hundred_thousand_senders_at_once_are_refused_as_a_whole(site: Site) -> None:
    root = furnished(site)
    root.ok("POST", SENDERS, addSenders="x@far.test")
    before = site.dump()
    for path, name in ((SENDERS, "senders"), (SENDERS, "addSenders"), (SENDERS, "removeSenders"), (SPF, "domains")):
        response = root.raw("POST", path, data={name: ",".join(MANY)})
        assert (response.status_code, response.json()["_msg"]) == (413, "REQUEST_TOO_LARGE")
    assert site.dump() == before


@pytest.mark.slow  # as many as there may be
def test_as_many_senders_as_are_taken_at_once_are_all_kept_and_replaced(site: Site) -> None:
    root = furnished(site)
    root.ok("POST", SENDERS, senders=",".join(MANY[:MOST]))
    assert root.data(SENDERS) == sorted(MANY[:MOST])
    root.ok("POST", SENDERS, senders=",".join(MANY[MOST - 10 : MOST + 10]))
    assert root.data(SENDERS) == sorted(MANY[MOST - 10 : MOST + 10])


# Domains whose servers the DNS names


@pytest.fixture
def dns(site: Site) -> Iterator[NameServer]:
    """A DNS that the site asks."""
    with serving(ZONE) as name_server:
        site.change_settings(dns_servers=[name_server.address])
        yield name_server


def test_domains_are_kept_in_one_spelling_and_what_is_none_is_discarded(site: Site) -> None:
    root = furnished(site)
    answer = root.post(SPF, addDomains="Far.TEST,far.test, grün.test ,@x.test,x@y.test,192.0.2.7,test,@.x.test,*")
    assert answer == {"_success": True, "_discarded": ["@x.test", "x@y.test", "192.0.2.7", "test", "@.x.test", "*"]}
    assert root.data(SPF) == ["far.test", "xn--grn-ioa.test"]
    root.ok("POST", SPF, removeDomains="FAR.test,other.test")
    assert root.data(SPF) == ["xn--grn-ioa.test"]
    root.ok("POST", SPF, domains="")
    assert site.rows("greylisting_whitelist_domains") == []


def test_the_dns_is_asked_when_it_is_wanted(site: Site, dns: NameServer) -> None:
    root = furnished(site)
    root.ok("POST", SPF, addDomains="a.example")
    root.ok("POST", SPF, addDomains="a.example", query_dns_immediately="no")
    assert (site.rows("greylisting_whitelist_domain_spf"), dns.asked) == ([], [])
    root.ok("POST", SPF, addDomains="a.example,b.example", query_dns_immediately="yes")
    found = {row["sender"]: (row["account"], row["comment"]) for row in site.rows("greylisting_whitelist_domain_spf")}
    assert found == {
        "198.51.100.1": ("@.", "AUTO-UPDATE: a.example"),
        "198.51.100.2": ("@.", "AUTO-UPDATE: a.example"),
        "2001:db8::/32": ("@.", "AUTO-UPDATE: b.example"),
    }
    root.ok("POST", SPF, removeDomains="a.example")
    assert named(site.rows("greylisting_whitelist_domain_spf"), "sender") == ["2001:db8::/32"]
    root.ok("POST", SPF, domains="")
    assert site.rows("greylisting_whitelist_domain_spf") == []


def test_a_dns_that_does_not_answer_leaves_the_domain_to_the_job(site: Site) -> None:
    root = furnished(site)
    with serving(ZONE, {"a.example": "SERVFAIL"}) as name_server:
        site.change_settings(dns_servers=[name_server.address])
        answer = root.post(SPF, addDomains="a.example,b.example", query_dns_immediately="yes")
    assert answer == {"_success": True, "_hint": "The job asks the DNS for a.example later."}
    assert root.data(SPF) == ["a.example", "b.example"]
    assert {row["comment"] for row in site.rows("greylisting_whitelist_domain_spf")} == {"AUTO-UPDATE: b.example"}


def test_whether_the_dns_is_asked_is_yes_or_no(site: Site) -> None:
    root = furnished(site)
    before = site.dump()
    for value in ("maybe", "", "1", "true"):
        assert root.refused("POST", SPF, addDomains="a.example", query_dns_immediately=value) == "INVALID_VALUE"
    assert site.dump() == before


# Many at once


def test_many_writers_leave_one_setting(site: Site) -> None:
    furnished(site)
    scopes = ("global", "a.test", "ann@a.test")
    wanted: list[Request] = [
        ("POST", f"greylisting/{scope}", {"status": ("enable", "disable")[number % 2]})
        for number in range(8)
        for scope in scopes
    ]
    assert answers_at_once(site, wanted) == {"done": 24}
    assert named(site.rows("greylisting"), "account") == ["@.", "@a.test", "ann@a.test"]
    assert len(log_lines(site, "greylisting")) == 24


def test_many_who_add_and_remove_lose_nothing(site: Site) -> None:
    root = furnished(site)
    root.ok("POST", SENDERS, senders="@a.example,@b.example")
    wanted: list[Request] = [
        ("POST", SENDERS, {"addSenders": ",".join(MANY[number : number + 8]), "removeSenders": "@a.example"})
        for number in range(16)
    ]
    assert answers_at_once(site, wanted) == {"done": 16}
    assert root.data(SENDERS) == sorted(["@b.example", *MANY[:23]])


@pytest.mark.parametrize(
    ("path", "name"), [(SENDERS, "senders"), ("greylisting/global/whitelists", "senders"), (SPF, "domains")]
)
def test_of_many_who_replace_a_whole_set_one_is_the_last(site: Site, path: str, name: str) -> None:
    root = furnished(site)
    sets = [[f"d{number}-{index}.example" for index in range(10)] for number in range(8)]
    if name == "senders":
        sets = [[f"@{domain}" for domain in domains] for domains in sets]
    for _ in range(2):
        wanted: list[Request] = [("POST", path, {name: ",".join(domains)}) for domains in sets]
        assert answers_at_once(site, wanted) == {"done": 8}
        assert root.data(path) in sets


def test_each_change_leaves_a_line_without_values(site: Site) -> None:
    root = furnished(site)
    root.ok("POST", "greylisting/global", status="disable")
    root.ok("POST", SENDERS, senders="secret@far.test")
    root.ok("DELETE", "greylisting/a.test")
    root.ok("POST", SPF, addDomains="secret.test")
    root.refused("POST", ANN, status="maybe")
    root.data(SENDERS)
    assert log_lines(site, "greylisting") == [
        (ROOT, "", "", "[API] Switch greylisting on or off: global (status)."),
        (ROOT, "a.test", "ann@a.test", "[API] Change the senders that are not greylisted: ann@a.test (senders)."),
        (ROOT, "a.test", "", "[API] Delete a greylisting setting: a.test."),
        (ROOT, "", "", "[API] Change the domains whose mail servers are not greylisted: global (domains)."),
    ]
