"""Domains: shape, alias domains, catch-all, relay, backup MX, services, closed sections, settings, admins."""

import re
from typing import Any

import pytest

from postreeve.storage.tables.vmail import domain
from tests.profiles import said
from tests.servers import OPENLDAP
from tests.site import PASSWORD, ROOT, Client, Site

EXTRAS: dict[str, type] = {
    "catchall": list, "alias_domains": list, "admins": list, "senderBcc": str, "recipientBcc": str,
    "outboundRelay": str, "num_existing_users": int, "num_existing_aliases": int, "num_existing_maillists": int,
    "allocated_quota": int,
}  # fmt: skip


@pytest.fixture
def root(site: Site) -> Client:
    """A domain."""
    root = site.root()
    root.ok("POST", "domain/ex.com")
    return root


@pytest.mark.sql
def test_a_profile_has_the_columns_and_the_extras_with_their_types(site: Site, root: Client) -> None:
    profile = root.data("domain/ex.com")
    assert set(profile) == {column.name for column in domain.columns} | set(EXTRAS)
    assert {key: type(profile[key]) for key in EXTRAS} == EXTRAS
    assert profile["settings"] == {}
    root.ok("POST", "user/ann@ex.com", password=PASSWORD, quota="30")
    root.ok("POST", "alias/all@ex.com")
    root.ok("POST", "admin/boss@admins.test", password=PASSWORD)
    root.ok("PUT", "domain/admins/ex.com", addAdmin="boss@admins.test,ann@ex.com")
    site.execute("vmail", "INSERT INTO maillists (address, domain, mlid) VALUES ('list@ex.com', 'ex.com', 'x')")
    root.ok("PUT", "domain/ex.com", aliasDomains="ex.net,ex.org", catchall="ann@ex.com", senderBcc="a@x.test",
            recipientBcc="b@x.test", outboundRelay="[192.0.2.1]:25", defaultQuota="5", services="self-service",
            disableDomainProfile="relay,bcc")  # fmt: skip
    profile = root.data("domain/ex.com")
    assert {key: profile[key] for key in EXTRAS} == {
        "catchall": ["ann@ex.com"], "alias_domains": ["ex.net", "ex.org"],
        "admins": ["ann@ex.com", "boss@admins.test"], "senderBcc": "a@x.test", "recipientBcc": "b@x.test",
        "outboundRelay": "[192.0.2.1]:25", "num_existing_users": 1, "num_existing_aliases": 1,
        "num_existing_maillists": 1, "allocated_quota": 30,
    }  # fmt: skip
    assert profile["settings"] == {
        "default_user_quota": 5, "enabled_services": ["self-service"], "disabled_domain_profiles": ["bcc", "relay"]
    }  # fmt: skip
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", profile[key]) for key in ("created", "expired"))
    assert root.data("domains") == [profile]
    assert root.data("domains", name_only="yes") == ["ex.com"]


def test_a_hosted_name_is_in_use_as_primary_and_as_alias(site: Site, root: Client) -> None:
    root.ok("PUT", "domain/ex.com", addAliasDomain="ex.net")
    root.ok("POST", "domain/far.com")
    before = site.dump()
    assert root.refused("POST", "domain/ex.com") == "ALREADY_EXISTS"
    assert root.refused("POST", "domain/ex.net") == "ALREADY_EXISTS"
    assert root.refused("POST", "domain/new.com", aliasDomains="ex.net") == "ALREADY_EXISTS"
    assert root.refused("POST", "domain/new.com", aliasDomains="new.com") == "INVALID_VALUE"
    for name in ("ex.com", "far.com"):
        assert root.refused("PUT", "domain/far.com", addAliasDomain=name) == "ALREADY_EXISTS"
    assert site.dump() == before


def test_alias_domains_are_added_and_removed_in_one_call(root: Client) -> None:
    root.ok("PUT", "domain/ex.com", aliasDomains="a.test,b.test")
    root.ok("PUT", "domain/ex.com", addAliasDomain="c.test", removeAliasDomain="a.test,unknown.test")
    assert root.data("domain/ex.com")["alias_domains"] == ["b.test", "c.test"]
    root.ok("PUT", "domain/ex.com", aliasDomains="b.test")
    root.ok("PUT", "domain/ex.com", aliasDomains="")
    assert root.data("domain/ex.com")["alias_domains"] == []


