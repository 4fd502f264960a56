"""What aliases are in a directory: the entries that each request leaves."""

from dataclasses import replace

import pytest

from tests.entries import footprint, lines, of_accounts
from tests.site import PASSWORD, Client, Site

pytestmark = pytest.mark.ldap


@pytest.fixture
def root(site: Site) -> Client:
    """A domain with an alias domain and a user, and another domain."""
    root = site.root()
    root.ok("POST", "domain/ex.com", aliasDomains="alias.com")
    root.ok("POST", "domain/far.com")
    root.ok("POST", "user/ann@ex.com", password=PASSWORD)
    return root


def test_a_new_alias_is_an_entry_with_its_members(site: Site, root: Client) -> None:
    parameters = {"name": "Everybody", "accessPolicy": "Domain", "members": "ann@ex.com,x@x.test"}
    assert footprint(site, root, "POST", "alias/all@ex.com", **parameters) == lines(
        """
        modify domainName=ex.com
        +domainCurrentAliasNumber: 1
        add mail=all@ex.com,ou=Aliases,domainName=ex.com
        +accessPolicy: domain
        +accountStatus: active
        +cn: Everybody
        +enabledService: deliver
        +enabledService: mail
        +mail: all@ex.com
        +mailForwardingAddress: ann@ex.com
        +mailForwardingAddress: x@x.test
        +objectClass: mailAlias
        +shadowAddress: all@alias.com
        """
    )


def test_an_alias_without_parameters_has_no_members(site: Site, root: Client) -> None:
    assert footprint(site, root, "POST", "alias/all@far.com") == lines(
        """
        modify domainName=far.com
        +domainCurrentAliasNumber: 1
        add mail=all@far.com,ou=Aliases,domainName=far.com
        +accountStatus: active
        +enabledService: deliver
        +enabledService: mail
        +mail: all@far.com
        +objectClass: mailAlias
        """
    )


@pytest.mark.parametrize(
    ("parameters", "left"),
    [
        ({"name": "Ännchen"}, "-cn: All\n+cn: Ännchen"),
        ({"cn": ""}, "-cn: All"),
        ({"accessPolicy": "allowedonly"}, "+accessPolicy: moderatorsonly"),
        ({"accountStatus": "disabled"}, "-accountStatus: active\n+accountStatus: disabled"),
        ({"addMember": "x@x.test,ann@ex.com"}, "+mailForwardingAddress: x@x.test"),
        ({"removeMember": "ann@ex.com,x@x.test"}, "-mailForwardingAddress: ann@ex.com"),
        ({"members": ""}, "-mailForwardingAddress: ann@ex.com"),
        ({"members": "x@x.test"}, "-mailForwardingAddress: ann@ex.com\n+mailForwardingAddress: x@x.test"),
    ],
)
def test_a_change_touches_nothing_else(site: Site, root: Client, parameters: dict[str, str], left: str) -> None:
    root.ok("POST", "alias/all@ex.com", name="All", members="ann@ex.com")
    dn = "mail=all@ex.com,ou=Aliases,domainName=ex.com"
    assert footprint(site, root, "PUT", "alias/all@ex.com", **parameters) == f"modify {dn}\n{left}"
    assert footprint(site, root, "PUT", "alias/all@ex.com", **parameters) == ""


def test_a_renamed_alias_is_the_same_under_other_names(site: Site, root: Client) -> None:
    root.ok("POST", "alias/all@ex.com", name="All", members="ann@ex.com")
    root.ok("POST", "alias/top@ex.com", members="all@ex.com")
    root.ok("POST", "maillist/list@ex.com", members="all@ex.com")
    root.ok("POST", "maillist/list@far.com", members="all@ex.com")
    assert footprint(site, root, "POST", "alias/all@ex.com/change_email/every@ex.com") == lines(
        """
        delete mail=all@ex.com,ou=Aliases,domainName=ex.com
        add mail=every@ex.com,ou=Aliases,domainName=ex.com
        +accountStatus: active
        +cn: All
        +enabledService: deliver
        +enabledService: mail
        +mail: every@ex.com
        +mailForwardingAddress: ann@ex.com
        +memberOfGroup: list@alias.com
        +memberOfGroup: list@ex.com
        +objectClass: mailAlias
        +shadowAddress: every@alias.com
        modify mail=list@ex.com,ou=Groups,domainName=ex.com
        -member: mail=all@ex.com,ou=Aliases,domainName=ex.com
        +member: mail=every@ex.com,ou=Aliases,domainName=ex.com
        modify mail=top@ex.com,ou=Aliases,domainName=ex.com
        -mailForwardingAddress: all@ex.com
        +mailForwardingAddress: every@ex.com
        modify memberOfGroup=list@far.com,ou=Externals,domainName=far.com
        -mail: all@ex.com
        +mail: every@ex.com
        """
    )


