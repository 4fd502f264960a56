"""Exports accounts of a directory."""

from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from postreeve import app as assembly
from postreeve.commands.shared import Data, File, plain_errors, run, write_whole


class Exported(StrEnum):
    """What `postreeve ldif` exports."""

    ALL = "all"
    DOMAIN = "domain"
    CATCH_ALL = "catchall"
    ADMIN = "admin"
    USER = "user"
    MAILLIST = "maillist"
    ALIAS = "alias"


def ldif(  # noqa: PLR0913 - what, and where to
    kind: Annotated[Exported, typer.Argument(metavar="KIND", help=f"What: {', '.join(Exported)}.")],
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Domain or address; nothing for `all`.")] = "",
    data: Data = Path("data"),
    settings_file: File = None,
    output: Annotated[Path | None, typer.Option(help="File for the text; standard output if not given.")] = None,
    *,
    with_accounts: Annotated[bool, typer.Option(help="Of a domain: everything in it, too.")] = False,
) -> None:
    """Export accounts of a directory as LDIF, hashes of passwords included.

    `ldapadd` takes it back; of `all` after `postreeve init` has filled an empty directory.
    """
    if name and kind is Exported.ALL:
        raise typer.BadParameter(f"`{kind}` takes no name.")
    with plain_errors():
        form = {"with_accounts": ["yes"]} if with_accounts else {}
        failure = f"There is no export of {kind} {name}".rstrip()
        with closing(assembly.storage_of(assembly.settings_of(data, settings_file))) as storage:
            text = run(_export(kind), name, form, storage, "[ldif]", failure).data
            if output is None:
                for piece in text.pieces:
                    typer.echo(piece, nl=False)
            else:
                write_whole(output, text.pieces)


def _export(kind: Exported) -> str:
    """Return the route of the operation that exports a kind of thing."""
    if kind is Exported.ALL:
        return "GET /api/ldif/all"
    return f"GET /api/ldif/{kind}/<{'domain' if kind in {Exported.DOMAIN, Exported.CATCH_ALL} else 'mail'}>"
