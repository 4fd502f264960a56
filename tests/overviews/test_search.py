"""The search over everything that one administers."""

from collections.abc import Iterator
from typing import Any

import pytest

from postreeve.overviews.store import MOST_FOUND
from postreeve.storage.directory.entries import Entry
from postreeve.storage.directory.filters import Filter
from postreeve.storage.directory.session import Session
from tests.overviews.world import add_users, addresses
from tests.site import PASSWORD, ROOT, Client, Site


def _find(client: Client, text: str) -> list[tuple[str, str, str]]:
    answer = client.data("panel/search", search=text)
    assert answer["is_complete"]
    return [(each["kind"], each["address"], each["matched"]) for each in answer["found"]]


def test_every_kind_is_found(site: Site, root: Client) -> None:
    root.ok("POST", "domain/needle.test", name="Sewing")
    root.ok("PUT", "domain/ex.com", aliasDomains="needle.org")
    add_users(root, "needle@ex.com")
    add_users(root, "ann@ex.com", name="Ann NEEDLEWOMAN")
    add_users(root, "bob@ex.com", aliases="a-needle@ex.com")
    add_users(root, "carl@ex.com")
    root.ok("POST", "alias/needles@ex.com")
    root.ok("POST", "ml/needle.news@ex.com")
    root.ok("POST", "ml/news@ex.com", extra_addresses="needle.extra@ex.com")
    root.ok("POST", "admin/needle@admins.test", name="Al", password=PASSWORD)
    if site.directory:
        root.ok("POST", "maillist/allneedles@ex.com")
    found = _find(root, "Needle")
    unsubscribable = [("maillist", "allneedles@ex.com", "")] if site.directory else []
    by_name = [("user", each, matched) for kind, each, matched in found if kind == "user" and "@needle.org" in matched]
    assert [each for each in found if each not in by_name] == [
        ("domain", "needle.test", ""), ("domain", "ex.com", "needle.org"),
        ("user", "needle@ex.com", ""), ("user", "ann@ex.com", ""), ("user", "bob@ex.com", "a-needle@ex.com"),
        ("alias", "needles@ex.com", ""),
        ("list", "needle.news@ex.com", ""), ("list", "news@ex.com", "needle.extra@ex.com"),
        *unsubscribable,
        ("admin", "needle@admins.test", ""),
    ]  # fmt: skip


def test_a_finding_tells_name_and_status(root: Client) -> None:
    add_users(root, "ann@ex.com", name="Ann", accountStatus="disabled")
    assert root.data("panel/search", search="ann@")["found"] == [
        {"kind": "user", "address": "ann@ex.com", "name": "Ann", "is_active": False, "matched": ""}
    ]


def test_what_begins_with_the_text_comes_first_and_the_rest_is_cut(root: Client) -> None:
    for number in range(MOST_FOUND + 5):
        root.ok("POST", f"alias/a{number:02}x@ex.com")
    root.ok("POST", "alias/x@ex.com")
    answer = root.data("panel/search", search="x@ex")
    assert (answer["is_complete"], len(answer["found"])) == (False, MOST_FOUND)
    assert answer["found"][0]["address"] == "x@ex.com"
    assert root.data("panel/search", search="a0")["is_complete"]


def test_an_admin_finds_what_lies_in_the_own_domains(site: Site, root: Client) -> None:
    root.ok("POST", "domain/third.test")
    add_users(root, "ann@ex.com", "ann@other.test", "ann@third.test", aliases="")
    root.ok("PUT", "user/ann@ex.com", addAlias="annie@ex.com")
    al = site.admin("ann@admins.test", "ex.com", "third.test")
    assert addresses(al.data("panel/search", search="ann")["found"]) == ["ann@ex.com", "ann@third.test"]
    assert addresses(al.data("panel/search", search="test")["found"]) == ["third.test", "ann@third.test"]
    assert al.data("panel/search", search="other")["found"] == []
    assert al.data("panel/search", search=ROOT)["found"] == []
    nobody = site.admin("new@admins.test")
    assert nobody.data("panel/search", search="a") == {"found": [], "is_complete": True}


def test_an_admin_of_many_domains_finds_what_lies_in_them(site: Site, root: Client) -> None:
    domains = [f"d{number}.test" for number in range(6)]
    for domain in domains:
        root.ok("POST", f"domain/{domain}")
    add_users(root, "ann@ex.com", *(f"ann@{domain}" for domain in domains))
    root.ok("POST", "alias/ann.d0.test@other.test")
    al = site.admin("al@admins.test", *domains[:5])
    assert addresses(al.data("panel/search", search="ann")["found"]) == [f"ann@{domain}" for domain in domains[:5]]
    assert addresses(al.data("panel/search", search="d0")["found"]) == ["d0.test", "ann@d0.test"]
    assert addresses(al.data("panel/search", search=".test")["found"])[:5] == domains[:5]


@pytest.mark.ldap
@pytest.mark.parametrize(("managed", "searches"), [(2, 16), (4, 8), (6, 8)])
def test_the_searches_do_not_grow_with_the_domains_of_an_admin(
    site: Site, root: Client, monkeypatch: pytest.MonkeyPatch, managed: int, searches: int
) -> None:
    for number in range(managed):
        root.ok("POST", f"domain/d{number}.test")
    al = site.admin("al@admins.test", *(f"d{number}.test" for number in range(managed)))
    asked, search = [], Session.search

    def counted(self: Session, base: str, condition: Filter, *args: Any, **options: Any) -> Iterator[Entry]:
        asked.append(condition)
        return search(self, base, condition, *args, **options)

    monkeypatch.setattr(Session, "search", counted)
    al.data("panel/search", search="needle")
    assert len([condition for condition in asked if "needle" in condition]) == searches


def test_users_of_whom_many_are_called_so_do_not_hide_the_one_whose_address_begins_so(root: Client) -> None:
    for number in range(MOST_FOUND + 1):
        root.ok("POST", f"alias/x{number:02}@ex.com", name="needle")
    root.ok("POST", "alias/needle@ex.com")
    assert root.data("panel/search", search="needle")["found"][0]["address"] == "needle@ex.com"


@pytest.mark.parametrize("parameters", [{}, {"search": ""}, {"search": "  "}])
def test_nothing_is_not_searched_for(root: Client, parameters: dict[str, str]) -> None:
    assert root.refused("GET", "panel/search", **parameters) == "MISSING_PARAMETER"
