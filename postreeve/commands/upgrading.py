"""The command about our own tables in `iredadmin`, which otherwise follow the release by themselves."""

from pathlib import Path
from typing import Annotated

import typer

from postreeve import app as assembly
from postreeve.commands.shared import Data, File, plain_errors


def schema(
    data: Data = Path("data"),
    settings_file: File = None,
    to: Annotated[
        int | None, typer.Option(min=0, help="Bring them to this version; 0 removes them.", show_default=False)
    ] = None,
) -> None:
    """Show the version of Postreeve's own tables in `iredadmin`, or bring them to another one.

    At its start each release brings them forward by itself. Going back is for who returns to an older release for good;
    it is refused while a table has rows that are still needed. Stop all nodes first, and what calls their jobs.
    """
    with plain_errors():
        settings = assembly.settings_of(data, settings_file)
        if to is not None:
            assembly.bring_tables_to(settings, to)
        now, latest = assembly.version_of_tables(settings)
    typer.echo(f"Version {now}; this release has {latest}.")
