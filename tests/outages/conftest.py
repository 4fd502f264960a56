"""An installation whose databases can go away."""

import gc
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.outages.databases import Fragile, fragile
from tests.servers import Server
from tests.site import Site, running


@dataclass(frozen=True)
class Weak:
    """A site, and what takes its databases away."""

    site: Site
    databases: Fragile


@pytest.fixture(scope="module")
def weak_installation(server: Server) -> Iterator[Weak]:
    with fragile(server) as databases, running(databases.server) as site:
        yield Weak(site, databases)


@pytest.fixture
def weak(weak_installation: Weak) -> Iterator[Weak]:
    yield weak_installation
    gc.collect()  # PyMySQL leaves sockets open when nobody answers
    weak_installation.site.wipe()
