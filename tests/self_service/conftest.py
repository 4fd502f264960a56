"""Ann, who is a mail user where self-service is on, and her neighbours."""

from dataclasses import dataclass

import pytest

from tests.site import PASSWORD, Client, Site

ANN = "ann@a.test"


@dataclass(frozen=True)
class Place:
    """An installation with users, and the clients of two who ask."""

    site: Site
    root: Client
    ann: Client


@pytest.fixture
def place(site: Site) -> Place:
    """Two domains, of which one has self-service; Ann has logged in for it."""
    root = site.root()
    for domain in ("a.test", "b.test"):
        root.ok("POST", f"domain/{domain}")
        root.ok("POST", f"user/ann@{domain}", password=PASSWORD, name="Ann")
    root.ok("POST", "user/bob@a.test", password=PASSWORD)
    root.ok("PUT", "domain/a.test", addService="self-service")
    return Place(site, root, site.client().login_user(ANN))
