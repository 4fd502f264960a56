"""Every operation with every parameter, sent alone, changes exactly the rows and files that the table says."""

import json
import os
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from postreeve.backends.common import native_lists
from postreeve.operations import REGISTRY
from postreeve.storage.sql import Session
from tests.footprints.spool import Change, Spool, Tree, starting_tree
from tests.footprints.table import (
    ACCOUNTS,
    FILES,
    LISTS,
    POLICIES,
    REFERENCES,
    TABLES,
    Difference,
    Dump,
    Entry,
    entries,
    name_of,
    rewritten,
    starting_rows,
)
from tests.greylisting.dns import serving
from tests.mlmmj import LOOPBACK, sink
from tests.site import PASSWORD, ROOT, Row, Site

pytestmark = pytest.mark.slow  # every table of the stores

REWRITES = "POSTREEVE_WRITE_FOOTPRINTS"
DOCUMENTS = Path(__file__).parents[1] / "documents"
CHAPTERS = (
    "Login", "Domain", "Domain Admin", "Mail User", "Mail Alias",
    "Spam Policy", "Throttling", "Whitelisting and Blacklisting", "Greylisting",
    "Subscribable Mailing List",
)  # fmt: skip
SEGMENTS = {"domain": r"[^/@]+\.[^/@]+", "mail": "[^/]+@[^/]+", "new_mail": "[^/]+@[^/]+"}
"""What a path has in the place of a parameter; in that of others anything."""
ZONE = """
    new.test. TXT "v=spf1 ip4:198.51.100.1 ip4:203.0.113.0/24 -all"
    silent.test. A 198.51.100.9
"""
"""What the DNS says in these tests."""
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
    "/api/ml/<mail>": {"POST": ("cn",), "PUT": ("cn",)},
    **{
        f"/api/spampolicy/{scope}": {"PUT": ("banned_rulenames",)}
        for scope in ("global", "domain/<domain>", "user/<mail>")
    },
    **{
        f"/api/throttle/{scope}/{direction}": {"POST": ("max_rcpts",)}
        for scope in ("global", "<domain>", "<mail>")
        for direction in ("inbound", "outbound")
    },
}
"""Names that the documents do not have any more, or have in other places, and that clients still send."""


@dataclass(frozen=True)
class Found:
    """Everything that is there: the rows of all databases and the files of mlmmj."""

    rows: Dump
    files: Tree


@pytest.mark.sql
@pytest.mark.parametrize(
    "file", [ACCOUNTS, POLICIES, pytest.param(LISTS, marks=pytest.mark.slow)], ids=lambda file: file.stem
)
def test_every_request_changes_exactly_what_the_table_says(site: Site, file: Path) -> None:
    with serving(ZONE) as name_server, _lists(site) as spool:
        site.change_settings(dns_servers=[name_server.address])
        askers = _prepare(site, file)
        spool.restore(starting_tree(file))
        before = Found(_dump(site), spool.read())
        assert before.files == starting_tree(file)
        found = {}
        for entry in entries(file):
            found[entry.request] = footprint = _footprint(site, spool, entry, file, askers, before)
            if REWRITES not in os.environ:
                assert f"{entry.request}\n{footprint}" == f"{entry.request}\n{entry.footprint}"
    if REWRITES in os.environ:
        file.write_text(rewritten(file, found), encoding="utf-8")


@contextmanager
def _lists(site: Site) -> Iterator[Spool]:
    """Let new lists give their mail to somebody who takes it."""
    before = site.storage.lists
    with sink() as (_, port):
        settings = msgspec.structs.replace(site.settings, mlmmj_relay_host=LOOPBACK, mlmmj_smtp_port=port)
        site.storage.lists = native_lists(settings)
        yield Spool(site.settings, port)
    site.storage.lists = before


@pytest.mark.parametrize(("document", "operations", "parameters"), [("api-4", 119, 298), ("api-2", 46, 150)])
def test_every_operation_and_parameter_of_the_documents_has_an_entry(
    document: str, operations: int, parameters: int
) -> None:
    documented = _documented(document)
    assert (len(documented), sum(map(len, documented.values()))) == (operations, parameters)
    entered = _entered()
    assert documented.keys() - {route for route, _ in entered} == set()
    assert {(route, name) for route, names in documented.items() for name in names} - entered == set()


def test_every_old_name_has_an_entry() -> None:
    wanted = {
        (f"{method} {template}", name)
        for template, methods in OLD_NAMES.items()
        for method, names in methods.items()
        for name in names
    }
    assert wanted - _entered() == set()


def test_every_operation_has_an_entry_without_parameters_or_needs_them() -> None:
    mentioned = {_route(f"{entry.method} /api/{entry.path}", REGISTRY) for entry in _all_entries()}
    assert {route for route, operation in REGISTRY.items() if operation.chapter in CHAPTERS} - mentioned == set()


def test_no_answer_ignores_the_parameter_that_it_is_about() -> None:
    ignored = [entry.request for entry in _all_entries() if entry.subject in entry.ignored]
    assert ignored == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_request_stands_twice_in_a_table(file: Path) -> None:
    requests = [entry.request for entry in entries(file)]
    assert sorted(requests) == sorted(set(requests))


