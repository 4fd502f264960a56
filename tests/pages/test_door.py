"""The pages' door: logging in and out, forms that are not ours, headers, refusals."""

import pytest
import requests

from tests.pages.visitor import Visitor
from tests.site import PASSWORD, ROOT, Site

pytestmark = pytest.mark.faces

PANEL_COOKIE = "postreeve_panel"
PAGES = ["/login", "/domains", "/nothing", "/self-service/login"]


def test_who_has_not_logged_in_is_sent_to_the_login_and_from_there_back(site: Site, visitor: Visitor) -> None:
    site.root().ok("POST", "domain/ex.com")
    page = visitor.get("/domains/ex.com?section=bcc")
    assert page.url.endswith("/iredadmin/login?next=%2Fdomains%2Fex.com%3Fsection%3Dbcc")
    back = visitor.send(username=ROOT, password=PASSWORD)
    assert back.url.endswith("/iredadmin/domains/ex.com?section=bcc")


def test_a_script_is_told_where_the_login_is(visitor: Visitor) -> None:
    """It would follow a redirect unseen, and find nothing in the login of what it looks for."""
    search = "/users/ex.com?search=a"
    live = visitor.get(search, headers={"HX-Request": "true"}, allow_redirects=False)
    assert (live.status_code, live.text) == (204, "")
    assert live.headers["hx-redirect"] == "/iredadmin/login?next=%2Fusers%2Fex.com%3Fsearch%3Da"
    back = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    assert visitor.get(search, headers=back, allow_redirects=False).status_code == 303


@pytest.mark.parametrize(
    "elsewhere", ["//evil.test", "https://evil.test/", "/\\evil.test", "javascript:alert(1)", "/x\r\nSet-Cookie: a=b"]
)
def test_nobody_is_sent_elsewhere(visitor: Visitor, elsewhere: str) -> None:
    visitor.get("/login", params={"next": elsewhere})
    attributes = {"csrf": visitor.csrf, "username": ROOT, "password": PASSWORD}
    answer = visitor.session.post(visitor.page.url, data=attributes, allow_redirects=False, timeout=60)
    assert (answer.status_code, answer.headers["location"]) == (303, "/iredadmin/")


def test_a_wrong_password_is_refused_and_not_shown_again(visitor: Visitor) -> None:
    answer = visitor.send("/login", username="Root@admins.test", password="my-secret-mistake")
    assert answer.status_code == 401
    assert "User name or password is wrong." in answer.text
    assert 'value="Root@admins.test"' in answer.text
    assert "my-secret-mistake" not in answer.text
    assert PANEL_COOKIE not in visitor.session.cookies


def test_a_login_opens_a_new_session_and_ends_the_one_before(visitor: Visitor) -> None:
    before = str(visitor.log_in(ROOT).session.cookies[PANEL_COOKIE])
    visitor.log_in(ROOT)
    after = visitor.session.cookies[PANEL_COOKIE]
    assert before != after
    old = requests.get(f"{visitor.base}/domains", cookies={PANEL_COOKIE: before}, allow_redirects=False, timeout=10)
    assert "/login" in old.headers["location"]


def test_a_login_does_not_take_over_a_session_that_somebody_planted(visitor: Visitor) -> None:
    visitor.session.cookies.set(PANEL_COOKIE, "planted", domain="127.0.0.1", path="/")
    assert visitor.log_in(ROOT).session.cookies[PANEL_COOKIE] != "planted"


def test_logging_out_ends_the_session_on_the_server(root: Visitor) -> None:
    token = str(root.session.cookies[PANEL_COOKIE])
    root.see("/domains")
    answer = root.session.post(f"{root.base}/logout", data={"csrf": root.csrf}, timeout=10)
    assert "You have logged out." in answer.text
    again = requests.get(f"{root.base}/domains", cookies={PANEL_COOKIE: token}, allow_redirects=False, timeout=10)
    assert "/login" in again.headers["location"]


def test_sessions_of_the_panel_and_of_the_api_are_of_different_kinds(site: Site, root: Visitor) -> None:
    panel = str(root.session.cookies[PANEL_COOKIE])
    api = str(site.root().session.cookies["postreeve_api"])
    answer = requests.get(f"{site.base}/domains", cookies={"postreeve_api": panel}, timeout=10)
    assert answer.json() == {"_success": False, "_msg": "LOGIN_REQUIRED"}
    page = requests.get(f"{root.base}/domains", cookies={PANEL_COOKIE: api}, allow_redirects=False, timeout=10)
    assert page.status_code == 303


