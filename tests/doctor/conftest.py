"""A site for the doctor to look at."""

import pytest

from tests.site import PASSWORD, Client, Site


@pytest.fixture
def root(site: Site) -> Client:
    """The global admin of a site with a domain and two users."""
    root = site.root()
    root.ok("POST", "domain/ex.com")
    root.ok("POST", "user/ann@ex.com", password=PASSWORD)
    root.ok("POST", "user/ben@ex.com", password=PASSWORD)
    return root
