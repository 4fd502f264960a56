"""A database that goes away and comes back."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.outages.conftest import Weak
from tests.outages.processes import ran, serving, settings_file
from tests.site import PASSWORD, ROOT, Client, Site
from tests.wire.raw import COOKIE, token

REQUESTS = 8
pytestmark = [
    pytest.mark.slow,  # servers that come and go
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]


def _crowd(site: Site, root: Client) -> set[bool]:
    """Ask several times at once, so that every connection of the pool is used."""
    session = token(root)

    def ask(_: int) -> bool:
        client = site.client()
        client.session.cookies.set(COOKIE, session)
        return bool(client.get("domains")["_success"])

    with ThreadPoolExecutor(REQUESTS) as workers:
        return set(workers.map(ask, range(3 * REQUESTS)))


def test_an_outage_is_said_and_is_over_with_the_first_request_after_it(weak: Weak) -> None:
    site = weak.site
    root = site.root()
    root.ok("POST", "domain/ex.com")
    assert _crowd(site, root) == {True}
    before = site.dump()
    # A SQLite file that is only renamed is still read through connections that are open.
    login: dict[str, str] = {"username": ROOT, "password": PASSWORD}
    readings = [] if site.engine == "sqlite" else [("GET", "domains", dict[str, str]()), ("POST", "login", login)]
    weak.databases.stop()
    for method, path, parameters in [
        ("PUT", "domain/ex.com", {"name": "x"}),
        ("POST", "domain/ex.net", {}),
        ("DELETE", "domain/ex.com", {}),
        *readings,
    ]:
        answer = root.raw(method, path, data=parameters)
        assert (answer.status_code, answer.json()) == (503, {"_success": False, "_msg": "SERVICE_UNAVAILABLE"})
        assert int(answer.headers["retry-after"]) > 0
        assert answer.headers["content-type"] == "application/json"
    problem = root.raw("PUT", "domain/ex.com", data={"name": "x"}, headers={"Accept": "application/problem+json"})
    assert (problem.status_code, problem.json()["status"], problem.json()["_msg"]) == (503, 503, "SERVICE_UNAVAILABLE")
    weak.databases.start()
    assert root.put("domain/ex.com", name="back") == {"_success": True}
    assert _crowd(site, root) == {True}
    assert {**site.dump(), "log": [], "domain": []} == {**before, "log": [], "domain": []}
    assert [row["description"] for row in site.rows("domain")] == ["back"]


def test_connections_that_died_unnoticed_are_replaced_without_a_word(weak: Weak) -> None:
    root = weak.site.root()
    assert _crowd(weak.site, root) == {True}
    weak.databases.stop()
    weak.databases.start()
    assert root.get("domains") == {"_success": True, "_data": []}
    assert _crowd(weak.site, root) == {True}
    root.ok("POST", "domain/ex.com")


def test_a_server_process_outlives_an_outage(weak: Weak, tmp_path: Path) -> None:
    with serving(settings_file(tmp_path, weak.site.stores)) as process:
        root = process.client().login(ROOT)
        weak.databases.stop()
        answer = root.raw("POST", "domain/ex.com")
        assert (answer.status_code, answer.json()["_msg"]) == (503, "SERVICE_UNAVAILABLE")
        weak.databases.start()
        root.ok("POST", "domain/ex.com")
    assert "Traceback" not in process.log.read_text()


def test_a_database_that_is_not_there_at_the_start_is_named_in_one_sentence(weak: Weak, tmp_path: Path) -> None:
    file = settings_file(tmp_path, weak.site.stores)
    weak.databases.stop()
    commands = ["serve", "job pending"]
    commands += [] if weak.site.engine == "sqlite" else ["init --admin root@admins.test"]
    try:
        for command in commands:
            done = ran(command, file)
            assert done.returncode == 1, command
            assert done.stdout == ""
            [sentence] = done.stderr.splitlines()
            assert str(weak.site.settings.vmail) in sentence
            if weak.site.engine == "sqlite":
                assert sentence.endswith("run `postreeve init` first.")
            else:
                assert len(sentence.partition("can not be reached: ")[2]) > 5
    finally:
        weak.databases.start()
