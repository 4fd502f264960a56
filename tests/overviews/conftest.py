"""A site with two domains."""

import pytest

from tests.site import Client, Site


@pytest.fixture
def root(site: Site) -> Client:
    """Two domains with nobody in them."""
    root = site.root()
    root.ok("POST", "domain/ex.com", name="Example Inc.")
    root.ok("POST", "domain/other.test")
    return root
