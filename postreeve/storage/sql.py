"""SQL databases: statements written in SQLAlchemy Core, compiled once, run on the driver's own cursor.

Executing through SQLAlchemy's engine costs two to five times as much; its compiler costs nothing once the text is
kept. Connections come from SQLAlchemy's pool, in autocommit mode: a transaction begins with the first lock or write
of a work, so what must hold until its end is read after that.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Self, TypeVar

import sqlalchemy as sa
from sqlalchemy.pool import QueuePool

from postreeve.settings import Store
from postreeve.storage.engines import SqlEngine, engine_of
from postreeve.work import ConflictError, Pool, StoreUnavailableError

ATTEMPTS = 4
"""Of a statement that stands alone, while others are faster."""
_PAUSE_SECONDS = 0.01
_SURE_SECONDS = 0.25
"""A connection that worked so short a while ago is taken to work: no server starts again in less."""

T = TypeVar("T")
Row = tuple[Any, ...]
Values = Mapping[str, Any]
_NO_OPTIONS: Mapping[str, Any] = {}
_FEW = 16
"""Values of a list for which a plan may be kept that PostgreSQL makes without them, in the belief that they are ten.

With more of them the kept plan might go through a table, and for each row through the list.
"""


@dataclass(frozen=True)
class Schema:
    """The tables and columns that a database has; they come and go between iRedMail's releases."""

    columns: Mapping[str, frozenset[str]]

    def has(self, table: str, column: str = "") -> bool:
        """Tell whether there is a table, or a column in it."""
        return table in self.columns and (not column or column in self.columns[table])


class Statement:
    """A statement in SQLAlchemy Core, built for the schema at hand and compiled once for each database.

    The parameter of `among` takes a list. One that is planned each time goes another way for a few rows than for many:
    PostgreSQL would keep one plan for both.
    """

    def __init__(
        self,
        build: Callable[[Schema], sa.Executable],
        *,
        is_locking: bool = False,
        is_planned_each_time: bool = False,
    ) -> None:
        self.build = build
        self.is_locking = is_locking
        self.is_planned_each_time = is_planned_each_time


@dataclass(frozen=True)
class _Compiled:
    text: str
    constants: Mapping[str, Any]
    expansions: Mapping[str, Sequence[str]]


