"""Who may do what: every operation asked by everybody, and the answers kept as text."""

import os
from itertools import product
from pathlib import Path

import pytest

from postreeve.fields import Field, SetField
from postreeve.operations import REGISTRY, Operation
from postreeve.permissions import owner
from postreeve.web.descriptions import Description
from tests.rules.people import ADMIN, PERSONAS, USER_ADMIN, people
from tests.site import Client, Site

FILE = Path(__file__).parents[1] / "golden" / "permissions.txt"
REWRITES = "POSTREEVE_WRITE_PERMISSIONS"
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")

# A domain that is not there, though it has admins: what is allowed finds nothing to change.
PLACES = {
    "<domain>": "ghost.test", "<mail>": "x@ghost.test", "<new_mail>": "y@ghost.test", "<number>": "1",
    "<direction>": "inbound", "<list>": "blacklist", "<mail_id>": "Yt7-hE2mWq4K",
}  # fmt: skip
"""What stands for path parameters; for others an example of the documents does."""
SCOPES = {"global": "global", "<domain>": "ghost.test", "<mail>": "x@ghost.test"}
HARMLESS = {"POST /api/domain/<domain>": {"aliasDomains": "ghost.test"}}
"""Parameters that get something refused after the rules have been asked."""


def test_permissions_are_those_of_the_table(site: Site) -> None:
    clients = people(site)
    _haunt(site, "al@admins.test", "ua@a.test")
    for persona, account in zip((ADMIN, USER_ADMIN), ("al@admins.test", "ua@a.test"), strict=True):
        clients[persona] = site.client().login(account)
    for table in ("users", "policy"):  # what is not there can be deleted by those who may, and nothing changes
        site.execute("amavisd", f"DELETE FROM {table}")
    site.execute("iredapd", "DELETE FROM greylisting")
    before = site.dump()
    text = _table(clients)
    if REWRITES in os.environ:
        FILE.write_text(text, encoding="utf-8")
    assert text == FILE.read_text(encoding="utf-8")
    assert {**site.dump(), "log": []} == {**before, "log": []}


def _haunt(site: Site, *admins: str) -> None:
    """Let a domain have admins that is not there; in a directory it is under a name where nobody looks for it."""
    if site.directory:
        site.directory.add(
            f"cn=ghost,{site.directory.tree.domains}",
            objectClass=["mailDomain"], cn=["ghost"], domainName=["ghost.test"], domainAdmin=admins,
        )  # fmt: skip
        return
    for account in admins:
        site.execute("vmail", f"INSERT INTO domain_admins (username, domain) VALUES ('{account}', 'ghost.test')")


def _table(clients: dict[str, Client]) -> str:
    lines = ["Who may do what: `+` is allowed, `-` is refused, and whoever has to log in first has a `?`.", ""]
    lines += [f"{'| ' * index}{persona}" for index, persona in enumerate(PERSONAS)]
    for route, operation in sorted(REGISTRY.items(), key=lambda item: item[0].split()[::-1]):
        for kind, scope in SCOPES.items() if "<scope>" in route else [("", "")]:
            marks = [
                "+" if route.endswith("/logout") else _mark(clients[persona], operation, scope) for persona in PERSONAS
            ]
            lines.append(f"{' '.join(marks)}  {route.replace('<scope>', kind)}")
    lines += ["", "Parameters that only global admins may give, and the section or preference that closes others:", ""]
    for route, operation in sorted(REGISTRY.items(), key=lambda item: item[0].split()[::-1]):
        if operation.event and operation.fields.fields:
            lines += [route, *(f"    {of.name}: {_bound(of, operation)}" for of in operation.fields)]
    return "\n".join(lines) + "\n"


def _mark(client: Client, operation: Operation, scope: str) -> str:
    path = _path(operation, scope)
    answer = client.raw(operation.method, path, data=HARMLESS.get(f"{operation.method} {operation.template}", {}))
    assert answer.status_code == 200
    return {"PERMISSION_DENIED": "-", "LOGIN_REQUIRED": "?"}.get(answer.json().get("_msg"), "+")


def _path(operation: Operation, scope: str, domain: str = "ghost") -> str:
    """Return the path of an operation on a domain, below `/api/`."""
    path = operation.template.removeprefix("/api/").replace("<scope>", scope)
    for parameter in Description(operation).path_parameters:
        name = f"<{parameter.name}>"
        path = path.replace(name, PLACES.get(name, parameter.example).replace("ghost", domain))
    return path


def _bound(of: Field[object] | SetField[str], operation: Operation) -> str:
    if operation.allow is owner:
        return f"preference {operation.preference or of.preference}"
    return "global admins" if of.only_global else f"section {operation.section or of.section}"


@pytest.mark.slow  # every route with every method
def test_every_method_that_no_operation_has_is_refused_to_everybody(site: Site) -> None:
    clients = people(site)
    before = site.dump()
    templates = {operation.template: operation for operation in REGISTRY.values()}
    for template, method in product(sorted(templates), METHODS):
        if f"{method} {template}" not in REGISTRY:
            path = _path(templates[template], "global", "a")
            for client in clients.values():
                answer = client.raw(method, path)
                assert (answer.status_code, answer.json()["_msg"]) == (405, "METHOD_NOT_ALLOWED")
    assert site.dump() == before
