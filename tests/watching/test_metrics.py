"""What is counted."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import requests

from tests.outages.processes import serving, settings_file
from tests.site import PASSWORD, ROOT, Client, Site
from tests.watching.probes import probe, sample, samples


def test_requests_are_counted_by_operation_and_outcome(site: Site) -> None:
    root = site.root()
    before = samples(site)
    root.ok("POST", "domain/ex.com")
    assert root.refused("POST", "domain/ex.com") == "ALREADY_EXISTS"
    assert site.client().refused("POST", "domain/ex.com") == "LOGIN_REQUIRED"
    root.data("domains")
    after = samples(site)

    def counted(operation: str, outcome: str) -> float:
        labels = {"operation": operation, "outcome": outcome}
        name = "postreeve_requests_total"
        return sample(after, name, **labels) - sample(before, name, **labels)

    creating = "POST /api/domain/<domain>"
    for outcome in ("success", "ALREADY_EXISTS", "LOGIN_REQUIRED"):
        assert counted(creating, outcome) == 1
    assert counted("GET /api/domains", "success") == 1
    taken = "postreeve_request_seconds_count"
    assert sample(after, taken, operation=creating) - sample(before, taken, operation=creating) == 3


def test_what_nobody_knows_is_counted_together(site: Site) -> None:
    before = samples(site)
    for path in ("a", "b/c", "iredadmin/api/nothing", "iredadmin/static/nothing"):
        probe(site, path)
    after = samples(site)
    labels = {"operation": "other", "outcome": "NO_SUCH_OPERATION"}
    name = "postreeve_requests_total"
    assert sample(after, name, **labels) - sample(before, name, **labels) == 4
    assert not [labels for _, labels in after if "nothing" in str(labels)]


def test_pages_are_counted_by_their_templates(site: Site) -> None:
    before = samples(site)
    probe(site, "iredadmin/users/ex.com")
    labels = {"operation": "GET /users/<domain>", "outcome": "LOGIN_REQUIRED"}
    name = "postreeve_requests_total"
    assert sample(samples(site), name, **labels) - sample(before, name, **labels) == 1


def test_connections_and_pending_work_are_told(site: Site) -> None:
    found = samples(site)
    for store, pool in site.storage.pools().items():
        assert sample(found, "postreeve_connections", store=store, state="most") == pool.most
        assert sample(found, "postreeve_connections", store=store, state="in use") == 0
    assert found["postreeve_pending_steps", frozenset()] == 0
    site.execute("iredadmin", "INSERT INTO postreeve_pending (store, deed, name, new_name, witness, created)"
                 " VALUES ('amavisd', 'forget', 'gone@ex.com', '', '', 1)")  # fmt: skip
    assert samples(site)["postreeve_pending_steps", frozenset()] == 1


@pytest.mark.slow  # four starts of a process
def test_several_processes_count_together_and_outlive_one_of_them(site: Site, tmp_path: Path) -> None:
    file = settings_file(tmp_path, site.stores, workers=3)
    with serving(file) as process:
        root = process.client().login(ROOT)
        for _ in range(20):
            fresh = Client(process.base)
            fresh.session.cookies.update(root.session.cookies)
            assert fresh.get("domains")["_success"]
            fresh.session.close()
        labels = {"operation": "GET /api/domains", "outcome": "success"}
        most = {"store": "iredadmin", "state": "most"}
        together = 3 * site.storage.pools()["iredadmin"].most
        wait_until(lambda: sample(samples(process.base), "postreeve_connections", **most) == together)
        assert sample(samples(process.base), "postreeve_requests_total", **labels) == 20
        [*_, worker] = psutil.Process(process.program.pid).children()
        worker.kill()
        wait_until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)
        wait_until(lambda: sample(samples(process.base), "postreeve_connections", **most) == together)
        assert sample(samples(process.base), "postreeve_requests_total", **labels) == 20


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while True:
        with suppress(requests.ConnectionError):  # the one that was killed may have had it
            if is_so():
                return
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_login_is_counted_without_who_it_was(site: Site) -> None:
    site.client().post("login", username=ROOT, password=PASSWORD)
    answer = probe(site, "metrics")
    assert ROOT not in answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=")