def _footprint(site: Site, spool: Spool, entry: Entry, file: Path, askers: dict[str, str], before: Found) -> str:
    """Send a request, return what it answered and changed as text, and undo it."""
    options: dict[str, Any] = {"params" if entry.method in {"GET", "DELETE"} else "data": entry.parameters}
    cookie = {"Cookie": askers[entry.who]} if askers[entry.who] else {}
    response = site.client().raw(entry.method, entry.path, headers=cookie, **options)
    assert response.status_code == 200, response.text
    as_they_are = [*entry.parameters.values(), *(row["mlid"] for row in before.rows["maillists"])]
    difference = Difference(site.settings.vmail.engine, before.rows, _dump(site), as_they_are)
    changed = list(Change(file, before.files, spool.read()).lines())
    lines = [*_said(response.json()), *difference.lines(), *changed]
    _restore(site, difference.tables, before.rows)
    if changed:
        spool.restore(before.files)
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
        case [dict() as first, *_] as policies if not _name(first):
            yield from (f"= {_told(policy)}" for policy in policies)
        case [dict(), *_] as profiles:
            yield f"= profiles of {' '.join(map(_name, profiles))}"
        case []:
            yield "= nothing"
        case dict() as profile if _name(profile):
            yield f"= the profile of {_name(profile)}"
            yield from (f"= {one['mail']} {one['subscription']}" for one in profile.get("subscribers", ()))
        case dict() as policy:
            yield f"= {_told(policy)}"


def _name(profile: Row) -> str:
    """Return whose profile it is; a policy is none."""
    return str(next((profile[key] for key in ("username", "address", "domain") if key in profile), ""))


def _told(policy: Row) -> str:
    return " ".join(f"{key}={json.dumps(value)}" for key, value in policy.items()) or "nothing"


def _prepare(site: Site, file: Path) -> dict[str, str]:
    """Write the rows that are there before each request, and return the cookies of those who ask."""
    for table, row in starting_rows(file):
        with Session(site.database_of(table.name)) as session:
            session.insert(table, row | _numbers(site, table.name, row))
            session.commit()
    return {"nobody": ""} | {
        who: _cookie(site, account) for who, account in {"": ROOT, "boss": "boss@admins.test"}.items()
    }


def _cookie(site: Site, account: str) -> str:
    client = site.client().login(account, PASSWORD)
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.session.cookies)


def _numbers(site: Site, table: str, row: Row) -> dict[str, int]:
    """Return the numbers of the rows that a row refers to by their names; what is no name is a number."""
    found = {}
    for (referring, column), referred in REFERENCES.items():
        if referring == table:
            known = {name_of(referred, other): other["id"] for other in site.rows(referred)}
            found[column] = known[row[column]] if row[column] in known else int(row[column])
    return found


def _dump(site: Site) -> Dump:
    return {name: [_padded(row) for row in site.rows(name)] for name in TABLES}


def _padded(row: Row) -> Row:
    """Return a row in which the year 1 has four digits: it stands for a birthday that nobody knows."""
    return row | ({"birthday": row["birthday"].zfill(10)} if "birthday" in row else {})


def _restore(site: Site, tables: list[str], before: Dump) -> None:
    """Make tables as they were; those that refer to them are emptied before, and filled after them."""
    touched = [name for name, table in TABLES.items() if name in tables or _referred(table) & set(tables)]
    for database in {site.database_of(name) for name in touched}:
        names = [name for name in touched if site.database_of(name) is database]
        with Session(database) as session:
            for name in reversed(names):
                session.delete(TABLES[name])
            for name in names:
                session.insert_many(TABLES[name], before[name])
            session.commit()


def _referred(table: sa.Table) -> set[str]:
    return {key.column.table.name for key in table.foreign_keys}


def _documented(document: str) -> dict[str, set[str]]:
    """Return the operations that a document has in the chapters of these tables, with their parameters."""
    operations = json.loads((DOCUMENTS / f"{document}.json").read_text(encoding="utf-8"))["operations"]
    return {
        f"{operation['method']} {operation['path']}": {parameter["name"] for parameter in operation["params"]}
        for operation in operations
        if operation["section"] in CHAPTERS
    }


def _all_entries() -> list[Entry]:
    return [entry for file in FILES for entry in entries(file)]


def _entered() -> set[tuple[str, str]]:
    """Return each operation with each parameter that an entry is about, as ours and as the documents' paths."""
    asked = {(f"{entry.method} /api/{entry.path}", entry.subject) for entry in _all_entries()}
    ways = (REGISTRY, _documented("api-4"), _documented("api-2"))
    routes = {request: {_route(request, ways_) for ways_ in ways} for request in {request for request, _ in asked}}
    return {(route, subject) for request, subject in asked for route in routes[request]}


def _route(request: str, routes: Collection[str]) -> str:
    """Return the operation of a request, by the route that its path matches; a literal segment goes first."""
    matching = [route for route in sorted(routes) if _pattern(route).fullmatch(request)]
    return min(matching, key=lambda route: route.count("<"), default="")


@cache
def _pattern(route: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"<([a-z_]+)>", lambda found: SEGMENTS.get(found[1], "[^/]+"), route))
