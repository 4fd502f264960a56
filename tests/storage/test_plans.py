"""Look-ups by key are answered by an index, however the statement is put."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from postreeve.addresses.sql import TAKEN
from postreeve.storage.sql import Session, Statement
from postreeve.users import sql as users
from tests.site import Site

pytestmark = pytest.mark.sql


@pytest.mark.parametrize(
    ("statement", "name"),
    [(users.PROFILES, "mails"), (users.EXTRAS, "owners"), (TAKEN, "addresses")],
)
def test_a_list_of_keys_is_looked_up_in_an_index(site: Site, statement: Statement, name: str) -> None:
    compiled = site.storage.databases["vmail"].compiled(statement, {} if site.engine == "postgresql" else {name: 2})
    assert not re.search(r"\) = 1\b", compiled.text)  # a condition that is compared is not looked up
    if site.engine == "sqlite":
        with Session(site.storage.databases["vmail"]) as session:
            session._open()
            keys = {**compiled.constants, **dict.fromkeys(compiled.expansions[name], "x")}
            session._execute("execute", f"EXPLAIN QUERY PLAN {compiled.text}", keys)
            assert not [row for row in session._fetched() if row[3].startswith("SCAN")]


@pytest.mark.parametrize(("length", "is_kept"), [(2, True), (16, True), (17, False), (1000, False)])
def test_postgresql_keeps_plans_for_short_lists_alone(
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    length: int,
    is_kept: bool,  # noqa: FBT001 - from the table
) -> None:
    """A kept plan knows nothing of the list: it may go through a table, and for each row through all the list."""
    database, sent = site.storage.databases["vmail"], []
    with Session(database) as session:
        carry_out = session._execute

        def recorded(verb: str, text: str, parameters: Any, options: Mapping[str, Any]) -> None:
            sent.append(options)
            carry_out(verb, text, parameters, options)

        monkeypatch.setattr(session, "_execute", recorded)
        session.rows(TAKEN, addresses=[f"{number}@ex.com" for number in range(length)])
    assert sent == [{} if is_kept else database.engine.planning]
