"""Tables in CSV, as spreadsheets read and write them.

A spreadsheet takes a cell that begins with one of a few signs for a formula. Such cells get an apostrophe before them,
and lose it when they come back; so do those that have apostrophes before such a sign already. Passwords are never
written, and are read as they are.
"""

import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat

SEPARATORS = ",;\t"
MOST_BREAKS = 20
"""Line breaks in all cells of a row together."""
_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_SHIELDED = re.compile(r"'+[=+\-@\t\r\n]")


@dataclass(frozen=True)
class Row:
    """The cells of one row, with the number of the line on which it begins."""

    line: int
    cells: Sequence[str] = field(default_factory=tuple)
    problem: str = ""
    """A sentence about why the cells could not be read."""


def text_of(octets: bytes) -> str:
    """Return the text of a file in UTF-8, with or without its mark; `UnicodeDecodeError` if it is none."""
    return octets.decode("utf-8-sig")


def read(lines: Iterable[str], verbatim: Collection[str] = ()) -> Iterator[Row]:
    """Read a table; the first row tells what is between cells, and what columns are called.

    Rows without anything are left out. Of several lines that can not be read each is a row, so that they are counted.
    Cells of columns that are `verbatim`, by names in small letters, keep their apostrophes.
    """
    source = iter(lines)
    first = next(source, "").removeprefix("\ufeff")
    numbered = _Lines(_chained(first, source))
    reader = csv.reader(numbered, delimiter=_separator(first), strict=True)
    plain: list[bool] | None = None
    while True:
        numbered.begun = numbered.number
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield from _unreadable(numbered.begun + 1, numbered.number, error)
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if plain is None:
            plain = [cell.strip().lower() in verbatim for cell in cells]
        kept = zip(cells, chain(plain, repeat(False)), strict=False)
        yield Row(numbered.begun + 1, [cell if is_plain else _unshielded(cell) for cell, is_plain in kept])


class _Lines:
    """The lines of a table, counted; of one row no more than a few, since a quote that is never closed takes all."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.lines = lines
        self.number = 0
        self.begun = 0
        """Where the row began that is being read: the lines before it."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.number - self.begun > MOST_BREAKS:
            raise csv.Error(f"more than {MOST_BREAKS} line breaks in a row, as where a quote is not closed")
        line = next(self.lines)
        self.number += 1
        return line


def _unreadable(first: int, last: int, error: csv.Error) -> Iterator[Row]:
    which = f"Lines {first} to {last}" if last > first else "The line"
    for line in range(first, max(first, last) + 1):
        yield Row(line, problem=f"{which} can not be read: {error}.")


def write(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Write a table, row by row."""
    text = io.StringIO()
    writer = csv.writer(text)
    for row in rows:
        writer.writerow([_shielded(cell) for cell in row])
        yield text.getvalue()
        text.seek(0)
        text.truncate()


def _chained(first: str, rest: Iterable[str]) -> Iterator[str]:
    yield first
    yield from rest


def _separator(first: str) -> str:
    return max(SEPARATORS, key=first.count)


def _shielded(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _unshielded(cell: str) -> str:
    return cell[1:] if _SHIELDED.match(cell) else cell
