"""Logins: they tell nothing, they can not be guessed at, and the owner gets in all the same."""

import time
from collections.abc import Sequence
from statistics import median

import pytest

from tests.outages.processes import both, settings_file
from tests.site import PASSWORD, ROOT, Client, Site
from tests.wire.raw import token

pytestmark = pytest.mark.slow  # waits for answers that are late on purpose

FORWARDED = "X-Forwarded-For"


def _furnished(site: Site) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com")
    root.ok("POST", "user/ann@ex.com", password=PASSWORD)
    root.ok("POST", "admin/off@far.test", password=PASSWORD, accountStatus="disabled")
    site.admin("al@far.test", "ex.com")


REFUSED = [
    ("al@far.test", "Wrong@Password1"),
    ("nobody@far.test", PASSWORD),
    ("nobody@ex.com", PASSWORD),
    ("off@far.test", PASSWORD),
    ("ann@ex.com", PASSWORD),
    ("ann@ex.com", "Wrong@Password1"),
]
"""A wrong password, names that are unknown, a disabled admin, a user who is no admin."""


def test_every_reason_to_refuse_a_login_looks_the_same(site: Site) -> None:
    _furnished(site)
    answers = [site.client().raw("POST", "login", data={"username": name, "password": word}) for name, word in REFUSED]
    assert {answer.text for answer in answers} == {'{"_success":false,"_msg":"INVALID_CREDENTIALS"}'}
    assert {answer.status_code for answer in answers} == {200}
    names = [{*answer.headers} for answer in answers]
    assert all(headers == names[0] for headers in names)
    assert not any(answer.cookies for answer in answers)


def test_every_refused_login_takes_the_same_time(site: Site) -> None:
    _furnished(site)
    site.change_settings(login_answer_ms=150)
    clients = [(site.client(), name, word) for name, word in REFUSED]
    times = [median(_seconds(client, name, word) for _ in range(3)) for client, name, word in clients]
    assert min(times) >= 0.15
    assert max(times) - min(times) < 0.1


def _seconds(client: Client, name: str, word: str) -> float:
    return client.raw("POST", "login", data={"username": name, "password": word}).elapsed.total_seconds()


def test_trying_a_password_tells_nothing_about_the_account(site: Site) -> None:
    _furnished(site)
    site.change_settings(login_answer_ms=100)
    root = site.root()
    answers = [
        root.raw("POST", f"verify_password/{path}", data={"password": "Wrong@Password1"})
        for path in ("user/ann@ex.com", "user/no@ex.com", "user/no@far.test", "admin/al@far.test", "admin/no@far.test")
    ]
    assert {answer.text for answer in answers} == {'{"_success":false,"_msg":"INVALID_CREDENTIALS"}'}
    assert min(answer.elapsed.total_seconds() for answer in answers) >= 0.1
    root.ok("POST", "verify_password/user/ann@ex.com", password=PASSWORD)


@pytest.mark.parametrize("account", ["al@far.test", "nobody@far.test"])
def test_an_account_is_tried_a_bounded_number_of_times_whether_it_is_there_or_not(site: Site, account: str) -> None:
    _furnished(site)
    site.change_settings(login_failures_per_account=5, trusted_proxies=["127.0.0.1"])
    for number in range(5):
        for spelling in (account, account.upper())[number % 2 :][:1]:
            assert _login(site, spelling, "wrong", f"192.0.{number}.1") == "INVALID_CREDENTIALS"
    assert _login(site, account, "wrong", "192.0.99.1") == "TOO_MANY_ATTEMPTS"
    assert _login(site, account, PASSWORD, "192.0.99.1") == "TOO_MANY_ATTEMPTS"


def _login(site: Site, account: str, password: str, client: str) -> str:
    data = {"username": account, "password": password}
    answer = site.client().raw("POST", "login", data=data, headers={FORWARDED: client})
    return str(answer.json().get("_msg", "done"))


def test_the_owner_gets_in_from_a_network_that_is_known(site: Site) -> None:
    _furnished(site)
    site.change_settings(login_failures_per_account=3, trusted_proxies=["127.0.0.1"])
    assert _login(site, "al@far.test", PASSWORD, "198.51.100.7") == "done"
    for number in range(4):
        _login(site, "al@far.test", "wrong", f"192.0.{number}.1")
    assert _login(site, "al@far.test", PASSWORD, "192.0.2.1") == "TOO_MANY_ATTEMPTS"
    assert _login(site, "al@far.test", PASSWORD, "198.51.100.200") == "done"
    for _ in range(3):
        assert _login(site, "al@far.test", "wrong", "198.51.100.8") == "INVALID_CREDENTIALS"
    assert _login(site, "al@far.test", PASSWORD, "198.51.100.7") == "TOO_MANY_ATTEMPTS"


