"""What our queries ask for that SQLAlchemy has no word for: bound lists, and texts that are alike."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler


def parameter(name: str) -> sa.BindParameter[Any]:
    """Return the bound parameter of one value."""
    return sa.bindparam(name, type_=sa.types.NullType())


class among(sa.ColumnElement[Any]):  # noqa: N801 - reads like SQLAlchemy's own functions
    """The condition that a column is one of a bound list of values.

    It does not bring its table into the query: something else has to name that.
    """

    type = sa.types.NullType()  # a Boolean would become `... = 1` on SQLite and MariaDB, which no index serves
    inherit_cache = False

    def __init__(self, column: sa.ColumnElement[Any], name: str) -> None:
        self.column = column
        self.name = name


@compiles(among)
def _as_placeholders(element: among, compiler: SQLCompiler, **options: Any) -> str:
    listed = element.column.in_(sa.bindparam(element.name, expanding=True))
    return str(compiler.process(listed, **options))


_ARRAYS = (sa.LargeBinary, sa.Integer)
"""The types of columns whose lists are no texts."""


@compiles(among, "postgresql")
def _as_array(element: among, compiler: SQLCompiler, *, is_single: bool = False, **options: Any) -> str:
    """Take the list as one array: hundreds of placeholders cost psycopg and the planner more than the rows.

    A list of one is compared: for an array PostgreSQL would make a plan each time, in the belief that it holds ten.
    """
    if is_single:
        return str(compiler.process(element.column == parameter(element.name), **options))
    kind = next((kind for kind in _ARRAYS if isinstance(element.column.type, kind)), sa.String)
    array = sa.bindparam(element.name, type_=postgresql.ARRAY(kind))
    return str(compiler.process(element.column == sa.any_(array), **options))


class resembling(sa.ColumnElement[Any]):  # noqa: N801 - as `among`
    """The condition that a text is like a bound pattern in lower case, whatever case it has itself.

    `is_ascii` tells of the pattern that SQLite need not ask Python what the lower case of other letters is.
    """

    type = sa.types.NullType()
    inherit_cache = False

    def __init__(self, column: sa.ColumnElement[Any], name: str, *, is_ascii: bool) -> None:
        self.column = column
        self.name = name
        self.is_ascii = is_ascii


@compiles(resembling)
def _as_like(element: resembling, compiler: SQLCompiler, **options: Any) -> str:
    """Leave case to LIKE: to MariaDB's collation, and to SQLite as far as it knows the letters."""
    column = element.column
    if compiler.dialect.name == "postgresql":
        column = sa.func.lower(column)
    elif compiler.dialect.name == "sqlite" and not element.is_ascii:
        column = sa.func.unicode_lower(column)
    return str(compiler.process(column.like(parameter(element.name), escape="/"), **options))


class leading(sa.ColumnElement[Any]):  # noqa: N801 - as `among`
    """The condition that the first column of an index is a bound value, while the next one is what rows are sorted by.

    MariaDB is asked by LIKE, for which the parameter `…_pattern` is the value's `literal`: if the columns were
    compared, it would sort everything that has the value, or go through the rows of other values in their order.
    """

    type = sa.types.NullType()
    inherit_cache = False

    def __init__(self, column: sa.ColumnElement[Any], name: str) -> None:
        self.column = column
        self.name = name


@compiles(leading)
def _as_comparison(element: leading, compiler: SQLCompiler, **options: Any) -> str:
    return str(compiler.process(element.column == parameter(element.name), **options))


@compiles(leading, "mysql")
@compiles(leading, "mariadb")
def _as_pattern(element: leading, compiler: SQLCompiler, **options: Any) -> str:
    alike = element.column.like(parameter(f"{element.name}_pattern"), escape="/")
    return str(compiler.process(alike, **options))


def ending(text: str) -> str:
    """Return the pattern of LIKE that matches what ends with a text; `/` stands before what LIKE would expand."""
    return f"%{literal(text)}"


def starting(text: str) -> str:
    """Return the pattern of LIKE that matches what begins with a text, as `ending` does for its end."""
    return f"{literal(text)}%"


def containing(text: str) -> str:
    """Return the pattern of LIKE that matches what has a text in it, as `ending` does for its end."""
    return f"%{literal(text)}%"


def literal(text: str) -> str:
    """Return a text that means itself in a pattern of LIKE with the escape sign `/`."""
    return text.replace("/", "//").replace("_", "/_").replace("%", "/%")
