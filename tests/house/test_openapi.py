"""The OpenAPI document is valid, and the server answers as it says."""

from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings, strategies
from hypothesis.strategies import SearchStrategy
from openapi_spec_validator import validate
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from postreeve.permissions import owner
from postreeve.web.api import COOKIE
from postreeve.web.descriptions import Description
from postreeve.web.openapi import PROFILES, document
from tests.house.world import DESCRIPTIONS, IDS, asker, example_world
from tests.site import PASSWORD, ROOT, Site

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]  # fmt: skip

api = schemathesis.openapi.from_dict(document())


@pytest.fixture
def explored(site: Site) -> Site:
    """The world of the examples, for the fuzzer to break."""
    example_world(site)
    return site


def test_the_document_is_valid() -> None:
    validate(document())


def test_the_document_is_served_under_both_mount_points(site: Site) -> None:
    root = site.base.removesuffix("/iredadmin/api")
    for base in (site.base, f"{root}/api"):
        answer = requests.get(f"{base}/openapi.json", timeout=10)
        assert answer.headers["content-type"] == "application/json"
        assert answer.json() == document()


def test_every_operation_is_in_the_document() -> None:
    written = {operation["operationId"] for path in document()["paths"].values() for operation in path.values()}
    assert written == {description.id for description in DESCRIPTIONS}


def test_old_names_are_deprecated() -> None:
    body = document()["paths"]["/user/{mail}"]["put"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["properties"]["mailQuota"]["deprecated"]
    assert "deprecated" not in body["properties"]["quota"]


def test_profiles_hold_every_key_that_the_document_declares(site: Site) -> None:
    root = example_world(site)
    ann = site.client().login_user("ann@example.com")
    shown = {
        "domain": root.data("domain/example.com"),
        "admin": root.data("admin/jane@example.org"),
        "user": root.data("user/ann@example.com"),
        "own": ann.data("self-service/profile"),
        "panel": root.data("panel/profile"),
        "alias": root.data("alias/team@example.com"),
        "list": root.data("ml/news@example.com"),
    }
    schemas = document()["components"]["schemas"]
    assert set(shown) == set(PROFILES)
    for kind, profile in shown.items():
        declared = set(schemas[f"{kind.capitalize()}ProfileInSql"]["properties"])
        assert declared <= set(profile), kind


@pytest.mark.slow
@pytest.mark.parametrize("description", DESCRIPTIONS, ids=IDS)
def test_answers_are_as_the_document_says(description: Description, explored: Site) -> None:
    """Never a defect, always the envelope, profiles with their declared types; half of the time to known accounts."""
    known = {parameter.name: parameter.example for parameter in description.path_parameters}

    @settings(max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(_cases(description), strategies.booleans())
    def explore(case: schemathesis.Case[Any], is_known: bool) -> None:  # noqa: FBT001 - drawn by Hypothesis
        if is_known and known:
            case.path_parameters = dict(known)
        response = _asked(explored, description, case)
        if response.json().get("_msg") == "LOGIN_REQUIRED":  # the fuzzer logs out, too
            _tokens.clear()
            response = _asked(explored, description, case)
        case.validate_response(response, checks=CHECKS)
        assert isinstance(response.json()["_success"], bool)

    explore()


def _cases(description: Description) -> SearchStrategy[schemathesis.Case[Any]]:
    """Return requests as the document allows them, and others."""
    operation = api[description.path][description.operation.method]
    allowed = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    if not description.parameters:
        return allowed
    return allowed | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)


_tokens: dict[str, str] = {}


def _asked(site: Site, description: Description, case: schemathesis.Case[Any]) -> schemathesis.Response:
    """Ask as a global admin or as a mail user, whoever may."""
    who = "ann" if description.operation.allow is owner else "root"
    if who not in _tokens:
        client = asker(site, site.client().login(ROOT), description)
        _tokens[who] = str(client.session.cookies[COOKIE])
    with requests.Session() as session:
        session.trust_env = False
        return case.call(base_url=site.base, session=session, cookies={COOKIE: _tokens[who]}, timeout=30)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_what_is_no_operation_is_told_with_its_true_status(site: Site, method: str) -> None:
    answer = site.client().raw(method, "nothing/at/all")
    assert (answer.status_code, answer.json()) == (404, {"_success": False, "_msg": "NO_SUCH_OPERATION"})
    answer = site.client().raw("PATCH", "domains")
    assert (answer.status_code, answer.json()["_msg"]) == (405, "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize("description", DESCRIPTIONS, ids=IDS)
def test_problems_are_as_the_document_says(site: Site, description: Description) -> None:
    answer = site.client().raw(
        description.operation.method, description.example_path, headers={"Accept": "application/problem+json"}
    )
    if answer.status_code == 200:
        assert description.is_open
        return
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert {"type", "title", "_success", "_msg"} <= set(problem)


def test_a_password_of_the_examples_satisfies_the_policy(site: Site) -> None:
    site.root().ok("POST", "admin/somebody@example.org", password=PASSWORD)
