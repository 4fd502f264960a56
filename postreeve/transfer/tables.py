"""Tables in CSV, as spreadsheets read and write them.

A spreadsheet takes a cell that begins with one of a few signs for a formula. Such cells get an apostrophe before them,
and lose it when they come back; so do those that have apostrophes before such a sign already.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

SEPARATORS = ",;\t"
_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_SHIELDED = re.compile(r"'+[=+\-@\t\r\n]")


@dataclass(frozen=True)
class Row:
    """The cells of one row, with the number of the line on which it begins."""

    line: int
    cells: Sequence[str] = field(default_factory=tuple)
    problem: str = ""
    """Why the cells could not be read."""


def text_of(octets: bytes) -> str:
    """Return the text of a file in UTF-8, with or without its mark; `UnicodeDecodeError` if it is none."""
    return octets.decode("utf-8-sig")


def read(lines: Iterable[str]) -> Iterator[Row]:
    """Read a table; the first row tells what is between cells. Rows without anything are left out."""
    source = iter(lines)
    first = next(source, "").removeprefix("\ufeff")
    reader = csv.reader(_chained(first, source), delimiter=_separator(first), strict=True)
    line = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(line, problem=str(error))
        else:
            if any(cell.strip() for cell in cells):
                yield Row(line, [_unshielded(cell) for cell in cells])
        line = reader.line_num + 1


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
