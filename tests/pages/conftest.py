"""What the tests of pages have: visitors."""

import pytest

from tests.pages.visitor import Visitor
from tests.site import ROOT, Site


@pytest.fixture
def visitor(site: Site) -> Visitor:
    """Somebody who has not logged in."""
    return Visitor(site)


@pytest.fixture
def root(visitor: Visitor) -> Visitor:
    """The global admin, in the panel."""
    return visitor.log_in(ROOT)
