"""What was decided about the wire: statuses, problem documents, repeated parameters, JSON, origins, cookies."""

import time

import pytest
import requests

from tests.profiles import accounts, said
from tests.site import PASSWORD, ROOT, Site
from tests.wire.raw import cookie, place, send

BASE = "/iredadmin/api"
PROBLEMS = {"Accept": "application/problem+json"}


def test_what_is_no_operation_has_a_true_status(site: Site) -> None:
    root = site.root()
    for method, path, status, code in [
        ("GET", "nothing", 404, "NO_SUCH_OPERATION"),
        ("GET", "domain/ex.com/more/and/more", 404, "NO_SUCH_OPERATION"),
        ("PATCH", "domain/ex.com", 405, "METHOD_NOT_ALLOWED"),
        ("OPTIONS", "domain/ex.com", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "logout", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "login", 405, "METHOD_NOT_ALLOWED"),
    ]:
        answer = root.raw(method, path)
        assert (answer.status_code, answer.json()["_msg"]) == (status, code), (method, path)


@pytest.mark.parametrize("switched", ["header", "setting"])
def test_who_asks_for_problems_gets_true_statuses(site: Site, switched: str) -> None:
    headers = PROBLEMS if switched == "header" else {}
    root = site.root()
    root.ok("POST", "domain/ex.com")
    admin = site.admin("al@far.test", "ex.com")
    if switched == "setting":
        site.change_settings(true_http_status=True)
    for client, method, path, data, status, code in [
        (site.client(), "GET", "domains", {}, 401, "LOGIN_REQUIRED"),
        (site.client(), "POST", "login", {"username": ROOT, "password": "x"}, 401, "INVALID_CREDENTIALS"),
        (admin, "GET", "admins", {}, 403, "PERMISSION_DENIED"),
        (root, "GET", "user/no@ex.com", {}, 404, "NO_SUCH_ACCOUNT"),
        (root, "POST", "domain/ex.com", {}, 409, "ALREADY_EXISTS"),
        (root, "PUT", "domain/ex.com", {"quota": "x"}, 422, "INVALID_NUMBER"),
        (root, "PUT", "domain/ex.com", {"name": ["a", "b"]}, 400, "CONFLICTING_PARAMETERS"),
    ]:
        answer = client.raw(method, path, data=data, headers=headers)
        problem = answer.json()
        assert (answer.status_code, problem["_success"], problem["_msg"]) == (status, False, code)
        assert answer.headers["content-type"] == "application/problem+json"
        assert (problem["status"], problem["type"]) == (status, "about:blank")
        assert problem["title"]


def test_asking_for_problems_changes_nothing_about_success(site: Site) -> None:
    answer = site.root().raw("GET", "domains", headers=PROBLEMS)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")


def test_too_many_attempts_say_when_to_come_back(site: Site) -> None:
    site.change_settings(login_failures_per_account=2)
    wrong = {"username": "x@far.test", "password": "wrong"}
    for _ in range(2):
        assert site.client().refused("POST", "login", **wrong) == "INVALID_CREDENTIALS"
    answer = site.client().raw("POST", "login", data=wrong)
    assert (answer.status_code, answer.json()["_msg"]) == (200, "TOO_MANY_ATTEMPTS")
    assert 1 <= int(answer.headers["retry-after"]) <= 600
    assert site.client().raw("POST", "login", data=wrong, headers=PROBLEMS).status_code == 429


def test_repeated_parameters_join_for_lists_and_are_refused_for_scalars(site: Site) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com")
    twice = [("catchall", "a@far.test"), ("catchall", "b@far.test,c@far.test")]
    assert root.raw("PUT", "domain/ex.com", data=twice).json() == {"_success": True}
    assert root.data("domain/ex.com")["catchall"] == ["a@far.test", "b@far.test", "c@far.test"]
    before = site.dump()
    for data in ([("name", "a"), ("name", "b")], [("name", "a"), ("name", "a")]):
        assert root.raw("PUT", "domain/ex.com", data=data).json()["_msg"] == "CONFLICTING_PARAMETERS"
    assert root.raw("PUT", "domain/ex.com?quota=1&quota=2").json()["_msg"] == "CONFLICTING_PARAMETERS"
    assert site.dump() == before


