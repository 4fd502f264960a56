"""The panel in a real browser: journeys with and without JavaScript, and what people need who see or move otherwise."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, ViewportSize, expect

from tests import servers
from tests.conftest import _FOLDER
from tests.mails import log_mail, quarantine_mail
from tests.site import PASSWORD, ROOT, Site, running

pytestmark = pytest.mark.slow  # a browser, and a dozen pages in each of its looks

MAIL = "mail-of-the-day"
STRANGER = "<script>alert(1)</script>"
WIDE, NARROW = ViewportSize(width=1280, height=850), ViewportSize(width=390, height=800)
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
LOOKS: Mapping[Literal["light", "dark"], dict[str, Any]] = {
    "light": RULES,
    "dark": {"runOnly": {"type": "rule", "values": ["color-contrast"]}},
}
"""What is looked at in each: in the dark only colours are others."""
PATHS = (
    "/domains", "/domains?search=nothing-like-it", "/domains/new", "/domains/ex.com",
    "/domains/ex.com?section=advanced", "/domains/ex.com?section=admins", "/domains/ex.com/delete",
    "/users/ex.com", "/users/ex.com/new", "/user/ann@ex.com", "/user/ann@ex.com?section=services",
    "/user/ann@ex.com?section=password", "/user/ann@ex.com?section=forwarding", "/user/ann@ex.com/rename",
    "/user/ann@ex.com/delete",
    "/", "/search?search=ex", "/aliases/ex.com", "/aliases/ex.com/new", "/alias/team@ex.com", "/lists/ex.com",
    "/list/news@ex.com", "/list/news@ex.com?section=subscription", "/list/news@ex.com?section=mails",
    "/list/news@ex.com/subscribers", "/list/news@ex.com/delete", "/admins", "/admins/new",
    "/admins/jane@admins.test", "/admins/jane@admins.test?section=domains", "/profile", "/profile?section=password",
    "/policies/global/spampolicy", "/policies/ex.com/throttle/outbound", "/policies/ann@ex.com/greylisting",
    "/policies/ex.com/wblist/inbound", "/log", "/settings", "/settings?section=passwords", "/import/users",
    f"/quarantine/{MAIL}", "/quarantine", "/received", "/sent",
)  # fmt: skip
OWN_PATHS = (
    "/self-service", "/self-service?section=password", "/self-service?section=wblist",
    "/self-service?section=spampolicy", "/self-service/quarantine", f"/self-service/quarantine/{MAIL}",
    "/self-service/received",
)  # fmt: skip


class Watched:
    """A page that remembers what went wrong in it."""

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self.base = base
        self.wrongs: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.wrongs.append(str(error)))
        page.on("request", self._asked)

    def go(self, path: str) -> None:
        self.page.goto(f"{self.base}{path}")

    def log_in(self, account: str = ROOT, path: str = "/login") -> None:
        self.go(path)
        self.page.get_by_label("E-mail address").fill(account)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Log in").click()
        self.page.wait_for_url(lambda url: "login" not in url)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.wrongs.append(message.text)

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.base.removesuffix("/iredadmin"), "data:")):
            self.wrongs.append(f"It asked for {request.url}.")


@pytest.fixture(scope="module")
def installation() -> Iterator[Site]:
    """An installation of its own on SQLite, with two accounts, whatever engines a run has."""
    with running(servers.reached("sqlite", Path(os.environ[_FOLDER]))) as site:
        api = site.root()
        api.ok("POST", "domain/ex.com", name="<img src=x onerror=alert(1)>")
        api.ok("POST", "user/ann@ex.com", password=PASSWORD, name='"><script>alert(1)</script>', quota="100")
        api.ok("POST", "user/bob@ex.com", password=PASSWORD, isGlobalAdmin="yes")
        api.ok("POST", "alias/team@ex.com", name=STRANGER, members="ann@ex.com")
        api.ok("POST", "ml/news@ex.com", name=STRANGER, is_newsletter="yes")
        api.ok("PUT", "ml/news@ex.com", add_subscribers="far@far.test", require_confirm="no")
        api.ok("PUT", "domain/ex.com", addService="self-service")
        site.admin("jane@admins.test", "ex.com", name=STRANGER)
        hostile: dict[str, Any] = {"subject": f"{STRANGER}<img src=//evil.test/x.png>", "from_addr": STRANGER}
        log_mail(site, "x@far.test", "ann@ex.com", **hostile)
        text = f"From: {STRANGER} <x@far.test>\nSubject: {STRANGER}\nContent-Type: text/html\n\n{STRANGER}\n".encode()
        quarantine_mail(site, "x@far.test", "ann@ex.com", text=text, mail_id=MAIL, **hostile)
        yield site


@contextmanager
def watched(chromium: Browser, installation: Site, **options: Any) -> Iterator[Watched]:
    """Open a browser window of its own, in which nothing may go wrong."""
    context = chromium.new_context(**{"viewport": WIDE, **options})
    page = Watched(context.new_page(), installation.base.removesuffix("/api"))
    yield page
    context.close()
    assert page.wrongs == []


@pytest.mark.parametrize("script", [True, False], ids=["scripts", "no scripts"])
def test_a_global_admin_adds_finds_changes_and_deletes(chromium: Browser, installation: Site, script: bool) -> None:  # noqa: FBT001 - from the table
    with watched(chromium, installation, java_script_enabled=script) as there:
        page = there.page
        there.log_in()
        page.get_by_role("complementary").get_by_role("link", name="Domains and accounts").click()
        page.get_by_role("link", name="New domain").click()
        page.get_by_label("Domain name").fill("journey.test")
        page.get_by_label("Description").fill("A journey")
        page.get_by_role("button", name="Add the domain").click()
        expect(page.get_by_role("status")).to_have_text("journey.test has been added.")
        page.get_by_role("link", name="New user").click()
        page.get_by_label("Address").fill("eve")
        page.get_by_label("Display name").fill("Eve")
        page.get_by_label("New password", exact=True).fill(PASSWORD)
        page.get_by_label("New password, again").fill(PASSWORD)
        page.get_by_role("button", name="Add the user").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("eve@journey.test")
        page.get_by_label("Mailbox quota").fill("42")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status")).to_have_text("Saved.")
        page.get_by_role("navigation", name="Sections").get_by_role("link", name="Forwarding").click()
        page.get_by_label("Forward mail to").fill("eve@journey.test\neve@elsewhere.test")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_label("Forward mail to")).to_have_value("eve@elsewhere.test\neve@journey.test")
        page.get_by_role("link", name="journey.test", exact=True).click()
        page.get_by_label("Mark eve@journey.test").check()
        page.get_by_role("button", name="Disable").click()
        expect(page.get_by_text("Disable: 1 account.")).to_be_visible()
        page.get_by_role("navigation", name="Domain journey.test").get_by_role("link", name="Domain").click()
        page.get_by_role("link", name="Delete").click()
        page.get_by_role("button", name="Delete the domain").click()
        expect(page.get_by_role("status")).to_have_text("journey.test has been deleted.")
        page.get_by_role("complementary").get_by_role("button", name="Log out").click()
        expect(page.get_by_text("You have logged out.")).to_be_visible()


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_a_domain_admin_looks_after_one_domain(chromium: Browser, engine: servers.Name) -> None:
    with running(servers.reached(engine, Path(os.environ[_FOLDER]))) as site:
        api = site.root()
        api.ok("POST", "domain/ex.com")
        api.ok("POST", "domain/other.test")
        site.admin("jane@admins.test", "ex.com")
        with watched(chromium, site) as there:
            page = there.page
            there.log_in("jane@admins.test")
            there.go("/domains")
            expect(page.get_by_role("link", name="ex.com", exact=True)).to_be_visible()
            expect(page.get_by_text("other.test")).to_have_count(0)
            expect(page.get_by_role("link", name="Settings")).to_have_count(0)
            there.go("/aliases/ex.com/new")
            page.get_by_label("Address").fill("team")
            page.get_by_label("Members").fill("x@far.test")
            page.get_by_role("button", name="Add the alias").click()
            expect(page.get_by_role("status")).to_have_text("team@ex.com has been added.")
            there.go("/policies/ex.com/wblist/inbound")
            page.get_by_label("Black list").fill("@evil.test")
            page.get_by_role("button", name="Save").click()
            expect(page.get_by_role("status")).to_have_text("Saved.")
            expect(page.get_by_label("Black list")).to_have_value("@evil.test")
            there.go("/log")
            expect(page.get_by_text("team@ex.com").first).to_be_visible()
        assert api.data("wblist/inbound/blacklist/ex.com") == ["@evil.test"]


@pytest.mark.parametrize("script", [True, False], ids=["scripts", "no scripts"])
def test_a_user_looks_after_the_own_account(chromium: Browser, installation: Site, script: bool) -> None:  # noqa: FBT001 - from the table
    mail = f"{'with' if script else 'without'}@ex.com"
    api = installation.root()
    api.ok("POST", f"user/{mail}", password=PASSWORD, name="Somebody")
    with watched(chromium, installation, java_script_enabled=script, viewport=NARROW) as there:
        page = there.page
        there.log_in(mail, "/self-service/login")
        page.get_by_label("Display name").fill("Some Body")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status")).to_have_text("Saved.")
        page.get_by_role("navigation", name="Sections").get_by_role("link", name="Forwarding").click()
        page.get_by_label("Forward mail to").fill(f"{mail}\nx@far.test")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status")).to_have_text("Saved.")
        page.get_by_role("navigation", name="Sections").get_by_role("link", name="Password").click()
        page.get_by_label("Present password").fill(PASSWORD)
        page.get_by_label("New password", exact=True).fill("Another1Password.")
        page.get_by_label("New password, again").fill("Another1Password.")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status")).to_have_text("Saved.")
        there.go("/self-service/quarantine")
        expect(page.get_by_text("There is no such mail.")).to_be_visible()
    api.ok("POST", f"verify_password/user/{mail}", password="Another1Password.")


def test_what_strangers_wrote_runs_nowhere(chromium: Browser, installation: Site) -> None:
    """Subjects, senders, names and texts of mails are shown as they are, and nothing of them becomes markup."""
    with watched(chromium, installation) as there:
        there.page.on("dialog", lambda dialog: there.wrongs.append(dialog.message))
        there.log_in()
        for path in ("/received", "/quarantine", f"/quarantine/{MAIL}", "/aliases/ex.com", "/admins", "/", "/log"):
            there.go(path)
            assert there.page.evaluate("document.querySelectorAll('main script, main img').length") == 0
        there.go("/received")
        expect(there.page.get_by_text(STRANGER).first).to_be_visible()


def test_a_list_follows_what_is_typed(chromium: Browser, installation: Site) -> None:
    with watched(chromium, installation) as there:
        there.log_in()
        there.go("/users/ex.com")
        there.page.get_by_label("Search", exact=True).last.press_sequentially("bob")
        expect(there.page.get_by_role("link", name="ann@ex.com")).to_have_count(0)
        expect(there.page.get_by_role("link", name="bob@ex.com")).to_be_visible()
        expect(there.page).to_have_url(re.compile("search=bob"))
        there.page.get_by_label("Mark all").check()
        expect(there.page.get_by_label("Mark bob@ex.com")).to_be_checked()


def test_letters_and_columns_follow_a_live_search(chromium: Browser, installation: Site) -> None:
    with watched(chromium, installation) as there:
        there.log_in()
        there.go("/users/ex.com")
        there.page.get_by_label("Search", exact=True).last.press_sequentially("bob")
        expect(there.page.get_by_role("link", name="ann@ex.com")).to_have_count(0)
        there.page.get_by_role("link", name="A", exact=True).click()
        expect(there.page).to_have_url(re.compile("search=bob.*letter=a"))
        expect(there.page.get_by_text("There is no such user.")).to_be_visible()
        there.page.get_by_role("link", name="B", exact=True).click()
        there.page.get_by_role("link", name="Last login").click()
        expect(there.page).to_have_url(re.compile("search=bob.*letter=b.*sort=last_login"))
        expect(there.page.get_by_role("link", name="bob@ex.com")).to_be_visible()


def test_a_live_search_that_is_refused_says_why_and_goes_on(chromium: Browser, installation: Site) -> None:
    with watched(chromium, installation) as there:
        page, search = there.page, there.page.get_by_label("Search", exact=True).last
        there.log_in()
        there.go("/users/ex.com")
        search.evaluate("input => input.removeAttribute('maxlength')")
        search.fill("b" * 300)
        expect(page.get_by_role("alert")).to_contain_text("One line of at most 255 characters")
        expect(page.get_by_role("complementary")).to_be_visible()
        search.fill("bob")
        expect(page.get_by_role("link", name="bob@ex.com")).to_be_visible()
        expect(page.get_by_role("alert")).to_have_count(0)
        assert [text for text in there.wrongs if "422" not in text] == []
        there.wrongs.clear()


def test_a_live_search_without_a_session_leads_to_the_login_and_back(chromium: Browser, installation: Site) -> None:
    with watched(chromium, installation) as there:
        there.log_in()
        there.go("/users/ex.com")
        there.page.context.clear_cookies(name="postreeve_panel")
        there.page.get_by_label("Search", exact=True).last.press_sequentially("bob")
        there.page.get_by_label("E-mail address").fill(ROOT)
        there.page.get_by_label("Password").fill(PASSWORD)
        there.page.get_by_role("button", name="Log in").click()
        expect(there.page).to_have_url(re.compile("/users/ex.com.*search=b"))
        expect(there.page.get_by_role("link", name="bob@ex.com")).to_be_visible()


def test_a_live_search_that_somebody_else_answers_shows_that_answer(chromium: Browser, installation: Site) -> None:
    """A proxy in between says that nobody answers: there is no table in its page."""
    with watched(chromium, installation) as there:
        there.log_in()
        there.go("/users/ex.com")
        there.page.route("**/users/ex.com?*", lambda route: route.fulfill(status=502, body="Bad gateway"))
        there.page.get_by_label("Search", exact=True).last.press_sequentially("bob")
        expect(there.page.get_by_text("Bad gateway")).to_be_visible()
        assert [text for text in there.wrongs if "502" not in text] == []
        there.wrongs.clear()


def test_the_menu_of_a_narrow_page_opens_without_scripts(chromium: Browser, installation: Site) -> None:
    with watched(chromium, installation, viewport=NARROW, java_script_enabled=False) as there:
        there.log_in()
        there.go("/users/ex.com")
        link = there.page.get_by_role("banner").get_by_role("link", name="Domains and accounts")
        expect(link).to_be_hidden()
        there.page.get_by_text("Menu", exact=True).click()
        link.click()
        expect(there.page.get_by_role("heading", level=1)).to_have_text("Domains")


def test_the_keyboard_reaches_the_content_at_once(chromium: Browser, installation: Site) -> None:
    with watched(chromium, installation) as there:
        there.log_in()
        there.go("/domains")
        there.page.keyboard.press("Tab")
        expect(there.page.get_by_role("link", name="Skip to the content")).to_be_focused()
        there.page.keyboard.press("Enter")
        expect(there.page.locator("#content")).to_be_focused()


@pytest.mark.parametrize(
    ("account", "door", "paths"),
    [(ROOT, "/login", PATHS[::2]), (ROOT, "/login", PATHS[1::2]), ("ann@ex.com", "/self-service/login", OWN_PATHS)],
    ids=["an admin's", "an admin's others", "a user's"],
)
def test_every_page_can_be_read_by_everybody(
    chromium: Browser, installation: Site, account: str, door: str, paths: Sequence[str]
) -> None:
    with watched(chromium, installation, reduced_motion="reduce") as there:
        there.go(door)
        found = {door: _complaints(there.page)}
        there.log_in(account, door)
        for path in paths:
            there.go(path)
            found[path] = _complaints(there.page)
    assert {path: said for path, said in found.items() if said} == {}


def test_nothing_is_lost_from_right_to_left(chromium: Browser, installation: Site) -> None:
    with watched(chromium, installation) as there:
        there.log_in()
        for path in PATHS:
            there.go(path)
            there.page.evaluate("document.documentElement.dir = 'rtl'")
            assert not there.page.evaluate("document.documentElement.scrollWidth > innerWidth"), path


def _complaints(page: Page) -> list[str]:
    """Return what is wrong with a page, wide and narrow, light and dark, for those who do not see as most people do."""
    found = []
    for viewport in (WIDE, NARROW):
        page.set_viewport_size(viewport)
        for look in LOOKS:
            page.emulate_media(color_scheme=look)
            response = Axe().run(page, options=LOOKS[look]).response
            assert response["passes"]
            where = f"{look}, {viewport['width']} wide"
            found += [
                f"{where}: {each['id']}: {node['target']} {node['failureSummary']}"
                for each in response["violations"]
                for node in each["nodes"]
            ]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append("wider than the window")
    return found
