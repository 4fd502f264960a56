"""Addresses in the paths of pages: signs that mean something there stay within their segment."""

import re
from html import unescape
from urllib.parse import quote

import pytest

from postreeve.web.pages import path_to
from tests.pages.visitor import Visitor
from tests.site import PASSWORD, Client, Site

pytestmark = pytest.mark.faces

SAVED = "Saved."
USER, ALIAS, MAILLIST = "o#1@ex.com", "a/b@ex.com", "m/l@ex.com"


@pytest.fixture
def api(site: Site) -> Client:
    """A domain."""
    api = site.root()
    api.ok("POST", "domain/ex.com")
    return api


def links(page: str) -> set[str]:
    """Return where the links of a page lead, below the mount point."""
    main = page.partition("<main")[2].partition("</main>")[0]
    return {unescape(path) for path in re.findall(r'<a [^>]*href="/iredadmin([^"]*)"', main)}


def follow(root: Visitor, *first: str) -> set[str]:
    """Follow every link from some pages on, and return the paths of all pages that were seen."""
    seen: set[str] = set()
    there = [*first]
    while there:
        path = there.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = root.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        assert "Not possible" not in answer.text, path
        there += links(answer.text) - seen if "letter=" not in path else set()
    return seen


@pytest.mark.parametrize(
    ("segments", "path"),
    [
        (["users", "ex.com"], "/users/ex.com"),
        (["user", "o#1+x@ex.com", "rename"], "/user/o%231+x@ex.com/rename"),
        (["alias", "a/b?c&d%2F@ex.com"], "/alias/a%2Fb%3Fc%26d%252F@ex.com"),
        (["admins", "ä@ex.com"], "/admins/%C3%A4@ex.com"),
        ([], "/"),
    ],
)
def test_what_stands_in_a_segment_stays_within_it(segments: list[str], path: str) -> None:
    assert path_to(*segments) == path
    assert path_to(*segments, section="a b") == f"{path}?section=a+b"


def test_every_link_to_an_address_with_signs_of_paths_leads_there(root: Visitor, api: Client) -> None:
    words = {"password": PASSWORD, "password_again": PASSWORD}
    assert f"{USER} has been added." in root.done("/users/ex.com/new", local_part="o#1", **words)
    assert f"<h1>{USER}</h1>" in root.page.text
    assert f"{ALIAS} has been added." in root.done("/aliases/ex.com/new", local_part="a/b", members=USER)
    assert f"<h1>{ALIAS}</h1>" in root.page.text
    assert "news@ex.com has been added." in root.done("/lists/ex.com/new", local_part="news", owner=USER)
    api.ok("POST", "admin/j%231@admins.test", password=PASSWORD)
    seen = follow(
        root, "/", "/domains", "/admins", "/users/ex.com", "/aliases/ex.com", "/lists/ex.com", "/search?search=1"
    )
    for kind, mail in (("user", USER), ("alias", ALIAS), ("list", "news@ex.com"), ("admins", "j#1@admins.test")):
        place = f"/{kind}/{quote(mail, safe='@')}"
        assert {place, f"{place}?section=general", f"{place}/delete"} <= seen
    assert f"/policies/{quote(USER, safe='@')}/wblist/outbound" in seen
    assert "/list/news@ex.com/subscribers" in seen


@pytest.mark.usefixtures("api")
def test_forms_about_such_addresses_lead_back_to_them(root: Visitor) -> None:
    words = {"password": PASSWORD, "password_again": PASSWORD}
    root.done("/users/ex.com/new", local_part="o#1", **words)
    root.done("/aliases/ex.com/new", local_part="a/b")
    for path, mail in ((f"/user/{quote(USER)}", USER), ("/alias/a%2Fb@ex.com", ALIAS)):
        assert SAVED in root.done(path, name="Somebody")
        assert f"<h1>{mail}</h1>" in root.page.text
        new = mail.replace("@", "&x@")
        assert f"{mail} is {new} now.".replace("&", "&amp;") in root.done(f"{path}/rename", new_mail=new)
        assert f"<h1>{new.replace('&', '&amp;')}</h1>" in root.page.text
        root.see(f"{path.partition('/')[0]}/{path.split('/')[1]}/{quote(new, safe='@')}/delete")
        assert "has been deleted." in root.send().text


@pytest.mark.ldap
@pytest.mark.usefixtures("api")
def test_a_list_that_nobody_subscribes_to_is_reached_as_well(root: Visitor) -> None:
    assert f"{MAILLIST} has been added." in root.done("/maillists/ex.com/new", local_part="m/l")
    assert SAVED in root.done("/maillist/m%2Fl@ex.com", name="Somebody")
    assert f"<h1>{MAILLIST}</h1>" in root.page.text
    assert {"/maillist/m%2Fl@ex.com", "/maillist/m%2Fl@ex.com/delete"} <= follow(root, "/lists/ex.com")
