"""Our own tables where the account of the database may not create them."""

from collections.abc import Iterator
from contextlib import closing
from uuid import uuid4

import msgspec
import pytest

from postreeve.settings import SettingsError, Store
from postreeve.storage import schema
from postreeve.storage.sql import Database, Session
from tests.servers import Server

pytestmark = pytest.mark.served  # SQLite knows no rights
MAY = "SELECT, INSERT, UPDATE, DELETE"


@pytest.fixture
def owned(server: Server) -> Iterator[Store]:
    """A database like iRedAdmin's, as its owner reaches it."""
    name = f"iredadmin_{uuid4().hex[:12]}"
    server.create_database(name)
    schema.create(server.store(name), "iredadmin", "")
    yield server.store(name)
    server.drop_database(name)


@pytest.fixture
def weak(owned: Store) -> Iterator[Store]:
    """The same database, as an account reaches it that changes rows and nothing else."""
    account = f"weak{uuid4().hex[:8]}"
    user = account if owned.engine == "postgresql" else f"'{account}'@'localhost'"
    where = "ALL TABLES IN SCHEMA public" if owned.engine == "postgresql" else f"`{owned.database}`.*"
    make = f"CREATE ROLE {user} LOGIN" if owned.engine == "postgresql" else f"CREATE USER {user}"
    execute(owned, make, f"GRANT {MAY} ON {where} TO {user}")
    if owned.engine == "postgresql":
        execute(owned, f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {MAY} ON TABLES TO {user}")
    yield msgspec.structs.replace(owned, user=account)
    execute(owned, *([f"DROP OWNED BY {user}"] if owned.engine == "postgresql" else []), f"DROP USER {user}")


def execute(store: Store, *texts: str) -> None:
    with closing(Database(store, 1)) as database, Session(database) as session:
        for text in texts:
            session.text_execute(text)


def refusal(store: Store, version: int) -> str:
    with closing(Database(store, 1)) as database, pytest.raises(SettingsError) as refused:
        schema.migrate(database, version)
    return str(refused.value)


def test_who_may_not_create_tables_is_told_so(weak: Store) -> None:
    said = refusal(weak, schema.LATEST)
    assert said.startswith(f"Postreeve's own tables in the {weak} can not be changed: ")
    assert "denied" in said
    assert "\n" not in said


def test_who_may_not_drop_tables_is_told_so(owned: Store, weak: Store) -> None:
    with closing(Database(owned, 1)) as database:
        schema.migrate(database)
    said = refusal(weak, schema.LATEST - 1)
    assert said.startswith(f"Postreeve's own tables in the {weak} can not be changed: ")
    assert ("must be owner" if weak.engine == "postgresql" else "denied") in said
