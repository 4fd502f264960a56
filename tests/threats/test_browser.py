"""Threats 24 to 27 in a real browser: what strangers wrote, and what their pages do to ours."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, expect

from tests import servers
from tests.conftest import _FOLDER
from tests.site import PASSWORD, ROOT, Site, running
from tests.threats import hostile

pytestmark = pytest.mark.slow  # a browser

MARKUP = "main script, main img, main svg[onload], [autofocus], [onfocus], [href^=javascript]"
"""What the hostile texts would become."""
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")
"""What a form on a foreign page can send."""


@pytest.fixture(scope="module")
def there() -> Iterator[Site]:
    """An installation of its own on SQLite that is full of hostile texts, whatever engines a run has."""
    with running(servers.reached("sqlite", Path(os.environ[_FOLDER]))) as site:
        hostile.furnish(site)
        yield site


@contextmanager
def window(chromium: Browser, site: Site, **options: Any) -> Iterator[tuple[BrowserContext, Page, str]]:
    """Open a window of its own; also yield where the pages begin."""
    context = chromium.new_context(**options)
    yield context, context.new_page(), site.base.removesuffix("/api")
    context.close()


def log_in(page: Page, base: str, account: str, path: str) -> None:
    page.goto(f"{base}{path}")
    page.get_by_label("E-mail address").fill(account)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(lambda url: "login" not in url)


def listened(page: Page) -> list[str]:
    """Return what scripts of strangers will have said in a page."""
    said: list[str] = []

    def hear(dialog: Dialog) -> None:
        said.append(f"{page.url}: {dialog.message}")
        dialog.dismiss()

    page.on("dialog", hear)
    return said


@pytest.mark.parametrize("is_policy_kept", [True, False], ids=["with the policy", "without it"])
def test_what_strangers_wrote_runs_nowhere(chromium: Browser, there: Site, is_policy_kept: bool) -> None:  # noqa: FBT001 - from the table
    """Threat 24: stored scripts. They stay texts even for a browser that forgets the Content-Security-Policy."""
    with window(chromium, there, bypass_csp=not is_policy_kept) as (_, page, base):
        said = listened(page)
        page.on("console", lambda message: said.append(f"{page.url}: {message.text}"))
        for account, login, paths in (
            (ROOT, "/login", hostile.PATHS), ("ann@ex.com", "/self-service/login", hostile.OWN_PATHS),
        ):  # fmt: skip
            log_in(page, base, account, login)
            for path in paths:
                answer = page.goto(f"{base}{path}")
                assert answer
                assert answer.status == 200, path
                assert hostile.SAYS in page.content(), path
                assert page.locator("main script, main img, main svg[onload], [autofocus], [onfocus]").count() == 0, (
                    path
                )
                assert page.locator("[href^=javascript]").count() == 0, path
        assert said == []


def test_the_policy_runs_no_script_that_got_into_a_page(chromium: Browser, there: Site) -> None:
    """Threat 24: where markup of a stranger did get into a page, the browser would still run nothing of it."""
    put = "document.querySelector('main').insertAdjacentHTML('beforeend', text)"
    with window(chromium, there) as (_, page, base):
        said = listened(page)
        log_in(page, base, ROOT, "/login")
        with page.expect_console_message(lambda message: "Content Security Policy" in message.text):
            page.evaluate(f"text => {{ {put} }}", f"<img src=x onerror=alert('{hostile.SAYS}')>")
        with page.expect_console_message(lambda message: "Content Security Policy" in message.text):
            page.evaluate(
                "text => document.body.append(Object.assign(document.createElement('script'), {text}))",
                f"alert('{hostile.SAYS}')",
            )
        assert said == []


class Foreign(BaseHTTPRequestHandler):
    """Serves the page of a stranger on another port of loopback, to which a browser sends the same cookies."""

    text = ""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(self.text.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the library names it
        """Say nothing."""


@contextmanager
def foreign_page(text: str) -> Iterator[str]:
    """Serve a page of a stranger, and yield its address."""
    handler = type("Page", (Foreign,), {"text": text})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/domains/new", {"domain": "evil.test"}),
        ("/api/domain/evil.test", {"name": "Evil"}),
        ("/logout", {}),
        ("/login", {"username": "jane@admins.test", "password": PASSWORD}),
        ("/api/login", {"username": "jane@admins.test", "password": PASSWORD}),
    ],
    ids=["a page", "the API", "logging out", "logging in", "logging in to the API"],
)
def test_a_form_on_a_foreign_page_changes_nothing(
    chromium: Browser, there: Site, path: str, fields: dict[str, str]
) -> None:
    """Threat 26: forms from a foreign origin, of every content type; the login is one of them."""
    with window(chromium, there) as (context, page, base):
        log_in(page, base, ROOT, "/login")
        before, cookies = there.dump(), _sessions(context)
        inputs = "".join(f'<input name="{name}" value="{value}">' for name, value in fields.items())
        for kind in FORMS:
            form = f'<form method="post" action="{base}{path}" enctype="{kind}">{inputs}<button>Win</button></form>'
            with foreign_page(form) as address:
                page.goto(address)
                with page.expect_navigation():
                    page.get_by_role("button").click()
            assert page.url == f"{base}{path}"
            assert (there.dump(), _sessions(context)) == (before, cookies), kind
        page.goto(f"{base}/domains")
        expect(page.get_by_role("heading", level=1)).to_have_text("Domains")


def _sessions(context: BrowserContext) -> dict[str, str]:
    """Return what identifies the sessions of a browser."""
    found = {cookie.get("name", ""): cookie.get("value", "") for cookie in context.cookies()}
    return {name: value for name, value in found.items() if name in {"postreeve_panel", "postreeve_api"}}


@pytest.mark.parametrize("path", ["/domains", "/login", "/nothing", "/api/reference"])
def test_a_foreign_page_frames_none_of_ours(chromium: Browser, there: Site, path: str) -> None:
    """Threat 27: framing. The frame of a stranger's page stays empty."""
    with window(chromium, there) as (_, page, base):
        log_in(page, base, ROOT, "/login")
        with (
            foreign_page(f'<iframe src="{base}{path}"></iframe>') as address,
            page.expect_console_message(lambda message: "frame" in message.text.lower()),
        ):
            page.goto(address)
        frame = page.frames[1]
        assert frame.url.startswith("chrome-error:")


def test_going_back_after_logging_out_shows_nothing(chromium: Browser, there: Site) -> None:
    """Threat 27: caching. Who logs out leaves no page behind that the next person at this computer could see."""
    with window(chromium, there) as (_, page, base):
        log_in(page, base, ROOT, "/login")
        page.goto(f"{base}/users/ex.com")
        expect(page.get_by_role("link", name="ann@ex.com")).to_be_visible()
        page.get_by_role("complementary").get_by_role("button", name="Log out").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Mail administration")
        page.go_back()
        expect(page.get_by_role("heading", level=1)).to_have_text("Mail administration")
        assert "ann@ex.com" not in page.content()
