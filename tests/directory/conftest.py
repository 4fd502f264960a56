"""A directory with the topmost entries, as `postreeve init` leaves them."""

import importlib.util
from collections.abc import Iterator
from uuid import uuid4

import msgspec
import pytest

from postreeve.settings import Ldap
from tests import servers
from tests.servers import OpenldapServer

# `make quick` does without python-ldap, which compiles.
collect_ignore_glob = [] if importlib.util.find_spec("ldap") else ["test_*.py"]

READER_PASSWORD = "Reader1"
WRITER_PASSWORD = "Writer1"


@pytest.fixture(scope="session")
def directory_name(slapd: OpenldapServer) -> str:
    """The name of a directory that is kept for these tests."""
    name = f"d{uuid4().hex[:12]}"
    fill(slapd.create_directory(name))
    return name


@pytest.fixture
def filled(slapd: OpenldapServer, directory_name: str) -> Iterator[Ldap]:
    """A directory with its topmost entries, as we reach it."""
    yield ours(slapd.directory(directory_name))
    slapd.wipe_directory(directory_name)


@pytest.fixture
def own_slapd(slapd: OpenldapServer) -> Iterator[OpenldapServer]:
    """A server for one test alone, which may do to it what it likes."""
    assert slapd.is_ready()
    with servers._folder() as folder, servers.openldap(folder / "openldap") as own:
        yield own


def ours(manager: Ldap) -> Ldap:
    """Return how we reach a directory that its manager reaches otherwise."""
    return msgspec.structs.replace(manager, bind_dn="", password=WRITER_PASSWORD)


def fill(manager: Ldap) -> dict[str, str]:
    """Add the topmost entries."""
    from postreeve.storage.directory import setup

    return setup.fill(ours(manager), setup.Manager(manager.bind_dn, manager.password), READER_PASSWORD)
