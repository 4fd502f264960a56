"""What Postreeve sends to its databases for one request of each kind: recorded once, to be sent again by others.

The recording is taken at the driver's cursor, so the texts can not drift from those of the product. Of the parameters
it keeps where each comes from: the request, the clock, an earlier answer, or nowhere, when it is always the same.
"""

# ruff: noqa: ANN401 - what comes from drivers has no type

import hashlib
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from postreeve.backends.common import Stores
from postreeve.storage.sql import Database

Part = Literal["vmail", "iredadmin"]
Fetch = Literal["", "all", "one", "id"]
Values = Mapping[str, Any]
SCHEME = "{SSHA512}"
_Cell = tuple[int, int, int]
_Found = tuple[Part | None, object]
_NEAR_SECONDS = 120


class Step(msgspec.Struct):
    """One statement, and where its parameters come from."""

    part: Part
    text: str
    has_parameters: bool = False
    fetch: Fetch = ""
    columns: list[str] = []
    constants: dict[str, Any] = {}
    slots: dict[str, str] = {}
    """Parameters that are a value of the request or of the moment."""
    patterns: dict[str, str] = {}
    """Parameters in which such values stand, as `str.format` takes them."""
    cells: dict[str, _Cell] = {}
    """Parameters that are in an earlier answer: number of the step, row and column."""
    lists: dict[str, list[str | _Cell]] = {}
    """Parameters that are lists of such values and cells."""
    is_quoted: bool = False
    """Whether a later step takes something out of this one's answer."""


class Plans(msgspec.Struct):
    """The statements of each kind of request."""

    get: list[Step]
    put: list[Step]
    post: list[Step]
    list: list[Step]


class _Event:
    """A statement as it was sent, with its answer."""

    def __init__(self, part: Part, text: str, parameters: Values | None) -> None:
        self.part: Part = part
        self.text = text
        self.parameters = dict(parameters or {})
        self.has_parameters = parameters is not None
        self.fetch: Fetch = ""
        self.columns: list[str] = []
        self.rows: Sequence[Sequence[Any]] = ()


class Recorder:
    """Sees every statement that a storage sends."""

    def __init__(self, storage: Stores) -> None:
        self.storage = storage
        self.events: list[_Event] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Have the storage connect through recording connections until the end of the block."""
        self.storage.close()
        self._watch("vmail", self.storage.databases["vmail"])
        self._watch("iredadmin", self.storage.iredadmin)
        yield
        self.storage.close()
        for database in (self.storage.databases["vmail"], self.storage.iredadmin):
            del database.engine.connect

    def _watch(self, part: Part, database: Database) -> None:
        connect = database.engine.connect
        database.engine.connect = lambda *, is_look=False: _Connection(  # type: ignore[method-assign]
            connect(is_look=is_look), part, self.events
        )

    def plan(self, **values: str) -> list[Step]:
        """Return what was seen as the steps of a plan, and begin anew; the values are those of the request."""
        steps: list[Step] = []
        cells: dict[_Found, _Cell] = {}
        for number, event in enumerate(self.events):
            steps.append(_step(event, values, cells))
            cells = _cells(number, event) | cells
        for step in steps:
            listed = [entry for entries in step.lists.values() for entry in entries if not isinstance(entry, str)]
            for number, _, _ in [*step.cells.values(), *listed]:
                steps[number].is_quoted = True
        self.events.clear()
        return steps


class _Connection:
    """A driver's connection whose cursors record."""

    def __init__(self, connection: Any, part: Part, events: list[_Event]) -> None:
        self._connection = connection
        self._part: Part = part
        self._events = events

    def cursor(self) -> "_Cursor":
        return _Cursor(self._connection.cursor(), self._part, self._events)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


