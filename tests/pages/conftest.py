"""What the tests of pages have: visitors, and a real browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.pages.visitor import Visitor
from tests.site import ROOT, Site

CHROMIUM = "/usr/bin/chromium"


@pytest.fixture
def visitor(site: Site) -> Visitor:
    """Somebody who has not logged in."""
    return Visitor(site)


@pytest.fixture
def root(visitor: Visitor) -> Visitor:
    """The global admin, in the panel."""
    return visitor.log_in(ROOT)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A browser, once for each worker."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
