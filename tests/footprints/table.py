"""The tables of footprints as text: requests, and the rows that each of them changes; the files are in `spool.py`."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from postreeve.settings import Engine
from postreeve.storage.tables.amavisd import AMAVISD
from postreeve.storage.tables.iredadmin import IREDADMIN
from postreeve.storage.tables.iredapd import IREDAPD
from postreeve.storage.tables.postreeve import OURS
from postreeve.storage.tables.vmail import VMAIL
from tests.site import Row

ACCOUNTS = Path(__file__).with_name("footprints.txt")
POLICIES = Path(__file__).with_name("policies.txt")
LISTS = Path(__file__).with_name("lists.txt")
FILES = (ACCOUNTS, POLICIES, LISTS)
OLD = "2020-01-02 03:04:05"
"""When all that is there before a request was created, changed and got its password."""
INDENT = "    "

Dump = Mapping[str, Sequence[Row]]

TABLES: Mapping[str, sa.Table] = {
    name: table
    for metadata in (VMAIL, AMAVISD, IREDAPD, IREDADMIN, OURS)
    for name, table in metadata.tables.items()
    if name != "postreeve_versions" and table.info.get("only") != ("mariadb",)
}
"""Every table, in iRedMail's order; of two with one name, that of `vmail`."""
REFERENCES: Mapping[tuple[str, str], str] = {
    ("users", "policy_id"): "policy",
    ("wblist", "rid"): "users",
    ("wblist", "sid"): "mailaddr",
    ("outbound_wblist", "rid"): "mailaddr",
    ("outbound_wblist", "sid"): "users",
    ("throttle_tracking", "tid"): "throttle",
}
"""The columns that hold the number of a row in another table: they are told by its name."""
NAMES: Mapping[str, tuple[str, ...]] = {
    "policy": ("policy_name",),
    "users": ("email",),
    "mailaddr": ("email",),
    "throttle": ("account", "kind"),
}
"""The names of those rows. They are the same rows as long as they have the same numbers."""
_PAST = ("created", "modified", "passwordlastchange")
_TELLING = (*_PAST, "priority", "sender_priority", "kind")
"""What is shown of a row even where it is the column's default."""
_USED = {"postreeve_sessions": "used", "postreeve_known_networks": "at"}
"""When somebody was here last, which is no part of a footprint."""
_NEAR = timedelta(minutes=10)


@dataclass(frozen=True)
class Entry:
    """A request, as it stands in the table, with what stands below it."""

    request: str
    footprint: str

    @property
    def words(self) -> list[str]:
        return shlex.split(self.request)

    @property
    def method(self) -> str:
        return self.words[0]

    @property
    def path(self) -> str:
        """The path below `/api/`."""
        return self.words[1].removeprefix("/api/")

    @property
    def who(self) -> str:
        """Who asks, where it is not the global admin."""
        return self.words[-1] if "as" in self.words else ""

    @property
    def parameters(self) -> dict[str, str]:
        pairs = (word.partition("=") for word in self.words[2:] if "=" in word)
        return {name: value for name, _, value in pairs}

    @property
    def subject(self) -> str:
        """The parameter that the entry is about; those behind `with` only help."""
        return next(iter(self.parameters), "") if self.words[2:3] not in ([], ["as"], ["with"]) else ""

    @property
    def ignored(self) -> list[str]:
        """What the answer named in `_ignored`."""
        lines = (line for line in self.footprint.splitlines() if line.startswith("= _ignored"))
        return [word for line in lines for word in line.split()[2:]]


def entries(file: Path) -> list[Entry]:
    """Return the requests of a table."""
    return [Entry(request, "\n".join(below)) for request, below in _blocks(file)]


def _blocks(file: Path) -> Iterator[tuple[str, list[str]]]:
    request, below = "", list[str]()
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith(INDENT):
            below.append(line.strip())
        elif line and line[0] not in "#+-*":
            if request:
                yield request, below
            request, below = line, []
    yield request, below


def rewritten(file: Path, footprints: Mapping[str, str]) -> str:
    """Return a table with other footprints below its requests."""
    lines = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line.startswith(INDENT):
            lines.append(line)
        if line in footprints:
            lines += [f"{INDENT}{changed}" for changed in footprints[line].splitlines()]
    return "\n".join(lines) + "\n"


def starting_rows(file: Path) -> Iterator[tuple[sa.Table, Row]]:
    """Yield the rows that are there before each request, from the lines of a table that begin with a plus.

    Rows of other tables are still told by their names.
    """
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("+ ") and line.split()[1] in TABLES:
            _, name, *words = shlex.split(line)
            table = TABLES[name]
            given = dict(word.split("=", 1) for word in words)
            row: Row = {key: _typed(table.c[key], value) for key, value in given.items()}
            yield table, dict.fromkeys((key for key in _PAST if key in table.c), OLD) | row


def _typed(column: sa.Column[Any], value: str) -> object:
    if (column.table.name, column.name) in REFERENCES:
        return value
    if isinstance(column.type, sa.Float):
        return float(value)
    return int(value) if isinstance(column.type, sa.Integer) else value


def name_of(table: str, row: Row) -> str:
    """Return the name of a row that others refer to."""
    return "/".join(str(row[part]) for part in NAMES[table])


