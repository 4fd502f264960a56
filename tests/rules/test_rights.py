"""What an attacker with some rights tries to get more of them."""

from typing import Any

import pytest

from postreeve.operations import REGISTRY
from postreeve.permissions import anyone, may_manage_quarantine, may_view_received_mails, owner
from postreeve.web.descriptions import Description
from tests.profiles import said, settings_of
from tests.rules.people import ADMIN, FOREIGN, GLOBAL, NOBODY, USER, USER_ADMIN, people
from tests.site import PASSWORD, ROOT, Client, Site

pytestmark = pytest.mark.slow  # every right of everybody

HASH = "{PLAIN}Stolen@Password1"
EVERY_SECTION = {
    "senderBcc": "x@far.test", "outboundRelay": "[far.test]", "catchall": "x@far.test", "aliasDomains": "a.example",
    "minPasswordLength": "3", "language": "de_DE",
}  # fmt: skip


def _furnished(site: Site) -> dict[str, Client]:
    clients = people(site)
    root = clients[GLOBAL]
    for domain in ("a.test", "b.test"):
        root.ok("POST", f"user/ann@{domain}", password=PASSWORD, aliases=f"sales@{domain}")
        root.ok("POST", f"alias/all@{domain}", members=f"ann@{domain}")
    root.ok("PUT", "domain/b.test", aliasDomains="b.example")
    return clients


FOREIGN_TRIES = [
    ("GET", "domain/b.test", {}),
    ("PUT", "domain/b.test", {"name": "x"}),
    ("DELETE", "domain/b.test", {}),
    ("PUT", "domain/admins/b.test", {"addAdmin": "ua@a.test"}),
    ("GET", "users/b.test", {}),
    ("GET", "aliases/b.test", {}),
    ("PUT", "users/b.test", {"password": PASSWORD}),
    ("GET", "user/ann@b.test", {}),
    ("POST", "user/new@b.test", {"password": PASSWORD}),
    ("PUT", "user/ann@b.test", {"password_hash": HASH}),
    ("DELETE", "user/ann@b.test", {}),
    ("DELETE", "user/ann@b.test/keep_mailbox_days/1", {}),
    ("POST", "user/ann@b.test/change_email/ann2@b.test", {}),
    ("POST", "user/ann@b.test/change_email/ann2@a.test", {}),
    ("POST", "user/ann@a.test/change_email/new@b.test", {}),
    ("GET", "alias/all@b.test", {}),
    ("POST", "alias/new@b.test", {}),
    ("PUT", "alias/all@b.test", {"addMember": "x@far.test"}),
    ("DELETE", "alias/all@b.test", {}),
    ("POST", "alias/all@b.test/change_email/all2@b.test", {}),
    ("POST", "alias/all@a.test/change_email/new@b.test", {}),
    ("POST", "alias/all@b.test/change_email/new@a.test", {}),
    ("GET", f"admin/{ROOT}", {}),
    ("PUT", f"admin/{ROOT}", {"password": PASSWORD}),
    ("DELETE", f"admin/{ROOT}", {}),
    ("POST", "admin/new@far.test", {"password": PASSWORD}),
    ("PUT", "admin/al@admins.test", {"maxDomains": "0"}),
    ("POST", "domain/new.test", {}),
    ("DELETE", "domain/a.test", {}),
    ("GET", "user/ANN@B.test", {}),
    ("GET", "user/ann@b.example", {}),
    ("GET", "users/b.example", {}),
    ("POST", "verify_password/user/ann@a.test", {"password": PASSWORD}),
]


@pytest.mark.parametrize("persona", [ADMIN, USER_ADMIN])
def test_nothing_of_a_foreign_domain_can_be_read_or_changed(site: Site, persona: str) -> None:
    clients = _furnished(site)
    before = site.dump()
    for method, path, parameters in FOREIGN_TRIES:
        assert clients[persona].refused(method, path, **parameters) == "PERMISSION_DENIED", path
        assert clients[NOBODY].refused(method, path, **parameters) == "LOGIN_REQUIRED", path
    assert site.dump() == before
    assert clients[persona].data("domains", name_only="yes") == ["a.test"]
    assert [said(profile, "domain") for profile in clients[persona].data("domains")] == ["a.test"]


