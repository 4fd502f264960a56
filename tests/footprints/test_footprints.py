"""Every operation with every parameter, sent alone, changes exactly the rows that the table says."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from postreeve.operations import REGISTRY
from postreeve.storage.sql import Session
from tests.footprints.table import FILE, TABLES, Difference, Dump, Entry, entries, rewritten, starting_rows
from tests.site import PASSWORD, ROOT, Row, Site

REWRITES = "POSTREEVE_WRITE_FOOTPRINTS"
DOCUMENTS = Path(__file__).parents[1] / "documents"
CHAPTERS = ("Login", "Domain", "Domain Admin", "Mail User", "Mail Alias")
_USER = ("cn", "mailQuota", "preferredLanguage", "givenName", "mailbox_format", "mailbox_folder")
OLD_NAMES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "/api/domain/<domain>": {
        "POST": ("cn", "preferredLanguage", "senderBcc", "recipientBcc"),
        "PUT": ("cn", "preferredLanguage", "backupmx", "numberOfLists"),
    },
    "/api/admin/<mail>": {"POST": ("domainGlobalAdmin",), "PUT": ("domainGlobalAdmin",)},
    "/api/user/<mail>": {"POST": _USER, "PUT": _USER},
    "/api/users/<domain>": {"PUT": ("preferredLanguage",)},
    "/api/alias/<mail>": {"POST": ("cn",), "PUT": ("cn",)},
}
"""Names that the documents do not have any more, or have in other places, and that clients still send."""


def test_every_request_changes_exactly_the_rows_that_the_table_says(site: Site) -> None:
    askers = _prepare(site)
    before = _dump(site)
    found = {}
    for entry in entries():
        found[entry.request] = footprint = _footprint(site, entry, askers, before)
        if REWRITES not in os.environ:
            assert f"{entry.request}\n{footprint}" == f"{entry.request}\n{entry.footprint}"
    if REWRITES in os.environ:
        FILE.write_text(rewritten(found), encoding="utf-8")


def test_every_parameter_of_the_current_document_has_an_entry() -> None:
    documented = _documented("api-4")
    assert len(documented) == 125
    assert documented - _entered() == set()


def test_every_parameter_of_the_older_document_has_an_entry() -> None:
    documented = _documented("api-2")
    assert len(documented) == 93
    assert documented - _entered() == set()


def test_every_old_name_has_an_entry() -> None:
    wanted = {
        (f"{method} {template}", name)
        for template, methods in OLD_NAMES.items()
        for method, names in methods.items()
        for name in names
    }
    assert wanted - _entered() == set()


def test_every_operation_has_an_entry_without_parameters_or_needs_them() -> None:
    mentioned = {_route(entry) for entry in entries()}
    assert {route for route, operation in REGISTRY.items() if operation.chapter in CHAPTERS} - mentioned == set()


def test_no_answer_ignores_the_parameter_that_it_is_about() -> None:
    ignored = [entry.request for entry in entries() if entry.subject in entry.ignored]
    assert ignored == []


def test_no_request_stands_twice_in_the_table() -> None:
    requests = [entry.request for entry in entries()]
    assert sorted(requests) == sorted(set(requests))


def _footprint(site: Site, entry: Entry, askers: dict[str, str], before: Dump) -> str:
    """Send a request, return what it answered and changed as text, and undo it."""
    options: dict[str, Any] = {"params" if entry.method in {"GET", "DELETE"} else "data": entry.parameters}
    cookie = {"Cookie": askers[entry.who]} if askers[entry.who] else {}
    response = site.client().raw(entry.method, entry.path, headers=cookie, **options)
    assert response.status_code == 200, response.text
    difference = Difference(site.settings.vmail.engine, before, _dump(site), list(entry.parameters.values()))
    lines = [*_said(response.json()), *difference.lines()]
    _restore(site, difference.tables, before)
    return "\n".join(lines)


def _said(answer: dict[str, Any]) -> Iterator[str]:
    """Yield what an answer says besides success; a hint is for people and no part of the interface."""
    if not answer["_success"]:
        yield f"= refused {answer['_msg']}"
    for key in ("_ignored", "_discarded", "_pending"):
        if key in answer:
            yield f"= {key} {' '.join(answer[key])}"
    match answer.get("_data"):
        case [str(), *_] as names:
            yield f"= names {' '.join(names)}"
        case [dict(), *_] as profiles:
            yield f"= profiles of {' '.join(map(_name, profiles))}"
        case []:
            yield "= nothing"
        case dict() as profile:
            yield f"= the profile of {_name(profile)}"


def _name(profile: Row) -> str:
    return str(next(profile[key] for key in ("username", "address", "domain") if key in profile))


def _prepare(site: Site) -> dict[str, str]:
    """Write the rows that are there before each request, and return the cookies of those who ask."""
    for table, row in starting_rows():
        with Session(site.database_of(table.name)) as session:
            session.insert(table, row)
            session.commit()
    return {"nobody": ""} | {
        who: _cookie(site, account) for who, account in {"": ROOT, "boss": "boss@admins.test"}.items()
    }


def _cookie(site: Site, account: str) -> str:
    client = site.client().login(account, PASSWORD)
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.session.cookies)


def _dump(site: Site) -> Dump:
    return {name: [_padded(row) for row in site.rows(name)] for name in TABLES}


def _padded(row: Row) -> Row:
    """Return a row in which the year 1 has four digits: it stands for a birthday that nobody knows."""
    return row | ({"birthday": row["birthday"].zfill(10)} if "birthday" in row else {})


def _restore(site: Site, tables: list[str], before: Dump) -> None:
    for name in tables:
        with Session(site.database_of(name)) as session:
            session.delete(TABLES[name])
            for row in before[name]:
                session.insert(TABLES[name], row)
            session.commit()


def _documented(document: str) -> set[tuple[str, str]]:
    """Return the pairs of operation and parameter that a document has in the chapters of accounts."""
    operations = json.loads((DOCUMENTS / f"{document}.json").read_text(encoding="utf-8"))["operations"]
    return {
        (f"{operation['method']} {operation['path']}", parameter["name"])
        for operation in operations
        if operation["section"] in CHAPTERS
        for parameter in operation["params"]
    }


def _entered() -> set[tuple[str, str]]:
    return {(_route(entry), entry.subject) for entry in entries()}


def _route(entry: Entry) -> str:
    """Return the operation of an entry, by the route that its path matches; a literal segment goes first."""
    routes = [route for route in sorted(REGISTRY) if _matches(route, entry)]
    return min(routes, key=lambda route: route.count("<"), default="")


def _matches(route: str, entry: Entry) -> bool:
    method, _, template = route.partition(" ")
    pattern = re.sub(r"<[a-z_]+>", "[^/]+", template)
    return method == entry.method and re.fullmatch(pattern, f"/api/{entry.path}") is not None
