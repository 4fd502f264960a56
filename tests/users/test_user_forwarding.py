"""Where a user's mail goes: the user's own row, forwardings, alias addresses, and what a disabled user leaves."""

from typing import Any

import pytest

from tests.profiles import said
from tests.servers import OPENLDAP
from tests.site import PASSWORD, Client, Site


@pytest.fixture
def root(site: Site) -> Client:
    """Ann in a domain with an alias domain."""
    root = site.root()
    root.ok("POST", "domain/ex.com", aliasDomains="ex.net")
    root.ok("POST", "user/ann@ex.com", password=PASSWORD)
    return root


def _forwardings(root: Client) -> set[str]:
    return set(root.data("user/ann@ex.com")["forwardings"])


def test_a_copy_is_kept_exactly_when_the_own_address_is_given(root: Client) -> None:
    root.ok("PUT", "user/ann@ex.com", forwarding="a@x.test,b@x.test")
    assert _forwardings(root) == {"a@x.test", "b@x.test"}
    root.ok("PUT", "user/ann@ex.com", forwarding="a@x.test,ann@ex.com")
    assert _forwardings(root) == {"a@x.test", "ann@ex.com"}


def test_adding_a_forwarding_keeps_the_copy_and_removing_the_own_address_ends_it(root: Client) -> None:
    root.ok("PUT", "user/ann@ex.com", addForwarding="a@x.test")
    assert _forwardings(root) == {"a@x.test", "ann@ex.com"}
    root.ok("PUT", "user/ann@ex.com", removeForwarding="ann@ex.com")
    assert _forwardings(root) == {"a@x.test"}


@pytest.mark.sql
@pytest.mark.parametrize("parameters", [{"forwarding": ""}, {"removeForwarding": "a@x.test"}])
def test_without_any_forwarding_the_own_row_comes_back(site: Site, root: Client, parameters: dict[str, str]) -> None:
    root.ok("PUT", "user/ann@ex.com", forwarding="a@x.test")
    root.ok("PUT", "user/ann@ex.com", **parameters)
    [row] = site.rows("forwardings")
    assert (row["address"], row["forwarding"]) == ("ann@ex.com", "ann@ex.com")
    assert (row["domain"], row["dest_domain"], row["is_forwarding"], row["active"]) == ("ex.com", "ex.com", 1, 1)


def test_the_own_row_can_not_be_removed_when_nothing_else_is_there(root: Client) -> None:
    root.ok("PUT", "user/ann@ex.com", removeForwarding="ann@ex.com")
    assert _forwardings(root) == {"ann@ex.com"}


def test_adding_and_removing_in_one_call_does_both(root: Client) -> None:
    root.ok("PUT", "user/ann@ex.com", addForwarding="a@x.test,b@x.test")
    root.ok("PUT", "user/ann@ex.com", addForwarding="c@x.test", removeForwarding="a@x.test")
    assert _forwardings(root) == {"b@x.test", "c@x.test", "ann@ex.com"}


@pytest.mark.parametrize("name", ["addForwarding", "removeForwarding", "addAlias", "removeAlias", "addService"])
def test_an_empty_add_or_remove_does_nothing(site: Site, root: Client, name: str) -> None:
    before = site.dump()
    root.ok("PUT", "user/ann@ex.com", **{name: ""})
    assert site.dump() == before


@pytest.mark.parametrize(
    ("reset", "other"),
    [("forwarding", "addForwarding"), ("forwarding", "removeForwarding"), ("aliases", "addAlias"),
     ("aliases", "removeAlias"), ("services", "addService"), ("services", "removeService")],
)  # fmt: skip
def test_a_reset_conflicts_with_adding_and_removing(site: Site, root: Client, reset: str, other: str) -> None:
    before = site.dump()
    value = "smtp" if reset == "services" else "a@ex.com"
    assert root.refused("PUT", "user/ann@ex.com", **{reset: value, other: value}) == "CONFLICTING_PARAMETERS"
    assert site.dump() == before