@pytest.mark.parametrize(
    ("one", "other"),
    [("aliasDomains=a.test", "addAliasDomain=b.test"), ("aliasDomains=", "removeAliasDomain=b.test"),
     ("services=self-service", "addService=self-service"), ("services=", "disableService=self-service"),
     ("transport=dovecot", "is_backupmx=yes"), ("transport=dovecot", "backupmx=no")],
)  # fmt: skip
def test_conflicting_parameters_change_nothing(site: Site, root: Client, one: str, other: str) -> None:
    before = site.dump()
    parameters = dict(text.split("=") for text in (one, other))
    assert root.refused("PUT", "domain/ex.com", **parameters) == "CONFLICTING_PARAMETERS"
    assert site.dump() == before


@pytest.mark.parametrize("name", ["addAliasDomain", "removeAliasDomain", "addService", "removeService",
                                  "enableDomainProfile", "disableUserProfile", "enableUserPreference"])  # fmt: skip
def test_an_empty_add_or_remove_does_nothing(site: Site, root: Client, name: str) -> None:
    before = site.dump()
    root.ok("PUT", "domain/ex.com", **{name: ""})
    assert site.dump() == before


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [("quota", "", "INVALID_NUMBER"), ("quota", "2GB", "INVALID_NUMBER"), ("numberOfUsers", "-2", "INVALID_NUMBER"),
     ("accountStatus", "enabled", "INVALID_VALUE"), ("is_backupmx", "", "INVALID_VALUE"),
     ("transport", "a b", "INVALID_VALUE"), ("outboundRelay", "a b", "INVALID_VALUE"),
     ("primarymx", "x.test", "MISSING_PARAMETER"), ("catchall", "nonsense", "INVALID_MAIL"),
     ("catchall", "nobody@ex.com", "NO_SUCH_ACCOUNT"), ("aliasDomains", "nonsense", "INVALID_DOMAIN_NAME"),
     ("disableDomainProfile", "kitchen", "INVALID_VALUE"), ("language", "klingon", "INVALID_VALUE"),
     ("senderBcc", "nonsense", "INVALID_MAIL")],
)  # fmt: skip
def test_a_wrong_value_is_refused_and_changes_nothing(
    site: Site, root: Client, name: str, value: str, code: str
) -> None:
    before = site.dump()
    assert root.refused("PUT", "domain/ex.com", **{name: value}) == code
    assert site.dump() == before


def test_backup_mx_comes_and_goes_with_its_transport(root: Client) -> None:
    def state() -> tuple[int, str]:
        profile = root.data("domain/ex.com")
        return said(profile, "backupmx"), said(profile, "transport")

    root.ok("PUT", "domain/ex.com", is_backupmx="yes", primarymx="[mail.x.test]:25")
    assert state() == (1, "relay:[mail.x.test]:25")
    root.ok("PUT", "domain/ex.com", is_backupmx="yes")
    assert state() == (1, "relay:ex.com")
    root.ok("PUT", "domain/ex.com", is_backupmx="no")
    assert state() == (0, "dovecot")
    root.ok("PUT", "domain/ex.com", transport="lmtp:inet:192.0.2.1:24")
    root.ok("PUT", "domain/ex.com", is_backupmx="no")
    assert state() == (0, "lmtp:inet:192.0.2.1:24")


def test_the_relay_is_stored_as_postfix_wants_it(root: Client) -> None:
    root.ok("PUT", "domain/ex.com", outboundRelay="smtp:[192.168.1.2]:25")
    assert root.data("domain/ex.com")["outboundRelay"] == "[192.168.1.2]:25"


@pytest.mark.sql
def test_catchall_rows_are_no_members_and_no_forwardings(site: Site, root: Client) -> None:
    root.ok("POST", "user/ann@ex.com", password=PASSWORD)
    root.ok("PUT", "domain/ex.com", catchall="ann@ex.com,x@x.test")
    rows = site.rows("forwardings", address="ex.com")
    assert {(row["forwarding"], row["domain"], row["dest_domain"]) for row in rows} == {
        ("ann@ex.com", "ex.com", "ex.com"), ("x@x.test", "ex.com", "x.test")
    }  # fmt: skip
    assert {row[f"is_{kind}"] for row in rows for kind in ("list", "alias", "forwarding", "maillist")} == {0}
    root.ok("PUT", "user/ann@ex.com", forwarding="")
    assert len(site.rows("forwardings", address="ex.com")) == 2


@pytest.mark.sql
def test_services_of_a_directory_are_named_and_not_stored(site: Site, root: Client) -> None:
    answer = root.put("domain/ex.com", addService="self-service,mail,domainalias")
    assert answer == {"_success": True, "_ignored": ["addService=domainalias", "addService=mail"]}
    assert [row["settings"] for row in site.rows("domain")] == ["enabled_services:self-service;"]
    answer = root.put("domain/ex.com", services="Mail,self-service")
    assert answer == {"_success": True, "_ignored": ["services=Mail"]}
    answer = root.put("domain/ex.com", enableService="mail", removeService="fax")
    assert answer == {"_success": True, "_ignored": ["enableService=mail"]}


