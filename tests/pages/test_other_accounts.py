"""The pages of aliases, mailing lists and admins on every back end."""

import re
from pathlib import Path

import pytest

from tests.pages.visitor import Visitor
from tests.profiles import said
from tests.site import PASSWORD, Client, Site

pytestmark = pytest.mark.faces

SAVED = "Saved."
UNCHANGED = "Nothing was changed."


@pytest.fixture
def api(site: Site) -> Client:
    """A domain with a user."""
    api = site.root()
    api.ok("POST", "domain/ex.com")
    api.ok("POST", "user/ann@ex.com", password=PASSWORD)
    return api


def sections(root: Visitor, path: str) -> list[str]:
    return re.findall(rf'href="/iredadmin{path}\?section=(\w+)"', root.see(path))


def test_an_alias_lives_on_its_pages(root: Visitor, api: Client) -> None:
    assert "There is no mail alias in this domain yet." in root.see("/aliases/ex.com")
    page = root.done("/aliases/ex.com/new", local_part="team", name="Team", members="ann@ex.com\nx@far.test")
    assert "team@ex.com has been added." in page
    assert api.data("alias/team@ex.com")["members"] == ["ann@ex.com", "x@far.test"]
    for section in sections(root, "/alias/team@ex.com"):
        assert UNCHANGED in root.done(f"/alias/team@ex.com?section={section}")
    assert SAVED in root.done("/alias/team@ex.com?section=members", members="ann@ex.com")
    assert SAVED in root.done("/alias/team@ex.com", accessPolicy="membersonly", accountStatus="disabled")
    profile = api.data("alias/team@ex.com")
    assert (profile["members"], said(profile, "active")) == (["ann@ex.com"], 0)
    assert "Members" in root.see("/aliases/ex.com?status=disabled")
    assert "team@ex.com is crew@ex.com now." in root.done("/alias/team@ex.com/rename", new_mail="crew@ex.com")
    assert "Enable: 1 account." in root.done("/aliases/ex.com", mark=["crew@ex.com"], button="deed=enable")
    assert "crew@ex.com has been deleted." in root.done("/alias/crew@ex.com/delete")
    assert api.data("aliases/ex.com", email_only="yes") == []


def test_a_mailing_list_lives_on_its_pages(root: Visitor, api: Client) -> None:
    page = root.done("/lists/ex.com/new", local_part="news", name="News", owner="ann@ex.com", accessPolicy="public")
    assert "news@ex.com has been added." in page
    names = sections(root, "/list/news@ex.com")
    assert names == ["general", "people", "subscription", "mails", "newsletter"]
    for section in names:
        assert UNCHANGED in root.done(f"/list/news@ex.com?section={section}"), section
    assert SAVED in root.done("/list/news@ex.com?section=mails", subject_prefix="[News]", footer_text="Bye\n")
    assert SAVED in root.done("/list/news@ex.com?section=newsletter", is_newsletter="yes")
    assert SAVED in root.done("/list/news@ex.com?section=people", moderators="mod@far.test\nann@ex.com")
    profile = api.data("ml/news@ex.com")
    assert (profile["subject_prefix"], profile["footer_text"]) == ("[News]", "Bye")
    assert (profile["owner"], profile["moderators"]) == (["ann@ex.com"], ["ann@ex.com", "mod@far.test"])
    assert "Newsletter" in root.see("/lists/ex.com")
    assert "Delete this mailing list?" in root.done(
        "/lists/ex.com", mark=["subscribable:news@ex.com"], button="deed=delete"
    )
    assert "Delete: 1 account." in root.send().text
    assert api.data("mls/ex.com", email_only="yes") == []


def test_subscribers_come_and_go(root: Visitor, api: Client) -> None:
    api.ok("POST", "ml/news@ex.com")
    path = "/list/news@ex.com/subscribers"
    assert "Nobody is subscribed yet." in root.see(path)
    assert UNCHANGED in root.done(path)
    assert SAVED in root.done(path, subscribers="a@far.test\nb@far.test", subscription="digest")
    assert "Digests" in root.page.text
    answer = root.send(path, subscribers="no address")
    assert (answer.status_code, "no address" in answer.text) == (422, True)
    assert root.get(f"{path}/file").text == "a@far.test\nb@far.test\n"
    root.see(path)
    form = {"csrf": root.csrf, "deed": "remove", "mark": "a@far.test"}
    answer = root.session.post(f"{root.base}{path}", data=form, timeout=60)
    assert SAVED in answer.text
    subscribers = api.data("ml/news@ex.com", with_subscribers="yes")["subscribers"]
    assert subscribers == [{"mail": "b@far.test", "subscription": "digest"}]
    assert "news@ex.com has been deleted." in root.done("/list/news@ex.com/delete", keep_archive="no")


@pytest.mark.sql
@pytest.mark.usefixtures("api")
def test_unsubscribable_lists_are_not_offered_where_there_are_none(root: Visitor) -> None:
    assert "/iredadmin/maillists/" not in root.see("/lists/ex.com")
    assert root.get("/maillist/all@ex.com").status_code == 404