def test_a_mail_user_reaches_nothing_but_self_service(site: Site) -> None:
    una = _furnished(site)[USER]
    before = site.dump()
    places = {"<domain>": "a.test", "<mail>": "una@a.test", "<new_mail>": "una2@a.test", "<scope>": "una@a.test"}
    for route, operation in REGISTRY.items():
        if operation.allow in FOR_USERS:
            continue
        path = operation.template.removeprefix("/api/")
        for parameter in Description(operation).path_parameters:
            path = path.replace(f"<{parameter.name}>", places.get(f"<{parameter.name}>", parameter.example))
        assert una.refused(operation.method, path) == "PERMISSION_DENIED", route
    assert site.dump() == before


FOR_USERS = {anyone, owner, may_view_received_mails, may_manage_quarantine}
"""The rules that let mail users in."""


def test_accounts_that_outrank_an_admin_are_out_of_reach(site: Site) -> None:
    clients = _furnished(site)
    root = clients[GLOBAL]
    root.ok("PUT", "domain/admins/b.test", addAdmin="ann@a.test")
    root.ok("PUT", "domain/admins/a.test", addAdmin="ann@a.test")
    before = site.dump()
    for client in (clients[ADMIN], clients[USER_ADMIN]):
        for account in ("boss@a.test", "ann@a.test"):
            for parameters in (
                {"password": PASSWORD}, {"password_hash": HASH}, {"name": "x"}, {"accountStatus": "disabled"},
                {"forwarding": "x@far.test"}, {"aliases": ""}, {"recipientBcc": "x@far.test"},
            ):  # fmt: skip
                assert client.refused("PUT", f"user/{account}", **parameters) == "PERMISSION_DENIED"
            assert client.refused("DELETE", f"user/{account}") == "PERMISSION_DENIED"
            assert client.refused("DELETE", f"user/{account}/keep_mailbox_days/1") == "PERMISSION_DENIED"
            assert client.refused("POST", f"user/{account}/change_email/new@a.test") == "PERMISSION_DENIED"
        assert client.refused("PUT", "domain/admins/a.test", removeAdmin="ann@a.test") == "PERMISSION_DENIED"
        assert client.refused("PUT", "domain/admins/a.test", removeAllAdmins="yes") in {
            "PERMISSION_DENIED", "PROTECTED_ACCOUNT",
        }  # fmt: skip
    assert site.dump() == before


def test_a_change_for_all_users_spares_those_who_outrank_the_admin(site: Site) -> None:
    clients = _furnished(site)
    answer = clients[ADMIN].put("users/a.test", password="Another@Password1")
    assert answer == {"_success": True, "_discarded": ["boss@a.test"]}
    site.client().login("boss@a.test", PASSWORD)
    assert site.client().refused("POST", "login", username="ua@a.test", password=PASSWORD) == "INVALID_CREDENTIALS"


@pytest.mark.parametrize("persona", [ADMIN, USER_ADMIN])
def test_nobody_is_promoted_by_the_back_door(site: Site, persona: str) -> None:
    clients = _furnished(site)
    client = clients[persona]
    before = _rights(site)
    for path, method in (("user/ann@a.test", "PUT"), ("user/new@a.test", "POST"), ("user/ua@a.test", "PUT")):
        for name in ("isGlobalAdmin", "domainGlobalAdmin"):
            for value in ("yes", "YES", " yes "):
                form = {name: value, **({"password": PASSWORD} if method == "POST" else {})}
                assert client.raw(method, path, data=form).json()["_msg"] == "PERMISSION_DENIED"
                assert client.raw(method, path, json=form).json()["_msg"] == "PERMISSION_DENIED"
                assert client.raw(method, f"{path}?{name}={value}").json()["_success"] is False
            assert client.raw(method, path, json={name: True}).json()["_success"] is False
            assert client.raw(method, path, data=[(name, "no"), (name, "yes")]).json()["_success"] is False
    for name in (
        "isglobaladmin",
        "isadmin",
        "domain_admins",
        "managed_domains",
        "IsGlobalAdmin",
        "enabledService",
        "active",
    ):
        answer = client.raw("PUT", "user/ann@a.test", data={name: "1", "name": "Ann"}).json()
        assert answer == {"_success": True, "_ignored": [name]}
    for name in ("isGlobalAdmin", "accountStatus", "transport"):
        value = {"isGlobalAdmin": "yes", "accountStatus": "active", "transport": "x"}[name]
        assert client.raw("PUT", "users/a.test", data={name: value}).json().get("_msg") in {None, "PERMISSION_DENIED"}
    assert client.refused("PUT", "domain/admins/a.test", addAdmin=ROOT) == "PERMISSION_DENIED"
    assert client.refused("PUT", "domain/admins/a.test", addAdmin="bob@admins.test") == "PERMISSION_DENIED"
    assert client.refused("PUT", "domain/admins/a.test", addAdmin="ann@b.test") == "PERMISSION_DENIED"
    assert _rights(site) == before