@pytest.mark.parametrize("role", ["primary", "alias"])
def test_no_domain_is_hosted_in_which_a_standalone_admin_lies(site: Site, root: Client, role: str) -> None:
    root.ok("POST", "admin/boss@far.test", password=PASSWORD)
    limited = site.admin("al@close.test", maxDomains="0")
    before = site.dump()
    path = "domain/far.test" if role == "primary" else "domain/new.test"
    parameters = {} if role == "primary" else {"aliasDomains": "far.test"}
    answer = root.post(path, **parameters)
    assert answer == {"_success": False, "_msg": "CAN_NOT_BE_LOCAL_DOMAIN", "_hint": "boss@far.test"}
    assert limited.post(path, **parameters)["_hint"] == "far.test"
    assert root.refused("PUT", "domain/ex.com", addAliasDomain="far.test") == "CAN_NOT_BE_LOCAL_DOMAIN"
    assert site.dump() == before
    root.ok("DELETE", "admin/boss@far.test")
    root.ok("POST", path, **parameters)


def test_a_domain_with_bounds_that_nothing_satisfies_is_refused(root: Client) -> None:
    for parameters, hint in (
        ({"minPasswordLength": "20", "maxPasswordLength": "10"}, "at least 20 and at most 10"),
        ({"maxPasswordLength": "7"}, "at least 8 and at most 7"),
        ({"defaultQuota": "5", "maxUserQuota": "4"}, "5 MB by defaultQuota; maxUserQuota is 4 MB"),
    ):
        answer = root.post("domain/new.test", **parameters)
        assert answer["_msg"] == "INVALID_VALUE"
        assert hint in answer["_hint"]
    root.ok("POST", "domain/new.test", minPasswordLength="5", maxPasswordLength="7", defaultQuota="5", maxUserQuota="5")


def test_a_bound_is_held_against_the_one_that_is_there_already(site: Site, root: Client) -> None:
    root.ok("PUT", "domain/ex.com", maxPasswordLength="12", maxUserQuota="100")
    before = site.dump()
    for parameters in ({"minPasswordLength": "13"}, {"defaultQuota": "101"}):
        assert root.refused("PUT", "domain/ex.com", **parameters) == "INVALID_VALUE"
    assert site.dump() == before
    root.ok("PUT", "domain/ex.com", minPasswordLength="13", maxPasswordLength="0")
    root.ok("PUT", "domain/ex.com", defaultQuota="101", maxUserQuota="0")
    assert root.refused("PUT", "domain/ex.com", maxPasswordLength="12") == "INVALID_VALUE"
    assert root.refused("PUT", "domain/ex.com", maxUserQuota="100") == "INVALID_VALUE"


def test_a_contradiction_that_others_left_does_not_stop_other_changes(site: Site, root: Client) -> None:
    if site.directory:
        texts = ["minPasswordLength:20", "maxPasswordLength:10", "defaultQuota:9", "maxUserQuota:8"]
        site.directory.change(site.directory.tree.domain("ex.com"), accountSetting=texts)
    else:
        text = "min_passwd_length:20;max_passwd_length:10;default_user_quota:9;max_user_quota:8;"
        site.execute("vmail", f"UPDATE domain SET settings = '{text}' WHERE domain = 'ex.com'")
    root.ok("PUT", "domain/ex.com", name="Ex")
    root.ok("PUT", "domain/ex.com", minPasswordLength="10")
    root.ok("PUT", "domain/ex.com", maxUserQuota="9")


def test_remove_all_services_clears_and_no_does_not(root: Client) -> None:
    def services() -> list[str]:
        profile = root.data("domain/ex.com")
        found = profile.get("enabledService", []) if "domainName" in profile else None
        return profile["settings"].get("enabled_services", []) if found is None else sorted(found)

    root.ok("PUT", "domain/ex.com", services="self-service")
    root.ok("PUT", "domain/ex.com", removeAllServices="no")
    assert services() == ["self-service"]
    root.ok("PUT", "domain/ex.com", removeAllServices="")
    assert services() == []


