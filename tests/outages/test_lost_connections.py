"""Connections that are lost in the middle of something, and servers that say nothing any more."""

import gc
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import msgspec
import pytest

from postreeve.storage import engines
from postreeve.storage.sql import Database, Session
from postreeve.storage.tables import iredadmin
from postreeve.work import StoreUnavailableError
from tests.outages.middleman import Middleman, between
from tests.site import Site

LINE = {"admin": "x", "ip": "127.0.0.1", "domain": "ex.com", "username": "", "event": "create", "msg": "Once."}
CONNECTIONS = 4
pytestmark = [
    pytest.mark.sql,
    pytest.mark.served,
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),  # PyMySQL's, when nobody answers
]


@pytest.fixture
def middleman(site: Site) -> Iterator[Middleman]:
    with between(site.settings.iredadmin) as between_us:
        yield between_us


@pytest.fixture
def database(site: Site, middleman: Middleman) -> Iterator[Database]:
    with closing(Database(middleman.store(site.settings.iredadmin), CONNECTIONS)) as database:
        yield database
    gc.collect()


def warm(database: Database, number: int = 1) -> None:
    """Let the pool have some connections that have worked."""
    with ExitStack() as stack:
        for _ in range(number):
            stack.enter_context(Session(database)).text_rows("SELECT 1")


def write_line(database: Database) -> None:
    with Session(database, is_autocommit=True) as session:
        session.inserted_id(iredadmin.log, LINE)


def lines(site: Site) -> list[Any]:
    return site.rows("log", msg="Once.")


def test_what_was_written_without_an_answer_is_not_written_again(
    site: Site, database: Database, middleman: Middleman
) -> None:
    warm(database)
    middleman.loses_the_answer_to = b"INSERT INTO"
    with pytest.raises(StoreUnavailableError):
        write_line(database)
    assert len(lines(site)) == 1


def test_a_connection_that_died_while_it_was_idle_is_no_reason_not_to_write(
    site: Site, database: Database, middleman: Middleman
) -> None:
    warm(database, CONNECTIONS)
    middleman.cut()
    time.sleep(0.3)
    write_line(database)
    assert len(lines(site)) == 1


def test_reading_goes_on_over_another_connection(database: Database, middleman: Middleman) -> None:
    warm(database, CONNECTIONS)
    middleman.cut()
    with Session(database) as session:
        assert session.text_rows("SELECT 1") == [(1,)]


def test_a_server_that_says_nothing_is_waited_for_once(
    database: Database, middleman: Middleman, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of MariaDB; PostgreSQL's driver leaves it to the kernel, which knows hosts, but not what is between."""
    if site.engine == "postgresql":
        assert_the_kernel_watches(database)
        return
    monkeypatch.setattr(database.engine, "silent_seconds", 1)
    warm(database, CONNECTIONS)
    middleman.mute()
    for statement in ("SELECT 1", "INSERT INTO log (msg) VALUES ('Once.')"):
        began = time.monotonic()
        with Session(database, is_autocommit=True) as session, pytest.raises(StoreUnavailableError):
            session.text_rows(statement)
        assert 1 <= time.monotonic() - began < 3
        began = time.monotonic()
        warm(database, CONNECTIONS)
        assert time.monotonic() - began < 0.9
        middleman.mute()
    assert lines(site) == []


def assert_the_kernel_watches(database: Database) -> None:
    with closing(database.engine.connect()) as connection, socket.socket(fileno=connection.fileno()) as line:
        assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000
        assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 10
        line.detach()


def test_a_look_at_a_silent_server_ends(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "LOOK_SECONDS", 2)  # less than libpq takes is two
    with socket.create_server(("127.0.0.1", 0)) as mute:
        there = msgspec.structs.replace(
            site.settings.iredadmin, socket="", host="127.0.0.1", port=mute.getsockname()[1]
        )
        with closing(Database(there, 1)) as database:
            database.__dict__["schema"] = site.storage.iredadmin.schema
            began = time.monotonic()
            assert not database.is_answering()
            assert time.monotonic() - began < 4
    gc.collect()
