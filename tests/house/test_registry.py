"""What holds for every operation."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest

from postreeve import permissions
from postreeve.fields import Role, SetField
from postreeve.operations import PATH_PARAMETERS, REGISTRY
from postreeve.web import descriptions
from postreeve.web.api import Routes
from postreeve.web.descriptions import Description
from tests.house.world import DESCRIPTIONS, IDS, asker, example_world, expected, make_room
from tests.site import Site

DOCUMENTS = Path(__file__).parent.parent / "documents"
FINISHED = (
    "Login", "Domain", "Domain Admin", "Mail User", "Mail Alias", "Subscribable Mailing List",
    "Spam Policy", "Throttling", "Whitelisting and Blacklisting", "Greylisting", "LDIF (LDAP backend only)",
    "Mailing List (Unsubscribable)", "Mailing List",
)  # fmt: skip
"""The vendor's chapters that we have."""

EXAMPLES = {"<domain>": "ex.com", "<mail>": "a@ex.com", "<new_mail>": "b@ex.com", "<number>": "1"}

every_operation = pytest.mark.parametrize("description", DESCRIPTIONS, ids=IDS)


@every_operation
def test_an_operation_has_a_rule_and_a_sentence(description: Description) -> None:
    operation = description.operation
    assert operation.allow in vars(permissions).values()
    assert inspect.getdoc(operation.allow)
    assert re.fullmatch(r"[A-Z][^.]+", operation.summary)
    assert (inspect.getdoc(operation.function) or "").partition("\n")[0].endswith(".")


@every_operation
def test_an_operation_that_changes_something_is_logged(description: Description) -> None:
    is_change = description.operation.method in {"POST", "PUT", "DELETE"}
    asks_only = description.operation.is_secretive or description.operation.allow is permissions.anyone
    others_are = description.operation.is_made_of_others
    assert bool(description.operation.event) == (is_change and not asks_only and not others_are)


@every_operation
def test_a_parameter_has_a_sentence_and_one_meaning(description: Description) -> None:
    names = [parameter.name for parameter in description.parameters]
    assert len(names) == len(set(names))
    for parameter in description.parameters:
        assert re.fullmatch(r"[A-Z`].*\.", parameter.sentence), parameter.name
        if isinstance(parameter.of, SetField):
            assert set(parameter.of.roles.values()) <= set(Role)


def test_ids_are_unique() -> None:
    assert len(set(IDS)) == len(REGISTRY)


def test_every_path_parameter_is_described() -> None:
    assert set(descriptions.PATH_SENTENCES) == set(PATH_PARAMETERS)


def test_every_profile_that_is_shown_can_be_closed_by_sections_that_exist() -> None:
    from postreeve.domains.fields import DOMAIN_SECTIONS, USER_SECTIONS
    from postreeve.site_settings.fields import SECTIONS

    sections = {"domain": DOMAIN_SECTIONS, "user": USER_SECTIONS, "own": USER_SECTIONS, "settings": SECTIONS}
    for description in DESCRIPTIONS:
        known = {"general", *sections.get(description.operation.fields.name, ())}
        assert {of.section for of in description.operation.fields} <= known


def _documented(file: str) -> list[dict[str, Any]]:
    operations = json.loads((DOCUMENTS / file).read_text(encoding="utf-8"))["operations"]
    return [operation for operation in operations if operation["section"] in FINISHED]


@pytest.mark.parametrize("file", ["api-4.json", "api-2.json"])
def test_every_documented_operation_and_parameter_is_known(file: str) -> None:
    routes = Routes(REGISTRY)
    missing = []
    for operation in _documented(file):
        path = operation["path"]
        for name, value in EXAMPLES.items():
            path = path.replace(name, value)
        found, _ = routes.find(operation["method"], tuple(path.removeprefix("/api/").split("/")))
        names = {parameter.name for parameter in Description(found).parameters}
        missing += [f"{path} {sent['name']}" for sent in operation["params"] if sent["name"] not in names]
    assert not missing


def test_as_many_of_the_documented_operations_are_there_as_we_say() -> None:
    assert len(_documented("api-4.json")) == 129


@every_operation
def test_the_example_of_an_operation_works(site: Site, description: Description) -> None:
    root = example_world(site)
    make_room(site, root, description)
    answer = asker(site, root, description).raw(
        description.operation.method, description.example_path,
        **{"params" if description.operation.method == "GET" else "data": description.example_form},
    ).json()  # fmt: skip
    assert {key: answer[key] for key in answer if key != "_data"} == expected(site, description)


@pytest.mark.slow  # a request for each parameter
@pytest.mark.parametrize(
    "description",
    [description for description in DESCRIPTIONS if description.parameters],
    ids=[description.id for description in DESCRIPTIONS if description.parameters],
)
def test_the_example_of_every_parameter_is_accepted(site: Site, description: Description) -> None:
    root = example_world(site)
    client = asker(site, root, description)
    refused = {}
    for parameter in description.parameters:
        make_room(site, root, description)
        form = _form(description, {parameter.name})
        answer = client.raw(description.operation.method, description.example_path, data=form).json()
        if {key: answer[key] for key in answer if key != "_data"} != expected(site, description):
            refused[parameter.name] = answer
    assert not refused


@pytest.mark.parametrize("route", [*descriptions.REQUIRED, *descriptions.ONE_OF])
def test_a_required_parameter_is_required(site: Site, route: str) -> None:
    description = next(description for description in DESCRIPTIONS if description.route == route)
    for name in descriptions.REQUIRED.get(route, descriptions.ONE_OF.get(route, ())):
        root = example_world(site)
        make_room(site, root, description)
        form = {key: value for key, value in description.example_form.items() if key != name}
        form = {} if description.one_of else form
        client = asker(site, root, description)
        answer = client.raw(description.operation.method, description.example_path, data=form)
        assert not answer.json()["_success"]
        site.wipe()


def _form(description: Description, names: set[str]) -> dict[str, str]:
    """Return examples of some parameters with what they can not be without."""
    fields = description.operation.fields
    by_name = {parameter.name: parameter for parameter in description.parameters}
    needed = {parameter.name for parameter in description.parameters if parameter.is_required}
    if not names & set(description.one_of):
        needed |= set(description.one_of[:1])
    given = [by_name[name].of for name in names]
    needed |= {other.name for one, other in fields.together if one in given}
    return {name: str(by_name[name].example) for name in names | needed}
