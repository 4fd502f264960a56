"""What unsubscribable lists are in a directory: the entries that each request leaves."""

import pytest

from tests.entries import footprint, lines, of_accounts
from tests.site import Client, Site

pytestmark = pytest.mark.ldap


def test_a_new_list_makes_its_members_carry_its_addresses(site: Site, root: Client) -> None:
    parameters = {"name": "Us", "accessPolicy": "membersOnly", "members": "Ann@ex.com,all@ex.com,far@far.com,x@x.test"}
    assert footprint(site, root, "POST", "maillist/list@ex.com", **parameters) == lines(
        """
        modify domainName=ex.com
        +domainCurrentListNumber: 1
        modify mail=all@ex.com,ou=Aliases,domainName=ex.com
        +memberOfGroup: list@alias.com
        +memberOfGroup: list@ex.com
        modify mail=ann@ex.com,ou=Users,domainName=ex.com
        +memberOfGroup: list@alias.com
        +memberOfGroup: list@ex.com
        add mail=list@ex.com,ou=Groups,domainName=ex.com
        +accessPolicy: membersonly
        +accountStatus: active
        +cn: Us
        +enabledService: deliver
        +enabledService: displayedInGlobalAddressBook
        +enabledService: mail
        +mail: list@ex.com
        +member: mail=all@ex.com,ou=Aliases,domainName=ex.com
        +member: mail=ann@ex.com,ou=Users,domainName=ex.com
        +objectClass: mailList
        +shadowAddress: list@alias.com
        add memberOfGroup=list@ex.com,ou=Externals,domainName=ex.com
        +accountStatus: active
        +enabledService: deliver
        +enabledService: mail
        +mail: far@far.com
        +mail: x@x.test
        +memberOfGroup: list@ex.com
        +objectClass: mailExternalUser
        +shadowAddress: list@alias.com
        """
    )


def test_a_list_without_parameters_is_one_entry(site: Site, root: Client) -> None:
    root.ok("PUT", "domain/far.com", accountStatus="disabled")
    assert footprint(site, root, "POST", "maillist/list@far.com") == lines(
        """
        modify domainName=far.com
        +domainCurrentListNumber: 1
        add mail=list@far.com,ou=Groups,domainName=far.com
        +accountStatus: active
        +domainStatus: disabled
        +enabledService: deliver
        +enabledService: displayedInGlobalAddressBook
        +enabledService: mail
        +mail: list@far.com
        +objectClass: mailList
        """
    )


ADDED = """
    modify mail=bob@ex.com,ou=Users,domainName=ex.com
    +memberOfGroup: list@alias.com
    +memberOfGroup: list@ex.com
    modify mail=list@ex.com,ou=Groups,domainName=ex.com
    +member: mail=bob@ex.com,ou=Users,domainName=ex.com
    modify memberOfGroup=list@ex.com,ou=Externals,domainName=ex.com
    +mail: y@x.test
"""
REMOVED = """
    modify mail=ann@ex.com,ou=Users,domainName=ex.com
    -memberOfGroup: list@alias.com
    -memberOfGroup: list@ex.com
    modify mail=list@ex.com,ou=Groups,domainName=ex.com
    -member: mail=ann@ex.com,ou=Users,domainName=ex.com
    modify memberOfGroup=list@ex.com,ou=Externals,domainName=ex.com
    -mail: x@x.test
"""
REPLACED = """
    modify mail=ann@ex.com,ou=Users,domainName=ex.com
    -memberOfGroup: list@alias.com
    -memberOfGroup: list@ex.com
    modify mail=bob@ex.com,ou=Users,domainName=ex.com
    +memberOfGroup: list@alias.com
    +memberOfGroup: list@ex.com
    modify mail=list@ex.com,ou=Groups,domainName=ex.com
    -member: mail=ann@ex.com,ou=Users,domainName=ex.com
    +member: mail=bob@ex.com,ou=Users,domainName=ex.com
"""


@pytest.mark.parametrize(
    ("parameters", "left"),
    [
        ({"name": "Wir äh"}, "modify mail=list@ex.com,ou=Groups,domainName=ex.com\n-cn: Us\n+cn: Wir äh"),
        ({"cn": ""}, "modify mail=list@ex.com,ou=Groups,domainName=ex.com\n-cn: Us"),
        ({"accessPolicy": "allowedonly"},
         "modify mail=list@ex.com,ou=Groups,domainName=ex.com\n+accessPolicy: moderatorsonly"),
        ({"addMember": "bob@ex.com,y@x.test,ann@ex.com"}, ADDED),
        ({"removeMember": "ann@ex.com,x@x.test,none@x.test"}, REMOVED),
        ({"members": "bob@ex.com,x@x.test"}, REPLACED),
        ({"members": ""}, REMOVED),
        ({"addMember": "", "removeMember": ""}, ""),
    ],
)  # fmt: skip
def test_a_change_touches_nothing_else(site: Site, root: Client, parameters: dict[str, str], left: str) -> None:
    root.ok("POST", "maillist/list@ex.com", name="Us", members="ann@ex.com,x@x.test")
    assert footprint(site, root, "PUT", "maillist/list@ex.com", **parameters) == lines(left)
    assert footprint(site, root, "PUT", "maillist/list@ex.com", **parameters) == ""


def test_a_deleted_list_leaves_nothing(site: Site, root: Client) -> None:
    root.ok("POST", "alias/top@ex.com", members="ann@ex.com")
    root.ok("POST", "maillist/outer@ex.com")
    root.ok("POST", "maillist/outer@far.com", members="x@x.test")
    before = of_accounts(site)
    root.ok("POST", "maillist/list@ex.com", members="ann@ex.com,all@ex.com,far@far.com,x@x.test")
    root.ok("PUT", "alias/top@ex.com", addMember="list@ex.com,list@alias.com")
    for mail in ("outer@ex.com", "outer@far.com"):
        root.ok("PUT", f"maillist/{mail}", addMember="list@ex.com")
    root.ok("DELETE", "maillist/list@ex.com", archive="yes")
    assert of_accounts(site) == before


def test_a_profile_is_the_entry_with_the_members(site: Site, root: Client) -> None:
    root.ok("POST", "maillist/list@ex.com", name="Us", members="ann@ex.com,x@x.test")
    assert site.directory
    profile = root.data("maillist/list@ex.com")
    assert {key: sorted(profile.pop(key)) for key in ("enabledService", "members")} == {
        "enabledService": ["deliver", "displayedInGlobalAddressBook", "mail"], "members": ["ann@ex.com", "x@x.test"],
    }  # fmt: skip
    assert profile == {
        "objectClass": ["mailList"], "mail": ["list@ex.com"], "accountStatus": ["active"], "cn": ["Us"],
        "shadowAddress": ["list@alias.com"], "accountSetting": {},
        "member": [site.directory.tree.user("ann@ex.com")],
    }  # fmt: skip
