"""Commands for mailing lists."""

from contextlib import closing
from pathlib import Path
from typing import Annotated, TextIO

import typer

from postreeve import app as assembly
from postreeve.commands.shared import Data, File, plain_errors, run
from postreeve.errors import Refused
from postreeve.settings import SettingsError
from postreeve.values import Address
from postreeve.work import ConflictError, StoreUnavailableError

AT_ONCE = 1000
"""Addresses that one call subscribes."""


def subscribe(  # noqa: PLR0913 - what, from where, and how
    mail: Annotated[str, typer.Argument(metavar="LIST", help="Address of the mailing list.")],
    file: Annotated[
        typer.FileText,
        typer.Argument(help="File with an address on each line; - is standard input.", encoding="utf-8-sig"),
    ],
    data: Data = Path("data"),
    settings_file: File = None,
    subscription: Annotated[str, typer.Option(help="`normal`, `digest` or `nomail`.")] = "normal",
    *,
    confirm: Annotated[bool, typer.Option(help="Send each address a mail that has to be answered first.")] = False,
) -> None:
    """Subscribe many addresses to a mailing list."""
    form = {"subscription": [subscription], "require_confirm": ["yes" if confirm else "no"]}
    with plain_errors():
        lines = _lines_with_addresses(file)
        storage = assembly.storage_of(assembly.settings_of(data, settings_file))
        with closing(storage), typer.progressbar(length=len(lines), label=mail) as bar:
            for start in range(0, len(lines), AT_ONCE):
                part = dict(lines[start : start + AT_ONCE])
                given = {**form, "add_subscribers": [*part.values()]}
                failure = f"From line {min(part)} on nobody is subscribed"
                try:
                    run("PUT /api/ml/<mail>", mail, given, storage, "[subscribe]", failure)
                except (StoreUnavailableError, ConflictError) as error:
                    raise SettingsError(f"A store does not answer since line {min(part)}: {error}") from error
                bar.update(len(part))
    typer.echo(f"{len(lines)} addresses {'asked to confirm' if confirm else 'subscribed'}.")


def _lines_with_addresses(file: TextIO) -> list[tuple[int, str]]:
    """Return the addresses of a file with the numbers of their lines; empty lines do not matter."""
    try:
        lines = [(number, text) for number, line in enumerate(file, 1) if (text := line.strip())]
    except UnicodeDecodeError as error:
        raise SettingsError("The file with the addresses is no text. Nobody is subscribed.") from error
    for number, text in lines:
        try:
            Address.parse(text)
        except Refused as no:
            raise SettingsError(f"Line {number} is no address: {text}. Nobody is subscribed.") from no
    return lines
