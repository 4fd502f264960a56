"""The kinds of columns that iRedMail's tables consist of, and what engines do differently."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

from postreeve.settings import Engine

ENGINES: tuple[Engine, ...] = get_args(Engine)
NOW = "CURRENT_TIMESTAMP"
EMPTY = "''"

_MARIADB = ("mysql", "mariadb")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """How an engine makes a column; the default and what is checked are SQL text."""

    default: str | None = None
    nullable: bool = False
    primary_key: bool = False
    check: str | None = None


Differs = Mapping[Engine, Made]
"""The engines that make a column in another way than its declaration says."""
ALIKE: Differs = {}


def column(
    name: str,
    kind: TypeEngine[Any],
    default: str | None = EMPTY,
    *,
    differs: Differs = ALIKE,
) -> sa.Column[Any]:
    """Declare a column that is never NULL."""
    return _declared(name, kind, Made(default=default), differs)


def optional(
    name: str,
    kind: TypeEngine[Any],
    default: str | None = None,
    *,
    differs: Differs = ALIKE,
) -> sa.Column[Any]:
    """Declare a column that may be NULL."""
    return _declared(name, kind, Made(default=default, nullable=True), differs)


def key(
    name: str,
    kind: TypeEngine[Any],
    default: str | None = None,
    *,
    differs: Differs = ALIKE,
) -> sa.Column[Any]:
    """Declare a column of the primary key."""
    return _declared(name, kind, Made(default=default, primary_key=True), differs)


def serial(kind: TypeEngine[Any] | None = None, *, only: tuple[Engine, ...] = ENGINES) -> sa.Column[Any]:
    """Declare the number by which the engine counts the rows; engines outside of `only` do not have it."""
    return _declared("id", kind or row_number(), Made(primary_key=True), ALIKE, only)


def natural(number: sa.Column[Any]) -> sa.Column[Any]:
    """Let a number that is unsigned on MariaDB be checked on the other engines, which know no such type."""
    made: dict[Engine, Made] = number.info["made"]
    for engine in made.keys() - {"mariadb"}:
        made[engine] = replace(made[engine], check=f"{number.name} >= 0")
    return number


def _declared(
    name: str, kind: TypeEngine[Any], made: Made, differs: Differs, only: tuple[Engine, ...] = ENGINES
) -> sa.Column[Any]:
    return sa.Column(
        name,
        kind,
        nullable=made.nullable,
        primary_key=made.primary_key,
        info={"made": {engine: differs.get(engine, made) for engine in only}},
    )


def index(
    table: str, *columns: str, unique: bool = False, name: str = "", only: tuple[Engine, ...] = ENGINES
) -> sa.Index:
    """Declare an index under iRedMail's name for it; engines outside of `only` do not have it."""
    usual = "_".join(["idx", table, *columns]).replace("-", "_")
    return sa.Index(name or usual, *columns, unique=unique, info={"only": only})


def indexes(table: str, *columns: str) -> list[sa.Index]:
    """Declare an index on each of the columns."""
    return [index(table, name) for name in columns]


def varchar(length: int = 255, *, mariadb: int = 0) -> TypeEngine[Any]:
    """Return the kind of a text up to a length, which may be another on MariaDB."""
    text = sa.String(length).with_variant(sa.TEXT(), "sqlite")
    return text.with_variant(sa.String(mariadb), *_MARIADB) if mariadb else text


def char(length: int) -> TypeEngine[Any]:
    return sa.CHAR(length).with_variant(sa.TEXT(), "sqlite")


def ascii_varchar() -> TypeEngine[Any]:
    return varchar().with_variant(mysql.VARCHAR(255, charset="ascii"), *_MARIADB)


def binary(length: int = 255) -> TypeEngine[Any]:
    """Return the kind of a text that both servers keep as bytes; the embedded database has text."""
    return blob().with_variant(sa.VARBINARY(length), *_MARIADB)


def blob() -> TypeEngine[Any]:
    """Return the kind of a long text that both servers keep as bytes; the embedded database has text."""
    return sa.LargeBinary().with_variant(sa.TEXT(), "sqlite")


