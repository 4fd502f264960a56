"""A node of Postreeve over a PostgreSQL server with a synchronous standby, which takes over when that one dies."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import psycopg
import pytest
import requests

from postreeve.settings import Store
from tests import servers
from tests.outages.processes import ran, serving, settings_file
from tests.site import PASSWORD, ROOT, Client

pytestmark = pytest.mark.slow  # two servers of its own
STORES = ("vmail", "iredadmin", "amavisd", "iredapd")
HOSTS = ("127.0.0.1", "127.0.0.2")
SECONDS = 30
OPTIONS = {
    "wal_level": "replica", "max_wal_senders": "4", "fsync": "off", "max_connections": "100",
    "wal_receiver_timeout": "2s", "autovacuum": "off",
}  # fmt: skip


@dataclass
class Half:
    """One of the two servers."""

    folder: Path
    host: str
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        options = {**OPTIONS, "listen_addresses": self.host, "port": str(self.port),
                   "unix_socket_directories": str(self.folder)}  # fmt: skip
        words = [str(servers._postgresql_programs() / "postgres"), "-D", f"{self.folder}/data"]
        words += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as output:
            self.process = subprocess.Popen(
                [*servers._as("postgres", "--pdeathsig=QUIT"), *words], cwd=self.folder, env={"PATH": servers._PATH},
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        servers._wait(self.process, self.answers, self.folder / "log")

    def answers(self) -> bool:
        try:
            return self.rows("postgres", "SELECT 1") == [(1,)]
        except psycopg.OperationalError:
            return False

    def rows(self, database: str, text: str) -> list[tuple[object, ...]]:
        """Ask this server, and no other."""
        with closing(
            psycopg.connect(host=str(self.folder), port=self.port, user="postgres", dbname=database, autocommit=True)
        ) as connection:
            done = connection.execute(text.encode())
            return list(done.fetchall()) if done.description else []

    def run(self, program: str, *words: str) -> None:
        servers._install(self.folder, "postgres", [str(servers._postgresql_programs() / program), *words])

    def end(self, how: signal.Signals) -> None:
        if self.process:
            self.process.send_signal(how)
            self.process.wait()
            self.process = None


@dataclass(frozen=True)
class Pair:
    """The primary and its standby, and the settings of a node that names both."""

    primary: Half
    standby: Half
    file: Path


@pytest.fixture
def standby() -> Iterator[Pair]:
    with servers._folder() as folder, _halves(folder) as (primary, other):
        stores = {
            store: Store(engine="postgresql", host=",".join(HOSTS), port=primary.port, database=store, user="postgres")
            for store in STORES
        }
        for store in STORES:
            primary.rows("postgres", f"CREATE DATABASE {store}")
        file = settings_file(folder, stores)
        made = ran("init", file, f"--admin={ROOT}", POSTREEVE_ADMIN_PASSWORD=PASSWORD)
        assert made.returncode == 0, made.stderr
        primary.rows("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.rows("postgres", "SELECT pg_reload_conf()")
        yield Pair(primary, other, file)


@contextmanager
def _halves(folder: Path) -> Iterator[tuple[Half, Half]]:
    port = servers._free_port()
    primary, other = (Half(folder / name, host, port) for name, host in zip(("one", "two"), HOSTS, strict=True))
    for half in (primary, other):
        servers._make_folder(half.folder, "postgres")
    try:
        primary.run("initdb", f"--pgdata={primary.folder}/data", "--auth=trust", "--username=postgres",
                    "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")  # fmt: skip
        primary.start()
        other.run("pg_basebackup", f"--pgdata={other.folder}/data", f"--host={HOSTS[0]}", f"--port={port}",
                  "--username=postgres", "--write-recovery-conf", "--checkpoint=fast", "--no-sync")  # fmt: skip
        other.start()
        yield primary, other
    finally:
        for half in (primary, other):
            half.end(signal.SIGQUIT)


def test_what_was_acknowledged_is_there_when_the_standby_takes_over(standby: Pair) -> None:
    with serving(standby.file) as process:
        root = process.client().login(ROOT)
        root.ok("POST", "domain/ex.com")
        is_over = Event()
        told: dict[str, str] = {}
        writer = Thread(target=_create, args=(root, told, is_over))
        writer.start()
        try:
            _wait_for(told, 20)
            standby.primary.end(signal.SIGQUIT)  # at once, as in a crash
            _wait_until_refused(told)
            assert requests.get(f"{process.base.removesuffix('/iredadmin/api')}/readyz", timeout=10).status_code == 503
            standby.standby.run("pg_ctl", "promote", f"--pgdata={standby.standby.folder}/data")
            _wait_for(told, _acknowledged(told) + 20)
        finally:
            is_over.set()
            writer.join()
        assert set(told.values()) == {"", "SERVICE_UNAVAILABLE"}
        assert root.data("domains", name_only="yes") == ["ex.com"]  # the session of the beginning
    there = {row[0] for row in standby.standby.rows("vmail", "SELECT username FROM mailbox")}
    whole = {row[0] for row in standby.standby.rows("vmail", "SELECT address FROM forwardings WHERE is_forwarding = 1")}
    assert there == whole
    assert {mail for mail, said in told.items() if not said} <= there
    assert there <= set(told)


def _create(root: Client, told: dict[str, str], is_over: Event) -> None:
    """Create one user after the other, and note what was said of each."""
    while not is_over.is_set():
        mail = f"u{len(told)}@ex.com"
        answer = root.raw("POST", f"user/{mail}", data={"password": PASSWORD})
        told[mail] = answer.json().get("_msg", "")
        if told[mail]:
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) > 0
            is_over.wait(0.2)


def _acknowledged(told: dict[str, str]) -> int:
    return [*told.values()].count("")


def _wait_for(told: dict[str, str], number: int) -> None:
    deadline = time.monotonic() + SECONDS
    while _acknowledged(told) < number:
        assert time.monotonic() < deadline, told
        time.sleep(0.05)


def _wait_until_refused(told: dict[str, str]) -> None:
    deadline = time.monotonic() + SECONDS
    while "SERVICE_UNAVAILABLE" not in [*told.values()]:
        assert time.monotonic() < deadline, told
        time.sleep(0.05)
