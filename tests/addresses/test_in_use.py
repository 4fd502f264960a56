"""Addresses that are in use, whatever uses them."""

import pytest

from tests.site import PASSWORD, Client, Site


@pytest.fixture
def root(site: Site) -> Client:
    """Ann and Bob, an alias and a list."""
    root = site.root()
    root.ok("POST", "domain/ex.com")
    root.ok("POST", "user/ann@ex.com", password=PASSWORD, aliases="sales@ex.com")
    root.ok("POST", "user/bob@ex.com", password=PASSWORD)
    root.ok("POST", "alias/all@ex.com", members="ann@ex.com,bob@ex.com")
    root.ok("POST", "ml/list@ex.com", extra_addresses="further@ex.com")
    return root


@pytest.mark.parametrize("path", ["user/new@ex.com", "alias/new@ex.com", "ml/new@ex.com"])
def test_an_address_of_any_kind_of_account_is_in_use(root: Client, path: str) -> None:
    for taken in ("ann", "all", "sales", "list", "further"):
        taken_path = path.replace("new", taken)
        assert root.refused("POST", taken_path, password=PASSWORD) == "ALREADY_EXISTS"


@pytest.mark.ldap
def test_an_address_of_an_unsubscribable_list_is_in_use(root: Client) -> None:
    root.ok("POST", "maillist/people@ex.com")
    for path in ("user", "alias", "ml"):
        assert root.refused("POST", f"{path}/people@ex.com", password=PASSWORD) == "ALREADY_EXISTS"
    for taken in ("ann", "all", "sales", "list", "further"):
        assert root.refused("POST", f"maillist/{taken}@ex.com") == "ALREADY_EXISTS"


def test_an_address_is_in_use_by_its_name_in_the_primary_domain(root: Client) -> None:
    root.ok("PUT", "domain/ex.com", addAliasDomain="ex.net")
    for taken in ("ann", "all", "list"):
        assert root.refused("PUT", "user/bob@ex.com", addAlias=f"{taken}@ex.net") == "ALREADY_EXISTS"
    root.ok("PUT", "user/ann@ex.com", addAlias="ann@ex.net")


def test_a_catch_all_takes_no_address(root: Client) -> None:
    root.ok("PUT", "domain/ex.com", catchall="ann@ex.com", aliasDomains="ex.net")
    root.ok("POST", "user/catchall@ex.com", password=PASSWORD)
    assert root.data("users/ex.com", email_only="yes") == ["ann@ex.com", "bob@ex.com", "catchall@ex.com"]


def test_an_alias_domain_that_goes_takes_its_alias_addresses_along(site: Site) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com", aliasDomains="ex.net")
    root.ok("POST", "user/ann@ex.com", password=PASSWORD, aliases="info@ex.net,info@ex.com")
    root.ok("PUT", "domain/ex.com", removeAliasDomain="ex.net")
    assert root.data("user/ann@ex.com")["aliases"] == ["info@ex.com"]


def test_an_alias_domain_that_waits_for_its_proof_has_no_addresses_yet(site: Site) -> None:
    site.root().ok("POST", "domain/ex.com")
    boss = site.admin("boss@admins.test", "ex.com")
    assert "gmail.com waits" in boss.put("domain/ex.com", addAliasDomain="gmail.com")["_hint"]
    assert boss.refused("POST", "user/ann@ex.com", password=PASSWORD, aliases="ceo@gmail.com") == "NO_SUCH_DOMAIN"