def test_json_bodies_say_the_same_as_forms(site: Site) -> None:
    root = site.root()
    body = {"name": "Jørn", "quota": 7, "catchall": ["a@far.test", "b@far.test"], "is_backupmx": False}
    assert root.raw("POST", "domain/ex.com", json=body).json() == {"_success": True}
    profile = root.data("domain/ex.com")
    assert [said(profile, key) for key in ("description", "maxquota", "backupmx")] == ["Jørn", 7, 0]
    assert profile["catchall"] == ["a@far.test", "b@far.test"]
    assert root.raw("PUT", "domain/ex.com?name=query", json={"name": None, "catchall": []}).json()["_success"]
    profile = root.data("domain/ex.com")
    assert (said(profile, "description"), profile["catchall"]) == ("", [])
    several = root.raw("PUT", "domain/ex.com", json={"name": ["a", "b"]}).json()
    assert (several["_success"], several["_msg"]) == (False, "CONFLICTING_PARAMETERS")
    login = site.client().raw("POST", "login", json={"username": ROOT, "password": PASSWORD})
    assert login.json() == {"_success": True}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"null",
        b"1",
        b'"text"',
        b'{"quota": {}}',
        b'{"quota": [[1]]}',
        b'{"quota": 1.5}',
        b'{"quota": true}',
        b'{"quota": ' + b"9" * 5000 + b"}",
        b'{"quota": 1e999}',
        b'{"quota": NaN}',
        b'{"name": "\\ud800 x"}',
        b'{"name": "\\u0000"}',
        b'{"name": "\xff"}',
        b"\xef\xbb\xbf{}x",
        b'{"quota": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b'{"a":' * 10_000,
        b"",
        b" ",
    ],
)
def test_json_that_makes_no_sense_is_refused_and_changes_nothing(site: Site, body: bytes) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com")
    before = site.dump()
    answer = root.raw("PUT", "domain/ex.com", data=body, headers={"Content-Type": "application/json"})
    if body:
        assert answer.json()["_msg"] in {"INVALID_VALUE", "INVALID_NUMBER"}
    assert answer.status_code == 200
    assert site.dump() == before


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://{host}.evil.test"},
    ],
)
def test_pages_of_other_sites_change_nothing(site: Site, headers: dict[str, str]) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com")
    before = site.dump()
    host = "{}:{}".format(*place(site))
    sent = {name: value.format(host=host) for name, value in headers.items()}
    for method, path, data in [
        ("POST", "domain/ex.net", b""),
        ("PUT", "domain/ex.com", b"name=x"),
        ("DELETE", "domain/ex.com", b""),
        ("POST", "login", f"username={ROOT}&password={PASSWORD}".encode()),
        ("POST", "logout", b""),
    ]:
        for content_type in ("application/x-www-form-urlencoded", "text/plain", "application/json"):
            answer = root.raw(method, path, data=data, headers={**sent, "Content-Type": content_type})
            assert answer.json()["_msg"] == "PERMISSION_DENIED"
            assert "set-cookie" not in answer.headers
    assert site.dump() == before
    assert root.data("domains?name_only=yes") == ["ex.com"]