class Database:
    """One database: its pool of connections, its schema and its compiled statements."""

    def __init__(self, store: Store, pool_size: int) -> None:
        self.store = store
        self.engine: SqlEngine = engine_of(store)
        # A request may hold a claim's connection besides its own.
        self.most_connections = 2 * pool_size + 2
        self.pool = QueuePool(
            self._connect,
            pool_size=self.most_connections,
            max_overflow=0,
            reset_on_return=None,
            timeout=10,
            use_lifo=True,
        )
        self.trusted_from = 0.0
        """Connections opened before that are not used again: closed, or of a server that went silent."""
        self.names: dict[Statement, tuple[str, ...]] = {}
        """The columns that a statement answers, once it has."""
        self._compiled: dict[Any, _Compiled] = {}

    def _connect(self) -> Any:
        try:
            return self.engine.connect()
        except self.engine.errors as error:
            raise StoreUnavailableError(str(error)) from error

    def close(self) -> None:
        """Close the connections that nobody has now, and the others when they are given back."""
        self.trusted_from = time.monotonic()
        self.pool.dispose()

    def is_answering(self) -> bool:
        """Tell whether the database answers now, over a connection of its own."""
        try:
            table = self.engine.dialect.identifier_preparer.quote(min(self.schema.columns))
            with closing(self.engine.connect(is_look=True)) as connection:
                # A node that is no part of its cluster says much, but nothing of tables.
                connection.cursor().execute(f"SELECT 1 FROM {table} WHERE 1 = 0")  # noqa: S608 - a name
        except StoreUnavailableError:
            return False
        except self.engine.errors:
            return False
        return True

    def use(self) -> Pool:
        """Return how many connections are used."""
        return Pool(self.pool.checkedout(), self.pool.checkedin(), self.most_connections)

    @cached_property
    def schema(self) -> Schema:
        """What the catalogue says; looked up once."""
        with Session(self) as session:
            columns: dict[str, set[str]] = {}
            for table, column in session.text_rows(_CATALOGUE[self.store.engine]):
                columns.setdefault(table, set()).add(column)
        return Schema({table: frozenset(names) for table, names in columns.items()})

    def forget_schema(self) -> None:
        """Look again next time, and compile again: our own tables have changed."""
        self.__dict__.pop("schema", None)
        self.names.clear()
        self._compiled.clear()

    def compiled(self, statement: Statement, lists: Mapping[str, int]) -> _Compiled:
        """Return a statement's text for lists of the given sizes."""
        key = (statement, *sorted(lists.items()))
        if (found := self._compiled.get(key)) is None:
            found = self._compiled[key] = self._compile(statement.build(self.schema), lists)
        return found

    def marking(self, statement: Statement) -> _Compiled | None:
        """Return what marks the rows that a statement locks; None where their table has no place for that."""
        key = ("mark", statement)
        if key not in self._compiled:
            locked: Any = statement.build(self.schema)
            table = getattr(next(iter(locked.selected_columns)), "table", None)
            if table is None or not self.schema.has(table.name, "modified"):
                return None
            self._compiled[key] = self._compile(sa.update(table).values(_MARK).where(locked.whereclause), {})
        return self._compiled[key]

    def written(self, verb: str, table: sa.Table, values: Sequence[str], where: Sequence[str]) -> str:
        """Return the text of a plain INSERT, UPDATE or DELETE, for parameters v0 … and w0 …."""
        key = (verb, table, tuple(values), tuple(where))
        if (found := self._compiled.get(key)) is None:
            found = self._compiled[key] = self._compile(_plain(verb, table, values, where), {})
        return found.text

    def _compile(self, built: sa.Executable, lists: Mapping[str, int]) -> _Compiled:
        options = {"is_single": bool(lists)} if self.engine.takes_arrays else {}
        compiled = built.compile(dialect=self.engine.dialect, compile_kwargs=options)  # type: ignore[attr-defined]
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        if not lists or self.engine.takes_arrays:
            return _Compiled(str(compiled), constants, {})
        placeholders = dict.fromkeys(compiled.bind_names.values(), "")
        state = compiled.construct_expanded_state(placeholders | {name: [""] * size for name, size in lists.items()})
        return _Compiled(state.statement, constants, dict(state.parameter_expansion))


