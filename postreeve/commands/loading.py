"""Commands that are imported when they are called, so that help is quick whatever a command needs."""

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command


@dataclass(frozen=True)
class Place:
    """Where a command is: a module of this package, and the function in it."""

    module: str
    function: str

    def loaded(self, word: str) -> Any:  # noqa: ANN401 - Typer keeps its types to itself
        """Import the command."""
        return _command(word, getattr(import_module(f"{__package__}.{self.module}"), self.function))

    def shown(self, word: str) -> Any:  # noqa: ANN401 - as above
        """Return a command that says what the real one is about, and does nothing."""
        return _silent(word, _docstring(self.module, self.function))


@dataclass(frozen=True)
class Group:
    """Commands with one word before them: in these places, or those of that word in `GROUPS` of a module."""

    sentence: str
    places: Mapping[str, Place] | None = None
    module: str = ""

    def loaded(self, word: str) -> Any:  # noqa: ANN401 - Typer keeps its types to itself
        """Import the group, and of its commands what it has."""
        if self.places is not None:
            found = gathered(self.places, add_completion=False)
        else:
            found = import_module(f"{__package__}.{self.module}").GROUPS[word]
        command: Any = get_command(found)
        command.name, command.help = word, self.sentence
        return command

    def shown(self, word: str) -> Any:  # noqa: ANN401 - as above
        """Return a command that says what the group is about, and does nothing."""
        return _silent(word, self.sentence)


def gathered(places: Mapping[str, Place | Group], **options: Any) -> typer.Typer:  # noqa: ANN401 - Typer's
    """Return commands that are imported when they are called."""

    class LazyGroup(TyperGroup):
        commands: Any  # a group says that it may be given more; nobody gives it any

        def __init__(self, **attrs: Any) -> None:  # noqa: ANN401 - Typer's
            super().__init__(**attrs)
            self.commands = _Commands(places)

        def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - Typer's
            self.commands = _Commands(places, is_shown=True)
            super().format_help(ctx, formatter)

    app = typer.Typer(
        cls=LazyGroup, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None, **options
    )
    app.callback()(_nothing)
    return app


class _Commands(Mapping[str, Any]):
    """The commands of a group, imported when they are looked up, or such as only say what they are about."""

    def __init__(self, places: Mapping[str, Place | Group], *, is_shown: bool = False) -> None:
        self.places = dict(places)
        self.is_shown = is_shown

    def __getitem__(self, word: str) -> Any:  # noqa: ANN401 - Typer's
        place = self.places[word]
        return place.shown(word) if self.is_shown else place.loaded(word)

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)


def _nothing() -> None: ...


def _silent(word: str, sentence: str) -> Any:  # noqa: ANN401 - Typer's
    def stand_in() -> None: ...

    stand_in.__doc__ = sentence
    return _command(word, stand_in)


def _command(word: str, function: Callable[..., object]) -> Any:  # noqa: ANN401 - Typer's
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    alone.command(word)(function)
    return get_command(alone)


def _docstring(module: str, function: str) -> str:
    """Return the docstring of a function without importing its module."""
    spec = find_spec(f"{__package__}.{module}")
    assert spec is not None
    loader: Any = spec.loader
    functions = ast.parse(loader.get_source(spec.name)).body
    return next(
        ast.get_docstring(each) or "" for each in functions
        if isinstance(each, ast.FunctionDef) and each.name == function
    )  # fmt: skip