def test_addresses_that_are_none_are_discarded_from_forwarding_and_named(root: Client) -> None:
    answer = root.put("user/ann@ex.com", forwarding="a@x.test,nonsense,@x.test")
    assert answer["_success"]
    assert sorted(answer["_discarded"]) == ["@x.test", "nonsense"]
    assert _forwardings(root) == {"a@x.test"}


def test_addresses_are_stored_in_lower_case_without_blanks(root: Client) -> None:
    root.ok("PUT", "user/Ann@EX.com", addForwarding=" A@X.test , b@x.test,,", addAlias="Sales@Ex.Com")
    assert _forwardings(root) == {"ann@ex.com", "a@x.test", "b@x.test"}
    assert root.data("user/ann@ex.com")["aliases"] == ["sales@ex.com"]


def test_repeated_lists_join(root: Client) -> None:
    response = root.raw("PUT", "user/ann@ex.com", data=[("addAlias", "a@ex.com"), ("addAlias", "b@ex.com,c@ex.com")])
    assert response.json() == {"_success": True}
    assert root.data("user/ann@ex.com")["aliases"] == ["a@ex.com", "b@ex.com", "c@ex.com"]


def test_a_repeated_single_value_is_refused(root: Client) -> None:
    response = root.raw("PUT", "user/ann@ex.com", data=[("name", "A"), ("name", "B")])
    assert response.json()["_msg"] == "CONFLICTING_PARAMETERS"


def _unnamed(site: Site) -> str:
    """Return Ann's name when it is empty; an entry in a directory has one."""
    return "ann" if site.engine == OPENLDAP else ""


def test_a_json_body_has_lists_numbers_null_and_yes_and_no(site: Site, root: Client) -> None:
    body = {"aliases": ["a@ex.com", "b@ex.com"], "quota": 20, "name": None, "isGlobalAdmin": True}
    assert root.raw("PUT", "user/ann@ex.com", json=body).json() == {"_success": True}
    profile = root.data("user/ann@ex.com")
    assert (profile["aliases"], said(profile, "quota")) == (["a@ex.com", "b@ex.com"], 20)
    assert (said(profile, "name"), said(profile, "isglobaladmin")) == (_unnamed(site), 1)
    assert root.raw("PUT", "user/ann@ex.com", json={"aliases": None}).json() == {"_success": True}
    assert root.data("user/ann@ex.com")["aliases"] == []


def test_the_new_name_of_a_parameter_beats_the_old_one(root: Client) -> None:
    root.ok("PUT", "user/ann@ex.com", cn="old", name="new", mailQuota="1", quota="2")
    profile = root.data("user/ann@ex.com")
    assert (said(profile, "name"), said(profile, "quota")) == ("new", 2)


def test_unknown_parameters_are_named_and_change_nothing(site: Site, root: Client) -> None:
    before = site.dump()
    assert root.put("user/ann@ex.com", shoeSize="44") == {"_success": True, "_ignored": ["shoeSize"]}
    assert site.dump() == before


def test_repeating_an_update_changes_nothing_but_the_log(site: Site, root: Client) -> None:
    values = {
        "name": "Ann", "quota": "7", "language": "de_DE", "forwarding": "a@x.test,ann@ex.com", "aliases": "s@ex.com",
        "senderBcc": "a@x.test", "recipientBcc": "b@x.test", "services": "imap", "isGlobalAdmin": "yes",
        "accountStatus": "active", "maildir": "/var/vmail/vmail1/elsewhere",
    }  # fmt: skip
    root.ok("PUT", "user/ann@ex.com", **values)
    before = _timeless(site)
    root.ok("PUT", "user/ann@ex.com", **values)
    assert _timeless(site) == before


def _timeless(site: Site) -> dict[str, Any]:
    times = {"created", "modified", "id"}
    tables = site.dump()
    return {OPENLDAP: tables.pop(OPENLDAP, None)} | {
        table: [{key: value for key, value in row.items() if key not in times} for row in rows]
        for table, rows in tables.items()
        if table != "log"
    }


