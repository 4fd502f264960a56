"""Laws over all options, and how quick the help is there."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from postreeve import cli
from postreeve.commands import accounts
from postreeve.commands.options import Reading, options_of
from postreeve.operations import REGISTRY
from postreeve.web.descriptions import Description

OPERATIONS = [
    route
    for of in accounts.KINDS.values()
    for route in (*(f"{method} {of.path}" for method in ("POST", "GET", "PUT", "DELETE")), of.overview)
]


@pytest.mark.parametrize("route", [*OPERATIONS, accounts.ADMINS_OF_DOMAIN])
def test_every_parameter_of_an_operation_has_its_option(route: str) -> None:
    about = Description(REGISTRY[route])
    options = options_of(about)
    wanted = {of.name for of in about.parameters if not of.new_name}
    assert {option.wire_name for option in options} == wanted
    spelled = [option.spelled for option in options]
    assert len(spelled) == len(set(spelled))
    assert not set(spelled) & {"--data", "--settings", "--as", "--json", "--yes", "--keep-mailbox-days", "--help"}


@pytest.mark.parametrize("route", OPERATIONS)
def test_no_secret_stands_on_the_command_line(route: str) -> None:
    for option in options_of(Description(REGISTRY[route])):
        if "password" in option.wire_name.lower() and "Length" not in option.wire_name:
            assert option.reading in {Reading.FILE, Reading.QUESTION}, option.spelled


@pytest.mark.parametrize("word", cli.COMMANDS)
def test_each_command_says_in_the_list_what_it_says_itself(word: str) -> None:
    place = cli.COMMANDS[word]
    assert place.shown(word).help.split() == place.loaded(word).help.split()
    assert place.shown(word).help


QUICK = (
    "import sys\n"
    "from postreeve.cli import app\n"
    "try:\n    app(sys.argv[1:])\n"
    "except SystemExit as end:\n    assert not end.code, end.code\n"
    "heavy = {'postreeve.app', 'sqlalchemy', 'starlette', 'psycopg', 'rich'} & set(sys.modules)\n"
    "assert not heavy, heavy\n"
)


@pytest.mark.parametrize(
    "words", ["--help", "--version", "job --help", "user --help", "user create --help", "import users --help"]
)
def test_help_does_without_what_the_command_needs(words: str) -> None:
    done = subprocess.run([sys.executable, "-c", QUICK, *words.split()], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_mistyped_command_gets_a_suggestion() -> None:
    done = CliRunner().invoke(cli.app, ["usr"])
    assert done.exit_code == 2
    assert "Did you mean 'user'" in done.stderr
