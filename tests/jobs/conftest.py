"""What tests of jobs share."""

from pathlib import Path

import pytest

from tests.jobs.mailboxes import Mailboxes
from tests.site import Site


@pytest.fixture
def mailboxes(site: Site, tmp_path: Path) -> Mailboxes:
    """A storage root with mailboxes, among them that of a user who stays."""
    root = site.root()
    root.ok("POST", "domain/ex.com")
    found = Mailboxes(site, tmp_path / "vmail" / "vmail1", root)
    site.change_settings(**found.settings)
    found.user("ann@ex.com")
    return found
