"""The engines on which the tests run, and their servers: one of each for all workers of a run."""

import importlib.util
import logging
import os
import zlib
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests import servers
from tests.site import Site, running

_FOLDER = "POSTREEVE_TEST_FOLDER"
ENGINES = (*servers.NAMES, servers.OPENLDAP)
_ENGINE_OF = {"galera": "mariadb", "standby": "postgresql", "providers": servers.OPENLDAP, "slapd": servers.OPENLDAP}
"""Fixtures with servers of their own, and the engine without which a run leaves out what needs them."""
_DRIVERS = ("mariadb", "mariadb-mysqlclient")
"""Two drivers for one server: a test runs with one of them, which its name decides, and all together with both."""
_ABOUT_DRIVERS = ("tests/storage/", "tests/outages/")
"""Where tests run with both."""
_STARTING = {"apart_installations", "galera", "packages", "started", "twins", "weak_installation"}
"""Fixtures that start programs for all tests of a file: on each engine one worker runs those that need them."""
CHROMIUM = "/usr/bin/chromium"
_OF_FACES = ("sqlite", servers.OPENLDAP)
"""One of each kind: on these runs what says nothing about stores."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--engines", default=",".join(ENGINES), help="engines to test on, with commas")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Start the servers before pytest-xdist starts its workers; the environment tells these the folder."""
    names = _wanted(session.config)
    if hasattr(session.config, "workerinput") or session.config.option.collectonly:
        return
    if "mariadb-mysqlclient" in names and not importlib.util.find_spec("MySQLdb"):
        raise pytest.UsageError("The tests need mysqlclient, which is not installed: run `make dev`.")
    if servers.OPENLDAP in names and not importlib.util.find_spec("ldap"):
        raise pytest.UsageError("The tests need python-ldap, which is not installed: run `make dev`.")
    running = ExitStack()
    session.config.add_cleanup(running.close)
    try:
        os.environ[_FOLDER] = str(running.enter_context(servers.started(names)))
    except servers.ServerError as error:
        raise pytest.UsageError(str(error)) from error


@pytest.hookimpl(wrapper=True, tryfirst=True)  # pytest-xdist reads the groups in the same hook
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Keep what asks Dovecot out of `make quick`, and what asks OpenLDAP out of a run without that engine.

    Tests are run engine by engine, so that each worker makes one installation of each. pytest by itself goes by the
    place of an engine in a test's own list, which tells one driver of MariaDB from the other in some tests only.
    """
    for item in items:
        needed = getattr(item, "fixturenames", ())
        if "doveadm" in needed:
            item.add_marker(pytest.mark.slow)
        if not _STARTING.isdisjoint(needed):
            item.add_marker(pytest.mark.xdist_group(f"{item.path.stem} {_engine_of(item)}".strip()))
    left_out = {item for item in items if not _is_possible(item, config)}
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]
    yield
    items.sort(key=_engine_of)


def _engine_of(item: pytest.Item) -> str:
    """Return the engine on which a test runs; nothing if it asks for none in particular."""
    return str(getattr(getattr(item, "callspec", None), "params", {}).get("server", ""))


def _is_possible(item: pytest.Item, config: pytest.Config) -> bool:
    """Tell whether a run on some engines has what a test needs."""
    needed = getattr(item, "fixturenames", ())
    if "server" in needed and not _engines(item, needed, config):
        return False
    return all(engine in _wanted(config) for fixture, engine in _ENGINE_OF.items() if fixture in needed)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what uses an installation on every engine, but in SQL alone what is marked so or has databases of its own."""
    if "server" in metafunc.fixturenames:
        engines = _engines(metafunc.definition, metafunc.fixturenames, metafunc.config)
        metafunc.parametrize("server", engines, indirect=True, scope="session")


def _engines(test: pytest.Item, needed: Collection[str], config: pytest.Config) -> list[str]:
    """Return the engines of this run on which a test can run."""
    is_sql = "installation" not in needed or test.get_closest_marker("sql")
    known = servers.NAMES if is_sql else ENGINES
    if test.get_closest_marker("ldap"):
        known = (servers.OPENLDAP,)
    if test.get_closest_marker("faces"):
        known = tuple(name for name in known if name in _OF_FACES)
    if test.get_closest_marker("served"):
        known = tuple(name for name in known if name != "sqlite")
    wanted = [name for name in known if name in _wanted(config)]
    if set(_DRIVERS) <= set(wanted) and not test.nodeid.startswith(_ABOUT_DRIVERS):
        wanted.remove(_DRIVERS[zlib.crc32(test.nodeid.encode()) % 2])
    return wanted


@pytest.fixture(autouse=True)
def _log_ends_with_its_test() -> Iterator[None]:
    """Take away what a command wrote its log to: its standard error is closed when it has ended."""
    root, access = logging.getLogger(), logging.getLogger("postreeve.access")
    before, level, is_disabled = {*root.handlers}, root.level, access.disabled
    yield
    for handler in {*root.handlers} - before:
        root.removeHandler(handler)
    root.setLevel(level)
    access.disabled = is_disabled


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> servers.Server:
    """Each of the engines in turn."""
    return servers.reached(request.param, Path(os.environ[_FOLDER]))


@pytest.fixture(scope="session")
def slapd() -> servers.OpenldapServer:
    """The directory server."""
    return servers.reached_directory(Path(os.environ[_FOLDER]))


def _wanted(config: pytest.Config) -> list[str]:
    wanted = config.getoption("--engines").split(",")
    if unknown := set(wanted).difference(ENGINES):
        raise pytest.UsageError(f"--engines does not know {', '.join(sorted(unknown))}.")
    return [name for name in ENGINES if name in wanted]


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


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A browser, once for each worker."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
