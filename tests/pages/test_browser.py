"""The panel in a real browser: journeys with and without JavaScript, and what people need who see or move otherwise."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect

from tests import servers
from tests.conftest import _FOLDER
from tests.site import PASSWORD, ROOT, Site, running

pytestmark = pytest.mark.slow  # a browser, and a dozen pages in each of its looks

WIDE, NARROW = {"width": 1280, "height": 850}, {"width": 390, "height": 800}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
PATHS = (
    "/domains", "/domains?search=nothing-like-it", "/domains/new", "/domains/ex.com",
    "/domains/ex.com?section=advanced", "/domains/ex.com?section=admins", "/domains/ex.com/delete",
    "/users/ex.com", "/users/ex.com/new", "/user/ann@ex.com", "/user/ann@ex.com?section=services",
    "/user/ann@ex.com?section=password", "/user/ann@ex.com?section=forwarding", "/user/ann@ex.com/rename",
    "/user/ann@ex.com/delete",
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

    def log_in(self) -> None:
        self.go("/login")
        self.page.get_by_label("E-mail address").fill(ROOT)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Log in").click()

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


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("look", ["light", "dark"])
def test_every_page_can_be_read_by_everybody(
    chromium: Browser, installation: Site, look: str, viewport: dict[str, int]
) -> None:
    found = {}
    with watched(chromium, installation, color_scheme=look, viewport=viewport) as there:
        there.go("/login")
        found["/login"] = _complaints(there.page)
        there.log_in()
        for path in PATHS:
            there.go(path)
            found[path] = _complaints(there.page)
            if there.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                found[path].append("wider than the window")
    assert {path: said for path, said in found.items() if said} == {}


def test_nothing_is_lost_from_right_to_left(chromium: Browser, installation: Site) -> None:
    with watched(chromium, installation) as there:
        there.log_in()
        for path in PATHS:
            there.go(path)
            there.page.evaluate("document.documentElement.dir = 'rtl'")
            assert not there.page.evaluate("document.documentElement.scrollWidth > innerWidth"), path


def _complaints(page: Page) -> list[str]:
    """Return what axe finds wrong with a page."""
    response = Axe().run(page, options=RULES).response
    assert response["passes"]
    found = response["violations"]
    return [f"{each['id']}: {node['target']} {node['failureSummary']}" for each in found for node in each["nodes"]]
