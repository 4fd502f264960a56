"""What is sent stays what it is: in SQL, in paths, in maps, in the log, under one spelling."""

import json
import logging
from urllib.parse import quote

import pytest

from postreeve.operations import REGISTRY
from tests.profiles import accounts, said
from tests.site import PASSWORD, ROOT, Client, Site

pytestmark = pytest.mark.slow  # every text of the world

NASTY = [
    "'",
    '"',
    "';DROP TABLE mailbox;--",
    "' OR '1'='1",
    "\\",
    "\\'",
    "%",
    "%s",
    "%(v0)s",
    "%%",
    ":v0",
    ":name",
    "?",
    "$1",
    "{0}",
    "{{7*7}}",
    "${7*7}",
    "<script>alert(1)</script>",
    "=1+1",
    "@SUM(1)",
    "-1",
    "|",
    "_",
    "`id`",
    "$(id)",
    "😀",
    "ﬀ",
    "NULL",
    "\\N",
    "\u202egnp.exe",
    "a" * 255,
    "é" * 255,
    "0x27",
    "/* */",
    "#",
    "--",
    ";",
    "key:value;other:1",
]


def _furnished(site: Site) -> Client:
    root = site.root()
    for domain in ("ex.com", "other.test"):
        root.ok("POST", f"domain/{domain}")
        root.ok("POST", f"user/ann@{domain}", password=PASSWORD)
        root.ok("POST", f"alias/all@{domain}", members="x@far.test")
    return root


def test_every_text_comes_back_as_it_was_sent_and_touches_nothing_else(site: Site) -> None:
    root = _furnished(site)
    root.ok("POST", "admin/al@far.test", password=PASSWORD)
    others = {name: [row for row in rows if "other.test" in str(row)] for name, rows in site.dump().items()}
    for text in NASTY:
        for path, names in {
            "domain/ex.com": {"name": "description"},
            "user/ann@ex.com": {
                "name": "name",
                "gn": "first_name",
                "sn": "last_name",
                "employeeid": "employeeid",
                "mobile": "mobile",
            },
            "alias/all@ex.com": {"name": "name"},
            "admin/al@far.test": {"name": "name"},
        }.items():
            if site.directory:
                names.pop("mobile", None)  # it takes letters, digits and a few signs
            root.ok("PUT", path, **dict.fromkeys(names, text))
            profile = root.data(path)
            assert {said(profile, key) for key in names.values()} == {text}
    after = {name: [row for row in rows if "other.test" in str(row)] for name, rows in site.dump().items()}
    assert after == others


@pytest.mark.parametrize("operation", ["create", "update"])
def test_every_other_parameter_refuses_or_ignores_what_is_no_value_of_it(site: Site, operation: str) -> None:
    root = _furnished(site)
    for route in ("/api/domain/<domain>", "/api/user/<mail>", "/api/alias/<mail>", "/api/admin/<mail>"):
        method, path = ("PUT", "all@ex.com") if "alias" in route else ("PUT", "ann@ex.com")
        path = {"domain": "ex.com", "admin": ROOT}.get(route.split("/")[2], path)
        if operation == "create":
            method, path = "POST", path.replace("ann", "new").replace("all", "new").replace("root", "new")
        for of in REGISTRY[f"{method} {route}"].fields:
            if of.name in {"name", "gn", "sn", "employeeid", "mobile", "telephoneNumber", "password"}:
                continue
            for text in ("'", "x';--", "%s", "\\", "\0", "a\r\nb", "😀"):
                for name in of.names:
                    answer = root.raw(
                        method, f"{route.split('/')[2]}/{path}", data={name: text, **_besides(method, route)}
                    )
                    assert answer.status_code == 200, (route, name, text, answer.text)
    assert accounts(site, "domain") == ["ex.com", "other.test"]


def _besides(method: str, route: str) -> dict[str, str]:
    return {"password": "x"} if method == "POST" and "domain" not in route else {}


@pytest.mark.parametrize(
    "place",
    [
        "user/{}@ex.com",
        "user/ann@{}",
        "users/{}",
        "domain/{}",
        "alias/{}@ex.com",
        "admin/{}@far.test",
        "domain/ex.com/keep_mailbox_days/{}",
    ],
)
def test_no_path_reaches_the_database_unread(site: Site, place: str) -> None:
    root = _furnished(site)
    before = site.dump()
    for text in NASTY:
        for method in ("GET", "PUT", "DELETE"):
            answer = root.raw(method, place.format(quote(text, safe="")))
            assert answer.status_code in {200, 404, 405}, (method, text, answer.text)
            assert answer.json()["_success"] is False, (method, text)
    assert site.dump() == before


