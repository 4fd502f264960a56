"""The floor: what clients in the field send, and must be able to send, one test for each line of it."""

import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.profiles import accounts, said
from tests.site import PASSWORD, ROOT, Site
from tests.wire.raw import cookie, send

BASE = "/iredadmin/api"
LOGIN = f"username={ROOT}&password=A%40StrongPassword2"


def test_w1_a_doubled_slash_is_one(site: Site) -> None:
    login = send(site, f"POST //iredadmin//api//login HTTP/1.1\nContent-Length: {len(LOGIN)}", LOGIN.encode())
    assert login.json == {"_success": True}
    root = site.root()
    root.ok("POST", "domain/ex.com")
    assert send(site, f"GET {BASE}//domain//ex.com HTTP/1.1\n{cookie(root)}").json["_data"]["num_existing_users"] == 0


def test_w2_a_trailing_slash_is_none_and_never_a_redirect(site: Site) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com/")
    for path in ("domain/ex.com/", "domains/", "domain/ex.com//"):
        answer = send(site, f"GET {BASE}/{path} HTTP/1.1\n{cookie(root)}")
        assert (answer.status, answer.json["_success"]) == (200, True)
    assert send(site, f"DELETE {BASE}/domain/ex.com/ HTTP/1.1\n{cookie(root)}").json == {"_success": True}


def test_w3_at_signs_may_be_encoded_and_a_plus_in_a_path_is_no_blank(site: Site) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com")
    answer = send(site, f"POST {BASE}/alias/sales+eu%40ex.com HTTP/1.1\n{cookie(root)}")
    assert answer.json == {"_success": True}
    for spelling in ("sales+eu@ex.com", "sales+eu%40ex.com", "sales%2Beu%40ex.com", "SALES+eu@EX.com"):
        shown = send(site, f"GET {BASE}/alias/{spelling} HTTP/1.1\n{cookie(root)}").json["_data"]
        assert said(shown, "mail") == "sales+eu@ex.com"


def test_w4_parameters_come_by_query_or_body_on_every_method_and_the_body_wins(site: Site) -> None:
    login = send(site, f"POST {BASE}/login?{LOGIN} HTTP/1.1\nContent-Length: 0")
    assert login.json == {"_success": True}
    root = site.root()
    assert root.raw("POST", "domain/ex.com?name=query&quota=5", data={"name": "body"}).json() == {"_success": True}
    profile = root.data("domain/ex.com")
    assert (said(profile, "description"), said(profile, "maxquota")) == ("body", 5)
    assert root.raw("PUT", "domain/ex.com?name=alone").json() == {"_success": True}
    assert said(root.data("domain/ex.com"), "description") == "alone"
    names = root.raw("GET", "domains", data={"name_only": "yes"}).json()
    assert names["_data"] == ["ex.com"]


def test_w5_a_body_without_a_type_is_a_form(site: Site) -> None:
    body = LOGIN.encode()
    assert send(site, f"POST {BASE}/login HTTP/1.1\nContent-Length: {len(body)}", body).json == {"_success": True}


def test_w6_changes_need_neither_a_body_nor_its_length(site: Site) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com")
    root.ok("POST", "user/ann@ex.com", password=PASSWORD)
    for line in (
        "POST {}/user/ann@ex.com/change_email/eve@ex.com HTTP/1.1",
        "DELETE {}/user/eve@ex.com HTTP/1.1\nContent-Length: 0",
        "DELETE {}/domain/ex.com HTTP/1.1",
    ):
        assert send(site, f"{line.format(BASE)}\n{cookie(root)}").json == {"_success": True}
    assert accounts(site, "domain") == []


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"cn=ABC Inc.&quota=20480", "ABC Inc."),
        ("cn=Jørn".encode(), "Jørn"),
        (b"cn=J%C3%B8rn+Utzon", "Jørn Utzon"),
        (b"cn=J%c3%b8rn%20Utzon", "Jørn Utzon"),
        (b"cn=A%26B%3DC%2B", "A&B=C+"),
        ("cn=名前 😀".encode(), "名前 😀"),
        (b"cn=100%&x", "100%"),
    ],
)
def test_w7_bodies_hold_raw_blanks_and_raw_utf8(site: Site, body: bytes, name: str) -> None:
    root = site.root()
    head = f"POST {BASE}/domain/ex.com HTTP/1.1\n{cookie(root)}\nContent-Length: {len(body)}"
    assert send(site, f"{head}\nContent-Type: application/x-www-form-urlencoded", body).json["_success"]
    assert said(root.data("domain/ex.com"), "description") == name