class Session:
    """One connection of a database, for one work."""

    def __init__(self, database: Database, *, is_autocommit: bool = False) -> None:
        """With `is_autocommit` each statement is lasting at once: sessions, claims and the log are kept so."""
        self.database = database
        self.is_autocommit = is_autocommit
        self.is_in_transaction = False
        self._connection: Any = None
        self._cursor: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def schema(self) -> Schema:
        return self.database.schema

    def rows(self, statement: Statement, **parameters: Any) -> list[Row]:
        """Run a query and return its rows."""
        self._run(statement, parameters)
        return self._fetched()

    def row(self, statement: Statement, **parameters: Any) -> Row | None:
        """Run a query and return its first row."""
        return next(iter(self.rows(statement, **parameters)), None)

    def mappings(self, statement: Statement, **parameters: Any) -> list[dict[str, Any]]:
        """Run a query and return its rows with the names of their columns."""
        rows = self.rows(statement, **parameters)
        names = self.database.names.get(statement, ())
        if rows and len(names) != len(rows[0]):  # describing columns costs more than fetching a row
            names = self.database.names[statement] = tuple(column[0] for column in self._cursor.description)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def execute(self, statement: Statement, **parameters: Any) -> int:
        """Run a statement that writes, and return how many rows it touched."""
        self.begin()
        self._run(statement, parameters)
        return int(self._cursor.rowcount)

    def insert(self, table: sa.Table, values: Values) -> None:
        """Insert a row; columns that this database does not have are left out."""
        self._write("insert", table, values, {})

    def insert_many(self, table: sa.Table, rows: Sequence[Values]) -> None:
        """Insert rows that all give the same columns, in as few round trips as the driver can."""
        if not rows or not self.schema.has(table.name):
            return
        known = [name for name in rows[0] if name in self.schema.columns[table.name]]
        text = self.database.written("insert", table, known, ())
        self.begin()
        self._guarded(
            "executemany",
            text,
            [self._parameters(table, "v", {name: row[name] for name in known}) for row in rows],
        )

    def update(self, table: sa.Table, values: Values, **where: Any) -> int:
        """Update the rows that match; columns that this database does not have are left out."""
        return self._write("update", table, values, where)

    def mark(self, table: sa.Table, **where: Any) -> int:
        """Change when rows were changed, even if that is this second already, and return how many there are.

        On a cluster two works clash by what they change: a node knows nothing of the locks of another.
        """
        return self._write("mark", table, {}, where)

    def delete(self, table: sa.Table, **where: Any) -> int:
        """Delete the rows that match, and return how many there were."""
        return self._write("delete", table, {}, where)

    def text_rows(self, text: str) -> list[Row]:
        """Run a query that is text already."""
        self._send(text, None)
        return self._fetched()

    def text_execute(self, text: str) -> None:
        """Run a statement that is text already, such as one that creates a table."""
        self._send(text, None)

    def inserted_id(self, table: sa.Table, values: Values) -> int:
        """Insert a row and return its number."""
        if self.database.store.engine != "postgresql":
            self.insert(table, values)
            return int(self._cursor.lastrowid)
        known = {name: value for name, value in values.items() if self.schema.has(table.name, name)}
        text = self.database.written("insert-returning-id", table, list(known), ())
        self._send(text, self._parameters(table, "v", known))
        return int(self._cursor.fetchone()[0])

    def begin(self) -> None:
        """Begin the transaction, unless it has begun."""
        if not self.is_in_transaction and not self.is_autocommit:
            self._send(self.database.engine.begin, None)
            self.is_in_transaction = True

    def commit(self) -> None:
        """Make everything since `begin` lasting."""
        if self.is_in_transaction:
            self._send("COMMIT", None)
            self.is_in_transaction = False

    def rollback(self) -> None:
        """Undo everything since `begin`."""
        if self.is_in_transaction:
            self._send("ROLLBACK", None)
            self.is_in_transaction = False

    def rest(self) -> None:
        """Give the connection back until the next statement, unless a transaction needs it: a reader may be slow."""
        if not self.is_in_transaction:
            self.close()

    def close(self) -> None:
        """Undo what was not committed and give the connection back."""
        if self._connection is None:
            return
        try:
            if self.is_in_transaction:
                self._cursor.execute("ROLLBACK")
            self._cursor.close()
            known = self._connection.info
            known["used"] = time.monotonic()
            if known["opened"] < self.database.trusted_from:
                self._connection.invalidate()
            self._connection.close()
        except self.database.engine.errors as error:
            self._connection.invalidate(error)
        self._connection = None
        self.is_in_transaction = False

    def _write(self, verb: str, table: sa.Table, values: Values, where: Values) -> int:
        if not self.schema.has(table.name):
            return 0
        columns = self.schema.columns[table.name]
        known = {name: value for name, value in values.items() if name in columns}
        if verb == "update" and not known:
            return 0
        text = self.database.written(verb, table, list(known), list(where))
        self.begin()
        self._send(text, {**self._parameters(table, "v", known), **self._parameters(table, "w", where)})
        return int(self._cursor.rowcount)

    def _parameters(self, table: sa.Table, letter: str, values: Values) -> dict[str, Any]:
        """Return values under numbered names; a text for a column of bytes as the driver takes that."""
        octets = _octet_columns(table)
        if octets and not octets.isdisjoint(values):
            encoded = self.database.engine.octets
            values = {name: encoded(value) if name in octets else value for name, value in values.items()}
        return {f"{letter}{index}": value for index, value in enumerate(values.values())}

    def _run(self, statement: Statement, parameters: dict[str, Any]) -> None:
        lists = {name: value for name, value in parameters.items() if isinstance(value, list)}
        sizes = {name: _room_for(values) for name, values in lists.items()}
        if self.database.engine.takes_arrays:
            is_single = all(len(values) == 1 for values in lists.values())
            plain = {name: [*map(_plain_value, values)] for name, values in lists.items()}
            parameters |= {name: values[0] if is_single else values for name, values in plain.items()}
            sizes = dict.fromkeys(lists, 1) if is_single else {}
        compiled = self.database.compiled(statement, sizes)
        for name, names in compiled.expansions.items():
            parameters |= zip(names, _padded(parameters.pop(name), len(names)), strict=True)
        if statement.is_locking:
            self.begin()
            if self.database.engine.is_cluster and (marking := self.database.marking(statement)):
                self._send(marking.text, {**marking.constants, **parameters})  # a lock holds on one node alone
        is_planned = statement.is_planned_each_time or any(len(values) > _FEW for values in lists.values())
        options = self.database.engine.planning if is_planned else _NO_OPTIONS
        self._guarded("execute", compiled.text, {**compiled.constants, **parameters}, options)

    def _send(self, text: str, parameters: Mapping[str, Any] | None) -> None:
        self._guarded("execute", text, parameters)

    def _guarded(self, verb: str, text: str, parameters: Any, options: Mapping[str, Any] = _NO_OPTIONS) -> None:
        """Send a statement; what can be sent again without harm is, and connections are replaced without a word.

        That is what stands alone and only reads, the beginning of a transaction, and what stands alone and was undone
        because others were faster. What writes alone is sent once, since it may have been carried out before the
        connection was lost; so its connection is tried out before. Of a transaction whose connection is lost before
        its end nothing lasts, so that the work may be repeated: a conflict.
        """
        is_alone = not self.is_in_transaction
        is_harmless = text.startswith("SELECT") or text == self.database.engine.begin
        spares = self.database.most_connections if is_alone and is_harmless else 0
        attempt = 1
        while True:
            if self._connection is None:
                self._open(is_to_be_sure=not is_harmless)
            began = time.monotonic()
            try:
                self._execute(verb, text, parameters, options)
            except self.database.engine.errors as error:
                if self.database.engine.is_broken(error):
                    if self._was_silent(began):
                        self._drop(error)
                        raise StoreUnavailableError(str(error)) from error
                    self._lose(error, text, is_final=spares == 0)
                    spares -= 1
                elif is_alone and attempt < ATTEMPTS and self.database.engine.is_momentary(error):
                    time.sleep(_PAUSE_SECONDS * attempt**2)
                    attempt += 1
                else:
                    raise (self.database.engine.meaning(error) or error) from error
            else:
                return

    def _lose(self, error: Exception, text: str, *, is_final: bool) -> None:
        """Throw a broken connection away, and say what that means for the work, if no other can take its place."""
        was_in_transaction = self.is_in_transaction
        self._drop(error)
        if is_final:
            lost = ConflictError if was_in_transaction and text != "COMMIT" else StoreUnavailableError
            raise lost(str(error)) from error

    def _was_silent(self, began: float) -> bool:
        """Tell whether a connection was lost by waiting in vain, and no longer trust those that are as old."""
        now = time.monotonic()
        is_silent = now - began >= self.database.engine.silent_seconds / 2
        if is_silent:
            self.database.trusted_from = now
        return is_silent

    def _drop(self, error: Exception | None = None) -> None:
        """Throw a connection away, its cursor first: SQLite keeps its locks as long as a statement is open."""
        with suppress(*self.database.engine.errors):
            self._cursor.close()
        self._connection.invalidate(error)
        self._connection = None
        self.is_in_transaction = False

    def _execute(self, verb: str, text: str, parameters: Any, options: Mapping[str, Any] = _NO_OPTIONS) -> None:
        if parameters:
            getattr(self._cursor, verb)(text, parameters, **options)
        else:
            self._cursor.execute(text)

    def _open(self, *, is_to_be_sure: bool = False) -> None:
        """Take a connection; for what can not be sent again, one that works."""
        while self._connection is None:
            try:
                self._connection = self.database.pool.connect()
            except sa.exc.TimeoutError as error:
                raise StoreUnavailableError("All database connections are busy.") from error
            self._cursor = self._connection.cursor()
            known, now = self._connection.info, time.monotonic()
            if known.setdefault("opened", now) < self.database.trusted_from:
                self._drop()
            elif is_to_be_sure and now - known.get("used", now) > _SURE_SECONDS:
                self._try_out()

    def _try_out(self) -> None:
        """Ask for nothing, and drop a connection that does not answer."""
        began = time.monotonic()
        try:
            self._cursor.execute("SELECT 1")
            self._cursor.fetchall()
        except self.database.engine.errors as error:
            self._was_silent(began)
            self._drop(error)

    def _fetched(self) -> list[Row]:
        try:
            return list(self._cursor.fetchall())
        except self.database.engine.errors as error:
            raise (self.database.engine.meaning(error) or error) from error


