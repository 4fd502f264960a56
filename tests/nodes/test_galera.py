"""Two nodes of Postreeve on a cluster of three databases, behind balancers, while some of them die."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests import servers
from tests.nodes.balancer import balancer
from tests.nodes.galera import Cluster, Node, cluster
from tests.nodes.load import HOMES, Load, facts
from tests.outages.processes import ran, serving, settings_file
from tests.site import PASSWORD, ROOT, Client
from tests.wire.raw import token

pytestmark = [
    pytest.mark.slow,  # a minute of load on three databases and two nodes
    pytest.mark.xdist_group("galera"),
]
STORES = ("vmail", "iredadmin", "amavisd", "iredapd")
SECONDS = 60
WRITERS = 6


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
                store: servers.Store(engine="mariadb", port=fronts["databases"], database=store, user="postreeve",
                                     password="p")
                for store in STORES
            },
            trusted_proxies=["127.0.0.1"],
        )  # fmt: skip
        made = ran("init", file, f"--admin={ROOT}", POSTREEVE_ADMIN_PASSWORD=PASSWORD)
        assert made.returncode == 0, made.stderr
        yield Site(nodes, folder, file, ports, f"http://127.0.0.1:{fronts['postreeve']}/iredadmin/api")


def test_a_minute_of_load_with_deaths_in_it_loses_nothing(galera: Site) -> None:
    """A database and a node of Postreeve are killed, and come back, while clients work.

    Whatever was acknowledged is on every database, nothing is there by halves, and the client's session lasts. Errors
    are refusals that may be repeated (503); a connection that breaks at the balancer, or an answer of its own, counts as
    one of which the client does not know what happened. From then on both are possible, until an answer shows which.
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
    settled = ran("job pending", galera.file)
    assert (settled.returncode, settled.stderr) == (0, "")
    tally = load.tally
    print(f"{sum(tally.acknowledged.values())} acknowledged, {tally.unavailable} times 503, broken: {dict(tally.broken)}")
    assert min(sum(tally.seconds[second] for second in range(at, at + 4)) for at in range(0, SECONDS - 4)) > 0
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
    tables = node.rows("SELECT table_schema, table_name FROM information_schema.tables"
                       f" WHERE table_schema IN {STORES} AND table_type = 'BASE TABLE'")  # fmt: skip
    return {
        f"{database}.{table}": sorted(node.rows(f"SELECT * FROM {database}.{table}"), key=str)
        for database, table in tables
    }