def test_w8_old_names_count_beside_new_ones(site: Site) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com", cn="Example", preferredLanguage="de_DE", numberOfUsers="7")
    root.ok(
        "POST", "user/ann@ex.com", cn="Ann", password=PASSWORD, mailQuota="20", preferredLanguage="zh_CN",
        givenName="Annie", sn="Smith", mailbox_format="mdbox", mailbox_folder="Mail",
    )  # fmt: skip
    user = root.data("user/ann@ex.com")
    assert [said(user, key) for key in ("name", "quota", "language", "first_name", "last_name")] == [
        "Ann", 20, "zh_CN", "Annie", "Smith",
    ]  # fmt: skip
    assert (said(user, "mailboxformat"), said(user, "mailboxfolder")) == ("mdbox", "Mail")
    root.ok("PUT", "user/ann@ex.com", cn="old", name="new", language="de_DE", mailQuota="30")
    user = root.data("user/ann@ex.com")
    assert [said(user, key) for key in ("name", "quota", "language")] == ["new", 30, "de_DE"]
    root.ok("POST", "admin/al@far.test", password=PASSWORD, domainGlobalAdmin="yes")
    assert said(root.data("admin/al@far.test"), "isglobaladmin") == 1


def test_w9_unknown_parameters_are_ignored_and_named(site: Site) -> None:
    root = site.root()
    assert root.post("domain/ex.com", colour="red", name="Ex") == {"_success": True, "_ignored": ["colour"]}
    answer = root.get("domain/ex.com", username=ROOT, password=PASSWORD)
    assert answer["_success"]
    assert sorted(answer["_ignored"]) == ["password", "username"]


@pytest.mark.parametrize("line", ["", "Accept: */*", "Accept: application/json", "Accept: text/html", "Accept:"])
def test_w10_no_agent_and_any_accept_header_will_do(site: Site, line: str) -> None:
    answer = send(site, f"GET {BASE}/domains HTTP/1.1\n{cookie(site.root())}\n{line}")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json["_success"]


def test_w11_business_refusals_are_ordinary_answers(site: Site) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com")
    nobody, wrong = site.client(), {"username": ROOT, "password": "wrong"}
    for client, method, path, data, code in [
        (nobody, "POST", "login", wrong, "INVALID_CREDENTIALS"),
        (nobody, "GET", "domains", {}, "LOGIN_REQUIRED"),
        (root, "GET", "user/no@ex.com", {}, "NO_SUCH_ACCOUNT"),
        (root, "PUT", "domain/no.test", {"name": "x"}, "NO_SUCH_DOMAIN"),
        (root, "POST", "domain/ex.com", {}, "ALREADY_EXISTS"),
        (root, "PUT", "domain/ex.com", {"quota": "much"}, "INVALID_NUMBER"),
        (site.admin("al@far.test", "ex.com"), "GET", "admins", {}, "PERMISSION_DENIED"),
    ]:
        answer = client.raw(method, path, data=data, allow_redirects=False)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert (answer.json()["_success"], answer.json()["_msg"]) == (False, code)


def test_w12_a_server_whose_api_is_off_knows_no_such_path(site: Site) -> None:
    site.change_settings(enable_restful_api=False)
    for method, path in (("POST", "login"), ("GET", "domains"), ("PUT", "domain/ex.com"), ("GET", "nothing")):
        assert site.client().raw(method, path, allow_redirects=False).status_code == 404


