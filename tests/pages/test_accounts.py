"""The pages of domains and users on every back end: what forms show, and what they change."""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.pages.visitor import Forms, Visitor
from tests.profiles import said, settings_of
from tests.site import PASSWORD, Client, Site

pytestmark = pytest.mark.faces

SAVED = "Saved."


@pytest.fixture
def api(site: Site) -> Client:
    """A domain with two users."""
    api = site.root()
    api.ok("POST", "domain/ex.com", name="Example & Söhne")
    api.ok("POST", "user/ann@ex.com", password=PASSWORD, name="Ann", quota="100")
    api.ok("POST", "user/bob@ex.com", password=PASSWORD)
    return api


def test_a_domain_is_added_and_shown(root: Visitor, api: Client) -> None:
    page = root.done("/domains/new", domain="New.test", name="Fresh", quota="1000", numberOfUsers="5")
    assert "New.test has been added." in page
    profile = api.data("domain/new.test")
    assert (said(profile, "description"), said(profile, "maxquota")) == ("Fresh", 1000)
    assert "new.test" in root.see("/domains")
    assert "Example &amp; Söhne" in root.page.text


def test_a_refused_form_is_shown_again_with_what_was_typed(root: Visitor, api: Client) -> None:
    answer = root.send("/domains/new", domain="ex.com", name="Typed before")
    assert answer.status_code == 409
    assert "This address or domain name is in use." in answer.text
    assert 'value="Typed before"' in answer.text
    answer = root.send("/users/ex.com/new", local_part="ann", password="Secret-1-Word", password_again="Secret-1-Word")
    assert answer.status_code == 409
    assert "Secret-1-Word" not in answer.text
    assert api.data("users/ex.com", email_only="yes") == ["ann@ex.com", "bob@ex.com"]


def test_every_section_of_a_profile_can_be_saved_as_it_is(root: Visitor, api: Client) -> None:
    for path in ("/domains/ex.com", "/user/ann@ex.com"):
        before = api.data(path.removeprefix("/").replace("domains", "domain"))
        sections = re.findall(rf'href="/iredadmin{path}\?section=(\w+)"', root.see(path))
        assert len(sections) > 6
        for section in sections:
            assert "Nothing was changed." in root.done(f"{path}?section={section}"), section
        assert api.data(path.removeprefix("/").replace("domains", "domain")) == before


def test_only_what_was_changed_is_sent(site: Site, root: Visitor, api: Client) -> None:
    assert SAVED in root.done("/domains/ex.com?section=advanced", maxUserQuota="700", disabledUserProfiles=["bcc"])
    settings = settings_of(api.data("domain/ex.com"))
    assert (settings["max_user_quota"], settings["disabled_user_profiles"]) == (700, ["bcc"])
    lines = [row["msg"] for row in site.rows("log") if row["event"] == "update"]
    assert [re.findall(r"\((.*)\)", line) for line in lines] == [["maxUserQuota, disabledUserProfiles"]]


@pytest.mark.sql
def test_blanks_that_are_stored_are_no_change(site: Site, root: Visitor, api: Client) -> None:
    site.execute("vmail", "UPDATE mailbox SET name = 'Ann  ' WHERE username = 'ann@ex.com'")
    assert "Nothing was changed." in root.done("/user/ann@ex.com")
    assert SAVED in root.done("/user/ann@ex.com", quota="42")
    assert said(api.data("user/ann@ex.com"), "name") == "Ann  "
    assert [row["msg"] for row in site.rows("log", event="update")][-1].endswith("(quota).")


def test_the_query_of_a_list_survives_letters_sorting_and_turning_over(root: Visitor, api: Client) -> None:
    for number in range(4):
        api.ok("POST", f"user/b{number}@ex.com", password=PASSWORD)
    page = root.see("/users/ex.com?search=ex&status=active&page_size=3")
    page = root.see(one_link(page, "B</a>"))
    assert shown(page) == ["b0@ex.com", "b1@ex.com", "b2@ex.com"]
    page = root.see(one_link(page, 'User<span aria-hidden="true"> ↑</span></a>'))
    assert shown(page) == ["bob@ex.com", "b3@ex.com", "b2@ex.com"]
    page = root.see(one_link(page, "Next"))
    assert shown(page) == ["b1@ex.com", "b0@ex.com"]
    assert parse_qs(urlsplit(root.page.url).query).items() >= {
        "search": ["ex"], "status": ["active"], "letter": ["b"], "direction": ["descending"], "page_size": ["3"],
    }.items()  # fmt: skip
    filters = next(fields for form, fields in Forms(page).forms if form.get("class") == "filters")
    assert {name: values[0] for name, values in filters.items()} == {
        "search": "ex", "status": "active", "letter": "b", "sort": "address", "direction": "descending",
        "page_size": "3",
    }  # fmt: skip


