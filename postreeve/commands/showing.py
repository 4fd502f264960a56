"""What commands show: tables on a terminal, lines with tabs elsewhere, or JSON."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

import msgspec
import typer

_encoder = msgspec.json.Encoder(enc_hook=str)


def json_of(data: object) -> str:
    """Return data as the API's `_data` says it."""
    return _encoder.encode(data).decode()


def show_pairs(pairs: Iterable[tuple[str, object]]) -> None:
    """Show names with their values."""
    _show(["", ""], ([name, cell(value)] for name, value in pairs), has_head=False)


def show_pages(names: Sequence[str], pages: Iterable[Sequence[Mapping[str, Any]]]) -> None:
    """Show the rows of pages, as they come."""
    for rows in pages:
        if rows:
            _show(names, ([cell(row.get(name)) for name in names] for row in rows))


def cell(value: object) -> str:
    """Return a value as people read it, without what a terminal would obey."""
    match value:
        case None:
            text = ""
        case bool():
            text = "yes" if value else "no"
        case list() | tuple():
            text = ",".join(map(cell, value))
        case {"mail": mail, "subscription": subscription}:
            text = f"{mail}{'' if subscription == 'normal' else f' ({subscription})'}"
        case _:
            text = str(value)
    return text if text.isprintable() else "".join(sign if sign.isprintable() else " " for sign in text)


def _show(names: Sequence[str], rows: Iterable[list[str]], *, has_head: bool = True) -> None:
    if not sys.stdout.isatty():
        for row in rows:
            typer.echo("\t".join(row))
        return
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - only for terminals
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console, cells = Console(), list(rows)
    heads = [name.replace("_", " ") for name in names]
    shown = _fitting([heads, *cells], console.width) if has_head else len(names)
    table = Table(box=SIMPLE_HEAD, show_header=has_head, pad_edge=False)
    for head in heads[:shown]:
        table.add_column(head, overflow="fold", no_wrap=has_head)
    for row in cells:
        table.add_row(*map(Text, row[:shown]))
    console.print(table)
    if shown < len(heads):
        typer.echo(f"A wider terminal or --json shows more: {', '.join(heads[shown:])}.", err=True)


def _fitting(rows: Sequence[Sequence[str]], width: int) -> int:
    """Return how many columns fit beside each other; the first two are always shown."""
    from rich.cells import cell_len  # noqa: PLC0415 - as above

    ends = accumulate(max(map(cell_len, column)) + 3 for column in zip(*rows, strict=True))
    return max(sum(end <= width for end in ends), 2)