def test_w13_every_answer_has_a_boolean_success(site: Site) -> None:
    for method, path in (("GET", "nothing"), ("PATCH", "login"), ("GET", ""), ("POST", "login"), ("GET", "domains")):
        answer = site.client().raw(method, path)
        assert answer.json()["_success"] is False
        assert answer.headers["content-type"] == "application/json"


def test_w14_the_cookie_covers_both_mount_points_and_works_without_tls(site: Site) -> None:
    client = site.client()
    answer = client.raw("POST", "login", data={"username": ROOT, "password": PASSWORD})
    name, *attributes = answer.headers["set-cookie"].split("; ")
    assert sorted(attributes) == ["HttpOnly", "Path=/", "SameSite=Lax"]
    assert len(name.partition("=")[2]) >= 43
    assert client.session.get(site.base.replace("/iredadmin/api", "/api") + "/domains").json()["_success"]


def test_w15_ten_workers_share_one_session(site: Site) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com")
    line = cookie(root)

    def work(number: int) -> list[bool]:
        body = b"password=A%40StrongPassword2"
        head = f"POST {BASE}/user/u{number}@ex.com HTTP/1.1\n{line}\nContent-Length: {len(body)}"
        return [
            send(site, head, body).json["_success"],
            send(site, f"GET {BASE}/user/u{number}@ex.com HTTP/1.1\n{line}").json["_success"],
        ]

    with ThreadPoolExecutor(10) as workers:
        assert all(success for successes in workers.map(work, range(20)) for success in successes)
    assert len(accounts(site, "mailbox")) == 20


def test_w15_logins_at_the_same_moment_all_succeed(site: Site) -> None:
    gate = threading.Barrier(10)

    def work(_: int) -> bool:
        gate.wait()
        return bool(site.client().post("login", username=ROOT, password=PASSWORD)["_success"])

    with ThreadPoolExecutor(10) as workers:
        assert all(workers.map(work, range(10)))


def test_w15_a_login_for_every_run_locks_nobody_out(site: Site) -> None:
    site.change_settings(login_failures_per_account=3)
    for _ in range(10):
        site.root()


def test_w16_a_second_login_on_a_live_session_succeeds(site: Site) -> None:
    root = site.root()
    root.login(ROOT)
    assert root.data("domains") == []


