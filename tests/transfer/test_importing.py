"""Users and aliases from tables: the preview, the deed, the repetition, and who may what."""

import csv
import io
from typing import Any

import pytest

from postreeve.storage.sql import Session
from postreeve.storage.tables.vmail import domain
from postreeve.transfer.operations import MOST_LINES
from tests.profiles import accounts
from tests.site import PASSWORD, Client, Site

HEAD = "mail,name,password,quota,aliases,forwarding"


@pytest.fixture
def root(site: Site) -> Client:
    root = site.root()
    root.ok("POST", "domain/ex.com")
    root.ok("POST", "user/ann@ex.com", password=PASSWORD, name="Ann")
    return root


def _table(*rows: str, head: str = HEAD) -> str:
    return "\n".join([head, *rows])


def _told(client: Client, kind: str, text: str, **parameters: str) -> list[dict[str, Any]]:
    answer = client.post(f"panel/import/{kind}", csv=text, **parameters)
    assert answer["_success"], answer
    found: list[dict[str, Any]] = answer["_data"]
    return found


def _outcomes(told: list[dict[str, Any]]) -> list[tuple[int, str, str]]:
    return [(each["line"], each["outcome"], ",".join(each["codes"])) for each in told]


ROWS = {
    f"bob@ex.com,Bob,{PASSWORD},100,bobby@ex.com,": ("created", ""),
    f" CAT@ex.com ,Cat,{PASSWORD},,,": ("created", ""),
    "ann@ex.com,Other,x,,,": ("exists", ""),
    f"bob@ex.com,Bob,{PASSWORD},,,": ("refused", "ALREADY_EXISTS"),
    f"bobby@ex.com,Bob,{PASSWORD},,,": ("refused", "ALREADY_EXISTS"),
    f"dan@ex.com,Dan,{PASSWORD},many,,": ("refused", "INVALID_NUMBER"),
    "dan@ex.com,Dan,Short1,,,": ("refused", "PW_SHORTER_THAN_MIN_LENGTH,PW_NO_SPECIAL_CHAR"),
    "dan@ex.com,Dan,,,,": ("refused", "PW_EMPTY"),
    f"dan@ex.com,D\0n,{PASSWORD},,,": ("refused", "INVALID_VALUE"),
    f"dan@ex.com,Dan,{PASSWORD}\0,,,": ("refused", "PW_NON_ASCII"),
    f"dan@no.test,Dan,{PASSWORD},,,": ("refused", "NO_SUCH_DOMAIN"),
    f"nobody,Dan,{PASSWORD},,,": ("refused", "INVALID_MAIL"),
    f",Dan,{PASSWORD},,,": ("refused", "INVALID_MAIL"),
    f"dan@ex.com,Dan,{PASSWORD}": ("refused", "INVALID_VALUE"),
    f"dan@ex.com,Dan,{PASSWORD},,ann@ex.com,": ("refused", "ALREADY_EXISTS"),
    f'eve@ex.com,Eve,{PASSWORD},,,"bob@ex.com,x@far.test"': ("created", ""),
}  # fmt: skip


def test_a_preview_tells_what_will_happen_and_changes_nothing(site: Site, root: Client) -> None:
    before = site.dump()
    told = _told(root, "users", _table(*ROWS), dry_run="yes")
    assert site.dump() == before
    expected = [(number, *outcome) for number, outcome in enumerate(ROWS.values(), 2)]
    assert _outcomes(told) == [(line, outcome.replace("created", "ready"), code) for line, outcome, code in expected]
    done = _told(root, "users", _table(*ROWS))
    assert _outcomes(done) == expected
    assert [each["mail"] for each in done[:3]] == ["bob@ex.com", "CAT@ex.com", "ann@ex.com"]
    assert accounts(site, "mailbox") == ["ann@ex.com", "bob@ex.com", "cat@ex.com", "eve@ex.com"]
    assert root.data("user/eve@ex.com")["forwardings"] == ["bob@ex.com", "x@far.test"]
    assert root.data("user/bob@ex.com")["aliases"] == ["bobby@ex.com"]


def test_each_account_has_its_line_in_the_log_and_the_table_none(site: Site, root: Client) -> None:
    _told(root, "users", _table(*ROWS), dry_run="yes")
    assert [row["username"] for row in site.rows("log", event="create") if row["username"]] == ["ann@ex.com"]
    _told(root, "users", _table(*ROWS))
    lines = sorted(row["username"] for row in site.rows("log", event="create") if row["username"])
    assert lines == ["ann@ex.com", "bob@ex.com", "cat@ex.com", "eve@ex.com"]


