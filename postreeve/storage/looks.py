"""Looks at a database before it is opened for work: can it be used, and whose tables are in it? Nothing is written."""

from collections.abc import Iterator
from pathlib import Path

from postreeve.doctor.findings import Ailment, Finding
from postreeve.settings import SettingsError, Store
from postreeve.storage import generations, schema
from postreeve.storage.sql import Database, Session
from postreeve.storage.tables.ddl import present
from postreeve.storage.tables.postreeve import versions


def look(store: Store, name: str) -> Iterator[Finding]:
    """Yield what keeps a database from being used, and what an older release has not brought yet."""
    if store.engine == "sqlite" and not Path(store.path).exists():
        yield Finding(Ailment.STORE, name, f"There is no {store}: run `postreeve init` first.")
        return
    database = Database(store, 1)
    try:
        schema.reach(database)
        schema.require(database, name)
        yield from _lacking(database, name)
        if name == "iredadmin":
            yield from _later(database)
    except SettingsError as error:
        yield Finding(Ailment.STORE, name, str(error))
    finally:
        database.pool.dispose()


def age(store: Store, name: str) -> str:
    """Say of a database that can be used whose tables it has."""
    database = Database(store, 1)
    try:
        brought = generations.TABLES.get(name)
        release = f" {generations.age(brought, database.schema.has)}" if brought else ""
        return f"tables of iRedMail{release}"
    finally:
        database.pool.dispose()


def _lacking(database: Database, name: str) -> Iterator[Finding]:
    brought = generations.TABLES.get(name, {})
    for release, names in generations.missing(brought, database.schema.has).items():
        sentence = (
            f"The {database.store} is of iRedMail before {release}: it has no {', '.join(names)}."
            " What would be there is left out."
        )
        yield Finding(Ailment.SCHEMA, name, sentence, is_note=True)
    of_releases = generations.OPTIONAL.union(*brought.values())
    if gone := sorted(set(_missing_columns(database, name)) - of_releases):
        yield Finding(Ailment.SCHEMA, name, f"The {database.store} has no {', '.join(gone)}, which iRedMail's has.")


def _missing_columns(database: Database, name: str) -> Iterator[str]:
    engine = database.store.engine
    for table in present(schema.METADATA[name], engine):
        if table.name in schema.NEEDED[name]:
            known = {column.name for column in table.columns if engine in column.info["made"]}
            yield from (f"{table.name}.{column}" for column in known - database.schema.columns[table.name])


def _later(database: Database) -> Iterator[Finding]:
    """Tell of our own tables that a later release of ours has made."""
    if not database.schema.has(versions.name):
        return
    with Session(database) as session:
        applied = (session.row(schema.APPLIED) or (0,))[0] or 0
    if applied > schema.LATEST:
        sentence = (
            f"Postreeve's own tables in the {database.store} are of version {applied}, and this release knows"
            f" {schema.LATEST}: a later release was here."
        )
        yield Finding(Ailment.STORE, "iredadmin", sentence)