@pytest.mark.sql
def test_odd_settings_survive_every_change(site: Site, root: Client) -> None:
    text = "timezone:Europe/Berlin;odd;url:https://a.test/;disabled_mail_services:pop3;min_passwd_length:nine;empty:"
    site.execute("vmail", f"UPDATE domain SET settings = '{text}'")
    shown = root.data("domain/ex.com")["settings"]
    assert shown == {
        "timezone": "Europe/Berlin", "odd": "", "url": "https://a.test/", "disabled_mail_services": ["pop3"],
        "min_passwd_length": "nine", "empty": "",
    }  # fmt: skip
    root.ok("PUT", "domain/ex.com", defaultQuota="5", disableUserProfile="wblist,bcc")
    root.ok("PUT", "domain/ex.com", defaultQuota="0", enableUserProfile="bcc,wblist")
    assert [row["settings"] for row in site.rows("domain")] == [f"{text};"]


def test_repeating_an_update_changes_nothing(site: Site, root: Client) -> None:
    values = {
        "name": "A", "quota": "9", "defaultQuota": "1", "aliasDomains": "ex.net", "catchall": "x@x.test",
        "senderBcc": "a@x.test", "recipientBcc": "b@x.test", "outboundRelay": "[192.0.2.1]:25",
        "services": "self-service", "disableDomainProfile": "bcc", "is_backupmx": "yes",
    }  # fmt: skip
    root.ok("PUT", "domain/ex.com", **values)
    before = _timeless(site)
    root.ok("PUT", "domain/ex.com", **values)
    assert _timeless(site) == before


def _timeless(site: Site) -> dict[str, Any]:
    """Return everything but the log and when rows were changed."""
    found = site.dump()
    entries = found.pop(OPENLDAP, {})
    rows = {
        table: [{key: value for key, value in row.items() if key != "modified"} for row in rows]
        for table, rows in found.items()
        if table != "log"
    }
    return {**rows, OPENLDAP: entries}


def test_admins_are_added_and_removed(site: Site, root: Client) -> None:
    root.ok("POST", "domain/far.com")
    root.ok("POST", "user/ann@ex.com", password=PASSWORD)
    root.ok("POST", "admin/boss@admins.test", password=PASSWORD)
    for name in ("ex.com", "far.com"):
        root.ok("PUT", f"domain/admins/{name}", addAdmin="ann@ex.com,boss@admins.test")
    assert root.data("user/ann@ex.com")["managed_domains"] == ["ex.com", "far.com"]
    root.ok("PUT", "domain/admins/ex.com", removeAdmin="ann@ex.com")
    assert _is_marked(site, "ann@ex.com")
    root.ok("PUT", "domain/admins/far.com", removeAllAdmins="")
    assert not _is_marked(site, "ann@ex.com")
    assert root.data("domain/ex.com")["admins"] == ["boss@admins.test"]
    assert root.refused("PUT", "domain/admins/ex.com", addAdmin="no@ex.com") == "NO_SUCH_ACCOUNT"
    assert root.refused("PUT", "domain/admins/no.test", addAdmin="ann@ex.com") == "NO_SUCH_DOMAIN"


def _is_marked(site: Site, user: str) -> bool:
    """Tell whether a user is marked as somebody who administers something."""
    if not site.directory:
        return [row["isadmin"] for row in site.rows("mailbox", username=user)] == [1]
    services = next(entry["enabledService"] for entry in site.entries().values() if entry.get("mail") == [user])
    return "domainadmin" in services


def test_removing_all_admins_may_name_those_that_stay(root: Client) -> None:
    for name in ("boss", "chief"):
        root.ok("POST", f"admin/{name}@admins.test", password=PASSWORD)
    root.ok("PUT", "domain/admins/ex.com", addAdmin="boss@admins.test")
    root.ok("PUT", "domain/admins/ex.com", removeAllAdmins="", addAdmin="chief@admins.test")
    assert root.data("domain/ex.com")["admins"] == ["chief@admins.test"]


def test_global_admins_survive_remove_all_admins(site: Site, root: Client) -> None:
    root.ok("POST", "user/ann@ex.com", password=PASSWORD, isGlobalAdmin="yes")
    root.ok("PUT", "domain/admins/ex.com", addAdmin="ann@ex.com")
    root.ok("PUT", "domain/admins/ex.com", removeAllAdmins="")
    assert said(root.data("user/ann@ex.com"), "isglobaladmin") == 1
    assert said(root.data(f"admin/{ROOT}"), "isglobaladmin") == 1
    site.client().login("ann@ex.com").data("admins")


def test_what_is_not_there_is_refused(root: Client) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert root.refused(method, "domain/no.test", name="x") == "NO_SUCH_DOMAIN"
    assert root.refused("POST", "domain/nonsense") == "INVALID_DOMAIN_NAME"
    assert root.refused("DELETE", "domain/ex.com/keep_mailbox_days/soon") == "INVALID_NUMBER"
