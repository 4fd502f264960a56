"""The public pages, and those about ownership, in a real browser: readable by everybody, a journey without scripts."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from postreeve.permissions import Grant, Target
from tests import servers
from tests.conftest import _FOLDER
from tests.mlmmj import LOOPBACK, Sink, sink
from tests.newsletter.conftest import News, path_of
from tests.newsletter.newsletters import URL
from tests.newsletter.test_pages import page_of
from tests.pages.test_browser import _complaints, watched
from tests.site import Site, running

pytestmark = pytest.mark.slow  # a browser


@pytest.fixture(scope="module")
def there() -> Iterator[tuple[Site, Sink]]:
    """An installation of its own on SQLite with a newsletter, and a domain that waits, whatever engines a run has."""
    with sink() as (mails, port), running(
        servers.reached("sqlite", Path(os.environ[_FOLDER])), newsletter_url=URL, notification_smtp_server=LOOPBACK,
        notification_smtp_port=port,
    ) as site:  # fmt: skip
        root = site.root()
        root.ok("POST", "domain/ex.com")
        root.ok("POST", "ml/news@ex.com", name="Our news", is_newsletter="yes", newsletter_description="Once a month.")
        assert site.admin("al@admins.test", "ex.com", maxDomains="0").post("domain/new.test")["_success"]
        yield site, mails


def news_of(there: tuple[Site, Sink]) -> News:
    site, mails = there
    root = site.root()
    with site.storage.open(Grant(None, Target()), LOOPBACK) as work:
        list_id = work.newsletters.id_of(root.data("ml/news@ex.com")["mail"])
    return News(site, list_id, mails, root)


@pytest.mark.parametrize("script", [True, False], ids=["scripts", "no scripts"])
def test_a_reader_comes_and_goes(chromium: Browser, there: tuple[Site, Sink], script: bool) -> None:  # noqa: FBT001 - from the table
    news, reader = news_of(there), f"reader{int(script)}@far.test"
    with watched(chromium, news.site, java_script_enabled=script) as window:
        page = window.page
        for request, button in (("subscribe", "Subscribe"), ("unsubscribe", "Unsubscribe")):
            window.go(f"/newsletter/{request}/{news.id}")
            page.get_by_label("Your e-mail address").fill(reader)
            page.get_by_role("button", name=button).click()
            expect(page.get_by_text("Please look into your mailbox")).to_be_visible()
            window.go(page_of(path_of(news.mail(reader), request)))
            page.get_by_role("button", name=button).click()
            expect(page.get_by_text("Thank you")).to_be_visible()
            assert (reader in news.subscribers()) == (request == "subscribe")


def test_every_page_can_be_read_by_everybody(chromium: Browser, there: tuple[Site, Sink]) -> None:
    news, reader = news_of(there), "everybody@far.test"
    assert news.ask(subscriber=reader).json()["_success"]
    confirming = page_of(path_of(news.mail(reader)))
    found: dict[str, list[str]] = {}
    with watched(chromium, news.site, reduced_motion="reduce") as window:
        for path in (f"/newsletter/subscribe/{news.id}", f"/newsletter/unsubscribe/{news.id}", confirming):
            window.go(path)
            found[path] = _complaints(window.page)
        window.log_in()
        for path in ("/list/news@ex.com/sign-up", "/domains/new.test/ownership"):
            window.go(path)
            found[path] = _complaints(window.page)
    assert {path: said for path, said in found.items() if said} == {}