def _rights(site: Site) -> Any:
    """Return who may do what, as it is stored."""
    if site.directory:
        names = ("domainAdmin", "domainGlobalAdmin")
        services = {dn: "domainadmin" in entry.get("enabledService", ()) for dn, entry in site.entries().items()}
        return services, {dn: [entry.get(name) for name in names] for dn, entry in site.entries().items()}
    global_users = {row["username"] for row in site.rows("mailbox", isglobaladmin=1)}
    return global_users, [site.rows(name) for name in ("domain_admins", "admin")]


def test_an_admin_can_not_raise_its_own_limits(site: Site) -> None:
    clients = _furnished(site)
    before = site.dump()
    for client in (clients[ADMIN], clients[USER_ADMIN]):
        for name, value in {
            "quota": "0", "numberOfUsers": "0", "numberOfAliases": "0", "numberOfLists": "0", "maxUserQuota": "0",
            "defaultQuota": "0", "transport": "smtp", "accountStatus": "active", "is_backupmx": "yes", "services": "x",
            "addService": "x", "enableService": "x", "removeAllServices": "yes", "disableDomainProfile": "bcc",
            "enableDomainProfile": "bcc", "enableUserProfile": "bcc", "enableUserPreference": "wblist",
        }.items():  # fmt: skip
            assert client.refused("PUT", "domain/a.test", **{name: value}) == "PERMISSION_DENIED", name
        for name in ("maxDomains", "maxUsers", "maxAliases"):
            assert client.refused("PUT", "admin/al@admins.test", **{name: "0"}) == "PERMISSION_DENIED"
    assert site.dump() == before


def test_values_cross_a_border_only_as_destinations_that_exist(site: Site) -> None:
    client = _furnished(site)[ADMIN]
    for method, path, name in [
        ("PUT", "user/ann@a.test", "forwarding"),
        ("PUT", "user/ann@a.test", "senderBcc"),
        ("PUT", "alias/all@a.test", "members"),
        ("PUT", "domain/a.test", "catchall"),
        ("PUT", "domain/a.test", "recipientBcc"),
    ]:
        assert client.refused(method, path, **{name: "missing@b.test"}) == "NO_SUCH_ACCOUNT"
        assert client.refused(method, path, **{name: "missing@b.example"}) == "NO_SUCH_ACCOUNT"
        client.ok(method, path, **{name: "ann@b.test"})
        client.ok(method, path, **{name: "x@far.test"})
    before = site.dump()
    for method, path, parameters, code in [
        ("PUT", "user/ann@a.test", {"addAlias": "new@b.test"}, "INVALID_VALUE"),
        ("PUT", "user/ann@a.test", {"addAlias": "new@b.example"}, "INVALID_VALUE"),
        ("PUT", "user/ann@a.test", {"addAlias": "ann@b.test"}, "ALREADY_EXISTS"),
        ("PUT", "user/ann@a.test", {"addAlias": "sales@b.example"}, "ALREADY_EXISTS"),
        ("PUT", "user/ann@a.test", {"addAlias": "x@far.test"}, "NO_SUCH_DOMAIN"),
        ("PUT", "domain/a.test", {"addAliasDomain": "b.test"}, "ALREADY_EXISTS"),
        ("PUT", "domain/a.test", {"addAliasDomain": "b.example"}, "ALREADY_EXISTS"),
        ("PUT", "domain/a.test", {"addAliasDomain": "a.test"}, "ALREADY_EXISTS"),
        ("POST", "user/new@a.test", {"password": PASSWORD, "aliases": "new@b.test"}, "INVALID_VALUE"),
        ("POST", "alias/new@b.example", {}, "PERMISSION_DENIED"),
    ]:
        assert client.refused(method, path, **parameters) == code, parameters
    site.change_settings(user_alias_cross_all_domains=True)
    assert client.refused("PUT", "user/ann@a.test", addAlias="new@b.test") == "PERMISSION_DENIED"
    assert client.refused("PUT", "user/ann@a.test", addAlias="new@b.example") == "PERMISSION_DENIED"
    assert site.dump() == before


