"""Two nodes of Postreeve on a cluster of three databases, behind balancers, while some of them die."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests

from postreeve import app as assembly
from postreeve import operations
from postreeve.backends.common import Stores
from postreeve.errors import Refused
from postreeve.operations import REGISTRY, Call
from postreeve.permissions import Actor
from postreeve.settings import Settings, Store
from postreeve.storage import schema
from postreeve.storage.sql import Session
from postreeve.values import Address
from postreeve.work import StoreUnavailableError
from tests import servers
from tests.nodes.balancer import balancer
from tests.nodes.galera import Cluster, Node, cluster
from tests.nodes.load import HOMES, Load, facts
from tests.outages.processes import ran, serving, settings_file
from tests.site import PASSWORD, ROOT, Client
from tests.wire.raw import token

pytestmark = pytest.mark.slow  # a minute of load on three databases and two nodes
CHIEF = Actor(account=Address("setup@admins.test"), is_global=True, is_user=False)
STORES = ("vmail", "iredadmin", "amavisd", "iredapd")
SECONDS = 60
WRITERS = 6
LONGEST_SILENCE = 9
"""Seconds in which nothing at all may be acknowledged, while a balancer finds out who has died."""


@dataclass
class Site:
    """Nodes of Postreeve on a cluster, each behind its balancer."""

    cluster: Cluster
    folder: Path
    file: Path
    ports: tuple[int, int]
    base: str

    def wait_until_ready(self) -> Client:
        """Return a client, once both nodes take requests."""
        for port in self.ports:
            while requests.get(f"http://127.0.0.1:{port}/readyz", timeout=10).status_code != 200:
                time.sleep(0.1)
        client = Client(self.base)
        while client.raw("GET", "domains").status_code != 200:  # so far the balancer may not have looked
            time.sleep(0.1)
        return client


@pytest.fixture(scope="module")
def galera() -> Iterator[Site]:
    with ExitStack() as stack:
        nodes = stack.enter_context(cluster())
        folder = stack.enter_context(servers._folder())
        for store in STORES:
            nodes.nodes[0].rows(f"CREATE DATABASE {store}")
        for statement in (
            "CREATE USER 'haproxy'@'127.0.0.1'",
            "CREATE USER 'postreeve'@'127.0.0.1' IDENTIFIED BY 'p'",
            *(f"GRANT ALL ON {store}.* TO 'postreeve'@'127.0.0.1'" for store in STORES),
        ):
            nodes.nodes[0].rows(statement)
        fronts = {"postreeve": servers._free_port(), "databases": servers._free_port()}
        ports = (servers._free_port(), servers._free_port())
        backs = {"postreeve": ports, "databases": [node.port for node in nodes.nodes]}
        stack.enter_context(balancer(folder, fronts, backs))
        file = settings_file(
            folder,
            {
                store: Store(engine="mariadb", port=fronts["databases"], database=store, user="postreeve", password="p")
                for store in STORES
            },
            trusted_proxies=["127.0.0.1"],
        )  # fmt: skip
        made = ran("init", file, f"--admin={ROOT}", POSTREEVE_ADMIN_PASSWORD=PASSWORD)
        assert made.returncode == 0, made.stderr
        yield Site(nodes, folder, file, ports, f"http://127.0.0.1:{fronts['postreeve']}/iredadmin/api")


def test_a_minute_of_load_with_deaths_in_it_loses_nothing(galera: Site) -> None:
    """A database and a node of Postreeve are killed, and come back, while clients work.

    Whatever was acknowledged is on every database, nothing is there by halves, the client's session lasts. Errors
    are refusals that may be repeated (503). Where a connection breaks at the balancer, or where that answers itself,
    the client does not know what has happened: from then on both are possible, until an answer shows which.
    """
    with ExitStack() as stack:
        one = stack.enter_context(serving(galera.file, galera.ports[0]))
        stack.enter_context(serving(galera.file, galera.ports[1]))
        root = galera.wait_until_ready().login(ROOT)
        for home in HOMES:
            root.ok("POST", f"domain/{home}")
        load = Load(galera.base, token(root))
        load.start(WRITERS)
        try:
            load.wait_until(12)
            galera.cluster.nodes[0].kill()
            load.wait_until(24)
            one.kill()
            load.wait_until(32)
            galera.cluster.start_again(galera.cluster.nodes[0])
            load.wait_until(40)
            stack.enter_context(serving(galera.file, galera.ports[0]))
            load.wait_until(SECONDS)
        finally:
            load.stop()
        assert load.tally.wrong == []
        assert root.data("domains", name_only="yes")  # the session of the beginning
    galera.cluster.wait()
    galera.cluster.nodes[2].rows("UPDATE iredadmin.postreeve_claims SET expires = 0")  # of the dead; a minute passes
    settled = ran("job pending", galera.file)
    assert (settled.returncode, settled.stderr) == (0, "")
    tally = load.tally
    print(f"{tally.acknowledged.total()} acknowledged, {tally.unavailable} times 503, broken: {dict(tally.broken)}")
    for begin in range(SECONDS - LONGEST_SILENCE):
        assert any(tally.seconds[second] for second in range(begin, begin + LONGEST_SILENCE)), begin
    first, *others = [_dump(node) for node in galera.cluster.nodes]
    for other in others:
        assert other == first
    assert_as_booked(load, galera.cluster.nodes[1])


def assert_as_booked(load: Load, node: Node) -> None:
    """Compare a database with the client's books: each account is there as it was acknowledged, and no other."""
    found = {thing.address: thing for thing in facts(node.rows)}
    for home in HOMES:
        del found[home]
    for slot in load.slots:
        there = {found.pop(address) for address in slot.addresses if address in found}
        assert len(there) <= 1, slot
        state = next(iter(there), None)
        assert state in slot.states, (state, slot)
    assert found == {}
    lines = Counter(node.rows("SELECT event, username FROM iredadmin.log WHERE event IN ('create', 'delete')"))
    assert not load.tally.told - lines