@pytest.mark.parametrize("csrf", ["", "0" * 64, "ä"])
def test_a_form_without_its_token_changes_nothing(site: Site, root: Visitor, csrf: str) -> None:
    before = site.dump()
    form = {"csrf": csrf, "domain": "evil.test"}
    answer = root.session.post(f"{root.base}/domains/new", data=form, timeout=10)
    assert answer.status_code == 403
    assert "The form is out of date." in answer.text
    assert site.dump() == before


def test_the_token_of_one_session_is_worth_nothing_in_another(site: Site, root: Visitor) -> None:
    other = Visitor(site).log_in(ROOT)
    other.see("/domains/new")
    form = {"csrf": other.csrf, "domain": "evil.test"}
    assert root.session.post(f"{root.base}/domains/new", data=form, timeout=10).status_code == 403


@pytest.mark.parametrize(
    "headers", [{"origin": "https://evil.test"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}], ids=str
)
@pytest.mark.parametrize("path", ["/login", "/domains/new"])
def test_a_form_from_a_foreign_page_changes_nothing(
    site: Site, root: Visitor, path: str, headers: dict[str, str]
) -> None:
    root.see("/domains/new")
    before = site.dump()
    form = {"csrf": root.csrf, "domain": "evil.test", "username": ROOT, "password": PASSWORD}
    answer = root.session.post(f"{root.base}{path}", data=form, headers=headers, timeout=10)
    assert answer.status_code == 403
    assert site.dump() == before


@pytest.mark.parametrize("path", ["/logout", "/theme"])
def test_what_changes_something_can_not_be_asked_for_by_a_link(root: Visitor, path: str) -> None:
    assert root.get(path).status_code == 405
    root.see("/domains")


@pytest.mark.parametrize("path", PAGES)
def test_every_page_forbids_what_no_page_needs(root: Visitor, path: str) -> None:
    headers = root.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"
    assert headers["content-language"] == "en"


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_scripts_or_styles_of_its_own(root: Visitor, path: str) -> None:
    text = root.get(path).text
    assert "<style" not in text
    assert "style=" not in text
    assert " onclick" not in text
    assert "<script>" not in text


def test_cookies_are_kept_from_scripts_and_are_secure_behind_tls(site: Site) -> None:
    site.change_settings(trusted_proxies=["127.0.0.1"])
    headers = {"x-forwarded-proto": "https", "x-forwarded-for": "192.0.2.1"}
    answer = requests.get(f"{site.base.removesuffix('/api')}/login", headers=headers, timeout=10)
    assert "HttpOnly; SameSite=Lax; Secure" in answer.headers["set-cookie"]


def test_what_is_no_page_says_so(root: Visitor) -> None:
    assert (root.get("/nothing").status_code, root.get("/domains/none.test").status_code) == (404, 404)
    assert "There is no such domain." in root.page.text


def test_a_notice_that_somebody_made_up_is_not_shown(root: Visitor) -> None:
    root.session.cookies.set("postreeve_notice", "WyJQYXkgbWUiXQ.0000", path="/")
    assert "Pay me" not in root.see("/domains")


def test_the_panel_is_there_when_the_api_is_off(site: Site, visitor: Visitor) -> None:
    site.change_settings(enable_restful_api=False)
    assert "Domains" in visitor.log_in(ROOT).see("/domains")


def test_the_look_is_chosen_by_a_button_and_kept(root: Visitor) -> None:
    assert "data-theme" not in root.see("/domains")
    form = {"csrf": root.csrf, "theme": "dark", "next": "/domains/new"}
    answer = root.session.post(f"{root.base}/theme", data=form, timeout=10)
    assert answer.url.endswith("/domains/new")
    assert 'data-theme="dark"' in answer.text
    assert 'data-theme="dark"' in root.see("/domains")


def test_pages_speak_the_accounts_language_or_else_the_browsers(site: Site, visitor: Visitor) -> None:
    german = visitor.get("/login", headers={"accept-language": "fr-XX;q=0.2, de-AT"})
    assert german.headers["content-language"] == "de"
    site.root().ok("PUT", f"admin/{ROOT}", language="fr_FR")
    visitor.log_in(ROOT)
    assert visitor.get("/domains", headers={"accept-language": "de"}).headers["content-language"] == "fr"
    assert '<html lang="fr" dir="ltr">' in visitor.page.text