def test_closed_sections_of_a_domain_are_neither_read_nor_written(site: Site) -> None:
    clients = _furnished(site)
    root = clients[GLOBAL]
    shown = {"bcc": "senderBcc", "relay": "outboundRelay", "catchall": "catchall", "aliases": "alias_domains"}
    tried = dict(
        zip(
            ["bcc", "relay", "catchall", "aliases", "password_policies", "advanced"], EVERY_SECTION.items(), strict=True
        )
    )
    root.ok(
        "PUT",
        "domain/a.test",
        minPasswordLength="9",
        **{name: value for name, value in EVERY_SECTION.items() if "min" not in name},
    )
    for section, (name, value) in tried.items():
        root.ok("PUT", "domain/a.test", disableDomainProfile=section)
        before = site.dump()
        for client in (clients[ADMIN], clients[USER_ADMIN]):
            assert client.refused("PUT", "domain/a.test", **{name: value}) == "PERMISSION_DENIED"
            for profile in (client.data("domain/a.test"), client.data("domains")[0]):
                assert shown.get(section) not in profile
                assert "min_passwd_length" not in settings_of(profile) or section != "password_policies"
        assert site.dump() == before
        there = shown.get(section, "accountSetting" if site.directory else "settings")
        assert there in root.data("domain/a.test")
        root.ok("PUT", "domain/a.test", enableDomainProfile=section)
        assert there in clients[ADMIN].data("domain/a.test")


def test_closed_sections_of_users_are_neither_read_nor_written(site: Site) -> None:
    clients = _furnished(site)
    root = clients[GLOBAL]
    root.ok("PUT", "user/ann@a.test", senderBcc="b@far.test", transport="dovecot")
    tries = {
        "bcc": ("senderBcc", "x@far.test", "userSenderBccAddress" if site.directory else "senderBcc"),
        "forwarding": ("addForwarding", "x@far.test", "forwardings"),
        "aliases": ("removeAlias", "sales@a.test", "aliases"),
        "relay": ("transport", "smtp", "mtaTransport" if site.directory else "transport"),
    }
    for section, (name, value, key) in tries.items():
        root.ok("PUT", "domain/a.test", disableUserProfile=section)
        before = site.dump()
        client = clients[ADMIN]
        assert client.refused("PUT", "user/ann@a.test", **{name: value}) == "PERMISSION_DENIED"
        assert client.refused("POST", "user/new@a.test", password=PASSWORD, **{name: value}) == "PERMISSION_DENIED"
        for profile in (client.data("user/ann@a.test"), *client.data("users/a.test")):
            assert key not in profile
        assert key in root.data("user/ann@a.test")
        assert site.dump() == before
        root.ok("PUT", "domain/a.test", enableUserProfile=section)