class _Cursor:
    """A driver's cursor that records."""

    def __init__(self, cursor: Any, part: Part, events: list[_Event]) -> None:
        self._cursor = cursor
        self._part: Part = part
        self._events = events

    def execute(self, text: str, parameters: Values | None = None, **options: Any) -> None:
        event = _Event(self._part, text, parameters)
        self._events.append(event)
        if parameters is None:
            self._cursor.execute(text)
        else:
            self._cursor.execute(text, parameters, **options)
        event.columns = [column[0] for column in self._cursor.description or ()]

    def fetchall(self) -> Sequence[Any]:
        rows: Sequence[Any] = self._cursor.fetchall()
        self._events[-1].fetch, self._events[-1].rows = "all", rows
        return rows

    def fetchone(self) -> Any:
        row = self._cursor.fetchone()
        self._events[-1].fetch, self._events[-1].rows = "one", [row]
        return row

    def fetchmany(self, size: int = 0) -> Sequence[Any]:
        rows: Sequence[Any] = self._cursor.fetchmany(size) if size else self._cursor.fetchmany()
        self._events[-1].fetch, self._events[-1].rows = "all", [*self._events[-1].rows, *rows]
        return rows

    @property
    def lastrowid(self) -> int:
        number = int(self._cursor.lastrowid)
        self._events[-1].fetch, self._events[-1].rows = "id", [(number,)]
        return number

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("execute", "fetch", "copy", "stream")):
            raise AttributeError(f"The recording does not know what a cursor's {name} does.")
        return getattr(self._cursor, name)


def session_hash(token: str) -> str:
    """Return how a session is found by its cookie."""
    return hashlib.sha256(token.encode()).hexdigest()


def now() -> str:
    """Return the moment as text, as rows have it."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _step(event: _Event, values: Mapping[str, str], cells: Mapping[_Found, _Cell]) -> Step:
    step = Step(event.part, event.text, event.has_parameters, event.fetch, event.columns)
    for name, value in event.parameters.items():
        if isinstance(value, list) and None not in (entries := [_entry(event, item, values, cells) for item in value]):
            step.lists[name] = [entry for entry in entries if entry is not None]
        elif isinstance(value, list):
            step.constants[name] = value
        elif slot := _source(value, values):
            step.slots[name] = slot
        elif cell := cells.get(_found(event, value)):
            step.cells[name] = cell
        elif (pattern := _pattern(value, values)) != value:
            step.patterns[name] = str(pattern)
        else:
            step.constants[name] = value
    return step


def _entry(event: _Event, item: object, values: Mapping[str, str], cells: Mapping[_Found, _Cell]) -> str | _Cell | None:
    """Return where one value of a list comes from."""
    return _source(item, values) or cells.get(_found(event, item))


def _source(value: object, values: Mapping[str, str]) -> str | None:
    """Return which value of the request or of the moment a parameter is."""
    match value:
        case str() if known := [name for name, given in values.items() if given == value]:
            return known[0]
        case str() if value.startswith(SCHEME):
            return "password"
        case str() if re.fullmatch(r"[0-9a-f]{32}", value):
            return "random"
        case str() if re.fullmatch(r"\d{4}(-\d\d){2} \d\d(:\d\d){2}", value) and _is_near(value):
            return "now"
        case int() if abs(value - time.time()) < _NEAR_SECONDS:
            return "seconds"
    return None


def _is_near(moment: str) -> bool:
    at = datetime.strptime(moment, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    return abs((datetime.now(UTC) - at).total_seconds()) < _NEAR_SECONDS


def _pattern(value: object, values: Mapping[str, str]) -> object:
    """Return a text in which values of the request stand as a pattern, or the value itself."""
    if not isinstance(value, str):
        return value
    pattern = value.replace("{", "{{").replace("}", "}}")
    for name, given in sorted(values.items(), key=lambda pair: -len(pair[1])):
        pattern = pattern.replace(given, f"{{{name}}}")
    return pattern if pattern.format_map(values) != pattern else value


def _cells(number: int, event: _Event) -> dict[_Found, _Cell]:
    """Return where addresses and the numbers of new rows stand in an answer."""
    has_number = event.fetch == "id" or "RETURNING" in event.text
    return {
        _found(event, value): (number, at, column)
        for at, row in enumerate(event.rows)
        for column, value in enumerate(row or ())
        if has_number or (isinstance(value, str) and "@" in value)
    }


def _found(event: _Event, value: object) -> _Found:
    """Return a value as it is found again: an address anywhere, a number in the same database."""
    return (None if isinstance(value, str) else event.part, value)