def test_pages_of_our_own_may_ask_for_changes(site: Site) -> None:
    root = site.root()
    host = "{}:{}".format(*place(site))
    headers = {"Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
    assert root.raw("POST", "domain/ex.com", headers=headers).json() == {"_success": True}
    assert root.raw("GET", "domains", headers={"Origin": "https://evil.test"}).json()["_success"]


def test_an_encoded_slash_stays_in_its_segment(site: Site) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com")
    answer = send(site, f"POST {BASE}/alias/a%2Fb@ex.com HTTP/1.1\n{cookie(root)}")
    assert answer.json == {"_success": True}
    assert accounts(site, "alias") == ["a/b@ex.com"]
    assert send(site, f"GET {BASE}/alias/a/b@ex.com HTTP/1.1\n{cookie(root)}").status == 404
    assert send(site, f"DELETE {BASE}/alias/a%2fb@ex.com HTTP/1.1\n{cookie(root)}").json == {"_success": True}


@pytest.mark.parametrize(
    "segment", ["%FF@ex.com", "%C0%AFx@ex.com", "a%00b@ex.com", "a%0d%0ax@ex.com", "%ED%A0%80@ex.com", "%", "%zz"]
)
def test_paths_in_a_broken_encoding_are_refused(site: Site, segment: str) -> None:
    root = site.root()
    for method in ("GET", "PUT", "POST", "DELETE"):
        answer = send(site, f"{method} {BASE}/user/{segment} HTTP/1.1\n{cookie(root)}")
        assert (answer.status, answer.json["_msg"]) == (200, "INVALID_MAIL")
    assert send(site, f"GET {BASE}/{segment} HTTP/1.1\n{cookie(root)}").status in {400, 404}


def test_the_cookie_is_secure_when_a_trusted_proxy_says_so(site: Site) -> None:
    login, https = {"username": ROOT, "password": PASSWORD}, {"X-Forwarded-Proto": "https"}
    assert "Secure" not in site.client().raw("POST", "login", data=login, headers=https).headers["set-cookie"]
    site.change_settings(trusted_proxies=["127.0.0.1"])
    assert "; Secure" in site.client().raw("POST", "login", data=login, headers=https).headers["set-cookie"]
    http = {"X-Forwarded-Proto": "http"}
    assert "Secure" not in site.client().raw("POST", "login", data=login, headers=http).headers["set-cookie"]


def test_forwarding_headers_count_from_trusted_proxies_only(site: Site) -> None:
    allowed = {"restful_api_clients": ["192.0.2.7"]}
    site.change_settings(**allowed)
    client = site.client()
    for headers in ({}, {"X-Forwarded-For": "192.0.2.7"}, {"X-Real-IP": "192.0.2.7"}, {"Forwarded": "for=192.0.2.7"}):
        assert client.raw("POST", "login", headers=headers).json()["_msg"] == "NOT_AUTHORIZED"
    site.change_settings(**allowed, trusted_proxies=["127.0.0.0/8"])
    for hops, code in [
        ("192.0.2.7", "INVALID_USERNAME"),
        ("203.0.113.9, 192.0.2.7", "INVALID_USERNAME"),
        ("192.0.2.7, 203.0.113.9", "NOT_AUTHORIZED"),
        ("192.0.2.7, 127.0.0.3", "INVALID_USERNAME"),
        ("192.0.2.7, nonsense", "NOT_AUTHORIZED"),
        ("::ffff:192.0.2.7", "INVALID_USERNAME"),
        ("", "NOT_AUTHORIZED"),
        (",,,", "NOT_AUTHORIZED"),
    ]:
        answer = client.raw("POST", "login", headers={"X-Forwarded-For": hops})
        assert answer.json()["_msg"] == code, hops


def test_an_empty_allow_list_is_everybody_unless_access_is_restricted(site: Site) -> None:
    site.root()
    site.change_settings(restrict_api_access=True)
    assert site.client().refused("POST", "login", username=ROOT, password=PASSWORD) == "NOT_AUTHORIZED"


def test_global_admins_may_be_bound_to_networks(site: Site) -> None:
    site.change_settings(global_admin_ip_list=["192.0.2.0/24"])
    assert site.client().refused("POST", "login", username=ROOT, password=PASSWORD) == "NOT_ALLOWED_IP"


def test_head_is_get_without_a_body(site: Site) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com")
    before = site.dump()
    for path in ("domain/ex.com", "domains", "users/ex.com", "user/no@ex.com", "nothing"):
        got = root.raw("GET", path)
        head = send(site, f"HEAD {BASE}/{path} HTTP/1.1\n{cookie(root)}")
        assert (head.status, head.headers["content-type"]) == (got.status_code, got.headers["content-type"])
        assert head.body == b""
    assert send(site, f"HEAD {BASE}/login HTTP/1.1").status == 405
    assert site.dump() == before


def test_answers_are_neither_cached_nor_sniffed(site: Site) -> None:
    for answer in (site.root().raw("GET", "domains"), site.client().raw("GET", "nothing")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_both_mount_points_serve_the_same(site: Site) -> None:
    short = site.base.replace("/iredadmin/api", "/api")
    session = requests.Session()
    session.trust_env = False
    login = session.post(f"{short}/login", data={"username": ROOT, "password": PASSWORD}, timeout=10)
    assert login.json() == {"_success": True}
    assert session.get(f"{site.base}/domains", timeout=10).json()["_success"]


def test_a_logout_ends_the_session_on_the_server(site: Site) -> None:
    root = site.root()
    line = cookie(root)
    root.ok("POST", "logout")
    assert not root.session.cookies
    assert send(site, f"GET {BASE}/domains HTTP/1.1\n{line}").json["_msg"] == "LOGIN_REQUIRED"
    assert site.rows("postreeve_sessions") == []


def test_a_session_expires_when_it_is_not_used(site: Site) -> None:
    root = site.root()
    site.execute("iredadmin", f"UPDATE postreeve_sessions SET used = {int(time.time()) - 1000}")
    assert root.data("domains") == []
    assert site.rows("postreeve_sessions")[0]["used"] >= time.time() - 30
    site.execute("iredadmin", f"UPDATE postreeve_sessions SET used = {int(time.time()) - 1801}")
    assert root.refused("GET", "domains") == "SESSION_EXPIRED"
    assert root.refused("GET", "domains") == "LOGIN_REQUIRED"


def test_a_planted_cookie_is_worth_nothing(site: Site) -> None:
    planted = "0123456789abcdef" * 3
    for value in (planted, "", "x" * 5000, "ä", "' OR 1=1 --", '"'):
        answer = send(site, f"GET {BASE}/domains HTTP/1.1\nCookie: postreeve_api={value}")
        assert answer.json["_msg"] == "LOGIN_REQUIRED"
    body = f"username={ROOT}&password=A%40StrongPassword2".encode()
    head = f"POST {BASE}/login HTTP/1.1\nCookie: postreeve_api={planted}\nContent-Length: {len(body)}"
    login = send(site, head, body)
    assert planted not in login.headers["set-cookie"]
    assert send(site, f"GET {BASE}/domains HTTP/1.1\nCookie: postreeve_api={planted}").json["_msg"] == "LOGIN_REQUIRED"