def one_link(page: str, text: str) -> str:
    """Return where the one link with a text leads, below the mount point."""
    [path] = re.findall(rf'href="/iredadmin([^"]+)"[^>]*>{re.escape(text)}', page)
    return unescape(path)


def shown(page: str) -> list[str]:
    """Return the accounts of a list."""
    return re.findall(r'class="name" href="[^"]+">([^<]+)</a>', page)


def test_a_user_is_added_and_changed(root: Visitor, api: Client) -> None:
    typed = {"local_part": "eve", "name": "Eve", "quota": "50", "password": PASSWORD, "password_again": PASSWORD}
    assert "eve@ex.com has been added." in root.done("/users/ex.com/new", **typed)
    assert SAVED in root.done("/user/eve@ex.com", quota="75", accountStatus="disabled", name="Eve Example")
    profile = api.data("user/eve@ex.com")
    found = [said(profile, column) for column in ("name", "quota", "active")]
    assert found == ["Eve Example", 75, 0]
    assert SAVED in root.done("/user/eve@ex.com?section=aliases", aliases="e@ex.com\r\neve.example@ex.com\r\n")
    assert SAVED in root.done("/user/eve@ex.com?section=forwarding", forwarding="eve@ex.com\neve@elsewhere.test")
    profile = api.data("user/eve@ex.com")
    assert profile["aliases"] == ["e@ex.com", "eve.example@ex.com"]
    assert profile["forwardings"] == ["eve@elsewhere.test", "eve@ex.com"]
    assert SAVED in root.done("/user/eve@ex.com?section=aliases", aliases="e@ex.com")
    assert api.data("user/eve@ex.com")["aliases"] == ["e@ex.com"]


def test_passwords_are_typed_twice(root: Visitor, api: Client) -> None:
    section = "/user/ann@ex.com?section=password"
    answer = root.send(section, password="Another1Password.", password_again="Another2Password.")
    assert answer.status_code == 422
    assert "The two passwords differ." in answer.text
    assert SAVED in root.done(section, password="Another1Password.", password_again="Another1Password.")
    api.ok("POST", "verify_password/user/ann@ex.com", password="Another1Password.")


def test_a_service_is_switched_off(root: Visitor, api: Client) -> None:
    root.see("/user/ann@ex.com?section=services")
    _, fields = root._form()
    services = [word for word in fields["services"] if word and word != "pop3"]
    assert "pop3" in fields["services"]
    assert SAVED in root.done("", services=services)
    root.see("/user/ann@ex.com?section=services")
    assert sorted(filter(None, root._form()[1]["services"])) == sorted(services)
    assert api.data("user/ann@ex.com")


def test_somebody_elses_change_is_not_overwritten_unseen(root: Visitor, api: Client) -> None:
    root.see("/user/ann@ex.com")
    api.ok("PUT", "user/ann@ex.com", quota="300")
    answer = root.send(name="Ann Example")
    assert answer.status_code == 409
    assert "Somebody else has changed this since you opened it." in answer.text
    assert 'value="Ann Example"' in answer.text
    assert "Now it is: 300" in answer.text
    assert said(api.data("user/ann@ex.com"), "quota") == 300
    assert SAVED in root.send(quota="400", button="anyway=yes").text
    assert said(api.data("user/ann@ex.com"), "quota") == 400


def test_deleting_asks_before(root: Visitor, api: Client) -> None:
    assert "Delete ann@ex.com?" in root.see("/user/ann@ex.com/delete")
    assert api.data("users/ex.com", email_only="yes") == ["ann@ex.com", "bob@ex.com"]
    assert "ann@ex.com has been deleted." in root.send(days="30").text
    assert "ex.com has been deleted." in root.done("/domains/ex.com/delete")
    assert api.data("domains", name_only="yes") == []


def test_an_address_is_changed(root: Visitor, api: Client) -> None:
    assert "ann@ex.com is anna@ex.com now." in root.done("/user/ann@ex.com/rename", new_mail="anna@ex.com")
    assert api.data("users/ex.com", email_only="yes") == ["anna@ex.com", "bob@ex.com"]