def test_an_alias_moves_to_another_domain(site: Site, root: Client) -> None:
    root.ok("POST", "alias/all@ex.com", members="ann@ex.com")
    root.ok("PUT", "domain/far.com", accountStatus="disabled")
    assert footprint(site, root, "POST", "alias/all@ex.com/change_email/all@far.com") == lines(
        """
        modify domainName=ex.com
        -domainCurrentAliasNumber: 1
        +domainCurrentAliasNumber: 0
        modify domainName=far.com
        +domainCurrentAliasNumber: 1
        delete mail=all@ex.com,ou=Aliases,domainName=ex.com
        add mail=all@far.com,ou=Aliases,domainName=far.com
        +accountStatus: active
        +domainStatus: disabled
        +enabledService: deliver
        +enabledService: mail
        +mail: all@far.com
        +mailForwardingAddress: ann@ex.com
        +objectClass: mailAlias
        """
    )


def test_a_deleted_alias_leaves_nothing(site: Site, root: Client) -> None:
    root.ok("POST", "alias/top@ex.com", members="ann@ex.com")
    root.ok("POST", "maillist/list@ex.com")
    root.ok("POST", "maillist/list@far.com", members="x@x.test")
    before = of_accounts(site)
    root.ok("POST", "alias/all@ex.com", members="ann@ex.com")
    root.ok("PUT", "alias/top@ex.com", addMember="all@ex.com")
    for mail in ("list@ex.com", "list@far.com"):
        root.ok("PUT", f"maillist/{mail}", addMember="all@ex.com")
    root.ok("DELETE", "alias/all@ex.com")
    assert of_accounts(site) == before
    assert site.entries()["domainName=ex.com,o=domains"]["domainCurrentAliasNumber"] == ["1"]


def test_an_alias_of_a_disabled_domain_is_off(site: Site, root: Client) -> None:
    root.ok("PUT", "domain/far.com", accountStatus="disabled")
    root.ok("POST", "alias/all@far.com")
    entry = site.entries()["mail=all@far.com,ou=Aliases,domainName=far.com,o=domains"]
    assert (entry["accountStatus"], entry["domainStatus"]) == (["active"], ["disabled"])


def test_what_other_programs_wrote_stays_and_is_found_in_any_case(site: Site, root: Client) -> None:
    assert site.directory
    dn = site.directory.tree.alias("All@ex.com")
    entry = {
        "objectClass": ["mailAlias"],
        "mail": ["All@ex.com"],
        "accountStatus": ["active"],
        "expiredDate": ["20300101000000Z"],
    }
    site.directory.add(dn, **entry, mailForwardingAddress=["Ann@Ex.com", "x@x.test"])
    assert root.data("aliases/ex.com", email_only="yes") == ["all@ex.com"]
    assert root.data("alias/all@ex.com")["members"] == ["ann@ex.com", "x@x.test"]
    assert footprint(site, root, "PUT", "alias/all@ex.com", removeMember="ann@ex.com") == lines(
        """
        modify mail=All@ex.com,ou=Aliases,domainName=ex.com
        -mailForwardingAddress: Ann@Ex.com
        """
    )


def test_a_profile_is_the_entry_with_the_members(root: Client) -> None:
    root.ok("POST", "alias/all@ex.com", name="All", accessPolicy="domain", members="x@x.test,ann@ex.com")
    profile = root.data("alias/all@ex.com")
    assert {key: sorted(profile.pop(key)) for key in ("enabledService", "mailForwardingAddress")} == {
        "enabledService": ["deliver", "mail"], "mailForwardingAddress": ["ann@ex.com", "x@x.test"],
    }  # fmt: skip
    assert profile == {
        "objectClass": ["mailAlias"], "mail": ["all@ex.com"], "accountStatus": ["active"], "cn": ["All"],
        "accessPolicy": ["domain"], "shadowAddress": ["all@alias.com"], "accountSetting": {},
        "members": ["ann@ex.com", "x@x.test"],
    }  # fmt: skip
    assert root.data("aliases/ex.com", email_only="yes") == ["all@ex.com"]
    assert [found["members"] for found in root.data("aliases/ex.com")] == [["ann@ex.com", "x@x.test"]]


def test_a_server_without_the_attribute_keeps_no_access_policy(
    site: Site, root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from postreeve.backends.on_ldap import LdapStorage

    assert isinstance(site.storage, LdapStorage)
    directory = site.storage.directory
    of_aliases = directory.schema.classes["mailalias"] - {"accesspolicy"}  # as before iRedMail 1.7.2
    older = replace(directory.schema, classes={**directory.schema.classes, "mailalias": of_aliases})
    monkeypatch.setitem(vars(directory), "schema", older)
    answer = root.post("alias/all@ex.com", accessPolicy="domain", name="All")
    assert answer == {"_success": True, "_ignored": ["accessPolicy"]}
    assert root.put("alias/all@ex.com", accessPolicy="domain")["_ignored"] == ["accessPolicy"]
    profile = root.data("alias/all@ex.com")
    assert (profile["cn"], "accessPolicy" in profile) == (["All"], False)