def test_paging_and_filters_take_words_only(site: Site) -> None:
    root = _furnished(site)
    for name in ("email_only", "disabled_only"):
        for text in ("'", "yes' OR '1", "1", "true"):
            assert root.refused("GET", "users/ex.com", **{name: text}) == "INVALID_VALUE"


def test_a_wildcard_in_a_domain_deletes_nothing_but_that_domain(site: Site) -> None:
    root = site.root()
    for domain in ("a_b.test", "axb.test", "b.a_b.test"):
        root.ok("POST", f"domain/{domain}", senderBcc=f"copy@far.{domain}")
        root.ok("POST", f"user/ann@{domain}", password=PASSWORD, senderBcc="x@axb.test")
    root.ok("DELETE", "domain/a_b.test")
    assert accounts(site, "domain") == ["axb.test", "b.a_b.test"]
    assert accounts(site, "mailbox") == ["ann@axb.test", "ann@b.a_b.test"]
    for mail in ("ann@axb.test", "ann@b.a_b.test"):
        assert said(root.data(f"user/{mail}"), "senderBcc") == "x@axb.test"


ONE_ACCOUNT = [
    "ANN@EX.COM",
    "Ann@ex.com",
    "ann@EX.com",
    " ann@ex.com",
    "ann@ex.com ",
    "ann@\uff45\uff58.com",
    "ann@ex\u3002com",
    "ann@ex\uff0ecom",
    "ann@ex.\uff43\uff4f\uff4d",
    "ann@e\u00adx.com",
    "ann@\u24d4\u24e7.com",
]
NO_ACCOUNT = [
    "ann@ex.com.",
    "\uff41nn@ex.com",
    "\u0430nn@ex.com",
    "ann@\u0435x.com",
    "ann@@ex.com",
    "ann@ex.com\0",
    "ann\u200b@ex.com",
    "ann@ex..com",
    "\u201cann\u201d@ex.com",
    '"ann"@ex.com',
    "ann@[127.0.0.1]",
    "ann @ex.com",
    "ann@ ex.com",
    "ann.@ex.com",
    ".ann@ex.com",
    "\u017fnn@ex.com",
    "ann@ex.com\nbob@ex.com",
    "ann,bob@ex.com",
    "ann@ex.com,",
    "ann%40ex.com",
    "\u212aate@ex.com",
]


def test_one_account_has_one_spelling(site: Site) -> None:
    root = _furnished(site)
    for spelling in ONE_ACCOUNT:
        assert said(root.data(f"user/{quote(spelling)}"), "mail") == "ann@ex.com", spelling
        assert root.refused("POST", f"user/{quote(spelling)}", password=PASSWORD) == "ALREADY_EXISTS", spelling
        assert root.refused("POST", f"alias/{quote(spelling)}") == "ALREADY_EXISTS", spelling
    for spelling in NO_ACCOUNT:
        answer = root.raw("POST", f"user/{quote(spelling, safe='')}", data={"password": PASSWORD}).json()
        assert answer.get("_msg") in {"INVALID_MAIL", "NO_SUCH_DOMAIN"}, spelling
    assert len(accounts(site, "mailbox")) == 2


def test_international_domains_are_one_domain_in_every_form(site: Site) -> None:
    root = site.root()
    root.ok("POST", "domain/bücher.test")
    for spelling in ("BÜCHER.test", "xn--bcher-kva.test", "XN--BCHER-KVA.test", "bu\u0308cher.test", "bücher。test"):
        assert root.refused("POST", f"domain/{spelling}") == "ALREADY_EXISTS"
        assert said(root.data(f"domain/{spelling}"), "domain") == "xn--bcher-kva.test"
    root.ok("POST", "user/ann@bücher.test", password=PASSWORD)
    assert accounts(site, "mailbox") == ["ann@xn--bcher-kva.test"]
    root.ok("PUT", "domain/admins/xn--bcher-kva.test", addAdmin="ann@BÜCHER.test")
    assert site.client().login("ann@bücher.test").data("domains", name_only="yes") == ["xn--bcher-kva.test"]


