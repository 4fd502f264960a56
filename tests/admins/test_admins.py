"""Standalone admins: shape, limits, rank, password."""

import pytest

from tests.profiles import accounts, said, settings_of
from tests.site import PASSWORD, ROOT, Client, Site

KEYS = {
    "username", "name", "language", "passwordlastchange", "settings", "created", "modified", "expired", "active",
    "managed_domains", "isglobaladmin",
}  # fmt: skip


@pytest.fixture
def root(site: Site) -> Client:
    """Boss, who administers nothing yet."""
    root = site.root()
    root.ok("POST", "admin/boss@admins.test", password=PASSWORD)
    return root


@pytest.mark.sql
def test_a_profile_has_the_columns_and_what_the_admin_manages(root: Client) -> None:
    root.ok("POST", "domain/ex.com")
    root.ok("PUT", "domain/admins/ex.com", addAdmin="boss@admins.test")
    root.ok("PUT", "admin/boss@admins.test", maxDomains="5", maxUsers="10", disableViewingMailLog="yes")
    boss = root.data("admin/boss@admins.test")
    assert set(boss) == KEYS
    assert (boss["managed_domains"], boss["isglobaladmin"], boss["active"]) == (["ex.com"], 0, 1)
    assert boss["settings"] == {
        "create_new_domains": "yes", "create_max_domains": 5, "create_max_users": 10,
        "disable_viewing_mail_log": "yes",
    }  # fmt: skip
    top = root.data(f"admin/{ROOT}")
    assert set(top) == KEYS
    assert (top["managed_domains"], top["isglobaladmin"], top["settings"]) == ([], 1, {})
    assert root.data("admins") == [boss, top]


def test_hidden_keys_are_a_setting(site: Site, root: Client) -> None:
    site.change_settings(api_hidden_admin_profiles=["name", "cn"])
    boss = root.data("admin/boss@admins.test")
    assert not {"name", "cn"} & set(boss)
    shown = boss["userPassword"][0] if site.directory else boss["password"]
    assert shown.startswith("{SSHA512}")


def test_limits_of_a_global_admin_are_discarded_and_named(root: Client) -> None:
    answer = root.put("admin/boss@admins.test", isGlobalAdmin="yes", maxUsers="5", name="Boss")
    assert answer == {"_success": True, "_discarded": ["maxUsers"]}
    boss = root.data("admin/boss@admins.test")
    assert (settings_of(boss), said(boss, "name"), said(boss, "isglobaladmin")) == ({}, "Boss", 1)


def test_the_quota_needs_its_unit_and_is_kept_in_megabytes(root: Client) -> None:
    for unit, megabytes in (("MB", 3), ("gb", 3 * 1024), ("TB", 3 * 1024**2)):
        root.ok("PUT", "admin/boss@admins.test", maxQuota="3", quotaUnit=unit)
        assert settings_of(root.data("admin/boss@admins.test"))["create_max_quota"] == megabytes
    assert root.refused("PUT", "admin/boss@admins.test", maxQuota="3") == "MISSING_PARAMETER"
    assert root.refused("PUT", "admin/boss@admins.test", quotaUnit="GB") == "MISSING_PARAMETER"
    assert root.refused("PUT", "admin/boss@admins.test", maxQuota="3", quotaUnit="PB") == "INVALID_VALUE"


@pytest.mark.sql
def test_unknown_settings_survive(site: Site, root: Client) -> None:
    text = "odd;theme:dark;url:https://a.test/b;create_max_users:5;empty:;"
    site.execute("vmail", f"UPDATE admin SET settings = '{text}' WHERE username = 'boss@admins.test'")
    root.ok("PUT", "admin/boss@admins.test", maxAliases="7", maxUsers="0")
    [row] = site.rows("admin", username="boss@admins.test")
    assert row["settings"] == "odd;theme:dark;url:https://a.test/b;empty:;create_max_aliases:7;"


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [("maxUsers", "", "INVALID_NUMBER"), ("maxUsers", "-2", "INVALID_NUMBER"), ("maxUsers", "many", "INVALID_NUMBER"),
     ("isGlobalAdmin", "", "INVALID_VALUE"), ("accountStatus", "enabled", "INVALID_VALUE"),
     ("disableViewingMailLog", "", "INVALID_VALUE"), ("password", "", "PW_EMPTY"), ("language", "x", "INVALID_VALUE")],
)  # fmt: skip
def test_a_wrong_value_is_refused_and_changes_nothing(
    site: Site, root: Client, name: str, value: str, code: str
) -> None:
    before = site.dump()
    assert root.refused("PUT", "admin/boss@admins.test", **{name: value}) == code
    assert site.dump() == before


def test_an_admin_may_not_lie_in_a_hosted_domain(root: Client) -> None:
    root.ok("POST", "domain/ex.com", aliasDomains="ex.net")
    for domain in ("ex.com", "ex.net"):
        code = root.refused("POST", f"admin/boss@{domain}", password=PASSWORD)
        assert code == "CAN_NOT_BE_LOCAL_DOMAIN"
    assert root.refused("POST", "admin/boss@admins.test", password=PASSWORD) == "ALREADY_EXISTS"
    assert root.refused("POST", "admin/new@admins.test", name="New") == "PW_EMPTY"


def test_the_last_global_admin_and_the_own_account_are_protected(site: Site, root: Client) -> None:
    for parameters in ({"accountStatus": "disabled"}, {"isGlobalAdmin": "no"}):
        assert root.refused("PUT", f"admin/{ROOT}", **parameters) == "PROTECTED_ACCOUNT"
    assert root.refused("DELETE", f"admin/{ROOT}") == "PROTECTED_ACCOUNT"
    root.ok("PUT", "admin/boss@admins.test", isGlobalAdmin="yes")
    boss = site.client().login("boss@admins.test")
    boss.ok("DELETE", f"admin/{ROOT}")
    assert boss.refused("PUT", "admin/boss@admins.test", isGlobalAdmin="no") == "PROTECTED_ACCOUNT"


def test_a_deleted_admin_leaves_nothing(site: Site, root: Client) -> None:
    root.ok("POST", "domain/ex.com")
    root.ok("PUT", "domain/admins/ex.com", addAdmin="boss@admins.test")
    root.ok("DELETE", "admin/boss@admins.test")
    assert accounts(site, "admin") == [ROOT]
    assert "boss@admins.test" not in str({**site.dump(), "log": []})
    assert root.refused("DELETE", "admin/boss@admins.test") == "NO_SUCH_ACCOUNT"
