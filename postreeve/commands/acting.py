"""Who acts on the command line, and how it ends: sentences, and exit codes."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from postreeve.admins.rules import global_admins
from postreeve.commands.shared import LOCALHOST
from postreeve.errors import Code, Refused
from postreeve.operations import Call, Caller
from postreeve.permissions import Actor, Grant, Target
from postreeve.settings import SettingsError
from postreeve.values import Address
from postreeve.work import ConflictError, Remarks, Storage, StoreUnavailableError

REFUSED, STORE_AWAY = 1, 3
"""Exit codes; 2 is that the words of the command are wrong."""

As = Annotated[
    str,
    typer.Option(
        "--as", metavar="ADMIN", help="Who acts; if not given, who the setting `admin` names, or the only global admin."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Tell it as the API does: its `_data`.")]


@contextmanager
def acting(data: Path, settings_file: Path | None, admin: str) -> Iterator[Caller]:
    """Open the stores, and yield who asks for operations: an admin who might log in now.

    What is refused, and a store that does not answer, end the command with a sentence.
    """
    from postreeve import app as assembly  # noqa: PLC0415 - it imports everything; help does without

    with _sentences():
        settings = assembly.settings_of(data, settings_file)
        with closing(assembly.storage_of(settings)) as storage:
            actor = _actor(storage, admin or settings.admin)
            yield Caller(Call(actor, (), {}, LOCALHOST, "[CLI]"), storage)


def sentence_of(codes: list[str], hint: str) -> str:
    """Return a refusal as people read it, with its codes."""
    reasons = " ".join(Code[code].value for code in codes)
    return f"{f'{reasons} {hint}'.rstrip()} ({', '.join(codes)})"


def tell(said: Remarks) -> None:
    """Tell what an operation said besides its answer."""
    for words, values in (
        ("Not stored here", said.ignored), ("Left out", said.discarded), ("Finished later", said.pending),
    ):  # fmt: skip
        if values:
            typer.echo(f"postreeve: {words}: {', '.join(values)}.", err=True)
    if said.hint:
        typer.echo(f"postreeve: {said.hint}", err=True)


@contextmanager
def _sentences() -> Iterator[None]:
    try:
        yield
    except Refused as no:
        is_away = Code.SERVICE_UNAVAILABLE in no.codes
        _end(STORE_AWAY if is_away else REFUSED, sentence_of([code.name for code in no.codes], no.hint))
    except SettingsError as error:
        _end(STORE_AWAY if isinstance(error.__cause__, StoreUnavailableError) else REFUSED, str(error))
    except (StoreUnavailableError, ConflictError) as error:
        _end(STORE_AWAY, f"{error.code.value} {' '.join(str(error).split())} ({error.code.name})")


def _end(status: int, sentence: str) -> NoReturn:
    typer.echo(f"postreeve: {sentence}", err=True)
    raise typer.Exit(status)


def _actor(storage: Storage, name: str) -> Actor:
    """Return an admin by the address, or the only one who administers everything."""
    with storage.open(Grant(None, Target()), LOCALHOST) as work:
        known = [name] if name else global_admins(work)
        if len(known) != 1:
            raise SettingsError(f"There are {len(known)} global admins: say with --as or POSTREEVE_ADMIN who acts.")
        try:
            login = work.sessions.login(Address.parse(known[0]))
        except Refused:
            login = None
        if login is None:
            raise SettingsError(f"{known[0]} is no admin here, or a disabled one.")
        return login.actor
