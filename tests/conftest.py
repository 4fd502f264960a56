"""The engines on which the tests run, and their servers: one of each for all workers of a run."""

import importlib.util
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import servers
from tests.site import Site, running

_FOLDER = "POSTREEVE_TEST_FOLDER"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--engines", default=",".join(servers.NAMES), help="engines to test on, with commas")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Start the servers before pytest-xdist starts its workers; the environment tells these the folder."""
    names = _engines(session.config)
    if hasattr(session.config, "workerinput") or session.config.option.collectonly:
        return
    if "mariadb-mysqlclient" in names and not importlib.util.find_spec("MySQLdb"):
        raise pytest.UsageError("The tests need mysqlclient, which is not installed: run `make dev`.")
    running = ExitStack()
    session.config.add_cleanup(running.close)
    try:
        os.environ[_FOLDER] = str(running.enter_context(servers.started(names)))
    except servers.ServerError as error:
        raise pytest.UsageError(str(error)) from error


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep what asks Dovecot out of `make quick`, which needs nothing but SQLite."""
    for item in items:
        if "doveadm" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "server" in metafunc.fixturenames:
        metafunc.parametrize("server", _engines(metafunc.config), indirect=True, scope="session")


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> servers.Server:
    """Each of the engines in turn."""
    return servers.reached(request.param, Path(os.environ[_FOLDER]))


def _engines(config: pytest.Config) -> list[servers.Name]:
    wanted = config.getoption("--engines").split(",")
    if unknown := set(wanted).difference(servers.NAMES):
        raise pytest.UsageError(f"--engines does not know {', '.join(sorted(unknown))}.")
    return [name for name in servers.NAMES if name in wanted]


@pytest.fixture(scope="session")
def installation(server: servers.Server) -> Iterator[Site]:
    """An installation on each of the engines in turn."""
    with running(server) as site:
        yield site


@pytest.fixture
def site(installation: Site) -> Iterator[Site]:
    """A wiped installation: nothing in it but the global admin."""
    yield installation
    installation.wipe()