def test_mailboxes_stay_below_the_storage_root_and_apart(site: Site) -> None:
    root = _furnished(site)
    before = site.dump()
    home = root.data("user/ann@other.test")
    place = ("storagebasedirectory", "storagenode", "maildir")
    path = home["homeDirectory"][0] if site.directory else "/".join(home[key] for key in place)
    for maildir, code in [
        ("/etc", "INVALID_VALUE"),
        ("/var/vmail", "INVALID_VALUE"),
        ("/var/vmail/", "INVALID_VALUE"),
        ("/var/vmail/vmail1/../../../etc/x", "INVALID_VALUE"),
        ("/var/vmail/vmail1/./x", "INVALID_VALUE"),
        ("/var/vmail//vmail1/x", "INVALID_VALUE"),
        ("var/vmail/vmail1/x", "INVALID_VALUE"),
        ("/var/vmailx/vmail1/x", "INVALID_VALUE"),
        ("/var/vmail/vmail1/x y", "INVALID_VALUE"),
        ("/var/vmail/vmail1/%d/%n", "INVALID_VALUE"),
        ("/var/vmail/vmail1/a\nb", "INVALID_VALUE"),
        (path, "ALREADY_EXISTS"),
        (path.upper(), "ALREADY_EXISTS"),
        (path.rstrip("/") + "/inner", "ALREADY_EXISTS"),
        (path.rstrip("/").rpartition("/")[0], "ALREADY_EXISTS"),
        ("/var/vmail/vmail1/other.test", "ALREADY_EXISTS"),
    ]:
        assert root.refused("PUT", "user/ann@ex.com", maildir=maildir) == code, maildir
    assert site.dump() == before


def test_every_change_writes_one_line_and_no_secret(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    root = site.root()
    secret, hashed = "Zx-81@Very-Secret", "{PLAIN}Zx-81@Very-Secret"
    changes = [
        ("POST", "domain/ex.com", {"name": secret}, "create"),
        ("PUT", "domain/ex.com", {"name": secret}, "update"),
        ("POST", "user/ann@ex.com", {"password": secret}, "create"),
        ("PUT", "user/ann@ex.com", {"password": secret}, "update"),
        ("PUT", "user/ann@ex.com", {"password_hash": hashed}, "update"),
        ("PUT", "user/ann@ex.com", {"accountStatus": "disabled"}, "disable"),
        ("PUT", "user/ann@ex.com", {"accountStatus": "active"}, "active"),
        ("PUT", "users/ex.com", {"password": secret}, "update"),
        ("POST", "alias/all@ex.com", {"members": "ann@ex.com"}, "create"),
        ("POST", "alias/all@ex.com/change_email/every@ex.com", {}, "update"),
        ("PUT", "domain/admins/ex.com", {"addAdmin": "ann@ex.com"}, "update"),
        ("POST", "admin/al@far.test", {"password": secret}, "create"),
        ("PUT", "admin/al@far.test", {"password": secret}, "update"),
        ("DELETE", "alias/every@ex.com", {}, "delete"),
        ("DELETE", "user/ann@ex.com", {}, "delete"),
        ("DELETE", "admin/al@far.test", {}, "delete"),
        ("DELETE", "domain/ex.com", {}, "delete"),
    ]
    before = len(site.rows("log"))
    with caplog.at_level(logging.DEBUG, "postreeve"):
        for number, (method, path, parameters, _) in enumerate(changes, 1):
            assert root.raw(method, path, data=parameters).json()["_success"]
            assert len(site.rows("log")) == before + number
    lines = sorted(site.rows("log"), key=lambda row: int(row["id"]))[before:]
    assert [line["event"] for line in lines] == [event for *_, event in changes]
    assert {(line["admin"], line["ip"], line["loglevel"]) for line in lines} == {(ROOT, "127.0.0.1", "info")}
    assert secret not in json.dumps(lines) + caplog.text
    root.get("domains")
    root.put("domain/no.test", name="x")
    assert len(site.rows("log")) == before + len(changes)


def test_no_answer_holds_a_hash(site: Site) -> None:
    root = _furnished(site)
    root.ok("PUT", "domain/admins/ex.com", addAdmin="ann@ex.com")
    if site.directory:
        hashes = [word for entry in site.entries().values() for word in entry.get("userPassword", ())]
    else:
        hashes = [row["password"] for name in ("admin", "mailbox") for row in site.rows(name)]
    assert len(hashes) == 3
    for path in (
        "user/ann@ex.com",
        "users/ex.com",
        "domain/ex.com",
        "domains",
        "admins",
        f"admin/{ROOT}",
        "aliases/ex.com",
        "alias/all@ex.com",
    ):
        text = root.raw("GET", path).text
        assert root.get(path)["_success"]
        assert not any(stored in text or stored[9:30] in text for stored in hashes)
        assert '"password"' not in text
        assert '"userPassword"' not in text
