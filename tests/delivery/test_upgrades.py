"""Our own tables follow the release: forward by themselves, and one step back."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from postreeve.settings import SettingsError
from postreeve.storage import schema
from postreeve.storage.sql import Database, Session
from postreeve.storage.tables.ddl import table_statements
from postreeve.storage.tables.postreeve import MIGRATIONS
from postreeve.work import ConflictError
from tests.outages.processes import ran, settings_file
from tests.site import Row, Site

VERSIONS = [step.version for step in MIGRATIONS]


def columns(database: Database) -> dict[str, frozenset[str]]:
    database.forget_schema()
    return {name: found for name, found in database.schema.columns.items() if name.startswith("postreeve_")}


def sessions(site: Site) -> list[Row]:
    return site.rows("postreeve_sessions")


@pytest.fixture(autouse=True)
def _restored(site: Site) -> Iterator[None]:
    """Whatever becomes of the tables in a test, the next one has them all."""
    yield
    schema.migrate(site.storage.iredadmin)


@pytest.mark.parametrize("version", VERSIONS)
def test_each_release_goes_one_step_back_and_forward_again(site: Site, version: int) -> None:
    database = site.storage.iredadmin
    schema.migrate(database, version)
    there = columns(database)
    for _ in range(2):
        schema.migrate(database, version - 1)
        before = columns(database)
        gone = {table.name for table in MIGRATIONS[version - 1].adds}
        assert before.keys() == (there.keys() - gone if version > 1 else set())
        assert schema.version(database) == version - 1
        schema.migrate(database, version)
        assert columns(database) == there
        assert schema.version(database) == version
    schema.migrate(database)
    site.root().ok("POST", "domain/ex.com")


def test_what_is_in_the_tables_outlives_an_upgrade(site: Site) -> None:
    """From each version on: a session of then is one of now."""
    site.root()
    before = sessions(site)
    assert before
    for version in reversed(VERSIONS[:-1]):
        schema.migrate(site.storage.iredadmin, version)
        schema.migrate(site.storage.iredadmin)
        assert sessions(site) == before


def test_the_release_before_works_with_the_tables_of_this_one(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two releases serve at once while nodes are upgraded one after the other."""
    there = columns(site.storage.iredadmin)
    monkeypatch.setattr(schema, "MIGRATIONS", MIGRATIONS[:-1])
    schema.migrate(site.storage.iredadmin, MIGRATIONS[-2].version)
    assert columns(site.storage.iredadmin) == there
    assert schema.version(site.storage.iredadmin) == schema.LATEST
    site.root().ok("POST", "domain/ex.com")


def test_a_start_that_died_on_the_way_is_finished_by_the_next(site: Site) -> None:
    database = site.storage.iredadmin
    there = columns(database)
    schema.migrate(database, VERSIONS[-2])
    with Session(database) as session:
        session.text_execute(table_statements(MIGRATIONS[-1].adds[0], database.store.engine)[0])
    schema.migrate(database)
    assert columns(database) == there


def test_two_nodes_that_start_at_once_make_them_together(site: Site) -> None:
    database, other = site.storage.iredadmin, Database(site.storage.iredadmin.store, 1)
    there = columns(database)
    for _ in range(3):
        schema.migrate(database, VERSIONS[0])
        other.forget_schema()
        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(schema.migrate, (database, other))) == [None, None]
        assert columns(database) == there
        assert [row["version"] for row in site.rows("postreeve_versions")] == VERSIONS
    other.close()


def test_a_node_of_a_cluster_that_was_slower_goes_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Galera lets one of two nodes that wrote the same fail when it commits."""
    database = site.storage.iredadmin
    there = columns(database)
    schema.migrate(database, VERSIONS[0])
    commit = Session.commit

    def slower(session: Session) -> None:
        monkeypatch.undo()
        commit(session)
        raise ConflictError("Deadlock found when trying to get lock")

    monkeypatch.setattr(Session, "commit", slower)
    schema.migrate(database)
    assert columns(database) == there
    assert [row["version"] for row in site.rows("postreeve_versions")] == VERSIONS


@pytest.mark.slow  # a command many times
def test_the_command_tells_the_version_and_brings_the_tables_to_another(site: Site, tmp_path: Path) -> None:
    file = settings_file(tmp_path, site.stores)
    told = ran("schema", file)
    assert (told.returncode, told.stdout) == (0, f"Version {schema.LATEST}; this release has {schema.LATEST}.\n")
    back = ran("schema", file, f"--to={schema.LATEST - 1}")
    assert (back.returncode, back.stdout) == (0, f"Version {schema.LATEST - 1}; this release has {schema.LATEST}.\n")
    assert schema.version(site.storage.iredadmin) == schema.LATEST - 1
    unknown = ran("schema", file, f"--to={schema.LATEST + 1}")
    assert (unknown.returncode, unknown.stderr) == (
        1, f"postreeve: This release knows versions up to {schema.LATEST}.\n"
    )  # fmt: skip
    forward = ran("schema", file, f"--to={schema.LATEST}")
    assert forward.returncode == 0


def test_the_document_goes_back_by_one_version() -> None:
    text = (Path(__file__).parents[2] / "docs/upgrading.md").read_text(encoding="utf-8")
    assert re.findall(r"schema --to (\d+) ", text) == [str(schema.LATEST - 1)]


def test_without_tables_of_ours_nothing_is_left_by_going_back(site: Site) -> None:
    database = site.storage.iredadmin
    for _ in range(2):
        schema.migrate(database, 0)
        assert (columns(database), schema.version(database)) == ({}, 0)


def test_a_step_back_that_would_lose_work_is_refused(site: Site) -> None:
    site.execute("iredadmin", "INSERT INTO postreeve_pending (store, deed, name, new_name, witness, created)"
                 " VALUES ('amavisd', 'forget', 'gone@ex.com', '', '', 1)")  # fmt: skip
    with pytest.raises(SettingsError, match="run `postreeve job pending` first"):
        schema.migrate(site.storage.iredadmin, 1)
    assert len(site.rows("postreeve_pending")) == 1