def binary_on_postgresql() -> TypeEngine[Any]:
    return varchar().with_variant(sa.LargeBinary(), "postgresql")


def binary_on_mariadb() -> TypeEngine[Any]:
    return varchar().with_variant(sa.VARBINARY(255), *_MARIADB)


def yes_no() -> TypeEngine[Any]:
    return varchar(1).with_variant(sa.CHAR(1), *_MARIADB)


def datetime() -> TypeEngine[Any]:
    return sa.DateTime().with_variant(sa.TEXT(), "sqlite")


def timestamp() -> TypeEngine[Any]:
    return sa.TIMESTAMP().with_variant(sa.TEXT(), "sqlite")


def iso_time() -> TypeEngine[Any]:
    """Return the kind of a moment with its time zone, of which MariaDB has the digits."""
    return sa.TIMESTAMP(timezone=True).with_variant(sa.CHAR(16), *_MARIADB).with_variant(sa.TEXT(), "sqlite")


def date() -> TypeEngine[Any]:
    return sa.Date().with_variant(sa.TEXT(), "sqlite")


def bigint(*, mariadb: TypeEngine[Any] | None = None) -> TypeEngine[Any]:
    """Return the kind of a large number, which may be another on MariaDB."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return number if mariadb is None else number.with_variant(mariadb, *_MARIADB)


def count() -> TypeEngine[Any]:
    """Return the kind of the columns that are int8 on PostgreSQL and int on MariaDB."""
    return bigint(mariadb=sa.Integer())


def unsigned() -> TypeEngine[Any]:
    return sa.Integer().with_variant(mysql.INTEGER(unsigned=True), *_MARIADB)


def amount() -> TypeEngine[Any]:
    """Return the kind of the columns that are int8 on PostgreSQL and an unsigned int on MariaDB."""
    return bigint(mariadb=mysql.INTEGER(unsigned=True))


def row_number() -> TypeEngine[Any]:
    """Return the kind of most serial numbers, and of what refers to them as an int4 on PostgreSQL."""
    return sa.Integer().with_variant(mysql.BIGINT(unsigned=True), *_MARIADB)


def small(*, digits: int | None = None) -> TypeEngine[Any]:
    """Return the kind of the columns that are int2 on PostgreSQL and tinyint on MariaDB."""
    number = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")
    return number.with_variant(mysql.TINYINT(display_width=digits), *_MARIADB)


def real() -> TypeEngine[Any]:
    return sa.REAL().with_variant(sa.FLOAT(), *_MARIADB)


def flag(name: str, default: int) -> sa.Column[Any]:
    return column(name, small(digits=1), str(default))


def line(name: str) -> sa.Column[Any]:
    """Declare a text of up to 255 characters that is empty by default, as most columns are."""
    return column(name, varchar())


def remark(name: str) -> sa.Column[Any]:
    """Declare a long text; MySQL lets it have no default, and so iRedMail lets it be NULL there."""
    return column(name, sa.TEXT(), differs={"mariadb": Made(nullable=True)})


def long_text(name: str) -> sa.Column[Any]:
    """Declare a long text that is NULL by default on every engine."""
    return optional(name, sa.TEXT())


def unix_time(name: str) -> sa.Column[Any]:
    """Declare a time in Unix seconds that is NULL until it is known."""
    return optional(name, count())


def past(name: str) -> sa.Column[Any]:
    """Declare a moment that is now on PostgreSQL and in 1970 elsewhere, unless it is given."""
    return column(name, datetime(), "'1970-01-01 01:01:01'", differs={"postgresql": Made(default=NOW)})


def lifetime() -> list[sa.Column[Any]]:
    """Declare the columns with which most tables end."""
    end = column(
        "expired",
        datetime(),
        "'9999-12-31 00:00:00'",
        differs={"postgresql": Made(default="'9999-12-31 01:01:01'")},
    )
    return [past("created"), past("modified"), end, flag("active", 1)]