@pytest.mark.parametrize(
    ("inside", "outside"),
    [(["192.0.2.1", "192.0.2.200"], "192.0.3.1"), (["2001:db8::1", "2001:db8::ffff:1"], "2001:db8:0:1::1")],
)
def test_a_network_is_tried_a_bounded_number_of_times(site: Site, inside: Sequence[str], outside: str) -> None:
    _furnished(site)
    site.change_settings(login_failures_per_network=6, trusted_proxies=["127.0.0.1"])
    for number in range(6):
        assert _login(site, f"x{number}@far.test", "wrong", inside[number % 2]) == "INVALID_CREDENTIALS"
    assert _login(site, "y@far.test", "wrong", inside[1]) == "TOO_MANY_ATTEMPTS"
    assert _login(site, "al@far.test", PASSWORD, outside) == "done"


def test_failures_are_forgotten_after_ten_minutes(site: Site) -> None:
    site.change_settings(login_failures_per_account=2)
    for _ in range(2):
        assert site.client().refused("POST", "login", username=ROOT, password="wrong") == "INVALID_CREDENTIALS"
    assert site.client().refused("POST", "login", username=ROOT, password=PASSWORD) == "TOO_MANY_ATTEMPTS"
    site.execute("iredadmin", f"UPDATE postreeve_login_failures SET at = {int(time.time()) - 601}")
    site.root()


def test_failures_count_across_processes_and_restarts(site: Site, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("brute")
    file = settings_file(folder, site.stores, login_failures_per_account=4)
    wrong = {"username": "x@far.test", "password": "wrong"}
    with both(file) as processes:
        for number in range(4):
            assert processes[number % 2].client().refused("POST", "login", **wrong) == "INVALID_CREDENTIALS"
        for process in processes:
            assert process.client().refused("POST", "login", **wrong) == "TOO_MANY_ATTEMPTS"
    with both(file, 1) as [process]:
        answer = process.client().raw("POST", "login", data=wrong)
        assert answer.json()["_msg"] == "TOO_MANY_ATTEMPTS"
        assert 500 < int(answer.headers["retry-after"]) <= 600


def test_a_login_gives_a_new_session_every_time(site: Site) -> None:
    client = site.root()
    first = token(client)
    client.login(ROOT)
    assert token(client) != first
    hashes = [row["id_hash"].strip() for row in site.rows("postreeve_sessions")]
    assert len(hashes) == 2
    assert first not in str(site.rows("postreeve_sessions"))


@pytest.mark.parametrize(
    "password", ["", " ", PASSWORD + " ", PASSWORD.lower(), PASSWORD[:-1], PASSWORD + "\0x", "x" * 100_000, "\ud7ff"]
)
def test_no_other_password_opens_the_door(site: Site, password: str) -> None:
    root = site.root()
    for scheme in ("SSHA512", "BCRYPT", "PBKDF2", "SHA512-CRYPT", "SSHA"):
        site.change_settings(default_password_scheme=scheme)
        account = f"{scheme.lower()}@far.test"
        root.ok("POST", f"admin/{account}", password=PASSWORD)
        code = "EMPTY_PASSWORD" if not password else "INVALID_CREDENTIALS"
        assert site.client().refused("POST", "login", username=account, password=password) == code
        site.client().login(account)


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "x",
        "{NOSUCH}x",
        "{SSHA512}",
        "{PLAIN}",
        "{CRYPT}",
        "{CRYPT}*",
        "!",
        "{ARGON2ID}$argon2id$",
        "{SSHA512}!!",
        "{CLEARTEXT}",
    ],
)
def test_a_stored_hash_that_makes_no_sense_opens_to_nobody(site: Site, stored: str) -> None:
    site.admin("al@far.test")
    if site.directory:
        stored = stored if not stored or stored.startswith("{") else f"{{{stored}"  # else it is one in plain text
        site.directory.change(site.directory.tree.admin("al@far.test"), userPassword=[stored] if stored else [])
    else:
        site.execute("vmail", f"UPDATE admin SET password = '{stored}' WHERE username = 'al@far.test'")
    for password in ("x", stored or "y", "NOSUCH", "*", "!"):
        assert (
            site.client().refused("POST", "login", username="al@far.test", password=password) == "INVALID_CREDENTIALS"
        )
