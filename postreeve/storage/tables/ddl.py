"""What creates the tables in an empty database, as SQL text."""

from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    Dialect,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Table,
    text,
)
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable, DDLElement

from postreeve.settings import Engine
from postreeve.storage.tables.columns import ENGINES, Made

# In this style of parameters, the compiler leaves a % as it is.
_STYLE = "named"
# The dialect of MySQL quotes what either server reserves.
_DIALECTS: dict[Engine, Dialect] = {
    "sqlite": sqlite.dialect(paramstyle=_STYLE),
    "postgresql": postgresql.dialect(paramstyle=_STYLE),  # type: ignore[no-untyped-call]
    "mariadb": mysql.dialect(paramstyle=_STYLE),
}


def present(metadata: MetaData, engine: Engine) -> list[Table]:
    """Return the tables of a database that one engine has."""
    return [table for table in metadata.tables.values() if engine in table.info.get("only", ENGINES)]


def statements(metadata: MetaData, engine: Engine) -> list[str]:
    """Return what fills an empty database, as texts to be run one by one, without parameters."""
    return [statement for table in present(metadata, engine) for statement in table_statements(table, engine)]


def table_statements(table: Table, engine: Engine) -> list[str]:
    """Return what creates one table, its indexes and its triggers, and lets it count."""
    edition = _edition(table, engine) if _has_editions(table) else table
    indexes = sorted(edition.indexes, key=lambda index: str(index.name))
    created: list[DDLElement] = [CreateTable(edition), *map(CreateIndex, indexes)]
    triggers: dict[Engine, list[str]] = table.info.get("triggers", {})
    return [*(_compiled(element, engine) for element in created), *triggers.get(engine, []), *_counting(table, engine)]


def _counting(table: Table, engine: Engine) -> list[str]:
    """Keep the numbers of installed rows free; the other engines count on from whatever they find."""
    if engine == "postgresql" and "counts_from" in table.info:
        return [f"ALTER SEQUENCE {table.name}_id_seq RESTART WITH {table.info['counts_from']}"]
    return []


def _has_editions(table: Table) -> bool:
    """Say whether `columns.py` declared the table; any other is the same on all engines."""
    return all("made" in column.info for column in table.columns)


def _edition(table: Table, engine: Engine) -> Table:
    """Return the table as one engine has it."""
    columns = [_column(column, engine) for column in table.columns if engine in column.info["made"]]
    metadata = MetaData()
    references = [_reference(constraint, metadata) for constraint in table.foreign_key_constraints]
    edition = Table(table.name, metadata, *columns, *references, **table.kwargs)
    for index in table.indexes:
        if engine in index.info["only"]:
            Index(index.name, *(edition.c[column.name] for column in index.columns), unique=index.unique)
    return edition


def _reference(constraint: ForeignKeyConstraint, metadata: MetaData) -> ForeignKeyConstraint:
    """Return a foreign key to a table that it declares as far as it needs it."""
    there = [element.column for element in constraint.elements]
    known = Table(constraint.referred_table.name, metadata, *(Column(column.name, column.type) for column in there))
    return ForeignKeyConstraint(constraint.column_keys, [known.c[column.name] for column in there])


def _column(column: Column[Any], engine: Engine) -> Column[Any]:
    made: Made = column.info["made"][engine]
    return Column(
        column.name,
        column.type,
        *([] if made.check is None else [CheckConstraint(made.check)]),
        primary_key=made.primary_key,
        nullable=made.nullable,
        server_default=None if made.default is None else text(made.default),
    )


def _compiled(element: DDLElement, engine: Engine) -> str:
    return str(element.compile(dialect=_DIALECTS[engine])).strip()
