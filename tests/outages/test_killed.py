"""A server process that is killed in the middle of its work, and works that get in each other's way."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import requests

from postreeve import operations
from postreeve.app import App, storage_of
from postreeve.operations import REGISTRY, Call
from postreeve.permissions import Actor
from postreeve.storage import engines
from postreeve.storage.sql import Session
from postreeve.values import Address
from postreeve.work import ConflictError, StoreUnavailableError, Work
from tests.outages.processes import Process, ran, serving, settings_file
from tests.profiles import accounts
from tests.site import PASSWORD, ROOT, Client, Site
from tests.site import serving as serving_here
from tests.wire.raw import COOKIE, token

pytestmark = pytest.mark.slow  # processes that are killed

WRITERS = 6


def _create_until_killed(process: Process, own: str, numbers: "count[int]", told: set[str]) -> None:
    session = requests.Session()
    session.cookies.set(COOKIE, own)
    while True:
        name = f"u{next(numbers)}"
        try:
            data = {"password": PASSWORD, "aliases": f"{name}.alias@ex.com", "forwarding": "x@far.test,y@far.test"}
            answer = session.post(f"{process.base}/user/{name}@ex.com", data=data, timeout=20)
        except requests.RequestException:
            return
        assert answer.json()["_success"]
        told.add(f"{name}@ex.com")


def test_a_killed_process_loses_nothing_it_has_confirmed_and_leaves_nothing_by_halves(
    site: Site, tmp_path: Path
) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com")
    file = settings_file(tmp_path, site.stores)
    told: set[str] = set()
    numbers = count()
    with serving(file) as process, ThreadPoolExecutor(WRITERS) as workers:
        session = token(process.client().login(ROOT))
        futures = [workers.submit(_create_until_killed, process, session, numbers, told) for _ in range(WRITERS)]
        while len(told) < 30:
            time.sleep(0.01)
        process.kill()
    assert [future.result() for future in futures] == [None] * WRITERS
    users = set(accounts(site, "mailbox"))
    assert told <= users
    for user, (forwardings, aliases) in _links(site).items():
        assert (forwardings, aliases) == (["x@far.test", "y@far.test"], [user.replace("@", ".alias@")])
        users.remove(user)
    assert users == set()
    _settle(site, file, set(accounts(site, "mailbox")))


def _links(site: Site) -> dict[str, tuple[list[str], list[str]]]:
    """Return the forwardings and the alias addresses of all who have forwardings."""
    if site.directory:
        entries = [entry for entry in site.entries().values() if "mailForwardingAddress" in entry]
        return {entry["mail"][0]: (entry["mailForwardingAddress"], entry["shadowAddress"]) for entry in entries}
    links = site.rows("forwardings")
    return {
        user: (
            sorted(row["forwarding"] for row in links if row["address"] == user),
            [row["address"] for row in links if row["forwarding"] == user],
        )
        for user in {row["address"] for row in links if row["is_forwarding"]}
    }


def _settle(site: Site, file: Path, users: set[str]) -> None:
    """Let the job settle what the process left open; then the log says what has happened, and nothing else."""
    # One that has certainly not happened beside those that the process may have left.
    lines = "INSERT INTO log (admin, domain, username, event, loglevel, msg, ip) VALUES "
    site.execute("iredadmin", f"{lines} ('{ROOT}', 'ex.com', 'never@ex.com', 'create', 'intent', 'x', '127.0.0.1')")
    done = ran("job pending", file)
    assert (done.returncode, done.stdout) == (0, "0 settled, 0 left.\n")
    site.execute("iredadmin", "UPDATE log SET timestamp = '2020-01-01 00:00:00' WHERE loglevel = 'intent'")
    left = len(site.rows("log", loglevel="intent"))
    done = ran("job pending", file)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{left} settled, 0 left.\n", "")
    lines_ = [
        row["username"] for row in site.rows("log", event="create") if row["username"] and row["domain"] == "ex.com"
    ]
    assert sorted(lines_) == sorted(users)
    assert not site.rows("log", loglevel="intent")


def test_open_lines_of_the_log_are_settled_by_what_has_happened(site: Site, tmp_path: Path) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com")
    root.ok("POST", "user/ann@ex.com", password=PASSWORD)
    happened = [
        ("create", "ann@ex.com"),
        ("delete", "gone@ex.com"),
        ("update", "renamed@ex.com"),
        ("update", "ann@ex.com"),
    ]
    not_happened = [("create", "no@ex.com"), ("delete", "ann@ex.com"), ("disable", "no@ex.com")]
    for event, user in happened + not_happened:
        values = f"('{ROOT}', 'ex.com', '{user}', '{event}', 'intent', 'left', '127.0.0.1', '2020-01-01 00:00:00')"
        site.execute(
            "iredadmin",
            f"INSERT INTO log (admin, domain, username, event, loglevel, msg, ip, timestamp) VALUES {values}",
        )
    ran("job pending", settings_file(tmp_path, site.stores))
    left = [(row["event"], row["username"]) for row in site.rows("log", msg="left")]
    assert sorted(left) == sorted(happened)
    assert {row["loglevel"] for row in site.rows("log")} == {"info"}


@pytest.mark.sql
def test_a_work_in_a_deadlock_is_done_again(site: Site) -> None:
    root = site.root()
    for domain in ("a.test", "b.test"):
        root.ok("POST", f"domain/{domain}")
    root.ok("POST", "user/ann@a.test", password=PASSWORD)
    answers = []
    worker = threading.Thread(target=lambda: answers.append(root.post("user/ann@a.test/change_email/ann@b.test")))
    with Session(site.storage.databases["vmail"]) as other:
        other.begin()
        for number in range(50):  # MariaDB gives way to who has written more
            other.text_execute(f"INSERT INTO admin (username, password) VALUES ('w{number}@far.test', 'x')")
        other.text_execute("UPDATE domain SET description = 'x' WHERE domain = 'b.test'")
        worker.start()
        time.sleep(0.3)
        other.text_execute("UPDATE domain SET description = 'x' WHERE domain = 'a.test'")
        other.commit()
    worker.join()
    assert answers == [{"_success": True}]
    assert [row["username"] for row in site.rows("mailbox")] == ["ann@b.test"]
    assert len([row for row in site.rows("log") if "change_email" in row["msg"] or "->" in row["msg"]]) == 1


@pytest.mark.parametrize(("conflicts", "is_done"), [(0, True), (3, True), (4, False)])
def test_a_work_is_tried_four_times(site: Site, conflicts: int, *, is_done: bool) -> None:
    left = iter(range(conflicts))

    def create(work: Work, *arguments: object) -> None:
        create_domain(work, *arguments)
        if next(left, None) is not None:
            raise ConflictError

    wanted = REGISTRY["POST /api/domain/<domain>"]
    create_domain = wanted.function
    actor = Actor(account=Address(ROOT), is_global=True, is_user=False)
    call = Call(actor, ("ex.com",), {}, "127.0.0.1")
    if is_done:
        operations.run(replace(wanted, function=create), call, site.storage)
    else:
        with pytest.raises(StoreUnavailableError):
            operations.run(replace(wanted, function=create), call, site.storage)
    assert len(accounts(site, "domain")) == int(is_done)
    assert len(site.rows("log", admin=ROOT)) == int(is_done)
    assert site.rows("postreeve_claims") == []


def test_a_session_that_can_not_be_renewed_is_an_outage_and_no_defect(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "LOCK_SECONDS", 1)
    storage = storage_of(site.settings)
    with serving_here(App(storage, site.settings)) as base:
        _ask_while_sessions_are_locked(site, Client(base).login(ROOT))
    storage.close()


def _ask_while_sessions_are_locked(site: Site, root: Client) -> None:
    site.execute("iredadmin", f"UPDATE postreeve_sessions SET used = {int(time.time()) - 600}")
    with Session(site.storage.iredadmin) as other:
        other.begin()
        other.text_execute("UPDATE postreeve_sessions SET kind = 'api'")
        answer = root.raw("GET", "domains")
    assert (answer.status_code, answer.json()["_msg"]) == (503, "SERVICE_UNAVAILABLE")
    assert root.data("domains") == []
