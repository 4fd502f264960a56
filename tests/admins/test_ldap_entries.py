"""What requests about standalone admins leave in a directory, entry by entry, and what is read of others' there."""

import re
import time

import pytest

from tests.entries import footprint, lines
from tests.site import PASSWORD, ROOT, Client, Site

pytestmark = pytest.mark.ldap

BOSS = "boss@admins.test"


@pytest.fixture
def root(site: Site) -> Client:
    """Boss, who administers nothing yet."""
    root = site.root()
    root.ok("POST", f"admin/{BOSS}", password=PASSWORD)
    return root


def _timeless(text: str) -> str:
    """Return a footprint without salts and days."""
    return re.sub(r"\{SSHA512\}\S+", "HASH", text).replace(str(int(time.time()) // 86400), "TODAY")


def test_a_new_admin_is_an_entry(site: Site) -> None:
    text = footprint(
        site, site.root(), "POST", f"admin/{BOSS}", password=PASSWORD, name="Bóss", language="de_DE", maxDomains="5",
        maxQuota="2", quotaUnit="GB", maxUsers="10", maxAliases="-1", maxLists="0", disableViewingMailLog="yes",
        disableManagingQuarantinedMails="no",
    )  # fmt: skip
    assert _timeless(text) == lines("""
        add mail=boss@admins.test,o=domainAdmins
        +accountSetting: create_max_aliases:-1
        +accountSetting: create_max_domains:5
        +accountSetting: create_max_quota:2048
        +accountSetting: create_max_users:10
        +accountSetting: create_new_domains:yes
        +accountStatus: active
        +cn: Bóss
        +disabledService: view_mail_log
        +mail: boss@admins.test
        +objectClass: mailAdmin
        +preferredLanguage: de_DE
        +shadowLastChange: TODAY
        +userPassword: HASH
        """)


CHANGES = [
    ({"name": "Boss"}, "+cn: Boss", {"name": ""}),
    ({"language": "de_DE"}, "+preferredLanguage: de_DE", {"language": ""}),
    ({"accountStatus": "disabled"}, "-accountStatus: active\n+accountStatus: disabled", {"accountStatus": "active"}),
    ({"isGlobalAdmin": "yes"}, "+domainGlobalAdmin: yes", {"isGlobalAdmin": "no"}),
    (
        {"maxDomains": "3"},
        "+accountSetting: create_max_domains:3\n+accountSetting: create_new_domains:yes",
        {"maxDomains": "-1"},
    ),
    ({"maxUsers": "-1"}, "+accountSetting: create_max_users:-1", {"maxUsers": "0"}),
    ({"maxLists": "4"}, "+accountSetting: create_max_lists:4", {"maxLists": "0"}),
    (
        {"maxQuota": "1", "quotaUnit": "TB"},
        "+accountSetting: create_max_quota:1048576",
        {"maxQuota": "0", "quotaUnit": "MB"},
    ),
    ({"disableViewingMailLog": "yes"}, "+disabledService: view_mail_log", {"disableViewingMailLog": "no"}),
    (
        {"disableManagingQuarantinedMails": "yes"},
        "+disabledService: manage_quarantined_mails",
        {"disableManagingQuarantinedMails": "no"},
    ),
]


@pytest.mark.parametrize(("parameters", "change", "back"), CHANGES, ids=[" ".join(given) for given, *_ in CHANGES])
def test_a_parameter_leaves_its_attributes_and_goes_again(
    site: Site, root: Client, parameters: dict[str, str], change: str, back: dict[str, str]
) -> None:
    before = site.entries()
    left = footprint(site, root, "PUT", f"admin/{BOSS}", **parameters)
    assert left == f"modify mail={BOSS},o=domainAdmins\n{change}"
    root.ok("PUT", f"admin/{BOSS}", **back)
    after = site.entries()
    if "maxDomains" in back:
        assert after[f"mail={BOSS},o=domainAdmins"].pop("accountSetting") == ["create_max_domains:-1"]
    assert after == before


def test_a_new_password_is_of_today(site: Site, root: Client) -> None:
    assert site.directory
    site.directory.change(site.directory.tree.admin(BOSS), shadowLastChange=["1"], userPassword=["{SSHA}x", "plain"])
    assert site.client().login(BOSS, "plain").data("domains") == []
    text = footprint(site, root, "PUT", f"admin/{BOSS}", password="Another@Password1")
    assert _timeless(text) == lines("""
        modify mail=boss@admins.test,o=domainAdmins
        -shadowLastChange: 1
        -userPassword: plain
        -userPassword: {SSHA}x
        +shadowLastChange: TODAY
        +userPassword: HASH
        """)
    site.client().login(BOSS, "Another@Password1")


def test_a_profile_has_the_attributes_and_what_the_admin_manages(root: Client) -> None:
    root.ok("POST", "domain/ex.com")
    root.ok("PUT", "domain/admins/ex.com", addAdmin=BOSS)
    root.ok("PUT", f"admin/{BOSS}", maxDomains="5", maxUsers="10", disableViewingMailLog="yes")
    today = [str(int(time.time()) // 86400)]
    boss, top = root.data("admins")
    assert boss == {
        "objectClass": ["mailAdmin"], "mail": [BOSS], "accountStatus": ["active"], "shadowLastChange": today,
        "accountSetting": {"create_new_domains": "yes", "create_max_domains": 5, "create_max_users": 10},
        "disabledService": ["view_mail_log"], "managed_domains": ["ex.com"],
    }  # fmt: skip
    assert top == {
        "objectClass": ["mailAdmin"], "mail": [ROOT], "accountStatus": ["active"], "shadowLastChange": today,
        "domainGlobalAdmin": ["yes"], "accountSetting": {}, "managed_domains": [],
    }  # fmt: skip
    assert root.data(f"admin/{BOSS}") == boss


def test_what_others_wrote_survives_every_change(site: Site, root: Client) -> None:
    assert site.directory
    texts = ["odd", "theme:dark", "url:https://a.test/b", "create_max_users:5", "empty:"]
    site.directory.change(
        site.directory.tree.admin(BOSS), accountSetting=texts, disabledService=["vpn", "View_Mail_Log"]
    )
    root.ok("PUT", f"admin/{BOSS}", maxAliases="7", maxUsers="0", disableViewingMailLog="no")
    entry = site.entries()[f"mail={BOSS},o=domainAdmins"]
    assert entry["accountSetting"] == ["create_max_aliases:7", "empty:", "odd", "theme:dark", "url:https://a.test/b"]
    assert entry["disabledService"] == ["vpn"]


def test_rights_that_somebody_left_under_a_name_are_not_inherited(site: Site, root: Client) -> None:
    root.ok("POST", "domain/ex.com")
    assert site.directory
    site.directory.change(site.directory.tree.domain("ex.com"), domainAdmin=["new@admins.test"])
    root.ok("POST", "admin/new@admins.test", password=PASSWORD)
    assert root.data("admin/new@admins.test")["managed_domains"] == []
    assert root.data("domain/ex.com")["admins"] == []


@pytest.mark.parametrize("status", [[], ["disabled"], ["anything"]])
def test_who_is_not_active_can_not_log_in(site: Site, root: Client, status: list[str]) -> None:
    root.ok("PUT", f"admin/{BOSS}", isGlobalAdmin="yes")
    client = site.client().login(BOSS)
    assert site.directory
    site.directory.change(site.directory.tree.admin(BOSS), accountStatus=status)
    assert client.refused("GET", "domains") == "SESSION_EXPIRED"
    assert site.client().refused("POST", "login", username=BOSS, password=PASSWORD) == "INVALID_CREDENTIALS"
    assert root.data("admins", email_only="yes", disabled_only="yes") == [BOSS]
    assert root.refused("PUT", f"admin/{ROOT}", isGlobalAdmin="no") == "PROTECTED_ACCOUNT"


def test_a_user_of_the_same_name_as_an_admin_logs_in_as_the_admin(site: Site, root: Client) -> None:
    root.ok("POST", "domain/ex.com")
    assert site.directory
    site.directory.add(
        site.directory.tree.admin("ann@ex.com"), objectClass=["mailAdmin"], mail=["Ann@ex.com"],
        accountStatus=["active"], domainGlobalAdmin=["Yes"], userPassword=["secret"],
    )  # fmt: skip
    assert root.refused("POST", "user/ann@ex.com", password=PASSWORD) == "ALREADY_EXISTS"
    client = site.client().login("ann@ex.com", "secret")
    assert client.data("admins", email_only="yes") == ["ann@ex.com", BOSS, ROOT]