@pytest.mark.ldap
def test_an_unsubscribable_list_lives_on_its_pages(root: Visitor, api: Client) -> None:
    assert "/iredadmin/maillists/ex.com/new" in root.see("/lists/ex.com")
    assert "all@ex.com has been added." in root.done("/maillists/ex.com/new", local_part="all", members="ann@ex.com")
    for section in sections(root, "/maillist/all@ex.com"):
        assert UNCHANGED in root.done(f"/maillist/all@ex.com?section={section}")
    assert SAVED in root.done("/maillist/all@ex.com", name="All of us")
    assert SAVED in root.done("/maillist/all@ex.com?section=members", members="ann@ex.com\nx@far.test")
    assert sorted(api.data("maillist/all@ex.com")["members"]) == ["ann@ex.com", "x@far.test"]
    assert "All of us" in root.see("/lists/ex.com")
    assert "all@ex.com has been deleted." in root.done("/maillist/all@ex.com/delete")


def test_an_admin_lives_on_its_pages(site: Site, root: Visitor, api: Client) -> None:
    words = {"password": PASSWORD, "password_again": PASSWORD}
    assert "jane@admins.test has been added." in root.done("/admins/new", mail="jane@admins.test", name="Jane", **words)
    for section in sections(root, "/admins/jane@admins.test"):
        assert UNCHANGED in root.done(f"/admins/jane@admins.test?section={section}"), section
    page = root.done("/admins/jane@admins.test?section=domains", domains="ex.com\nnowhere.test")
    assert ("There is no such domain." in page, "Done" in page) == (True, True)
    assert api.data("admin/jane@admins.test")["managed_domains"] == ["ex.com"]
    assert SAVED in root.done("/admins/jane@admins.test?section=limits", maxUsers="5", maxQuota="7", quotaUnit="GB")
    jane = Visitor(site).log_in("jane@admins.test")
    assert "ex.com" in jane.see("/profile")
    assert SAVED in root.done("/admins/jane@admins.test?section=domains", domains="")
    assert api.data("admin/jane@admins.test")["managed_domains"] == []
    assert "Disable: 1 account." in root.done("/admins", mark=["jane@admins.test"], button="deed=disable")
    assert "jane@admins.test has been deleted." in root.done("/admins/jane@admins.test/delete")
    assert api.get("admin/jane@admins.test")["_msg"] == "NO_SUCH_ACCOUNT"


def test_what_somebody_else_assigned_meanwhile_is_not_taken_away_unseen(site: Site, root: Visitor, api: Client) -> None:
    api.ok("POST", "domain/other.test")
    site.admin("jane@admins.test")
    root.see("/admins/jane@admins.test?section=domains")
    api.ok("PUT", "domain/admins/other.test", addAdmin="jane@admins.test")
    answer = root.send(domains="ex.com")
    assert (answer.status_code, "Now it is: other.test" in answer.text) == (409, True)
    assert ">\nex.com</textarea>" in answer.text
    assert api.data("admin/jane@admins.test")["managed_domains"] == ["other.test"]
    assert SAVED in root.send(domains="ex.com", button="anyway=yes").text
    assert api.data("admin/jane@admins.test")["managed_domains"] == ["ex.com"]


def test_a_name_may_be_typed_as_people_write_it(site: Site, root: Visitor, api: Client) -> None:
    api.ok("POST", "domain/xn--mnchen-3ya.de")
    site.admin("jane@admins.test", "xn--mnchen-3ya.de")
    api.ok("POST", "alias/team@ex.com", members="x@xn--mnchen-3ya.de")
    before = site.dump()
    path = "/admins/jane@admins.test?section=domains"
    assert UNCHANGED in root.done(path, domains=" München.de\nxn--mnchen-3ya.de")
    assert UNCHANGED in root.done("/alias/team@ex.com?section=members", members="X@münchen.de")
    assert site.dump() == {**before, "log": site.dump()["log"]}
    assert SAVED in root.done(path, domains="münchen.de\nex.com")
    assert api.data("admin/jane@admins.test")["managed_domains"] == ["ex.com", "xn--mnchen-3ya.de"]
    assert SAVED in root.done(path, domains="ex.com")
    assert api.data("admin/jane@admins.test")["managed_domains"] == ["ex.com"]


def test_what_an_input_can_not_show_is_left_as_it_is(site: Site, root: Visitor, api: Client) -> None:
    api.ok("POST", "ml/news@ex.com")
    footer = Path(site.settings.mlmmj_spool) / "ex.com" / "news" / "control" / "footer_text"
    footer.write_bytes(b"Bye\r\n-- \r\nThe list\r\n\r\n")
    before = footer.read_bytes()
    assert "The list" in root.see("/list/news@ex.com?section=mails")
    assert SAVED in root.done("", subject_prefix="[News]")
    assert api.data("ml/news@ex.com")["subject_prefix"] == "[News]"
    assert footer.read_bytes() == before


def test_admins_change_their_own_profile_and_password(site: Site, visitor: Visitor, api: Client) -> None:
    site.admin("jane@admins.test", "ex.com")
    jane = visitor.log_in("jane@admins.test")
    assert jane.get("/admins").status_code == 403
    assert SAVED in jane.done("/profile", name="Jane Doe")
    assert said(api.data("admin/jane@admins.test"), "name") == "Jane Doe"
    new = {"password": "Another1Password.", "password_again": "Another1Password."}
    assert jane.send("/profile?section=password", oldPassword="wrong", **new).status_code in {401, 403, 422}
    assert SAVED in jane.done("/profile?section=password", oldPassword=PASSWORD, **new)
    Visitor(site).log_in("jane@admins.test", "Another1Password.")
