"""mlmmj in a directory of its own, and the agent before it."""

from collections.abc import Iterator

import pytest

from postreeve.mlmmj_agent.server import Access, Agent
from postreeve.storage.mlmmj import Host
from tests.mlmmj import Lists, Sink, private_lists, sink
from tests.mlmmjadmin import serving

TOKEN = "a-token-of-the-tests-0123456789"


@pytest.fixture(scope="session")
def sink_and_port() -> Iterator[tuple[Sink, int]]:
    with sink() as found:
        yield found


@pytest.fixture
def lists(sink_and_port: tuple[Sink, int]) -> Iterator[Lists]:
    """An empty spool."""
    with private_lists(*sink_and_port) as found:
        yield found


@pytest.fixture
def host(lists: Lists) -> Host:
    return lists.host


@pytest.fixture
def agent(host: Host) -> Iterator[str]:
    """The agent's API over that spool."""
    with serving(Agent(host, Access((TOKEN,), clients=("127.0.0.1",)))) as base:
        yield base
