"""Mail users who log in for self-service: who may, and what ends it."""

from collections.abc import Callable

import pytest

from tests.site import PASSWORD, ROOT, Client, Site

ANN = "ann@a.test"

pytestmark = pytest.mark.usefixtures("root")


@pytest.fixture
def root(site: Site) -> Client:
    """Ann and Bob in a domain with self-service, of whom Bob is disabled; Ann in one without."""
    root = site.root()
    for domain in ("a.test", "b.test"):
        root.ok("POST", f"domain/{domain}")
        root.ok("POST", f"user/ann@{domain}", password=PASSWORD)
    root.ok("PUT", "domain/a.test", addService="self-service", aliasDomains="a.example")
    root.ok("POST", "user/off@a.test", password=PASSWORD, accountStatus="disabled")
    root.ok("POST", "alias/all@a.test", members=ANN)
    root.ok("PUT", f"user/{ANN}", addAlias="sales@a.test")
    return root


REFUSED = [
    (ANN, "Wrong@Password1"), ("off@a.test", PASSWORD), ("nobody@a.test", PASSWORD), ("ann@b.test", PASSWORD),
    ("sales@a.test", PASSWORD), ("ann@a.example", PASSWORD), ("all@a.test", PASSWORD), (ROOT, PASSWORD),
    ("ann@far.test", PASSWORD),
]  # fmt: skip
"""A wrong password; users who are disabled, unknown or without self-service; what is no user's own name."""


def _tried(site: Site, account: str, password: str = PASSWORD) -> str:
    answer = site.client().post("self-service/login", username=account, password=password)
    return str(answer.get("_msg", "done"))


def test_a_user_logs_in_for_self_service_alone(site: Site) -> None:
    ann = site.client().login_user("Ann@A.test")
    assert ann.data("self-service")["mail"] == ANN
    assert ann.refused("GET", "domains") == "PERMISSION_DENIED"
    assert site.client().refused("POST", "login", username=ANN, password=PASSWORD) == "INVALID_CREDENTIALS"
    [line] = site.rows("log", event="user_login")
    assert (line["admin"], line["domain"], line["username"]) == (ANN, "a.test", ANN)
    assert line["msg"] == "[API] User login success."


def test_every_reason_to_refuse_a_user_looks_the_same(site: Site) -> None:
    answers = [
        site.client().raw("POST", "self-service/login", data={"username": name, "password": word})
        for name, word in REFUSED
    ]
    assert {answer.text for answer in answers} == {'{"_success":false,"_msg":"INVALID_CREDENTIALS"}'}
    assert {answer.status_code for answer in answers} == {200}
    assert len({frozenset(answer.headers) for answer in answers}) == 1
    assert not any(answer.cookies for answer in answers)


@pytest.mark.slow  # answers that are late on purpose
def test_every_refused_user_waits_as_long(site: Site) -> None:
    site.change_settings(login_answer_ms=150)

    def seconds(name: str, word: str) -> float:
        data = {"username": name, "password": word}
        return site.client().raw("POST", "self-service/login", data=data).elapsed.total_seconds()

    times = [min(seconds(name, word) for _ in range(4)) for name, word in REFUSED]  # a busy machine adds to some
    assert min(times) >= 0.15
    assert max(times) - min(times) < 0.1


@pytest.mark.parametrize("account", [ANN, "nobody@a.test"])
def test_failures_of_all_logins_count_together(site: Site, account: str) -> None:
    site.change_settings(login_failures_per_account=4)
    for path in ("login", "self-service/login") * 2:
        assert site.client().refused("POST", path, username=account, password="wrong") == "INVALID_CREDENTIALS"
    for path in ("login", "self-service/login"):
        assert site.client().refused("POST", path, username=account, password=PASSWORD) == "TOO_MANY_ATTEMPTS"


def _recreated(root: Client) -> None:
    root.ok("DELETE", f"user/{ANN}")
    root.ok("POST", f"user/{ANN}", password=PASSWORD)


