"""Many requests at the same moment, through two server processes: limits are exact and every address is one's."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle

import pytest
import requests

from tests.outages.processes import Process
from tests.profiles import accounts
from tests.site import PASSWORD, ROOT, Client, Site
from tests.wire.raw import COOKIE, token

pytestmark = pytest.mark.slow  # many writers

MOST = 10
TRIES = 50
WORKERS = 16

Request = tuple[str, str, dict[str, str]]


def _all_at_once(processes: Sequence[Process], account: str, wanted: list[Request]) -> Counter[str]:
    """Send requests through all processes at once, on one session, and count the answers."""
    session = token(processes[0].client().login(account))
    bases = cycle(process.base for process in processes)

    def send(request: tuple[str, Request]) -> str:
        base, (method, path, parameters) = request
        answer = requests.request(method, f"{base}/{path}", data=parameters, cookies={COOKIE: session}, timeout=60)
        assert answer.status_code == 200, answer.text
        return str(answer.json().get("_msg", "done"))

    with ThreadPoolExecutor(WORKERS) as workers:
        return Counter(workers.map(send, zip(bases, wanted, strict=False)))


def _users(number: int) -> Request:
    return "POST", f"user/u{number}@{('ex.com', 'ex.org')[number % 2]}", {"password": PASSWORD, "quota": "10"}


def _users_of_one_domain(number: int) -> Request:
    return "POST", f"user/u{number}@ex.com", {"password": PASSWORD, "quota": "10"}


def _aliases(number: int) -> Request:
    return "POST", f"alias/a{number}@{('ex.com', 'ex.org')[number % 2]}", {}


def _aliases_of_one_domain(number: int) -> Request:
    return "POST", f"alias/a{number}@ex.com", {}


def _domains(number: int) -> Request:
    return "POST", f"domain/d{number}.test", {}


CASES: list[tuple[dict[str, str], dict[str, str], Callable[[int], Request], str, str]] = [
    ({"numberOfUsers": "10"}, {}, _users_of_one_domain, "mailbox", "EXCEEDED_DOMAIN_ACCOUNT_LIMIT"),
    ({"numberOfAliases": "10"}, {}, _aliases_of_one_domain, "alias", "EXCEEDED_DOMAIN_ACCOUNT_LIMIT"),
    ({"quota": "100"}, {}, _users_of_one_domain, "mailbox", "EXCEEDED_DOMAIN_QUOTA_SIZE"),
    ({}, {"maxUsers": "10"}, _users, "mailbox", "EXCEED_LIMIT_USERS"),
    ({}, {"maxAliases": "10"}, _aliases, "alias", "EXCEED_LIMIT_ALIASES"),
    ({}, {"maxQuota": "100", "quotaUnit": "MB"}, _users, "mailbox", "EXCEED_LIMIT_QUOTA"),
]


@pytest.mark.parametrize(
    ("of_domain", "of_admin", "request_", "table", "code"), CASES, ids=[case[4] + "_" + case[3] for case in CASES]
)
def test_fifty_creations_at_a_limit_of_ten_leave_ten(
    site: Site, twins: Sequence[Process], of_domain: dict[str, str], of_admin: dict[str, str],
    request_: Callable[[int], Request], table: str, code: str,
) -> None:  # fmt: skip
    root = site.root()
    root.ok("POST", "domain/ex.com", **of_domain)
    root.ok("POST", "domain/ex.org")
    site.admin("al@far.test", "ex.com", "ex.org", **of_admin)
    counts = _all_at_once(twins, "al@far.test", [request_(number) for number in range(TRIES)])
    assert counts == {"done": MOST, code: TRIES - MOST}
    assert len(accounts(site, table)) == MOST
    assert len([row for row in site.rows("log", event="create") if row["admin"] == "al@far.test"]) == MOST


def test_an_admin_who_may_add_three_domains_adds_three(site: Site, twins: Sequence[Process]) -> None:
    client = site.admin("al@far.test", maxDomains="3")
    assert client.data("domains") == []
    counts = Counter[str]()

    # A new domain changes the admin's rights, so requests on old sessions may have to log in again.
    def work(number: int) -> str:
        own = twins[number % 2].client().login("al@far.test")
        return str(own.post(f"domain/d{number}.test").get("_msg", "done"))

    with ThreadPoolExecutor(8) as workers:
        counts.update(workers.map(work, range(12)))
    assert counts["done"] == 3 == len(accounts(site, "domain"))
    assert set(counts) <= {"done", "EXCEED_LIMIT_DOMAIN", "SESSION_EXPIRED"}


def test_an_admin_who_adds_domains_in_parallel_keeps_the_session(site: Site, twins: Sequence[Process]) -> None:
    client = site.admin("al@far.test", maxDomains="0")
    assert client.data("domains") == []
    wanted: list[Request] = []
    for number in range(12):
        wanted += [("POST", f"domain/d{number}.test", {}), ("GET", "domains", {}), ("GET", "domains", {})]
    assert _all_at_once(twins, "al@far.test", wanted) == {"done": 36}
    assert len(client.data("domains", name_only="yes")) == 12


def test_of_many_claims_of_one_address_exactly_one_wins(site: Site, twins: Sequence[Process]) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com", aliasDomains="ex.net")
    for number in range(10):
        root.ok("POST", f"user/u{number}@ex.com", password=PASSWORD)
    tries: list[Request] = []
    for number in range(10):
        tries += [
            ("POST", "user/sales@ex.com", {"password": PASSWORD}),
            ("POST", "alias/sales@ex.com", {"members": "x@far.test"}),
            ("PUT", f"user/u{number}@ex.com", {"addAlias": "sales@ex.com"}),
            ("POST", f"user/u{number}@ex.com/change_email/sales@ex.com", {}),
            ("POST", "user/SALES@EX.com", {"password": PASSWORD, "aliases": f"s{number}@ex.com"}),
        ]
        if site.directory:
            tries.append(("POST", "maillist/sales@ex.com", {"members": f"u{number}@ex.com"}))
    counts = _all_at_once(twins, ROOT, tries)
    assert counts["done"] == 1
    # Who was renamed away can not be found afterwards by those who come later.
    assert counts["ALREADY_EXISTS"] + counts["NO_SUCH_ACCOUNT"] == len(tries) - 1
    held = [*accounts(site, "mailbox"), *accounts(site, "alias"), *accounts(site, "maillists"), *_alias_addresses(site)]
    assert held.count("sales@ex.com") == 1
    assert site.rows("postreeve_claims") == []


def test_of_many_claims_of_one_domain_exactly_one_wins(site: Site, twins: Sequence[Process]) -> None:
    root = site.root()
    for number in range(5):
        root.ok("POST", f"domain/d{number}.test")
    tries: list[Request] = []
    for number in range(5):
        tries += [
            ("POST", "domain/ex.com", {}),
            ("PUT", f"domain/d{number}.test", {"addAliasDomain": "ex.com"}),
            ("POST", f"domain/new{number}.test", {"aliasDomains": "ex.com"}),
            ("POST", "domain/EX.com", {"aliasDomains": f"ex{number}.net"}),
        ]
    assert _all_at_once(twins, ROOT, tries) == {"done": 1, "ALREADY_EXISTS": 19}


def test_two_global_admins_can_not_disable_each_other(site: Site, twins: Sequence[Process]) -> None:
    root = site.root()
    for _ in range(5):
        root.raw("POST", "admin/al@far.test", data={"password": PASSWORD, "isGlobalAdmin": "yes"})
        clients = {ROOT: twins[0].client().login(ROOT), "al@far.test": twins[1].client().login("al@far.test")}

        def disable(pair: tuple[str, Client]) -> bool:
            account, client = pair
            return bool(client.put(f"admin/{account}", accountStatus="disabled")["_success"])

        with ThreadPoolExecutor(2) as workers:
            done = list(workers.map(disable, zip(reversed(clients), clients.values(), strict=True)))
        assert sum(done) == 1
        _enable(site, "al@far.test", ROOT)
        root = site.root()


def _alias_addresses(site: Site) -> list[str]:
    if not site.directory:
        return [row["address"] for row in site.rows("forwardings", is_alias=1)]
    return [address for entry in site.entries().values() for address in entry.get("shadowAddress", ())]


def _enable(site: Site, *admins: str) -> None:
    for account in admins:
        if site.directory:
            site.directory.change(site.directory.tree.admin(account), accountStatus=["active"])
        else:
            site.execute("vmail", f"UPDATE admin SET active = 1 WHERE username = '{account}'")


def test_a_claim_of_a_process_that_died_expires(site: Site) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com")
    site.execute("iredadmin", "INSERT INTO postreeve_claims (name, holder, expires) VALUES ('a@ex.com', 'gone', 1)")
    root.ok("POST", "alias/a@ex.com")
    assert site.rows("postreeve_claims") == []