def test_a_table_may_be_carried_out_again(site: Site, root: Client) -> None:
    text = _table(f"bob@ex.com,Bob,{PASSWORD},,,", f"cat@ex.com,Cat,{PASSWORD},,,")
    assert _outcomes(_told(root, "users", text)) == [(2, "created", ""), (3, "created", "")]
    root.ok("PUT", "user/bob@ex.com", name="Robert")
    before = site.dump()
    assert _outcomes(_told(root, "users", text)) == [(2, "exists", ""), (3, "exists", "")]
    assert site.dump() == before


def test_aliases_come_from_tables_as_well(site: Site, root: Client) -> None:
    text = _table(
        'all@ex.com,All,public,"ann@ex.com,x@far.test",active',
        "off@ex.com,Off,,,disabled",
        "ann@ex.com,Ann,,,",
        "two@ex.com,Two,everybody,,",
        "all@ex.com,All,,,",
        head="mail,name,accessPolicy,members,accountStatus",
    )  # fmt: skip
    expected = [
        (2, "created", ""), (3, "created", ""), (4, "refused", "ALREADY_EXISTS"), (5, "refused", "INVALID_VALUE"),
        (6, "refused", "ALREADY_EXISTS"),
    ]  # fmt: skip
    told = _outcomes(_told(root, "aliases", text, dry_run="yes"))
    assert [(line, outcome.replace("ready", "created"), code) for line, outcome, code in told] == expected
    assert accounts(site, "alias") == []
    assert _outcomes(_told(root, "aliases", text)) == expected
    assert accounts(site, "alias") == ["all@ex.com", "off@ex.com"]
    assert root.data("alias/all@ex.com")["members"] == ["ann@ex.com", "x@far.test"]


LIMITS = [
    ({"numberOfUsers": "3"}, {}, "EXCEEDED_DOMAIN_ACCOUNT_LIMIT"),
    ({"quota": "250"}, {}, "EXCEEDED_DOMAIN_QUOTA_SIZE"),
    ({}, {"maxUsers": "3"}, "EXCEED_LIMIT_USERS"),
    ({}, {"maxQuota": "250", "quotaUnit": "MB"}, "EXCEED_LIMIT_QUOTA"),
]


@pytest.mark.parametrize(("of_domain", "of_admin", "code"), LIMITS, ids=[code for *_, code in LIMITS])
def test_a_preview_counts_against_limits_what_stands_above(
    site: Site, root: Client, of_domain: dict[str, str], of_admin: dict[str, str], code: str
) -> None:
    root.ok("PUT", "user/ann@ex.com", quota="50")
    root.ok("PUT", "domain/ex.com", **of_domain)
    client = site.admin("al@far.test", "ex.com", **of_admin)
    text = _table(
        f"a@ex.com,A,{PASSWORD},100,,", "b@ex.com,B,short,100,,", f"c@ex.com,C,{PASSWORD},100,,",
        f"d@ex.com,D,{PASSWORD},100,,",
    )  # fmt: skip
    before = site.dump()
    told = _told(client, "users", text, dry_run="yes")
    assert [each["outcome"] for each in told] == ["ready", "refused", "ready", "refused"]
    assert told[-1]["codes"] == [code]
    assert {**site.dump(), "log": []} == {**before, "log": []}
    done = _told(client, "users", text)
    assert [each["outcome"] for each in done] == ["created", "refused", "created", "refused"]
    assert done[-1]["codes"] == [code]


def test_a_limit_of_aliases_counts_in_a_preview(root: Client) -> None:
    root.ok("PUT", "domain/ex.com", numberOfAliases="1")
    told = _told(root, "aliases", "mail\na@ex.com\nb@ex.com", dry_run="yes")
    assert _outcomes(told) == [(2, "ready", ""), (3, "refused", "EXCEEDED_DOMAIN_ACCOUNT_LIMIT")]


def test_rights_are_those_of_each_operation(site: Site, root: Client) -> None:
    root.ok("POST", "domain/b.test", disableUserProfile="aliases")
    client = site.admin("al@far.test", "b.test")
    text = _table(
        f"x@ex.com,X,{PASSWORD},,",
        f"x@b.test,X,{PASSWORD},yes,",
        f"y@b.test,Y,{PASSWORD},,y2@b.test",
        f"z@b.test,Z,{PASSWORD},,",
        head="mail,name,password,isGlobalAdmin,aliases",
    )  # fmt: skip
    for parameters in ({"dry_run": "yes"}, {}):
        told = _told(client, "users", text, **parameters)
        assert [",".join(each["codes"]) for each in told] == ["PERMISSION_DENIED"] * 3 + [""]
    assert accounts(site, "mailbox") == ["ann@ex.com", "z@b.test"]
    assert _told(client, "users", "mail\nann@ex.com")[0]["codes"] == ["PERMISSION_DENIED"]
    assert site.client().refused("POST", "panel/import/users", csv="mail\nann@ex.com") == "LOGIN_REQUIRED"


