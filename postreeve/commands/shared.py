"""What commands have in common: options, how they refuse, and who acts."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from postreeve import operations
from postreeve.errors import Refused
from postreeve.fields import Form
from postreeve.operations import REGISTRY, Answer, Call
from postreeve.permissions import Actor
from postreeve.settings import SettingsError
from postreeve.values import Address
from postreeve.work import ConflictError, Storage, StoreUnavailableError

LOCALHOST = "127.0.0.1"
SETUP = Actor(account=Address("postreeve@localhost.localdomain"), is_global=True, is_user=False)
"""Who does what the command line asks for, as the activity log names it."""

Data = Annotated[Path, typer.Option("--data", help="Data directory of the installation.")]
File = Annotated[Path | None, typer.Option("--settings", help="Settings file; DATA/postreeve.toml if it is there.")]


@contextmanager
def plain_errors() -> Iterator[None]:
    """Say in one sentence what the administrator has to mend, and exit with 1."""
    try:
        yield
    except SettingsError as error:
        typer.echo(f"postreeve: {error}", err=True)
        raise typer.Exit(1) from error
    except (StoreUnavailableError, ConflictError) as error:
        typer.echo(f"postreeve: A store does not answer: {error}", err=True)
        raise typer.Exit(1) from error


def run(  # noqa: PLR0913 - a call
    route: str, name: str | tuple[str, ...], form: Form, storage: Storage, via: str, failure: str
) -> Answer:
    """Carry out an operation, for which a path with one part can be named as that; a refusal is a sentence."""
    wanted = REGISTRY[route]
    named = (name,) if isinstance(name, str) else name
    path = named if wanted.parameters else ()
    try:
        return operations.run(wanted, Call(SETUP, path, form, LOCALHOST, via), storage)
    except Refused as no:
        reasons = " ".join(code.value for code in no.codes)
        raise SettingsError(f"{failure}: {reasons} {no.hint}".rstrip()) from no