def test_what_is_marked_is_changed_at_once_each_with_its_result(site: Site, root: Visitor, api: Client) -> None:
    page = root.done("/users/ex.com", mark=["ann@ex.com", "bob@ex.com"], button="deed=disable")
    assert "Disable: 2 accounts." in page
    assert api.data("users/ex.com", email_only="yes", disabled_only="yes") == ["ann@ex.com", "bob@ex.com"]
    page = root.done("/users/ex.com", mark=["ann@ex.com", "gone@ex.com"], button="deed=enable")
    assert "There is no such account." in page
    assert api.data("users/ex.com", email_only="yes", disabled_only="yes") == ["bob@ex.com"]
    assert "Nothing is marked." in root.done("/users/ex.com", button="deed=enable")
    before = site.dump()
    assert "Delete this user?" in root.done("/users/ex.com", mark=["ann@ex.com"], button="deed=delete")
    assert "Delete these 2 users?" in root.done(
        "/users/ex.com", mark=["ann@ex.com", "bob@ex.com"], button="deed=delete"
    )
    assert site.dump() == before
    assert "Delete: 2 accounts." in root.send(days="7").text
    assert api.data("users/ex.com", email_only="yes") == []


def test_lists_are_searched_filtered_and_turned_over(root: Visitor, api: Client) -> None:
    for number in range(60):
        api.ok("POST", f"domain/d{number:02}.test")
    api.ok("PUT", "domain/d07.test", accountStatus="disabled")
    first = root.see("/domains")
    assert ("61 in all" in first, ">d48.test<" in first, ">d50.test<" in first) == (True, True, False)
    [following] = re.findall(r'rel="next"[^>]*href="/iredadmin([^"]+)"', first)
    assert ">d59.test<" in root.see(following.replace("&amp;", "&"))
    assert re.findall(r">([\w.]+\.(?:test|com))</a>", root.see("/domains?search=D1")) == [
        f"d1{n}.test" for n in range(10)
    ]
    assert re.findall(r">([\w.]+\.(?:test|com))</a>", root.see("/domains?status=disabled")) == ["d07.test"]
    assert re.findall(r">([\w.]+\.(?:test|com))</a>", root.see("/domains?letter=e")) == ["ex.com"]


def test_a_domain_admin_sees_and_changes_what_is_open(site: Site, visitor: Visitor, api: Client) -> None:
    api.ok("POST", "domain/other.test")
    site.admin("jane@admins.test", "ex.com")
    api.ok("PUT", "domain/ex.com", disableDomainProfile="bcc,advanced", disableUserProfile="forwarding")
    jane = visitor.log_in("jane@admins.test")
    page = jane.see("/domains")
    assert ("other.test" in page, "/iredadmin/admins" in page, "/iredadmin/domains/new" in page) == (False,) * 3
    sections = re.findall(r"\?section=(\w+)", jane.see("/domains/ex.com"))
    assert set(sections) == {"general", "aliases", "relay", "catchall", "admins", "password_policies"}
    sections = re.findall(r"\?section=(\w+)", jane.see("/user/ann@ex.com"))
    assert {"forwarding", "services", "mailbox"}.isdisjoint(sections)
    assert "bcc" in sections
    assert "isGlobalAdmin" not in jane.see("/user/ann@ex.com")
    before = site.dump()
    form = {"csrf": jane.csrf, "forwarding": "x@evil.test", "isGlobalAdmin": "yes", "anyway": "yes"}
    jane.session.post(f"{jane.base}/user/ann@ex.com?section=forwarding", data=form, timeout=10)
    assert {**site.dump(), "log": []} == {**before, "log": []}
    assert jane.get("/users/other.test").status_code == 403


def test_what_only_global_admins_may_do_is_not_even_offered(site: Site, visitor: Visitor, api: Client) -> None:
    site.admin("jane@admins.test", "ex.com")
    jane = visitor.log_in("jane@admins.test")
    assert "/iredadmin/domains/ex.com/delete" not in jane.see("/domains/ex.com")
    for path in ("/domains/ex.com/delete", "/domains/new"):
        jane.see("/domains/ex.com")
        form = {"csrf": jane.csrf, "days": "0", "domain": "new.test"}
        assert jane.session.post(f"{jane.base}{path}", data=form, timeout=60).status_code == 403
        assert jane.get(path).status_code == 403
        assert "You are not allowed to do this." in jane.page.text
    assert api.data("domains", name_only="yes") == ["ex.com"]
