"""Options of the command line, made of what the documents say about an operation."""

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from inspect import Parameter
from typing import Annotated, Any

import typer

from postreeve.commands.shared import first_line
from postreeve.fields import Form
from postreeve.web import descriptions
from postreeve.web.descriptions import Description


class Reading(StrEnum):
    """How the value of an option becomes texts."""

    TEXT = "text"
    SWITCH = "switch"
    TEXTS = "texts"
    FILE = "file"
    QUESTION = "question"


@dataclass(frozen=True)
class Option:
    """One option of a command, for a parameter of its operation."""

    argument: str
    """Of the function."""
    wire_name: str
    spelled: str
    reading: Reading
    annotation: Any

    @property
    def parameter(self) -> Parameter:
        """The argument of the function with which Typer makes the option."""
        return Parameter(self.argument, Parameter.KEYWORD_ONLY, default=None, annotation=self.annotation)

    def texts(self, value: Any) -> list[str]:  # noqa: ANN401 - as the command line gives it
        """Return what is sent."""
        match self.reading:
            case Reading.SWITCH:
                return ["yes" if value else "no"]
            case Reading.TEXTS:
                return [str(each) for each in value]
            case Reading.QUESTION:
                return [asked_for(self.wire_name)]
            case Reading.FILE:
                return [first_line(value, self.spelled)]
        return [str(value.value if isinstance(value, Enum) else value)]


def options_of(about: Description) -> list[Option]:
    """Return the options of an operation: one for each of its names that is not an old one, two for a password."""
    spelled = {each.name: _spelled(each) for each in about.parameters if not each.new_name}
    return [option for each in about.parameters if not each.new_name for option in _of(each, spelled)]


def form_of(options: list[Option], given: Mapping[str, Any]) -> Form:
    """Return the parameters that the options give."""
    wanted = [option for option in options if given[option.argument] not in (None, [])]
    for option in wanted:
        if any(other.wire_name == option.wire_name for other in wanted if other is not option):
            raise typer.BadParameter(f"{option.spelled} and another option give the same.")
    return {option.wire_name: option.texts(given[option.argument]) for option in wanted}


def word_of(name: str) -> str:
    """Return the name of a parameter as the command line spells it: `account-status`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower().replace("_", "-")


def asked_for(name: str) -> str:
    """Ask for a secret, twice."""
    words = word_of(name).replace("-", " ").capitalize()
    answer: str = typer.prompt(words, hide_input=True, confirmation_prompt=True, err=True)
    return answer


def _spelled(of: descriptions.Parameter) -> str:
    word = word_of(of.name)
    if _is_secret(of):
        return f"--{word}-file"
    return f"--{word.removeprefix('is-') if of.is_yes_no else word}"


def _of(of: descriptions.Parameter, spelled: Mapping[str, str]) -> Iterator[Option]:
    name = spelled[of.name]
    words = " ".join([of.sentence, *of.notes])
    sentence = re.sub(  # sections are no parameters
        r"(Section )?`([^`]+)`", lambda found: found[0] if found[1] else spelled.get(found[2], found[0]), words
    )
    if _is_secret(of):
        yield from _secret(of.name, name, sentence)
        return
    reading, names, metavar = Reading.TEXT, name, _metavar(of.schema)
    kind: Any = str
    match of.schema:
        case _ if of.is_yes_no:
            reading, kind, names = Reading.SWITCH, bool, f"{name}/--no-{name.removeprefix('--')}"
        case _ if of.is_list:
            reading, kind = Reading.TEXTS, list[str]
        case {"enum": list(known)}:
            kind, metavar = StrEnum("Choice", {word: word for word in known}), f"[{metavar}]"
    option = typer.Option(
        names, help=sentence, metavar=None if reading is Reading.SWITCH else metavar, show_default=False,
        case_sensitive=False,
    )  # fmt: skip
    yield Option(_argument(name), of.name, name, reading, Annotated[kind | None, option])


def _secret(wire_name: str, name: str, sentence: str) -> Iterator[Option]:
    """Secrets stand in no list of processes: they come from a file, standard input or the keyboard."""
    hint = f"{sentence} The first line of this file; - is standard input."
    from_file = typer.Option(name, help=hint, metavar="FILE", encoding="utf-8", show_default=False)
    yield Option(_argument(name), wire_name, name, Reading.FILE, Annotated[typer.FileText | None, from_file])
    if wire_name == "password":
        asking = f"--ask-{word_of(wire_name)}"
        ask = typer.Option(asking, help="Ask for it, twice.", show_default=False)
        yield Option(_argument(asking), wire_name, asking, Reading.QUESTION, Annotated[bool | None, ask])


def _is_secret(of: descriptions.Parameter) -> bool:
    return of.schema.get("format") == "password"


def _argument(name: str) -> str:
    return name.strip("-").replace("-", "_") + "_"


def _metavar(schema: Mapping[str, Any]) -> str:
    match schema:
        case {"enum": words}:
            return "|".join(words)
        case {"type": "integer"}:
            return "NUMBER"
        case {"format": "email"}:
            return "ADDRESS"
        case {"format": "hostname"}:
            return "DOMAIN"
    return "TEXT"


def is_conversation() -> bool:
    """Tell whether somebody is there to answer questions."""
    return sys.stdin.isatty() and sys.stderr.isatty()
