"""An installation, and somebody at its shell."""

from pathlib import Path

import pytest

from tests.commands.typing_in import Shell, shell
from tests.site import Site


@pytest.fixture
def at(site: Site, tmp_path: Path) -> Shell:
    """Somebody at the shell of an installation with one domain."""
    site.root().ok("POST", "domain/ex.com")
    return shell(site, tmp_path)
