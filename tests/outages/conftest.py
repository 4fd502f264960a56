"""Installations whose databases can go away: all of them, or one of policies."""

import gc
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest

from tests.outages.databases import Fragile, fragile
from tests.servers import Server
from tests.site import Site, running

POLICIES = ("amavisd", "iredapd")


@dataclass(frozen=True)
class Weak:
    """A site, and what takes its databases away."""

    site: Site
    databases: Fragile


@dataclass
class Apart:
    """A site whose policies, all or some, are on a server of their own, which can go away."""

    site: Site
    stores: tuple[str, ...]
    databases: Fragile
    is_away: bool = field(default=False)

    def stop(self) -> None:
        self.databases.stop()
        self.is_away = True
        if self.site.engine == "sqlite":  # what is open goes on reading the file that was renamed
            self._forget_connections()
            for file in self.databases.server.folder.glob("*.db.away"):  # type: ignore[attr-defined]
                Path(file.with_suffix("")).write_text("This is no database.")

    def start(self) -> None:
        self.databases.start()
        self.is_away = False
        self._forget_connections()

    def steps(self, words: str) -> list[str]:
        """Return what an answer says to be pending."""
        return [f"{store}: {words}" for store in self.stores]

    def _forget_connections(self) -> None:
        for store in self.stores:
            self.site.storage.databases[store].pool.dispose()


@pytest.fixture(scope="module")
def weak_installation(server: Server) -> Iterator[Weak]:
    with fragile(server) as databases, running(databases.server) as site:
        yield Weak(site, databases)


@pytest.fixture
def weak(weak_installation: Weak) -> Iterator[Weak]:
    yield weak_installation
    gc.collect()  # PyMySQL leaves sockets open when nobody answers
    weak_installation.site.wipe()


@pytest.fixture(scope="module")
def apart_installations(server: Server) -> Iterator[dict[tuple[str, ...], Apart]]:
    """One for each kind of policies and one for both; they share the server that can go away."""
    with fragile(server) as databases, ExitStack() as stack:
        yield {
            stores: _apart(server, databases, stores, stack) for stores in [*((name,) for name in POLICIES), POLICIES]
        }


def _apart(server: Server, databases: Fragile, stores: tuple[str, ...], stack: ExitStack) -> Apart:
    names = {store: f"{store}_{uuid4().hex[:12]}" for store in stores}
    for name in names.values():
        databases.server.create_database(name)
    settings = {store: databases.server.store(name) for store, name in names.items()}
    return Apart(stack.enter_context(running(server, **settings)), stores, databases)


@pytest.fixture(params=POLICIES)
def apart(request: pytest.FixtureRequest, apart_installations: dict[tuple[str, ...], Apart]) -> Iterator[Apart]:
    """Each of the two kinds of policies in turn is what can go away."""
    yield from _restored(apart_installations[(request.param,)])


@pytest.fixture
def both(apart_installations: dict[tuple[str, ...], Apart]) -> Iterator[Apart]:
    """All policies can go away."""
    yield from _restored(apart_installations[POLICIES])


def _restored(chosen: Apart) -> Iterator[Apart]:
    yield chosen
    gc.collect()  # PyMySQL leaves sockets open when nobody answers
    if chosen.is_away:
        chosen.start()
    chosen.site.wipe()
