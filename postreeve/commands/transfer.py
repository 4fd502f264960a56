"""Users and mail aliases from tables in CSV, and as such."""

import io
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, TextIO

import typer

from postreeve.commands.acting import REFUSED, STORE_AWAY, As, AsJson, acting, sentence_of
from postreeve.commands.shared import Data, File, write_whole
from postreeve.commands.showing import cell, json_of
from postreeve.errors import Code
from postreeve.operations import Caller
from postreeve.settings import SettingsError
from postreeve.transfer import operations as _transfer  # noqa: F401 - importing operations registers them
from postreeve.transfer.importing import ImportOutcome, ImportResult, imported
from postreeve.transfer.kinds import ALIASES, USERS, AccountKind
from postreeve.users import operations as _users  # noqa: F401

Table = Annotated[
    str,
    typer.Argument(metavar="FILE", help="Table in CSV, its first row the names of parameters; - is standard input."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell what would become of each row; change nothing.")]
Domain = Annotated[str, typer.Argument(metavar="DOMAIN", help="Name of a mail domain.")]
Output = Annotated[Path | None, typer.Option(help="File for the table; standard output if not given.")]
WORDS = {
    ImportOutcome.CREATED: "created", ImportOutcome.READY: "would be created", ImportOutcome.EXISTS: "there already",
    ImportOutcome.REFUSED: "refused",
}  # fmt: skip


def import_users(  # noqa: PLR0913 - what, from where, and how
    file: Table,
    data: Data = Path("data"),
    settings_file: File = None,
    admin: As = "",
    *,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Add the users of a table; who is there already stays as they are, so it may be repeated.

    Each row is an operation of its own: one that is refused is told with its line, and the others are carried out.
    """
    _import(USERS, file, (data, settings_file, admin), is_rehearsal=dry_run, as_json=as_json)


def import_aliases(  # noqa: PLR0913 - what, from where, and how
    file: Table,
    data: Data = Path("data"),
    settings_file: File = None,
    admin: As = "",
    *,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Add the mail aliases of a table; what is there already stays as it is, so it may be repeated.

    Each row is an operation of its own: one that is refused is told with its line, and the others are carried out.
    """
    _import(ALIASES, file, (data, settings_file, admin), is_rehearsal=dry_run, as_json=as_json)


def export_users(
    domain: Domain, data: Data = Path("data"), settings_file: File = None, admin: As = "", output: Output = None
) -> None:
    """Write the users of a domain as a table in CSV, without passwords."""
    _export("users", domain, (data, settings_file, admin), output)


def export_aliases(
    domain: Domain, data: Data = Path("data"), settings_file: File = None, admin: As = "", output: Output = None
) -> None:
    """Write the mail aliases of a domain as a table in CSV."""
    _export("aliases", domain, (data, settings_file, admin), output)


Installation = tuple[Path, Path | None, str]
"""Its data directory and settings file, and who acts there."""


def _import(kind: AccountKind, name: str, where: Installation, *, is_rehearsal: bool, as_json: bool) -> None:
    with acting(*where) as ask, _opened(name) as file:
        numbers = _carried_out(ask, kind, file, name, is_rehearsal=is_rehearsal, as_json=as_json)
    if not as_json:
        typer.echo(f"{', '.join(f'{numbers[each]} {words}' for each, words in WORDS.items() if numbers[each])}.")
    if numbers[STORE_AWAY]:
        raise typer.Exit(STORE_AWAY)
    if numbers[ImportOutcome.REFUSED]:
        raise typer.Exit(REFUSED)


def _export(kind: str, domain: str, where: Installation, output: Path | None) -> None:
    with acting(*where) as ask:
        pieces = ask(f"GET /api/panel/export/{kind}/<domain>", (domain,), {}).data.pieces
        if output is None:
            for piece in pieces:
                typer.echo(piece, nl=False)
        else:
            write_whole(output, pieces)


@contextmanager
def _opened(name: str) -> Iterator[TextIO]:
    """Open a table; `-` is standard input."""
    with _reading(name):
        octets: BinaryIO = sys.stdin.buffer if name == "-" else Path(name).open("rb")  # noqa: SIM115 - closed below
    with io.TextIOWrapper(octets, encoding="utf-8-sig", newline="") as file:
        yield file


def _read(file: TextIO, name: str) -> Iterator[str]:
    """Read a table line by line."""
    while True:
        with _reading(name):
            line = file.readline()
        if not line:
            return
        yield line


@contextmanager
def _reading(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SettingsError(f"{name} can not be read: {error.strerror}.") from error


def _carried_out(  # noqa: PLR0913 - what, and how it is told
    ask: Caller, kind: AccountKind, file: TextIO, name: str, *, is_rehearsal: bool, as_json: bool
) -> "Counter[object]":
    """Carry out a table, tell what is worth telling, and return how many rows of each outcome there were."""
    from rich.console import Console  # noqa: PLC0415 - help does without
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    numbers: Counter[object] = Counter()
    console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False, emoji=False)
    with _reading(name):
        lines = _lines_of(file)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("Rows", total=lines)
        separator = "["
        try:
            threads = os.cpu_count() or 1
            for result in imported(ask, kind, _read(file, name), is_rehearsal=is_rehearsal, threads=threads):
                numbers[result.outcome] += 1
                numbers[STORE_AWAY] += Code.SERVICE_UNAVAILABLE.name in result.codes
                bar.update(task, completed=result.line)
                if as_json:
                    typer.echo(separator + json_of(result), nl=False)
                    separator = ","
                elif told := _told(result):
                    console.out(f"{name}:{result.line}: {cell(result.mail)}: {told}")
        except UnicodeDecodeError as error:
            raise SettingsError(f"{name} is no text in UTF-8; {sum(numbers.values())} rows were read.") from error
    if as_json:
        typer.echo("[]" if separator == "[" else "]")
    return numbers


def _told(result: ImportResult) -> str:
    """Return what is worth telling of a row."""
    if result.outcome is ImportOutcome.REFUSED:
        return sentence_of(result.codes, cell(result.hint))
    left_out = f"Left out: {cell(result.left_out)}." if result.left_out else ""
    return f"{left_out} {cell(result.hint)}".strip()


def _lines_of(file: TextIO) -> int | None:
    """Return how many lines a file has that can be read twice."""
    octets = file.buffer
    if not octets.seekable() or not sys.stderr.isatty():
        return None
    start = octets.tell()
    number = sum(piece.count(b"\n") for piece in iter(lambda: octets.read(1 << 20), b""))
    octets.seek(start)
    return number
