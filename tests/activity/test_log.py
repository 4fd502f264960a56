"""The activity log as admins read it: filters, pages, who sees what, and what is left when lines are deleted."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.site import PASSWORD, ROOT, Client, Site

LONG_AGO = datetime(2024, 1, 1)  # noqa: DTZ001 - all times of the log are UTC


def _write(site: Site, number: int, **values: str) -> None:
    """Write lines, one each second from long ago on, as another program would."""
    row = {"admin": "old@far.test", "ip": "192.0.2.1", "event": "update", "loglevel": "info", "msg": "Old.", **values}
    names, texts = ", ".join(row), ", ".join(f"'{value}'" for value in row.values())
    for second in range(number):
        at = LONG_AGO + timedelta(seconds=second)
        site.execute("iredadmin", f"INSERT INTO log (timestamp, {names}) VALUES ('{at}', {texts})")


def _texts(client: Client, **filters: str) -> list[str]:
    return [line["msg"] for line in client.data("panel/log", **filters)["lines"]]


def test_a_change_is_the_newest_line(site: Site) -> None:
    root = site.root()
    _write(site, 3)
    root.ok("POST", "domain/ex.com")
    line = root.data("panel/log")["lines"][0]
    assert datetime.fromisoformat(line.pop("timestamp")) > LONG_AGO
    assert line.pop("id") > 0
    assert line == {
        "admin": ROOT, "ip": "127.0.0.1", "domain": "ex.com", "username": "", "event": "create", "loglevel": "info",
        "msg": "[API] Add a domain: ex.com.",
    }  # fmt: skip


FILTERS = [
    ({"admin": "AL@far.test"}, ["[API] Add a mail alias: all@ex.com."]),
    ({"domain": "ex.org"}, ["[API] Add a domain: ex.org."]),
    ({"account": "ann@ex.com"}, ["[API] Add a user: ann@ex.com."]),
    (
        {"event": "create", "domain": "ex.com", "admin": ROOT},
        ["[API] Add a user: ann@ex.com.", "[API] Add a domain: ex.com."],
    ),
    ({"search": "ADD A MAIL"}, ["[API] Add a mail alias: all@ex.com."]),
    ({"search": "%"}, ["100 % of _."]),
    ({"search": "_"}, ["100 % of _."]),
    ({"search": "/"}, []),
    ({"search": "' OR 1=1"}, []),
    ({"ip": "192.0.2.1"}, ["100 % of _."]),
    ({"to": "2024-01-01"}, ["100 % of _."]),
    ({"from": "2024-01-01", "to": "2024-01-01 00:00:00"}, ["100 % of _."]),
    ({"from": "2023-01-01", "to": "2023-12-31"}, []),
    ({"event": "backup"}, []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("filters", "texts"), FILTERS, ids=[" ".join(map("=".join, case[0].items())) for case in FILTERS]
)
def test_a_filter_leaves_what_it_names(site: Site, filters: dict[str, str], texts: list[str]) -> None:
    root = site.root()
    for domain in ("ex.com", "ex.org"):
        root.ok("POST", f"domain/{domain}")
    root.ok("POST", "user/ann@ex.com", password=PASSWORD)
    site.admin("al@far.test", "ex.com").ok("POST", "alias/all@ex.com")
    _write(site, 1, msg="100 % of _.")
    site.execute("iredadmin", "DELETE FROM log WHERE event = 'login'")
    assert _texts(root, **filters) == texts


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("admin", "nobody", "INVALID_MAIL"), ("domain", "", "INVALID_DOMAIN_NAME"), ("event", "a b", "INVALID_VALUE"),
        ("from", "yesterday", "INVALID_VALUE"), ("to", "2024-02-30", "INVALID_VALUE"), ("from", "", "INVALID_VALUE"),
        ("after", "1", "INVALID_VALUE"), ("after", "2024-99-01 00:00:00/1", "INVALID_VALUE"),
        ("page_size", "501", "INVALID_NUMBER"), ("page_size", "0", "INVALID_NUMBER"),
    ],
)  # fmt: skip
def test_what_is_no_filter_is_refused(site: Site, name: str, value: str, code: str) -> None:
    assert site.root().refused("GET", "panel/log", **{name: value}) == code


def test_pages_meet_each_line_once_while_others_write(site: Site) -> None:
    root = site.root()
    site.execute("iredadmin", "DELETE FROM log")
    _write(site, 10)
    _write(site, 10)  # two lines of every second
    numbers: list[int] = []
    after: dict[str, str] = {}
    while True:
        page = root.data("panel/log", page_size="3", to="2024-12-31", **after)
        numbers += [line["id"] for line in page["lines"]]
        root.ok("POST", f"domain/d{len(numbers)}.test")
        if not page["next"]:
            break
        after = {"after": page["next"]}
    lines = root.data("panel/log", to="2024-12-31")["lines"]
    assert numbers == [line["id"] for line in lines]
    assert len(numbers) == len(set(numbers)) == 20
    assert [line["timestamp"] for line in lines] == sorted((line["timestamp"] for line in lines), reverse=True)


def test_domain_admins_see_what_concerns_their_domains_and_themselves(site: Site) -> None:
    root = site.root()
    for domain in ("a.test", "b.test"):
        root.ok("POST", f"domain/{domain}")
    client = site.admin("al@far.test", "a.test")
    root.ok("POST", "user/ann@b.test", password=PASSWORD)
    root.ok("POST", "user/ann@a.test", password=PASSWORD)
    client.ok("PUT", "user/ann@a.test", name="Ann")
    lines = client.data("panel/log")["lines"]
    assert [(line["admin"], line["event"], line["domain"], line["username"], line["ip"]) for line in lines] == [
        ("al@far.test", "update", "a.test", "ann@a.test", "127.0.0.1"),
        (ROOT, "create", "a.test", "ann@a.test", ""),
        ("al@far.test", "login", "", "al@far.test", "127.0.0.1"),
        (ROOT, "update", "a.test", "", ""),
        (ROOT, "create", "far.test", "al@far.test", ""),
        (ROOT, "create", "a.test", "", ""),
    ]
    for filters in ({"domain": "b.test"}, {"account": "ann@b.test"}, {"search": "b.test"}, {"account": ROOT}):
        assert client.data("panel/log", **filters) == {"lines": [], "next": ""}
    assert site.admin("no@far.test").data("panel/log")["lines"][0]["username"] == "no@far.test"


def test_addresses_that_are_kept_from_domain_admins_can_not_be_guessed(site: Site) -> None:
    root = site.root()
    root.ok("POST", "domain/a.test")
    client = site.admin("al@far.test", "a.test")
    _write(site, 1, domain="a.test", msg="By somebody.")
    _write(site, 1, domain="a.test", admin="al@far.test", msg="By oneself.")
    assert sorted(_texts(root, ip="192.0.2.1")) == ["By oneself.", "By somebody."]
    for filters in ({}, {"admin": "AL@far.test"}, {"domain": "a.test"}):
        assert _texts(client, ip="192.0.2.1", **filters) == ["By oneself."], filters
    assert client.data("panel/log", ip="192.0.2.1", admin="old@far.test") == {"lines": [], "next": ""}


def test_deleted_lines_leave_a_line(site: Site) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com")
    _write(site, 3)
    _write(site, 1, loglevel="intent")
    numbers = [line["id"] for line in root.data("panel/log", event="create")["lines"]]
    root.ok("DELETE", "panel/log", ids=",".join(map(str, numbers)))
    assert root.data("panel/log", event="create")["lines"] == []
    assert _texts(root, event="delete") == ["[API] Delete lines of the activity log: global (ids)."]
    root.ok("DELETE", "panel/log", to="2024-01-01")
    assert [line["loglevel"] for line in root.data("panel/log", to="2024-12-31")["lines"]] == ["intent"]
    assert len(_texts(root, event="delete")) == 2


def test_lines_are_deleted_by_global_admins_who_say_which(site: Site) -> None:
    root = site.root()
    root.ok("POST", "domain/a.test")
    client = site.admin("al@far.test", "a.test")
    before = site.rows("log")
    assert client.refused("DELETE", "panel/log", to="2030-01-01") == "PERMISSION_DENIED"
    assert root.refused("DELETE", "panel/log") == "MISSING_PARAMETER"
    assert root.refused("DELETE", "panel/log", ids="") == "MISSING_PARAMETER"
    assert root.refused("DELETE", "panel/log", ids="1 OR 1=1") == "INVALID_VALUE"
    assert site.client().refused("GET", "panel/log") == "LOGIN_REQUIRED"
    assert site.rows("log") == before


def test_a_crash_while_lines_are_deleted_is_told_as_a_doubt(site: Site) -> None:
    from postreeve.jobs import pending

    _write(site, 1, event="delete", loglevel="intent", msg="Delete lines of the activity log: global (to).")
    pending.run(site.storage)
    [line] = site.root().data("panel/log", to="2024-12-31")["lines"]
    assert line["loglevel"] == "info"
    assert "nobody knows whether this has happened" in line["msg"]


def _dates(rows: list[dict[str, Any]]) -> list[str]:
    return [row["timestamp"] for row in rows]


@pytest.mark.sql
def test_times_with_fractions_are_paged_too(site: Site) -> None:
    """PostgreSQL keeps them, where a program lets the table tell the time."""
    root = site.root()
    for fraction in ("1", "25", "3"):
        site.execute(
            "iredadmin",
            "INSERT INTO log (timestamp, admin, ip, event, msg) VALUES"
            f" ('2024-01-01 00:00:00.{fraction}', 'a', '192.0.2.1', 'backup', '{fraction}')",
        )
    page = root.data("panel/log", event="backup", page_size="2")
    rest = root.data("panel/log", event="backup", page_size="2", after=page["next"])
    assert sorted(line["msg"] for line in (*page["lines"], *rest["lines"])) == ["1", "25", "3"]
    assert _dates(page["lines"]) == ["2024-01-01 00:00:00"] * 2
