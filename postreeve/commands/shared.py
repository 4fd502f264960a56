"""What commands have in common: options, how they refuse, and who acts."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Any

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
MANAGER_PASSWORD = "POSTREEVE_LDAP_MANAGER_PASSWORD"  # noqa: S105 - the name of a variable
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


def write_whole(file: Path, pieces: Iterable[str]) -> None:
    """Write a file for nobody else's eyes: whole, or what was there stays."""
    if file.is_dir():
        raise SettingsError(f"{file} can not be written: Is a directory.")
    new = file.with_name(f"{file.name}.new")
    try:
        new.unlink(missing_ok=True)
        new.touch(mode=0o600, exist_ok=False)
        try:
            with new.open("w", encoding="utf-8", newline="") as output:
                output.writelines(pieces)
            new.replace(file)
        finally:
            new.unlink(missing_ok=True)
    except OSError as error:
        raise SettingsError(f"{error.filename or file} can not be written: {error.strerror}.") from error


def first_line(file: IO[str], name: str) -> str:
    """Return a secret: the first line of the file that an option names."""
    try:
        return file.readline().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{name}: the file is no text in UTF-8.") from error


def secret(file: IO[str] | None, option: str, variable: str) -> str:
    """Return a secret from the file of an option or from the environment: a command shows it to everybody."""
    return first_line(file, option) if file else os.environ.get(variable, "")


def secret_option(option: str, sentence: str, variable: str) -> Any:  # noqa: ANN401 - Typer's
    """Return the option that names a file with a secret, which may be in the environment instead."""
    text = f"{sentence} The first line of this file; - is standard input. Without it: {variable} in the environment."
    return typer.Option(option, help=text, metavar="FILE", encoding="utf-8", show_default=False)
