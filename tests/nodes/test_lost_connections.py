"""Connections to a database that are lost in the middle of a work, as when a node dies or a balancer turns away."""

from collections.abc import Callable
from typing import Any

import pytest

from postreeve.storage.sql import Session
from tests.site import PASSWORD, Site

pytestmark = [pytest.mark.sql, pytest.mark.served]
NUMBER = {"mariadb": "SELECT CONNECTION_ID()", "postgresql": "SELECT pg_backend_pid()"}
END = {"mariadb": "KILL CONNECTION {}", "postgresql": "SELECT pg_terminate_backend({})"}


@pytest.fixture
def ended(site: Site, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], list[str]]:
    """Return what lets the connection of a store be ended once, right before a statement that begins so is sent."""
    execute = Session._execute

    def end_before(store: str, beginning: str) -> list[str]:
        happened: list[str] = []

        def watched(session: Session, verb: str, text: str, *rest: Any) -> None:
            is_ours = session.database is site.storage.databases[store]
            if is_ours and text.startswith(beginning) and not happened:
                happened.append(text)
                session._cursor.execute(NUMBER[site.engine])
                [number] = session._cursor.fetchone()
                with Session(session.database) as other:
                    other.text_execute(END[site.engine].format(number))
            execute(session, verb, text, *rest)

        monkeypatch.setattr(Session, "_execute", watched)
        return happened

    return end_before


@pytest.mark.parametrize(("store", "beginning"), [
    ("vmail", "INSERT INTO forwardings"), ("vmail", "INSERT INTO mailbox"), ("vmail", "SELECT"),
    ("iredadmin", "SELECT"),
])  # fmt: skip
def test_a_work_that_has_not_been_committed_is_done_again(
    site: Site, ended: Callable[[str, str], list[str]], store: str, beginning: str
) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com")
    happened = ended(store, beginning)
    root.ok("POST", "user/ann@ex.com", password=PASSWORD, aliases="a@ex.com")
    assert happened
    assert [row["username"] for row in site.rows("mailbox")] == ["ann@ex.com"]
    assert [row["address"] for row in site.rows("forwardings", is_alias=1)] == ["a@ex.com"]
    [line] = site.rows("log", username="ann@ex.com", event="create")
    assert line["loglevel"] == "info"
    assert site.rows("postreeve_claims") == []


def test_of_a_commit_that_is_lost_nobody_says_that_it_has_happened(
    site: Site, ended: Callable[[str, str], list[str]]
) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com")
    happened = ended("vmail", "COMMIT")
    answer = root.raw("POST", "user/ann@ex.com", data={"password": PASSWORD})
    assert happened
    assert (answer.status_code, answer.json()["_msg"]) == (503, "SERVICE_UNAVAILABLE")
    assert int(answer.headers["retry-after"]) > 0
    assert site.rows("mailbox") == []
    root.ok("POST", "user/ann@ex.com", password=PASSWORD)
    assert [row["username"] for row in site.rows("mailbox")] == ["ann@ex.com"]


def test_a_transaction_that_begins_on_a_dead_connection_begins_on_another(
    site: Site, ended: Callable[[str, str], list[str]]
) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com")
    happened = ended("vmail", site.storage.databases["vmail"].engine.begin)
    root.ok("POST", "user/ann@ex.com", password=PASSWORD)
    assert happened
    assert [row["username"] for row in site.rows("mailbox")] == ["ann@ex.com"]
