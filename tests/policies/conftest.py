"""The world in which the daemons were watched."""

from collections.abc import Iterator

import pytest

from tests.policies.world import World, create_world
from tests.servers import Server
from tests.site import running


@pytest.fixture(scope="session")
def inhabited(server: Server) -> Iterator[World]:
    """An installation of its own on each of the engines in turn: its accounts stay."""
    with running(server) as site:
        yield create_world(site)


@pytest.fixture
def world(inhabited: World) -> World:
    """The world with the policies of a new installation."""
    inhabited.site.change_settings()
    inhabited.reset()
    return inhabited