def test_w17_neither_query_strings_nor_passwords_are_logged(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    secret = "Zx-81-Very@Secret"
    with caplog.at_level(logging.DEBUG):
        root = site.root()
        root.raw("POST", f"login?username={ROOT}&password={secret}")
        root.raw("POST", f"domain/ex.com?note={secret}")
        root.raw("POST", f"user/ann@ex.com?password={secret}")
        root.raw("PUT", f"user/ann@ex.com?password={secret}&cn=Ann")
        root.raw("POST", f"verify_password/user/ann@ex.com?password={secret}")
        root.raw("GET", f"nothing?password={secret}")
    ours = [record for record in caplog.records if not record.name.startswith(("urllib3", "requests"))]
    assert not [record for record in ours if secret in record.getMessage() or secret in str(record.exc_info)]
    assert secret not in json.dumps(site.rows("log"))


@pytest.mark.parametrize(
    "password",
    [
        "-Aa1" + "x" * 60,
        "--help@A1" + "!" * 55,
        "#$%&*+-,.:;!=<>'\"?@[]/(){}_`~^\\" + "aA1" * 10 + "zz",
        "%s%d{0}A1$(x)",
    ],
)
def test_w18_long_passwords_with_symbols_work(site: Site, password: str) -> None:
    root = site.root()
    root.ok("POST", "admin/al@far.test", password=password)
    site.client().login("al@far.test", password)
    assert (
        site.client().refused("POST", "login", username="al@far.test", password=password[:-1]) == "INVALID_CREDENTIALS"
    )


def test_w19_a_whole_domain_is_answered_soon(site: Site) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com")
    _add_users(site, [f"u{number}@ex.com" for number in range(3000)])
    answer = root.raw("GET", "users/ex.com")
    assert answer.elapsed.total_seconds() < 5
    assert len(answer.json()["_data"]) == 3000


def test_w20_one_parameter_leaves_every_other_value_alone(site: Site) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com", aliasDomains="ex.net", catchall="x@far.test", minPasswordLength="10")
    root.ok(
        "POST", "user/ann@ex.com", password=PASSWORD, mailboxFolder="Inbox", aliases="sales@ex.com",
        forwarding="ann@ex.com,x@far.test", senderBcc="b@far.test", transport="lmtp:x",
    )  # fmt: skip
    for path, field, value in (("user/ann@ex.com", "employeeid", "7"), ("domain/ex.com", "name", "Ex")):
        before = root.data(path)
        root.ok("PUT", path, **{field: value})
        after = root.data(path)
        changed = {key for key in before if before[key] != after[key]} - {"modified"}
        assert changed | (after.keys() - before.keys()) == {_stored_as(site, path, field)}
    before = _stored(site, "ann@ex.com")
    root.ok("PUT", "user/ann@ex.com", password="Another@Password1")
    after = _stored(site, "ann@ex.com")
    changed = {key for key in before if before[key] != after[key]}
    assert changed <= {"password", "passwordlastchange", "modified", "userPassword", "shadowLastChange"}


def _stored_as(site: Site, path: str, field: str) -> str:
    if site.directory:
        return {"employeeid": "employeeNumber", "name": "cn"}[field]
    return "description" if path.startswith("domain") else field


def _stored(site: Site, mail: str) -> dict[str, Any]:
    """Return a user's row or entry."""
    if not site.directory:
        return site.rows("mailbox", username=mail)[0]
    return next(entry for entry in site.entries().values() if entry.get("mail") == [mail])


def _add_users(site: Site, mails: list[str]) -> None:
    """Add many users, as another program would."""
    for start in range(0, len(mails), 500):
        if site.directory:
            tree = site.directory.tree
            classes = ["inetOrgPerson", "mailUser", "shadowAccount"]
            site.directory.add_many({
                tree.user(mail): {"objectClass": classes, "mail": [mail], "uid": [mail], "cn": [mail], "sn": [mail]}
                for mail in mails[start : start + 500]
            })  # fmt: skip
        else:
            rows = ",".join(f"('{mail}', 'x', 'ex.com')" for mail in mails[start : start + 500])
            site.execute("vmail", f"INSERT INTO mailbox (username, password, domain) VALUES {rows}")


def test_w21_an_empty_segment_or_list_is_never_all(site: Site) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com", aliasDomains="ex.net")
    root.ok("POST", "user/ann@ex.com", password=PASSWORD, aliases="sales@ex.com")
    before = site.dump()
    for method, path, code in [
        ("PUT", "user/", "INVALID_MAIL"),
        ("DELETE", "user", "INVALID_MAIL"),
        ("DELETE", "domain/", "INVALID_DOMAIN_NAME"),
        ("PUT", "users/", "INVALID_DOMAIN_NAME"),
        ("GET", "users", "INVALID_DOMAIN_NAME"),
        ("DELETE", "domain/ex.com/keep_mailbox_days/", "INVALID_NUMBER"),
        ("PUT", "domain/admins/", "INVALID_DOMAIN_NAME"),
        ("POST", "user/ann@ex.com/change_email/", "INVALID_MAIL"),
        ("DELETE", "user/%20", "INVALID_MAIL"),
        ("DELETE", "domain/*", "INVALID_DOMAIN_NAME"),
        ("DELETE", "domain/%25", "INVALID_DOMAIN_NAME"),
    ]:
        answer = send(site, f"{method} {BASE}/{path} HTTP/1.1\n{cookie(root)}")
        assert (answer.status, answer.json["_msg"]) == (200, code), path
    for name in ("addAlias", "removeAlias"):
        root.ok("PUT", "user/ann@ex.com", **{name: ""})
    for name in ("addAliasDomain", "removeAliasDomain", "addService", "removeService"):
        root.ok("PUT", "domain/ex.com", **{name: " , "})
    for name in ("addAdmin", "removeAdmin"):
        root.ok("PUT", "domain/admins/ex.com", **{name: ""})
    assert {**before, "log": None} == {**site.dump(), "log": None}