def batches(values: Iterable[T], size: int = 512) -> Iterable[list[T]]:
    """Yield lists of at most `size` values, such as one statement takes well."""
    batch: list[T] = []
    for value in values:
        batch.append(value)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


_NOW = "UTC_TIMESTAMP()"
_MARK: dict[str, Any] = {
    "modified": sa.literal_column(f"CASE WHEN modified = {_NOW} THEN {_NOW} + INTERVAL 1 SECOND ELSE {_NOW} END")
}
"""As MariaDB, which alone has clusters that several write to, understands it."""


@cache
def _octet_columns(table: sa.Table) -> frozenset[str]:
    return frozenset(column.name for column in table.columns if isinstance(column.type, sa.LargeBinary))


def _plain_value(value: Any) -> Any:
    """Return a value of a list as psycopg takes it: it does not look for what an `Address` derives from."""
    return str(value) if isinstance(value, str) else value


def _room_for(values: Collection[Any]) -> int:
    """Round up to a power of two, so that few texts serve lists of every length."""
    return 1 << max(len(values) - 1, 0).bit_length()


def _padded(values: Sequence[Any], size: int) -> list[Any]:
    """Fill a list up with its last value; a list with nothing in it matches nothing (there are no NULL keys)."""
    return [*values, *([values[-1] if values else None] * (size - len(values)))]


def _plain(verb: str, table: sa.Table, values: Sequence[str], where: Sequence[str]) -> sa.Executable:
    named = {name: sa.bindparam(f"v{index}", type_=sa.types.NullType()) for index, name in enumerate(values)}
    conditions = [table.c[name] == sa.bindparam(f"w{index}") for index, name in enumerate(where)]
    match verb:
        case "insert":
            return sa.insert(table).values(named).inline()
        case "insert-returning-id":
            return sa.insert(table).values(named).returning(table.c.id)
        case "update":
            return sa.update(table).values(named).where(*conditions)
        case "mark":
            return sa.update(table).values(_MARK).where(*conditions)
        case _:
            return sa.delete(table).where(*conditions)


_CATALOGUE = {
    "sqlite": (
        "SELECT t.name, c.name FROM sqlite_master AS t JOIN pragma_table_info(t.name) AS c"
        " WHERE t.type IN ('table', 'view')"
    ),
    "postgresql": (
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = ANY (current_schemas(false))"
    ),
    "mariadb": "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = database()",
}