def _dump(node: Node) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of all tables."""
    catalogue = "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
    found = {}
    with closing(node.connection()) as connection, connection.cursor() as cursor:
        for database, table in node.rows(f"{catalogue} AND table_schema IN {STORES}"):
            cursor.execute(f"SELECT * FROM {database}.{table}")
            found[f"{database}.{table}"] = sorted(cursor.fetchall(), key=str)
    return found


# What two nodes do to the same rows at the same moment


@pytest.fixture
def pair(galera: Site) -> Iterator[tuple[Stores, Stores]]:
    """Two installations' worth of stores, each on a database node of its own."""
    both = []
    for node in galera.cluster.nodes[:2]:
        settings = msgspec.convert({store: node.store(store) for store in STORES}, Settings)
        both.append(assembly.storage_of(settings))
    yield both[0], both[1]
    for storage in both:
        storage.close()


def test_what_one_node_has_acknowledged_the_next_one_reads(galera: Site, pair: tuple[Stores, Stores]) -> None:
    """The second database is kept from catching up for a while: whoever reads there waits, and reads what is so."""
    here, there = pair
    does(here, "POST /api/domain/<domain>", "read.test", name="old")
    behind = galera.cluster.nodes[1]
    with closing(behind.connection()) as connection, connection.cursor() as cursor, ThreadPoolExecutor(1) as pool:
        cursor.execute("FLUSH TABLES WITH READ LOCK")
        does(here, "PUT /api/domain/<domain>", "read.test", name="new")
        profile = pool.submit(does, there, "GET /api/domain/<domain>", "read.test")
        with suppress(TimeoutError):
            assert profile.result(0.5) is None  # it waits
        cursor.execute("UNLOCK TABLES")
        assert profile.result()["description"] == "new"


def test_a_limit_holds_although_no_node_knows_the_locks_of_another(pair: tuple[Stores, Stores]) -> None:
    does(pair[0], "POST /api/domain/<domain>", "limit.test", numberOfUsers="10")

    def create(number: int) -> str:
        path = f"u{number}@limit.test"
        return outcome(pair[number % 2], "POST /api/user/<mail>", path, password=PASSWORD)

    with ThreadPoolExecutor(8) as pool:
        said = Counter(pool.map(create, range(40)))
    assert set(said) <= {"", "EXCEEDED_DOMAIN_ACCOUNT_LIMIT", "503"}
    assert said[""] == 10
    assert len(does(pair[1], "GET /api/users/<domain>", "limit.test", email_only="yes")) == 10


def test_a_domain_that_goes_leaves_no_user_of_another_node_behind(pair: tuple[Stores, Stores]) -> None:
    here, there = pair
    for turn in range(12):
        domain = f"go{turn}.test"
        does(here, "POST /api/domain/<domain>", domain)
        with ThreadPoolExecutor(3) as pool:
            created = [
                pool.submit(outcome, here, "POST /api/user/<mail>", f"u{number}@{domain}", password=PASSWORD)
                for number in range(2)
            ]
            deleted = pool.submit(outcome, there, "DELETE /api/domain/<domain>", domain)
        assert {future.result() for future in created} <= {"", "NO_SUCH_DOMAIN", "503"}
        if deleted.result() == "503":
            does(there, "DELETE /api/domain/<domain>", domain)
    with Session(here.databases["vmail"]) as session:
        assert session.text_rows("SELECT username FROM mailbox WHERE domain LIKE 'go%'") == []


def test_one_global_admin_stays_when_two_remove_each_other(pair: tuple[Stores, Stores]) -> None:
    here, there = pair
    admins = [f"chief{number}@admins.test" for number in range(2)]
    for _ in range(6):
        for admin in admins:
            does(here, "POST /api/admin/<mail>", admin, password=PASSWORD, isGlobalAdmin="yes")
        does(here, "PUT /api/admin/<mail>", ROOT, accountStatus="disabled")
        with ThreadPoolExecutor(2) as pool:
            said = list(pool.map(lambda turn: outcome(pair[turn], "DELETE /api/admin/<mail>", admins[turn]), range(2)))
        assert sorted(said) in (["", "PROTECTED_ACCOUNT"], ["", "503"]), said
        does(there, "PUT /api/admin/<mail>", ROOT, accountStatus="active")
        for admin in admins:
            outcome(here, "DELETE /api/admin/<mail>", admin)


def test_nodes_that_start_at_once_make_the_tables_together(pair: tuple[Stores, Stores]) -> None:
    """Also after a start that died on the way: some tables are there, and no version says so."""
    schema.migrate(pair[0].iredadmin, 1)
    with Session(pair[0].iredadmin) as session:
        session.text_execute("DROP TABLE postreeve_versions")
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda storage: schema.migrate(storage.iredadmin), pair)) == [None, None]
    with Session(pair[1].iredadmin) as session:
        assert session.text_rows("SELECT max(version) FROM postreeve_versions") == [(schema.LATEST,)]


def does(storage: Stores, route: str, *path: str, **form: str) -> Any:
    """Carry out an operation as the global admin."""
    sent = {name: [value] for name, value in form.items()}
    return operations.run(REGISTRY[route], Call(CHIEF, path, sent, "127.0.0.1"), storage).data


def outcome(storage: Stores, route: str, *path: str, **form: str) -> str:
    """Carry out an operation, and return how it ended."""
    try:
        does(storage, route, *path, **form)
    except Refused as no:
        return no.codes[0].name
    except StoreUnavailableError:
        return "503"
    return ""
