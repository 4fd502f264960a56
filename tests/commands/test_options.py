"""Laws over all options, and how quick the help is there."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from postreeve import cli
from postreeve.commands import accounts
from postreeve.commands.options import Reading, options_of
from postreeve.commands.shared import MANAGER_PASSWORD
from postreeve.operations import REGISTRY
from postreeve.passwords import verify_password
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


def test_no_option_of_a_command_of_its_own_takes_a_secret_either() -> None:
    commands = getattr(typer.main.get_command(cli.app), "commands", {})
    for word in ("init", "mail-config", "ldap-config", "admin-password"):
        for option in commands[word].params:
            assert "password" not in option.name or option.name.endswith("_file"), option.name


@pytest.mark.parametrize(
    ("option", "typed", "variables"),
    [("--manager-password-file=-", "Own1\nmore\n", {}), ("--database={1}mdb", "", {MANAGER_PASSWORD: "Own1"})],
)
def test_a_secret_comes_from_a_file_or_the_environment(
    tmp_path: Path, option: str, typed: str, variables: dict[str, str]
) -> None:
    words = ["ldap-config", str(tmp_path), "--suffix=dc=d,dc=test", f"--data={tmp_path}", option]
    done = CliRunner().invoke(cli.app, words, input=typed, env=variables)
    assert done.exit_code == 0, done.output
    [line] = [line for line in (tmp_path / "slapd.conf").read_text().splitlines() if line.startswith("rootpw")]
    assert verify_password("Own1", line.split()[1])


def test_names_of_parameters_in_sentences_are_those_of_options() -> None:
    options = options_of(Description(REGISTRY["PUT /api/domain/<domain>"]))
    [sentence] = [option.annotation.__metadata__[0].help for option in options if option.spelled == "--alias-domains"]
    assert sentence.endswith("Section `aliases`. Not together with --add-alias-domain, --remove-alias-domain.")


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