@pytest.mark.sql
def test_disabling_takes_the_mail_and_the_aliases_away_but_no_memberships(site: Site, root: Client) -> None:
    root.ok("PUT", "user/ann@ex.com", addAlias="sales@ex.com", addForwarding="a@x.test")
    root.ok("POST", "alias/all@ex.com", members="ann@ex.com")
    root.ok("PUT", "user/ann@ex.com", accountStatus="disabled")
    active = {(row["address"], row["forwarding"]) for row in site.rows("forwardings", active=1)}
    assert active == {("all@ex.com", "ann@ex.com")}
    root.ok("PUT", "user/ann@ex.com", accountStatus="active")
    assert len(site.rows("forwardings", active=1)) == 4


@pytest.mark.sql
def test_what_a_disabled_user_gets_is_disabled_until_the_user_is_not(site: Site, root: Client) -> None:
    root.ok("PUT", "user/ann@ex.com", accountStatus="disabled")
    root.ok("PUT", "user/ann@ex.com", addAlias="sales@ex.com", forwarding="a@x.test")
    assert site.rows("forwardings", active=1) == []
    root.ok("PUT", "user/ann@ex.com", accountStatus="active", addAlias="info@ex.com")
    assert site.rows("forwardings", active=0) == []


@pytest.mark.sql
def test_all_users_of_a_domain_are_switched_with_their_rows(site: Site, root: Client) -> None:
    root.ok("POST", "user/bob@ex.com", password=PASSWORD, aliases="b@ex.com")
    root.ok("PUT", "users/ex.com", accountStatus="disabled")
    assert site.rows("forwardings", active=1) == site.rows("mailbox", active=1) == []
    root.ok("PUT", "users/ex.com", accountStatus="active")
    assert site.rows("forwardings", active=0) == site.rows("mailbox", active=0) == []


@pytest.mark.sql
def test_an_alias_address_in_an_alias_domain_belongs_to_the_primary_domain(site: Site, root: Client) -> None:
    root.ok("PUT", "user/ann@ex.com", addAlias="sales@ex.net")
    [row] = site.rows("forwardings", is_alias=1)
    assert (row["address"], row["domain"], row["dest_domain"]) == ("sales@ex.net", "ex.com", "ex.com")


def test_one_alias_address_in_use_refuses_the_whole_call(site: Site, root: Client) -> None:
    root.ok("POST", "user/bob@ex.com", password=PASSWORD)
    before = site.dump()
    for name in ("aliases", "addAlias"):
        answer = root.put("user/ann@ex.com", **{name: "free@ex.com,bob@ex.com", "name": "Changed"})
        assert (answer["_msg"], answer["_hint"]) == ("ALREADY_EXISTS", "bob@ex.com")
    assert site.dump() == before


def test_the_own_alias_addresses_may_be_given_again(root: Client) -> None:
    root.ok("PUT", "user/ann@ex.com", aliases="a@ex.com,b@ex.com")
    root.ok("PUT", "user/ann@ex.com", aliases="b@ex.com,c@ex.com")
    root.ok("PUT", "user/ann@ex.com", addAlias="c@ex.com")
    assert root.data("user/ann@ex.com")["aliases"] == ["b@ex.com", "c@ex.com"]


def test_an_alias_address_in_another_domain_needs_the_setting(site: Site, root: Client) -> None:
    root.ok("POST", "domain/far.com")
    assert root.refused("PUT", "user/ann@ex.com", addAlias="ann@far.com") == "INVALID_VALUE"
    assert root.refused("PUT", "user/ann@ex.com", addAlias="ann@nowhere.test") == "NO_SUCH_DOMAIN"
    site.change_settings(user_alias_cross_all_domains=True)
    root.ok("PUT", "user/ann@ex.com", addAlias="ann@far.com")
    assert root.data("user/ann@ex.com")["aliases"] == ["ann@far.com"]


@pytest.mark.sql
def test_an_alias_address_in_another_domain_belongs_there_and_leads_here(site: Site, root: Client) -> None:
    root.ok("POST", "domain/far.com")
    site.change_settings(user_alias_cross_all_domains=True)
    root.ok("PUT", "user/ann@ex.com", addAlias="ann@far.com")
    [row] = site.rows("forwardings", is_alias=1)
    assert (row["domain"], row["dest_domain"]) == ("far.com", "ex.com")
