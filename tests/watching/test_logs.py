"""The log of a server process: what it says, and what it never says."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from postreeve.newsletter.letters import PATHS
from tests.outages.processes import Process, serving, settings_file
from tests.pages.visitor import Visitor
from tests.site import PASSWORD, ROOT, Site
from tests.watching.probes import written
from tests.wire.raw import token

pytestmark = pytest.mark.slow  # a server process for each test

Line = dict[str, Any]


@pytest.fixture
def process(site: Site, tmp_path: Path) -> Iterator[Process]:
    with serving(settings_file(tmp_path, site.stores, log_format="json")) as running:
        yield running


def lines(process: Process, **facts: Any) -> list[Line]:
    """Return the lines of the log that have some facts; the first is the announcement."""
    found = [json.loads(line) for line in written(process).splitlines()[1:]]
    return [line for line in found if facts.items() <= line.items()]


@pytest.mark.faces
def test_each_request_is_one_line_with_the_id_of_its_answer(process: Process) -> None:
    client = process.client()
    answer = client.raw("POST", "login", data={"username": ROOT, "password": PASSWORD})
    [line] = lines(process, path="/api/login")
    assert line.pop("ms") > 0
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info", "logger": "postreeve.access", "message": "request", "client": "127.0.0.1", "method": "POST",
        "path": "/api/login", "status": 200, "outcome": "success", "request": answer.headers["x-request-id"],
    }  # fmt: skip


@pytest.mark.faces
def test_a_refusal_is_told_with_its_code(process: Process) -> None:
    assert process.client().refused("GET", "domains") == "LOGIN_REQUIRED"
    [line] = lines(process, path="/api/domains")
    assert (line["status"], line["outcome"]) == (200, "LOGIN_REQUIRED")


@pytest.mark.slow  # it waits for a claim
@pytest.mark.faces
def test_what_the_stores_say_is_told_with_the_request(process: Process, site: Site) -> None:
    root = process.client().login(ROOT)
    site.execute("iredadmin", "INSERT INTO postreeve_claims (name, holder, expires) VALUES ('ex.com', 'x', 9999999999)")
    answer = root.raw("POST", "domain/ex.com")
    assert answer.status_code == 503
    [warning] = lines(process, level="warning")
    assert warning["request"] == answer.headers["x-request-id"]
    assert warning["message"] == "A store does not answer: Another work holds ex.com."


@pytest.mark.faces
def test_no_password_session_or_query_string_is_ever_written(process: Process) -> None:
    root = process.client().login(ROOT)
    root.ok("POST", "domain/ex.com")
    root.ok("POST", "user/ann@ex.com", password="Very@Secret1")
    root.raw("GET", "domains", params={"password": "Very@Secret2"})
    root.raw("GET", "nothing/Very@Secret3")
    process.client().raw("POST", "login", data={"username": ROOT, "password": "Very@Secret4"})
    process.client().raw("GET", "newsletter/some-list/subscribe/VerySecret5")
    text = written(process)
    assert "Secret" not in text
    assert PASSWORD not in text
    assert token(root) not in text
    assert len(lines(process, logger="postreeve.access")) == 7


@pytest.mark.faces
def test_pages_write_no_password_session_or_token_of_a_form_either(process: Process) -> None:
    root = process.client().login(ROOT)
    root.ok("POST", "domain/ex.com")
    root.ok("PUT", "domain/ex.com", addService="self-service")
    root.ok("POST", "user/ann@ex.com", password="Very@Secret1")
    visitor = Visitor(process)
    visitor.send("/login", username=ROOT, password="Very@Secret2")
    visitor.log_in(ROOT)
    visitor.get("/users/ex.com", params={"search": "VerySecret3"})
    own = Visitor(process)
    own.log_in("ann@ex.com", "Very@Secret1", "/self-service/login")
    own.get("/self-service")
    text = written(process)
    assert "POST" in text
    assert "Secret" not in text
    assert PASSWORD not in text
    for somebody in (visitor, own):
        assert len(somebody.session.cookies) > 0
        for cookie in somebody.session.cookies:
            assert str(cookie.value) not in text
        assert somebody.csrf not in text


@pytest.mark.faces
def test_a_secret_in_a_path_is_told_by_its_name(process: Process) -> None:
    process.client().raw("GET", "newsletter/some-list/subscribe/VerySecret5")
    host = process.base.removesuffix("/iredadmin/api")
    process.client().session.get(f"{host}/iredadmin/newsletter/{PATHS['subscribe']}/some-list/VerySecret5")
    [of_api, of_page] = lines(process, logger="postreeve.access")
    assert of_api["path"] == "/api/newsletter/some-list/subscribe/<token>"
    assert of_page["path"] == f"/newsletter/{PATHS['subscribe']}/some-list/<token>"


@pytest.mark.faces
def test_of_a_path_that_nobody_knows_only_the_beginning_is_told(process: Process) -> None:
    host = process.base.removesuffix("/iredadmin/api")
    process.client().session.get(f"{host}/iredadmin/newsleter/x/VerySecret")
    [line] = lines(process, logger="postreeve.access")
    assert line["path"] == "/iredadmin/newsleter/…"


@pytest.mark.faces
def test_a_client_can_not_write_lines_of_its_own(site: Site, tmp_path: Path) -> None:
    with serving(settings_file(tmp_path, site.stores)) as process:
        path = "user/x%0A2000-01-01T00:00:00Z%20INFO%20access%20-%20forged%1B[2J@ex.com"
        process.client().raw("GET", path)
        [_, line] = written(process).splitlines()
        assert r"\n2000-01-01" in line.replace("\\\\", "\\")
        assert "\x1b" not in line
        process.client().raw("GET", 'user/x"%20status=500@ex.com')
        last = written(process).splitlines()[-1]
        assert '"/api/user/x\\" status=500@ex.com" status=200' in last


@pytest.mark.faces
def test_lines_of_text_say_the_same(site: Site, tmp_path: Path) -> None:
    with serving(settings_file(tmp_path, site.stores)) as process:
        answer = process.client().raw("GET", "domains")
        [_, line] = written(process).splitlines()
        moment, level, logger, own, *facts = line.split(" ")
        assert moment.endswith("Z")
        assert (level, logger, own) == ("INFO", "access", answer.headers["x-request-id"])
        assert facts[:6] == [
            "request", "client=127.0.0.1", "method=GET", "path=/api/domains", "status=200", "outcome=LOGIN_REQUIRED"
        ]  # fmt: skip


@pytest.mark.parametrize("values", [{"access_log": False}, {"log_level": "warning"}], ids=str)
@pytest.mark.faces
def test_who_does_not_want_these_lines_gets_none(site: Site, tmp_path: Path, values: dict[str, Any]) -> None:
    with serving(settings_file(tmp_path, site.stores, **values)) as process:
        process.client().raw("GET", "domains")
        assert len(written(process).splitlines()) == 1


@pytest.mark.faces
def test_what_balancers_ask_all_day_is_not_written(process: Process) -> None:
    host = process.base.removesuffix("/iredadmin/api")
    for path in ("healthz", "readyz", "metrics"):
        assert process.client().session.get(f"{host}/{path}").status_code == 200
    assert lines(process, logger="postreeve.access") == []


@pytest.mark.sql
@pytest.mark.served  # SQLite tells no values, and takes no constraint afterwards
def test_a_defect_is_told_without_the_values_of_rows(site: Site, process: Process) -> None:
    """A database refuses a row for a reason that we do not know, and would tell all that is in it."""
    root = process.client().login(ROOT)
    root.ok("POST", "domain/ex.com")
    site.execute("vmail", "ALTER TABLE mailbox ADD CONSTRAINT unforeseen CHECK (name <> 'SecretName')")
    try:
        assert root.refused("POST", "user/ann@ex.com", name="SecretName", password=PASSWORD) == "INTERNAL_ERROR"
    finally:
        site.execute("vmail", "ALTER TABLE mailbox DROP CONSTRAINT unforeseen")
    [defect] = lines(process, level="error")
    assert "unforeseen" in defect["exception"]
    assert "SecretName" not in written(process)
    assert "SSHA512" not in written(process)