ENDINGS = {
    "demotion": ("PUT", "domain/admins/a.test", {"removeAdmin": "ua@a.test"}),
    "disabling": ("PUT", "user/ua@a.test", {"accountStatus": "disabled"}),
    "a new password": ("PUT", "user/ua@a.test", {"password": "Another@Password1"}),
    "another domain": ("PUT", "domain/admins/b.test", {"addAdmin": "ua@a.test"}),
    "promotion": ("PUT", "user/ua@a.test", {"isGlobalAdmin": "yes"}),
    "renaming": ("POST", "user/ua@a.test/change_email/ux@a.test", {}),
    "deletion": ("DELETE", "user/ua@a.test", {}),
    "deletion of the domain": ("DELETE", "domain/a.test", {}),
    "a new password for all": ("PUT", "users/a.test", {"password": "Another@Password1"}),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_session_ends_with_the_rights_it_began_with(site: Site, ending: str) -> None:
    clients = people(site)
    clients[USER_ADMIN].data("domains")
    method, path, parameters = ENDINGS[ending]
    assert clients[GLOBAL].raw(method, path, data=parameters).json()["_success"]
    assert clients[USER_ADMIN].refused("GET", "domains") == "SESSION_EXPIRED"
    assert clients[USER_ADMIN].refused("GET", "domains") == "LOGIN_REQUIRED"


def test_an_account_that_comes_back_under_its_old_name_has_no_old_sessions(site: Site) -> None:
    root = site.root()
    client = site.admin("al@far.test")
    root.ok("DELETE", "admin/al@far.test")
    root.ok("POST", "admin/al@far.test", password=PASSWORD, isGlobalAdmin="yes")
    assert client.refused("GET", "domains") == "SESSION_EXPIRED"


@pytest.mark.sql
def test_an_admin_whose_domain_has_gone_is_refused_and_nothing_breaks(site: Site) -> None:
    clients = people(site)
    site.execute("vmail", "DELETE FROM domain WHERE domain = 'b.test'")
    client = clients[FOREIGN]
    assert client.data("domains") == []
    for method, path, parameters, code in [
        ("GET", "domain/b.test", {}, "NO_SUCH_DOMAIN"),
        ("PUT", "domain/b.test", {"name": "x"}, "NO_SUCH_DOMAIN"),
        ("POST", "user/x@b.test", {"password": PASSWORD}, "NO_SUCH_DOMAIN"),
        ("POST", "alias/x@b.test", {}, "NO_SUCH_DOMAIN"),
        ("GET", "users/b.test", {}, "NO_SUCH_DOMAIN"),
        ("PUT", "domain/admins/b.test", {"addAdmin": "ua@a.test"}, "NO_SUCH_DOMAIN"),
    ]:
        assert client.refused(method, path, **parameters) == code


def test_the_last_global_admin_and_the_own_account_are_protected(site: Site) -> None:
    clients = people(site)
    boss, root = site.client().login("boss@a.test"), clients[GLOBAL]
    for method, path, parameters in [
        ("PUT", "user/boss@a.test", {"isGlobalAdmin": "no"}),
        ("PUT", "user/boss@a.test", {"accountStatus": "disabled"}),
        ("DELETE", "user/boss@a.test", {}),
        ("DELETE", "domain/a.test", {}),
        ("POST", "user/boss@a.test/change_email/boss2@a.test", {}),
    ]:
        assert boss.refused(method, path, **parameters) == "PROTECTED_ACCOUNT"
    assert clients[USER_ADMIN].refused("DELETE", "user/ua@a.test") == "PROTECTED_ACCOUNT"
    assert clients[USER_ADMIN].refused("PUT", "domain/admins/a.test", removeAdmin="ua@a.test") == "PROTECTED_ACCOUNT"
    boss.ok("DELETE", f"admin/{ROOT}")
    assert root.refused("GET", "domains") == "SESSION_EXPIRED"
    if site.directory:
        site.directory.change(site.directory.tree.user("boss@a.test"), accountStatus=["disabled"])
    else:
        site.execute("vmail", "UPDATE mailbox SET active = 0 WHERE username = 'boss@a.test'")
    assert boss.refused("GET", "domains") == "SESSION_EXPIRED"
    assert boss.put("users/a.test", accountStatus="disabled")["_msg"] == "LOGIN_REQUIRED"


def test_a_new_domain_does_not_end_the_session_that_adds_it(site: Site) -> None:
    client = site.admin("al@far.test", maxDomains="5")
    for number in range(5):
        assert client.post(f"domain/d{number}.test")["_success"]
    assert client.refused("POST", "domain/d6.test") == "EXCEED_LIMIT_DOMAIN"
    assert client.data("domains", name_only="yes") == [f"d{number}.test" for number in range(5)]
