"""Whether a process lives and whether it can work."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from postreeve.web.health import LOOK_SECONDS
from tests.outages.conftest import Apart, Weak
from tests.outages.databases import Daemon
from tests.site import Site
from tests.watching.probes import probe, sample, samples

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(autouse=True)
def _looks_are_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that a test asks is answered by the look of the one before."""
    monkeypatch.setattr("postreeve.web.health._FRESH_SECONDS", 0)


def test_a_process_that_works_says_so(site: Site) -> None:
    for path in ("healthz", "readyz"):
        answer = probe(site, path)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert probe(site, "readyz").json() == {"ready": True, "stores": dict.fromkeys(site.stores, True)}


def test_they_lie_outside_of_what_a_proxy_lets_through(site: Site) -> None:
    for path in ("healthz", "readyz", "metrics"):
        assert probe(site, f"iredadmin/{path}").status_code == 404


@pytest.mark.slow  # a server process
def test_without_its_databases_a_process_lives_and_is_not_ready(weak: Weak) -> None:
    stores = ("vmail", "iredadmin", "amavisd", "iredapd")
    weak.databases.stop()
    assert probe(weak.site, "healthz").status_code == 200
    away = probe(weak.site, "readyz")
    assert (away.status_code, away.json()) == (503, {"ready": False, "stores": dict.fromkeys(stores, False)})
    assert sample(samples(weak.site), "postreeve_store_up", store="vmail") == 0
    weak.databases.start()
    assert probe(weak.site, "readyz").json() == {"ready": True, "stores": dict.fromkeys(stores, True)}
    assert sample(samples(weak.site), "postreeve_store_up", store="vmail") == 1


def test_without_its_policies_it_is_ready_for_everything_else(apart: Apart) -> None:
    [store] = apart.stores
    apart.stop()
    answer = probe(apart.site, "readyz")
    assert (answer.status_code, answer.json()["ready"]) == (200, True)
    assert [name for name, is_up in answer.json()["stores"].items() if not is_up] == [store]


@pytest.mark.served
def test_a_database_that_hangs_holds_nobody_up(weak: Weak) -> None:
    with hanging(weak):
        began = time.monotonic()
        assert probe(weak.site, "readyz").status_code == 503
        assert time.monotonic() - began < LOOK_SECONDS + 1
        assert probe(weak.site, "healthz").status_code == 200
        assert sample(samples(weak.site), "postreeve_store_up", store="vmail") == 0
    assert_is_ready_again(weak)


@pytest.mark.served
def test_asking_again_while_a_database_hangs_takes_no_more_threads(weak: Weak, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("postreeve.web.health.LOOK_SECONDS", 0.2)
    with hanging(weak):
        assert probe(weak.site, "metrics").status_code == 200
        threads = threading.active_count()
        for _ in range(8):
            assert probe(weak.site, "readyz").status_code == 503
            assert sample(samples(weak.site), "postreeve_store_up", store="vmail") == 0
        assert threading.active_count() <= threads
    assert_is_ready_again(weak)


def assert_is_ready_again(weak: Weak) -> None:
    """Give looks that have not returned yet the time that they may take."""
    deadline = time.monotonic() + 2 * LOOK_SECONDS
    while (status := probe(weak.site, "readyz").status_code) != 200:
        assert (status, time.monotonic() < deadline) == (503, True)
        time.sleep(0.1)


@contextmanager
def hanging(weak: Weak) -> Iterator[None]:
    """Let a database server stand still, with its connections open."""
    assert isinstance(weak.databases, Daemon)
    pids = _family(int(weak.databases.pid_file.read_text().split()[0]))
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):  # it was ending, and the first has been told so
                os.kill(pid, signal.SIGCONT)


def _family(pid: int) -> list[int]:
    """Return a process and those that it has started."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:  # noqa: PTH123 - no file of a disk
        return [pid, *(int(child) for child in file.read().split())]


@pytest.mark.parametrize("path", ["readyz", "metrics"])
def test_a_busy_pool_is_no_reason_to_be_taken_out(site: Site, path: str) -> None:
    accounts = getattr(site.storage, "directory", None) or site.storage.databases["vmail"]
    taken = [accounts.pool.connect() for _ in range(accounts.most_connections)]
    assert probe(site, path).status_code == 200
    for connection in taken:
        connection.close()


def test_strangers_learn_no_more_than_whether_it_is_ready(site: Site) -> None:
    site.change_settings(trusted_proxies=["127.0.0.1"])
    elsewhere = {"X-Forwarded-For": "192.0.2.7"}
    assert probe(site, "healthz", **elsewhere).status_code == 200
    assert probe(site, "readyz", **elsewhere).json() == {"ready": True}
    assert probe(site, "metrics", **elsewhere).status_code == 403
    site.change_settings(trusted_proxies=["127.0.0.1"], metrics_clients=["192.0.2.0/24"])
    assert probe(site, "metrics", **elsewhere).status_code == 200
    assert probe(site, "metrics").status_code == 403


def test_nothing_can_be_changed_there(site: Site) -> None:
    host = site.base.removesuffix("/iredadmin/api")
    for path in ("healthz", "readyz", "metrics"):
        answer = site.client().session.post(f"{host}/{path}", timeout=10)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
