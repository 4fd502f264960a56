"""Domains and alias domains that wait for the proof of their ownership, and wake up."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from postreeve.commands.shared import SETUP
from postreeve.jobs import verify_domains
from postreeve.ownership import look, operations
from postreeve.ownership.sql import DAY_SECONDS
from postreeve.permissions import Grant, Target
from postreeve.storage.sql import Session
from postreeve.storage.tables.iredadmin import domain_ownership
from tests.greylisting.dns import NameServer, serving
from tests.outages import processes
from tests.ownership.web import LOOPBACK, WebServer, page, web_server
from tests.site import PASSWORD, Client, Site

ZONE = f"""
    new.test.   A {LOOPBACK}
    also.test.  A {LOOPBACK}
"""


@pytest.fixture
def dns(site: Site) -> Iterator[NameServer]:
    """The DNS that the site asks."""
    with serving(ZONE) as server:
        site.change_settings(
            require_domain_ownership_verification=True, dns_servers=[server.address],
            domain_ownership_reachable_networks=["127.0.0.0/8"],
        )  # fmt: skip
        yield server


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    with web_server() as server:
        monkeypatch.setattr(look, "PORTS", server.ports)
        yield server


@pytest.fixture
def al(site: Site, dns: NameServer) -> Client:
    """An admin who may add domains, and administers `ex.com`."""
    assert dns.address
    site.root().ok("POST", "domain/ex.com")
    return site.admin("al@admins.test", "ex.com", maxDomains="0")


def add(client: Client, name: str = "new.test", **parameters: str) -> str:
    """Add a domain, and return the code that will prove its ownership."""
    assert client.post(f"domain/{name}", **parameters)["_success"]
    return code_of(client, name)


def add_alias(client: Client, alias: str = "also.test", name: str = "ex.com") -> str:
    """Add an alias domain, and return the code that will prove its ownership."""
    assert client.put(f"domain/{name}", addAliasDomain=alias)["_success"]
    return code_of(client, name, alias)


def code_of(client: Client, name: str, alias: str = "") -> str:
    (proof,) = [proof for proof in awaited(client, name) if proof["alias_domain"] == alias]
    return str(proof["code"])


def awaited(client: Client, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.data(f"domain/ownership/{name}")
    return found


def is_active(site: Site, name: str) -> bool:
    return name not in site.root().data("domains", name_only="yes", disabled_only="yes")


def remove(site: Site, admin: Client, name: str = "new.test") -> None:
    """Delete a domain, which ends the sessions of its admin."""
    site.root().ok("DELETE", f"domain/{name}")
    admin.login("al@admins.test")


def rewind(site: Site) -> None:
    """Let the last look at everything be long ago."""
    with Session(site.storage.iredadmin) as session:
        session.update(domain_ownership, {"last_verify": "2020-01-02 03:04:05"}, verified=0)
        session.commit()


# What is shown


def test_what_has_to_be_shown_and_where_is_told(site: Site, al: Client) -> None:
    code = add(al)
    assert code.startswith("iredmail-domain-verification-")
    proof = {
        "domain": "new.test", "alias_domain": "", "admin": "al@admins.test", "code": code,
        "urls": [f"http://new.test/{code}", f"https://new.test/{code}"], "message": "", "last_verify": "",
    }  # fmt: skip
    assert awaited(al, "new.test") == [proof]
    alias_code = add_alias(al)
    of_alias = {
        **proof, "domain": "ex.com", "alias_domain": "also.test", "code": alias_code,
        "urls": [f"http://also.test/{alias_code}", f"https://also.test/{alias_code}"],
    }  # fmt: skip
    assert al.data("domains/ownership") == [of_alias, proof]
    assert site.root().data("domains/ownership") == [of_alias, proof]


def test_an_admin_sees_what_is_awaited_for_the_own_domains_alone(site: Site, al: Client) -> None:
    add(al)
    bob = site.admin("bob@admins.test", "ex.com")
    assert bob.data("domains/ownership") == []
    assert bob.refused("GET", "domain/ownership/new.test") == "PERMISSION_DENIED"
    assert bob.refused("POST", "domain/ownership/new.test") == "PERMISSION_DENIED"
    assert site.client().refused("POST", "domain/ownership/new.test") == "LOGIN_REQUIRED"


def test_a_domain_that_is_not_there_has_no_proofs(site: Site) -> None:
    root = site.root()
    assert root.refused("GET", "domain/ownership/gone.test") == "NO_SUCH_DOMAIN"
    assert root.refused("POST", "domain/ownership/gone.test") == "NO_SUCH_DOMAIN"


# Waking up


def test_a_domain_wakes_up_when_its_owner_shows_the_code(site: Site, al: Client, web: WebServer) -> None:
    code = add(al)
    al.ok("POST", "user/ann@new.test", password=PASSWORD)
    assert not is_active(site, "new.test")
    web.answers[f"/{code}"] = page(code)
    al.ok("POST", "domain/ownership/new.test")
    assert is_active(site, "new.test")
    assert awaited(al, "new.test") == []
    (line,) = site.rows("log", event="active")
    assert (line["admin"], line["domain"], line["loglevel"]) == ("al@admins.test", "new.test", "info")
    assert code not in line["msg"]


def test_a_code_in_the_dns_is_a_proof_too(site: Site, al: Client, dns: NameServer, web: WebServer) -> None:
    dns.publish(f'new.test. TXT "{add(al)}"')
    al.ok("POST", "domain/ownership/new.test")
    assert is_active(site, "new.test")
    assert web.connections == 0


def test_an_alias_domain_wakes_up_and_the_domain_was_never_asleep(
    site: Site, al: Client, dns: NameServer, web: WebServer
) -> None:
    al.ok("POST", "user/ann@ex.com", password=PASSWORD)
    dns.publish(f'also.test. TXT "{add_alias(al)}"')
    assert is_active(site, "ex.com")
    al.ok("POST", "domain/ownership/ex.com", aliasDomain="also.test")
    assert web.connections == 0
    assert awaited(al, "ex.com") == []
    assert al.data("domain/ex.com")["alias_domains"] == ["also.test"]
    al.ok("POST", "alias/team@ex.com", members="ann@also.test")


@pytest.mark.sql
def test_the_rows_of_what_waits_and_wakes_up(site: Site, al: Client, dns: NameServer, web: WebServer) -> None:
    code, alias_code = add(al), add_alias(al)
    assert web.connections == 0
    dns.publish(f'new.test. TXT "{code}"\nalso.test. TXT "{alias_code}"')
    assert {row["domain"]: row["active"] for row in site.rows("domain")} == {"ex.com": 1, "new.test": 0}
    assert [(row["alias_domain"], row["active"]) for row in site.rows("alias_domain")] == [("also.test", 0)]
    assert [(row["verified"], row["expire"]) for row in site.rows("domain_ownership")] == [(0, 0), (0, 0)]
    al.ok("POST", "domain/ownership/new.test")
    al.ok("POST", "domain/ownership/ex.com", aliasDomain="also.test")
    assert {row["domain"]: row["active"] for row in site.rows("domain")} == {"ex.com": 1, "new.test": 1}
    assert [(row["alias_domain"], row["active"]) for row in site.rows("alias_domain")] == [("also.test", 1)]
    for row in site.rows("domain_ownership"):
        assert row["verified"] == 1
        assert row["expire"] > 29 * DAY_SECONDS
        assert row["last_verify"] is not None


@pytest.mark.ldap
def test_the_entries_of_what_waits_and_wakes_up(site: Site, al: Client, dns: NameServer, web: WebServer) -> None:
    al.ok("POST", "user/ann@ex.com", password=PASSWORD)
    code, alias_code = add(al), add_alias(al)
    al.ok("POST", "user/bob@new.test", password=PASSWORD)
    assert web.connections == 0
    dns.publish(f'new.test. TXT "{code}"\nalso.test. TXT "{alias_code}"')
    entries = site.entries()
    new, ex = entries["domainName=new.test,o=domains"], entries["domainName=ex.com,o=domains"]
    bob = "mail=bob@new.test,ou=Users,domainName=new.test,o=domains"
    ann = "mail=ann@ex.com,ou=Users,domainName=ex.com,o=domains"
    assert (new["accountStatus"], entries[bob]["domainStatus"]) == (["disabled"], ["disabled"])
    assert (ex["domainPendingAliasName"], "domainAliasName" in ex) == (["also.test"], False)
    al.ok("POST", "domain/ownership/new.test")
    al.ok("POST", "domain/ownership/ex.com", aliasDomain="also.test")
    entries = site.entries()
    new, ex = entries["domainName=new.test,o=domains"], entries["domainName=ex.com,o=domains"]
    assert (new["accountStatus"], "domainStatus" in entries[bob]) == (["active"], False)
    assert (ex["domainAliasName"], "domainPendingAliasName" in ex) == (["also.test"], False)
    assert "domainalias" in ex["enabledService"]
    assert entries[ann]["shadowAddress"] == ["ann@also.test"]


def test_of_a_domain_and_its_alias_domain_each_waits_for_itself(
    site: Site, al: Client, dns: NameServer, web: WebServer
) -> None:
    code = add(al, aliasDomains="also.test")
    dns.publish(f'new.test. TXT "{code}"\nalso.test. A {LOOPBACK}')
    al.ok("POST", "domain/ownership/new.test")
    assert is_active(site, "new.test")
    assert [proof["alias_domain"] for proof in awaited(al, "new.test")] == ["also.test"]
    assert al.refused("POST", "domain/ownership/new.test", aliasDomain="also.test") == "OWNERSHIP_NOT_PROVED"
    assert web.connections == 2
    remove(site, al)
    add_again = al.post("domain/new.test", aliasDomains="also.test")
    assert "also.test waits" in add_again["_hint"]
    assert "new.test waits" not in add_again["_hint"]
    assert is_active(site, "new.test")  # proved lately
    assert [proof["alias_domain"] for proof in awaited(al, "new.test")] == ["also.test"]


def test_what_waits_for_nothing_is_verified_already(site: Site, al: Client, web: WebServer) -> None:
    before = {**site.dump(), "log": []}
    al.ok("POST", "domain/ownership/ex.com")
    al.ok("POST", "domain/ownership/ex.com", aliasDomain="also.test")
    assert {**site.dump(), "log": []} == before
    assert web.connections == 0


def test_a_global_admin_may_believe_it(site: Site, al: Client, web: WebServer) -> None:
    add(al)
    root = site.root()
    assert al.refused("POST", "domain/ownership/new.test", without_proof="yes") == "PERMISSION_DENIED"
    root.ok("POST", "domain/ownership/new.test", without_proof="yes")
    assert is_active(site, "new.test")
    assert (awaited(root, "new.test"), web.connections) == ([], 0)


# In vain


def test_a_look_in_vain_is_remembered_and_changes_nothing_else(site: Site, al: Client, web: WebServer) -> None:
    add(al)
    before = {**site.dump(), "domain_ownership": []}
    answer = al.post("domain/ownership/new.test")
    assert (answer["_success"], answer["_msg"]) == (False, "OWNERSHIP_NOT_PROVED")
    assert {**site.dump(), "domain_ownership": []} == before
    (proof,) = awaited(al, "new.test")
    assert proof["message"] == answer["_hint"]
    assert proof["message"].startswith(
        "DNS: no TXT record of new.test is the code. http: the answer has the status 404."
    )
    assert proof["last_verify"]
    assert not is_active(site, "new.test")
    assert web.connections == 2


def test_looks_at_one_name_are_limited(site: Site, al: Client, web: WebServer) -> None:
    code = add(al)
    assert al.refused("POST", "domain/ownership/new.test") == "OWNERSHIP_NOT_PROVED"
    web.answers[f"/{code}"] = page(code)
    answer = al.raw("POST", "domain/ownership/new.test")
    assert answer.json()["_msg"] == "TOO_MANY_ATTEMPTS"
    assert 0 < int(answer.headers["Retry-After"]) <= operations.PAUSE_SECONDS
    assert web.connections == 2
    rewind(site)
    al.ok("POST", "domain/ownership/new.test")


def test_only_some_names_are_looked_at_at_once(al: Client) -> None:
    add(al)
    for _ in range(operations.MOST_AT_ONCE):
        assert operations._turns.acquire(blocking=False)
    try:
        answer = al.raw("POST", "domain/ownership/new.test")
        assert (answer.status_code, answer.json()["_msg"]) == (503, "SERVICE_UNAVAILABLE")
    finally:
        for _ in range(operations.MOST_AT_ONCE):
            operations._turns.release()
    assert [proof["last_verify"] for proof in awaited(al, "new.test")] == [""]


def test_the_code_of_another_name_proves_nothing(al: Client, dns: NameServer, web: WebServer) -> None:
    add(al)
    dns.publish(f'new.test. TXT "{add_alias(al)}"\nnew.test. A {LOOPBACK}')
    assert al.refused("POST", "domain/ownership/new.test") == "OWNERSHIP_NOT_PROVED"
    assert web.connections == 2


def test_inner_networks_are_reached_only_where_the_settings_say_so(site: Site, al: Client, web: WebServer) -> None:
    code = add(al)
    site.change_settings(
        require_domain_ownership_verification=True, dns_servers=site.storage.settings.dns_servers,
        domain_ownership_reachable_networks=[],
    )  # fmt: skip
    web.answers[f"/{code}"] = page(code)
    answer = al.post("domain/ownership/new.test")
    assert answer["_hint"].endswith("new.test has no address at which a web server may be asked.")
    assert web.connections == 0


# What an admin decides meanwhile


@pytest.mark.parametrize("status", ["active", "disabled"])
def test_when_a_global_admin_switches_a_domain_on_or_off_nothing_is_awaited_any_more(
    site: Site, al: Client, web: WebServer, status: str
) -> None:
    code = add(al)
    web.answers[f"/{code}"] = page(code)
    site.root().ok("PUT", "domain/new.test", accountStatus=status)
    al.ok("POST", "domain/ownership/new.test")
    assert is_active(site, "new.test") == (status == "active")
    assert (awaited(al, "new.test"), web.connections) == ([], 0)


def test_a_verified_domain_that_is_switched_off_is_not_woken_again(site: Site, al: Client, web: WebServer) -> None:
    code = add(al)
    web.answers[f"/{code}"] = page(code)
    al.ok("POST", "domain/ownership/new.test")
    site.root().ok("PUT", "domain/new.test", accountStatus="disabled")
    al.ok("POST", "domain/ownership/new.test")
    assert not is_active(site, "new.test")


def test_nothing_is_awaited_for_an_alias_domain_or_a_domain_that_has_gone(site: Site, al: Client) -> None:
    add(al)
    add_alias(al)
    al.ok("PUT", "domain/ex.com", removeAliasDomain="also.test")
    assert awaited(al, "ex.com") == []
    site.root().ok("DELETE", "domain/new.test")
    assert site.rows("domain_ownership") == []


def test_a_domain_that_was_proved_lately_may_be_added_again(site: Site, al: Client, web: WebServer) -> None:
    code = add(al)
    web.answers[f"/{code}"] = page(code)
    al.ok("POST", "domain/ownership/new.test")
    remove(site, al)
    al.ok("POST", "domain/new.test")
    assert is_active(site, "new.test")


def test_a_proof_of_long_ago_counts_no_more(site: Site, al: Client, web: WebServer) -> None:
    code = add(al)
    web.answers[f"/{code}"] = page(code)
    al.ok("POST", "domain/ownership/new.test")
    remove(site, al)
    with Session(site.storage.iredadmin) as session:
        session.update(domain_ownership, {"expire": 1}, verified=1)
        session.commit()
    assert add(al) != code
    assert not is_active(site, "new.test")


def test_proofs_of_long_ago_are_dropped(site: Site, al: Client, web: WebServer) -> None:
    code = add(al)
    add_alias(al)
    web.answers[f"/{code}"] = page(code)
    al.ok("POST", "domain/ownership/new.test")
    with site.storage.open(Grant(None, Target()), LOOPBACK) as work:
        assert operations.drop_expired(work) == 0
        with Session(site.storage.iredadmin) as session:
            session.update(domain_ownership, {"expire": 1}, verified=1)
            session.commit()
        assert operations.drop_expired(work) == 1
    assert [row["alias_domain"] for row in site.rows("domain_ownership")] == ["also.test"]


# The job


def test_the_job_looks_for_all_that_is_awaited(site: Site, al: Client, dns: NameServer, web: WebServer) -> None:
    code, alias_code = add(al), add_alias(al)
    assert al.put("domain/ex.com", addAliasDomain="third.test")["_success"]
    dns.publish(f'new.test. A {LOOPBACK}\nalso.test. TXT "{alias_code}"')
    web.answers[f"/{code}"] = page(code)
    assert verify_domains.run(site.storage, SETUP) == (2, 1)
    assert is_active(site, "new.test")
    assert [proof["alias_domain"] for proof in awaited(al, "ex.com")] == ["third.test"]
    assert {line["admin"] for line in site.rows("log", event="active")} == {SETUP.account}
    assert verify_domains.run(site.storage, SETUP) == (0, 1)


def test_without_anything_awaited_the_job_asks_nobody(site: Site, al: Client, dns: NameServer) -> None:
    assert al.data("domains/ownership") == []
    before = site.dump()
    assert verify_domains.run(site.storage, SETUP) == (0, 0)
    assert (site.dump(), dns.asked) == (before, [])


@pytest.mark.slow  # a command
def test_the_command_says_how_many_are_verified(site: Site, al: Client, dns: NameServer, tmp_path: Path) -> None:
    """Another process, which knows no other port of a web server than the usual one."""
    dns.publish(f'new.test. TXT "{add(al)}"')
    add_alias(al, "nowhere.test")
    file = processes.settings_file(tmp_path, site.stores, dns_servers=[dns.address])
    done = processes.ran("job verify-domains", file)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1 verified, 1 waiting.\n", "")
    assert is_active(site, "new.test")


# A commit that does not come, and one that comes twice


def test_what_a_crash_left_between_the_domain_and_its_proof_is_finished_by_the_next_look(
    site: Site, al: Client, web: WebServer
) -> None:
    code = add(al)
    web.answers[f"/{code}"] = page(code)
    rows = site.rows("domain_ownership")
    al.ok("POST", "domain/ownership/new.test")
    with Session(site.storage.iredadmin) as session:  # the process ended before it wrote this
        session.delete(domain_ownership)
        session.insert(domain_ownership, rows[0])
        session.commit()
    assert verify_domains.run(site.storage, SETUP) == (1, 0)
    assert is_active(site, "new.test")
    assert awaited(al, "new.test") == []
