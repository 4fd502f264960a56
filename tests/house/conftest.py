"""The laws of the house need one engine only: what differs between engines is tested elsewhere."""

from collections.abc import Iterator

import pytest

from tests.servers import SqliteFolder
from tests.site import Site, running


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An installation on SQLite."""
    with running(SqliteFolder(tmp_path_factory.mktemp("house"))) as site:
        yield site