@dataclass(frozen=True)
class Difference:
    """What differs between two dumps of an installation."""

    engine: Engine
    before: Dump
    after: Dump
    given: Sequence[str]
    """The values that the request named, and random ones that were there before: they appear as they are."""

    @property
    def tables(self) -> list[str]:
        return [name for name in TABLES if self.before[name] != self.after[name]]

    def lines(self) -> list[str]:
        return [line for name in self.tables for line in self._of(name)]

    def _of(self, name: str) -> Iterator[str]:
        table = TABLES[name]
        key = _key(table)
        before = {tuple(row[part] for part in key): row for row in self.before[name]}
        after = {tuple(row[part] for part in key): row for row in self.after[name]}
        for gone in sorted(before.keys() - after.keys()):
            yield f"- {name} {self._row(table, before[gone], self.before)}"
        for kept in sorted(before.keys() & after.keys()):
            if what := list(self._changed(table, before[kept], after[kept])):
                told = {part: self._told(table.c[part], before[kept][part], self.before) for part in _told_by(table)}
                where = " ".join(f"{part}={value}" for part, value in told.items())
                yield f"~ {name} {', '.join([where, *what])}"
        for new in sorted(after.keys() - before.keys()):
            yield f"+ {name} {self._row(table, after[new], self.after)}"

    def _row(self, table: sa.Table, row: Row, dump: Dump) -> str:
        return " ".join(
            f"{name}={self._told(table.c[name], value, dump)}"
            for name, value in row.items()
            if name != "id" and self._is_telling(table.c[name], value)
        )

    def _is_telling(self, column: sa.Column[Any], value: object) -> bool:
        """Tell whether a column is shown of a whole row: which row a default number means is not to be guessed."""
        is_reference = (column.table.name, column.name) in REFERENCES
        return is_reference or column.name in _TELLING or _alike(column, value) != self._default(column)

    def _changed(self, table: sa.Table, before: Row, after: Row) -> Iterator[str]:
        """Yield each column that has changed; of settings only what differs."""
        for name, value in before.items():
            old, new = _alike(table.c[name], value), _alike(table.c[name], after[name])
            if old == new or name == _USED.get(table.name):
                continue
            if name == "settings":
                old, new = _less(str(old), str(new)), _less(str(new), str(old))
            told = self._told(table.c[name], old, self.before), self._told(table.c[name], new, self.after)
            yield f"{name}: {' -> '.join(told)}"

    def _default(self, column: sa.Column[Any]) -> object:
        made = column.info.get("made")
        if made is None or made[self.engine].default is None:
            return _alike(column, None)
        text = str(made[self.engine].default)
        return text.strip("'") if text.startswith("'") else int(text) if text.lstrip("-").isdigit() else text

    def _told(self, column: sa.Column[Any], value: object, dump: Dump) -> str:
        """Return the value of a column; of one that refers to another row of the dump, that row's name."""
        referred = REFERENCES.get((column.table.name, column.name))
        if referred:
            names = [name_of(referred, row) for row in dump[referred] if row["id"] == value]
            value = names[0] if names else value
        return self._shown(value)

    def _shown(self, value: object) -> str:
        """Return a value without what differs from run to run: moments near now, salts and random ids."""
        text = "NULL" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
        if text not in self.given:
            text = self._normal(text)
        return text if re.fullmatch(r"[^\s'\"]+", text) else f'"{text}"'

    @staticmethod
    def _normal(text: str) -> str:
        text = re.sub(r"^(\{[A-Z0-9-]+\}).+", r"\1…", text)
        text = re.sub(r"\b[0-9a-f]{64}\b", "SHA-256", text)
        text = re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UUID", text)
        text = re.sub(r"(?<=-verification-)[0-9a-f]{20}\b", "CODE", text)
        text = re.sub(r"\d{4}[-.]\d\d[-.]\d\d[ .]\d\d[:.]\d\d[:.]\d\d", _moment, text)
        text = re.sub(r"^\d{4}-\d\d-\d\d$", _day, text)
        return re.sub(r"^\d{10}$", _second, text)


def _alike(column: sa.Column[Any], value: object) -> object:
    """Return a value, with the NULL of a long text that only MariaDB lets be NULL as an empty one."""
    made = column.info.get("made", {})
    is_only_there = bool(made) and made["mariadb"].nullable and not made["sqlite"].nullable
    return "" if value is None and is_only_there else value


def _less(settings: str, others: str) -> str:
    """Return the pieces of a settings text that another does not have."""
    return ";".join(piece for piece in settings.split(";") if piece not in others.split(";"))


def _key(table: sa.Table) -> list[str]:
    """Return what tells the rows of a table apart: its primary key, or what stands for its numbers."""
    if table.name in NAMES:
        return ["id"]
    key = [column.name for column in table.primary_key.columns] or [
        column.name for column in table.columns if column.info.get("made", {}) and column.primary_key
    ]
    if key not in ([], ["id"]):
        return key
    unique = sorted([column.name for column in index.columns] for index in table.indexes if index.unique)
    return unique[0] if unique else ["id"]


def _told_by(table: sa.Table) -> Sequence[str]:
    """Return the columns by which people know a row."""
    return NAMES.get(table.name) or [part for part in _key(table) if part != "id"]


def _moment(found: re.Match[str]) -> str:
    text = re.sub("[.]", "-", found[0][:10]) + " " + re.sub("[.]", ":", found[0][11:])
    if text == OLD:
        return "OLD"
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return "NOW" if abs(datetime.now(UTC) - moment) < _NEAR else text


def _day(found: re.Match[str]) -> str:
    days = (date.fromisoformat(found[0]) - datetime.now(UTC).date()).days
    return f"TODAY+{days}" if days >= 0 else found[0]


def _second(found: re.Match[str]) -> str:
    """Return a moment in Unix seconds as the days that lie between it and now."""
    distance = timedelta(seconds=int(found[0]) - datetime.now(UTC).timestamp())
    days = round(distance / timedelta(days=1))
    if days < 0 or abs(distance - timedelta(days=days)) > _NEAR:
        return found[0]
    return f"NOW+{days}d" if days else "NOW"
