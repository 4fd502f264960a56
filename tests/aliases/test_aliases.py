"""Mail aliases: shape, members, status, access policy."""

import re
from typing import Any

import pytest

from tests.site import PASSWORD, Client, Site

KEYS = {
    "address", "name", "accesspolicy", "domain", "created", "modified", "expired", "active",
    "mail", "accountStatus", "members", "moderators",
}  # fmt: skip


@pytest.fixture
def root(site: Site) -> Client:
    """A domain with two users."""
    root = site.root()
    root.ok("POST", "domain/ex.com")
    root.ok("POST", "user/ann@ex.com", password=PASSWORD)
    root.ok("POST", "user/bob@ex.com", password=PASSWORD)
    return root


@pytest.mark.sql
def test_a_profile_has_the_columns_the_members_and_the_moderators(site: Site, root: Client) -> None:
    root.ok("POST", "alias/all@ex.com", name="All", accessPolicy="MembersOnly", members="bob@ex.com,ann@ex.com")
    site.execute("vmail", "INSERT INTO moderators (address, moderator) VALUES ('all@ex.com', '*@ex.com')")
    profile = root.data("alias/all@ex.com")
    assert set(profile) == KEYS
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", profile[key]) for key in ("created", "modified"))
    shown = ("address", "mail", "name", "accesspolicy", "domain", "active", "accountStatus", "members", "moderators")
    assert [profile[key] for key in shown] == [
        "all@ex.com", "all@ex.com", "All", "membersonly", "ex.com", 1, "active", ["ann@ex.com", "bob@ex.com"],
        ["*@ex.com"],
    ]  # fmt: skip
    assert root.data("aliases/ex.com") == [profile]
    assert root.data("aliases/ex.com", email_only="yes") == ["all@ex.com"]
    assert root.data("aliases/ex.com", disabled_only="yes") == []


def test_members_are_added_and_removed_in_one_call(root: Client) -> None:
    root.ok("POST", "alias/all@ex.com", members="ann@ex.com,x@x.test")
    root.ok("PUT", "alias/all@ex.com", addMember="bob@ex.com", removeMember="x@x.test,unknown@x.test")
    assert root.data("alias/all@ex.com")["members"] == ["ann@ex.com", "bob@ex.com"]
    root.ok("PUT", "alias/all@ex.com", members="")
    assert root.data("alias/all@ex.com")["members"] == []


@pytest.mark.parametrize("other", ["addMember", "removeMember"])
def test_resetting_members_conflicts_with_adding_and_removing(site: Site, root: Client, other: str) -> None:
    root.ok("POST", "alias/all@ex.com", members="ann@ex.com")
    before = site.dump()
    parameters = {"members": "", other: "bob@ex.com"}
    assert root.refused("PUT", "alias/all@ex.com", **parameters) == "CONFLICTING_PARAMETERS"
    root.ok("PUT", "alias/all@ex.com", **{other: ""})
    assert site.dump() == before


def test_what_is_no_address_is_no_member(root: Client) -> None:
    assert root.refused("POST", "alias/all@ex.com", members="ann@ex.com,nonsense") == "INVALID_MAIL"
    assert root.refused("POST", "alias/all@ex.com", members="all@ex.com") == "INVALID_VALUE"


@pytest.mark.parametrize("policy", ["", "everybody", "members only"])
def test_an_unknown_access_policy_is_refused(root: Client, policy: str) -> None:
    assert root.refused("POST", "alias/all@ex.com", accessPolicy=policy) == "INVALID_VALUE"


@pytest.mark.sql
def test_a_disabled_aliass_members_are_disabled_and_new_ones_too(site: Site, root: Client) -> None:
    root.ok("POST", "alias/all@ex.com", members="ann@ex.com")
    root.ok("PUT", "alias/all@ex.com", accountStatus="disabled")
    root.ok("PUT", "alias/all@ex.com", addMember="bob@ex.com")
    assert [row["active"] for row in site.rows("forwardings", is_list=1)] == [0, 0]
    root.ok("PUT", "alias/all@ex.com", accountStatus="active", addMember="x@x.test")
    assert [row["active"] for row in site.rows("forwardings", is_list=1)] == [1, 1, 1]
    assert root.refused("PUT", "alias/all@ex.com", accountStatus="enabled") == "INVALID_VALUE"


@pytest.mark.sql
def test_disabling_an_alias_leaves_its_own_memberships_alone(site: Site, root: Client) -> None:
    root.ok("POST", "alias/all@ex.com", members="ann@ex.com")
    root.ok("POST", "alias/team@ex.com", members="all@ex.com")
    root.ok("PUT", "alias/all@ex.com", accountStatus="disabled")
    assert [row["active"] for row in site.rows("forwardings", address="team@ex.com")] == [1]


def test_repeating_an_update_changes_nothing(site: Site, root: Client) -> None:
    root.ok("POST", "alias/all@ex.com")
    values = {"name": "A", "accessPolicy": "domain", "members": "ann@ex.com,x@x.test", "accountStatus": "disabled"}
    root.ok("PUT", "alias/all@ex.com", **values)
    before = _without_modified(site)
    root.ok("PUT", "alias/all@ex.com", **values)
    assert _without_modified(site) == before


def _without_modified(site: Site) -> dict[str, Any]:
    """Return everything but the log and when aliases were changed."""
    found = site.dump()
    rows = [{key: value for key, value in row.items() if key != "modified"} for row in found.pop("alias", [])]
    return {**found, "alias": rows, "log": []}


def test_a_domains_limit_bounds_aliases(root: Client) -> None:
    root.ok("PUT", "domain/ex.com", numberOfAliases="1")
    root.ok("POST", "alias/all@ex.com")
    assert root.refused("POST", "alias/two@ex.com") == "EXCEEDED_DOMAIN_ACCOUNT_LIMIT"
    root.ok("PUT", "domain/ex.com", numberOfAliases="-1")
    assert root.refused("POST", "alias/two@ex.com") == "NOT_ALLOWED"


def test_what_is_not_there_is_refused(root: Client) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert root.refused(method, "alias/no@ex.com", name="x") == "NO_SUCH_ACCOUNT"
    assert root.refused("GET", "aliases/no.test") == "NO_SUCH_DOMAIN"
    assert root.refused("POST", "alias/all@no.test") == "NO_SUCH_DOMAIN"


def test_a_domain_admin_reads_aliases_as_a_global_admin_does(site: Site) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com")
    root.ok("POST", "alias/team@ex.com", members="x@far.test")
    jane = site.admin("jane@admins.test", "ex.com")
    assert jane.data("alias/team@ex.com") == root.data("alias/team@ex.com")
    assert jane.data("aliases/ex.com") == root.data("aliases/ex.com")