HEADS = ["", "\n\n", "name,password\nAnn,x", "mail,colour\na@ex.com,red", "mail,name,Name\na@ex.com,A,B",
         '"mail,name\na@ex.com,A']  # fmt: skip


@pytest.mark.parametrize("text", HEADS)
def test_a_table_without_names_is_refused_as_a_whole(site: Site, root: Client, text: str) -> None:
    before = site.dump()
    code = "INVALID_VALUE" if text else "MISSING_PARAMETER"
    assert root.refused("POST", "panel/import/users", csv=text) == code
    assert site.dump() == before


def test_a_table_has_its_bounds(root: Client) -> None:
    for end in ("\n", "\r"):
        text = "mail" + end + f"a@ex.com{end}" * MOST_LINES
        assert root.refused("POST", "panel/import/users", csv=text) == "REQUEST_TOO_LARGE"


def test_no_password_is_told(root: Client) -> None:
    secret = "Very-Secret-1"
    answer = root.raw(
        "POST", "panel/import/users", data={"csv": _table(f"b@ex.com,B,{secret},x,,", f"c@ex.com,C,{secret},,,")}
    )
    assert answer.json()["_success"]
    assert secret not in answer.text


@pytest.mark.slow  # waits for a lock
@pytest.mark.sql
def test_where_a_store_does_not_answer_the_rest_is_not_tried(site: Site, root: Client) -> None:
    text = _table(*(f"{name}@ex.com,X,{PASSWORD},,," for name in "abc"))
    with Session(site.storage.databases["vmail"]) as other:
        other.begin()
        other.update(domain, {"description": "Mine."}, domain="ex.com")
        told = _told(root, "users", text)
    assert _outcomes(told) == [(2, "refused", "SERVICE_UNAVAILABLE")]
    assert "were not tried" in told[0]["hint"]
    assert [each["outcome"] for each in _told(root, "users", text)] == ["created"] * 3


# The other way


def _exported(client: Client, path: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(client.data(path), newline="")))


def test_what_is_exported_can_be_imported_again(root: Client) -> None:
    root.ok(
        "POST", "user/bob@ex.com", password=PASSWORD, name="=Bob, O'Neill", quota="100", aliases="b1@ex.com,b2@ex.com",
        forwarding="bob@ex.com,x@far.test", language="de_DE", employeeid="-1", accountStatus="disabled",
        recipientBcc="y@far.test", services="smtp,imap",
    )  # fmt: skip
    root.ok("POST", "alias/all@ex.com", name="+All", members="ann@ex.com,x@far.test", accessPolicy="domain")
    users, aliases = root.data("panel/export/users/ex.com"), root.data("panel/export/aliases/ex.com")
    before = root.data("user/bob@ex.com"), root.data("alias/all@ex.com")
    root.ok("DELETE", "user/bob@ex.com")
    root.ok("DELETE", "alias/all@ex.com")
    head, *rows = csv.reader(io.StringIO(users, newline=""))
    [bob] = [row for row in rows if row[0] == "bob@ex.com"]
    assert bob[head.index("name")] == "'=Bob, O'Neill"
    table = io.StringIO(newline="")
    csv.writer(table).writerows([[*head, "password"], [*bob, PASSWORD]])
    assert _outcomes(_told(root, "users", table.getvalue())) == [(2, "created", "")]
    assert _outcomes(_told(root, "aliases", aliases)) == [(2, "created", "")]
    after = root.data("user/bob@ex.com"), root.data("alias/all@ex.com")
    for one, other in zip(before, after, strict=True):
        new = {"created", "modified", "passwordlastchange"}
        assert {key: one[key] for key in one.keys() - new} == {key: other[key] for key in other.keys() - new}


def test_an_export_has_no_passwords_and_nothing_that_is_closed(site: Site, root: Client) -> None:
    site.change_settings(api_hidden_user_profiles=[])
    root.ok("PUT", "user/ann@ex.com", forwarding="ann@ex.com,x@far.test")
    [ann] = _exported(root, "panel/export/users/ex.com")
    assert ann["forwarding"] == "ann@ex.com,x@far.test"
    assert not {"password", "password_hash"} & ann.keys()
    assert "{S" not in root.raw("GET", "panel/export/users/ex.com").text
    root.ok("PUT", "domain/ex.com", disableUserProfile="forwarding")
    client = site.admin("al@far.test", "ex.com")
    [ann] = _exported(client, "panel/export/users/ex.com")
    assert (ann["mail"], ann["name"], ann["forwarding"]) == ("ann@ex.com", "Ann", "")
    assert not {"isGlobalAdmin", "services", "maildir", "transport"} & ann.keys()
    root.ok("POST", "domain/b.test")
    for kind in ("users", "aliases"):
        assert client.refused("GET", f"panel/export/{kind}/b.test") == "PERMISSION_DENIED"
        assert root.refused("GET", f"panel/export/{kind}/no.test") == "NO_SUCH_DOMAIN"