ENDINGS: dict[str, Callable[[Client], None]] = {
    "password": lambda root: root.ok("PUT", f"user/{ANN}", password="Another@Password3"),
    "status": lambda root: root.ok("PUT", f"user/{ANN}", accountStatus="disabled"),
    "deletion": lambda root: root.ok("DELETE", f"user/{ANN}"),
    "re-creation under the same name": _recreated,
    "another name": lambda root: root.ok("POST", f"user/{ANN}/change_email/anna@a.test"),
    "service": lambda root: root.ok("PUT", "domain/a.test", removeService="self-service"),
    "all services": lambda root: root.ok("PUT", "domain/a.test", services=""),
    "the domain's status": lambda root: root.ok("PUT", "domain/a.test", accountStatus="disabled"),
    "the domain's deletion": lambda root: root.ok("DELETE", "domain/a.test"),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_ends_a_users_session(site: Site, root: Client, ending: str) -> None:
    ann, other = site.client().login_user(ANN), site.client().login_user(ANN)
    ENDINGS[ending](root)
    assert ann.refused("GET", "self-service") == "SESSION_EXPIRED"
    assert ann.refused("GET", "self-service") == "LOGIN_REQUIRED"
    assert other.refused("PUT", "self-service/profile", name="x") == "SESSION_EXPIRED"


def test_a_user_who_becomes_an_admin_stays_without_rights_until_the_next_login(site: Site, root: Client) -> None:
    ann = site.client().login_user(ANN)
    root.ok("PUT", "domain/admins/a.test", addAdmin=ANN)
    root.ok("PUT", f"user/{ANN}", isGlobalAdmin="yes")
    assert ann.data("self-service")["mail"] == ANN
    assert ann.refused("GET", "domains") == ann.refused("DELETE", "domain/b.test") == "PERMISSION_DENIED"
    assert site.client().login(ANN).data("domains", name_only="yes") == ["a.test", "b.test"]


def test_a_limit_that_stands_in_a_users_settings_gives_no_right(site: Site) -> None:
    if site.directory:
        settings = ["create_new_domains:yes", "create_max_domains:5"]
        site.directory.change(site.directory.tree.user(ANN), accountSetting=settings)
    else:
        text = "create_new_domains:yes;create_max_domains:5;"
        site.execute("vmail", f"UPDATE mailbox SET settings = '{text}' WHERE username = '{ANN}'")
    ann = site.client().login_user(ANN)
    assert ann.refused("POST", "domain/new.test") == "PERMISSION_DENIED"


def test_logging_out_ends_a_users_session_on_the_server(site: Site) -> None:
    ann, again = site.client().login_user(ANN), site.client()
    again.session.cookies.update(ann.session.cookies)
    ann.ok("POST", "logout")
    assert again.refused("GET", "self-service") == "LOGIN_REQUIRED"


def test_pages_of_other_sites_neither_log_in_nor_change_anything(site: Site) -> None:
    ann, stranger = site.client().login_user(ANN), site.client()
    before = site.dump()
    for headers in ({"Origin": "http://evil.test"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        form = {"username": ANN, "password": PASSWORD}
        answer = stranger.raw("POST", "self-service/login", data=form, headers=headers)
        assert (answer.json()["_msg"], answer.cookies.keys()) == ("PERMISSION_DENIED", [])
        answer = ann.raw("PUT", "self-service/profile", data={"forwarding": "evil@far.test"}, headers=headers)
        assert answer.json()["_msg"] == "PERMISSION_DENIED"
    assert site.dump() == before


def test_one_login_takes_the_place_of_the_other(site: Site) -> None:
    client = site.root().login_user(ANN)
    assert client.refused("GET", "domains") == "PERMISSION_DENIED"
    client.login(ROOT)
    assert client.refused("GET", "self-service") == "PERMISSION_DENIED"
    assert client.data("domains", name_only="yes") == ["a.test", "b.test"]
