"""The job that asks the DNS whose servers are not greylisted, against a name server of ours."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from postreeve.greylisting.operations import MOST_AT_ONCE
from postreeve.greylisting.spf import MOST_QUERIES
from postreeve.jobs import spf_whitelist
from postreeve.storage.sql import Session
from postreeve.storage.tables.iredapd import (
    greylisting_tracking,
    greylisting_whitelist_domain_spf,
    greylisting_whitelists,
)
from postreeve.work import StoreUnavailableError
from tests.greylisting.dns import Failure, NameServer, serving
from tests.outages import processes
from tests.site import Client, Site

pytestmark = pytest.mark.slow  # starts of the command, and a name server

ROUTE = "greylisting/whitelist_spf_domains"
SPF = "greylisting_whitelist_domain_spf"
OLD_PLACE = "greylisting_whitelists"

ZONE = """
    one.test.       TXT "v=spf1 ip4:192.0.2.1 ip4:192.0.2.64/26 ip6:2001:db8::1 ip6:2001:db8:1::/48 -all"
    hosts.test.     TXT "v=spf1 a mx a:www.hosts.test mx:one.test -all"
    hosts.test.     A 198.51.100.1
    hosts.test.     AAAA 2001:db8::98
    hosts.test.     MX 10 mx.hosts.test.
    mx.hosts.test.  A 198.51.100.2
    www.hosts.test. A 198.51.100.3
    one.test.       MX 10 mx.one.test.
    mx.one.test.    A 198.51.100.4
    including.test. TXT "v=spf1 include:spf.test ip4:203.0.113.1 -all"
    redirecting.test. TXT "v=spf1 redirect=spf.test"
    spf.test.       TXT "v=spf1 ip4:203.0.113.99 ptr:spf.test"
    loop.test.      TXT "v=spf1 include:pool.test ip4:203.0.113.2"
    pool.test.      TXT "v=spf1 include:loop.test ip4:203.0.113.3"
    mail.test.      TXT "no such record"
    mail.test.      A 203.0.113.4
    mail.test.      MX 10 mx.hosts.test.
    bare.test.      A 203.0.113.5
    nobody.test.    TXT "v=spf1 -all"
    nobody.test.    MX 10 mx.one.test.
    partial.test.   TXT "v=spf1 -ip4:192.0.2.5 ~a ?mx ip4:192.0.2.7/24 a/24 exists:%{i}.test ip4:192.0.2.6"
"""


@pytest.fixture(autouse=True)
def name_server(site: Site) -> Iterator[NameServer]:
    """A name server that the site asks."""
    with serving(ZONE) as server:
        site.change_settings(dns_servers=[server.address])
        yield server


@pytest.fixture
def root(site: Site) -> Client:
    return site.root()


def listed(root: Client, *domains: str) -> None:
    root.ok("POST", ROUTE, domains=",".join(domains))


def senders(site: Site, table: str = SPF) -> dict[str, set[str]]:
    """Return the senders for everybody in a table, by their comments."""
    found: dict[str, set[str]] = {}
    for row in site.rows(table, account="@."):
        found.setdefault(row["comment"].removeprefix("AUTO-UPDATE: "), set()).add(row["sender"])
    return found


def insert(site: Site, table: str, **values: str) -> None:
    tables = {SPF: greylisting_whitelist_domain_spf, OLD_PLACE: greylisting_whitelists}
    with Session(site.database_of(table)) as session:
        session.insert(tables[table], {"account": "@.", **values})
        session.commit()


# What is found


@pytest.mark.parametrize(
    ("domain", "found"),
    [
        ("one.test", {"192.0.2.1", "192.0.2.64/26", "2001:db8::1", "2001:db8:1::/48"}),
        ("hosts.test", {"198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.100.4"}),
        ("including.test", {"203.0.113.1", "203.0.113.99", "@spf.test"}),
        ("redirecting.test", {"203.0.113.99", "@spf.test"}),
        ("loop.test", {"203.0.113.2", "203.0.113.3"}),
        ("mail.test", {"198.51.100.2"}),
        ("partial.test", {"192.0.2.6"}),
    ],
)
def test_the_dns_says_who_the_senders_of_a_domain_are(site: Site, root: Client, domain: str, found: set[str]) -> None:
    listed(root, domain)
    assert spf_whitelist.run(site.storage) == (1, 0)
    assert site.rows(SPF) == sorted(site.rows(SPF, account="@.", comment=f"AUTO-UPDATE: {domain}"), key=str)
    assert senders(site) == {domain: found}


def test_what_would_need_too_many_queries_is_left_out(site: Site, root: Client, name_server: NameServer) -> None:
    hosts = {f"h{number}.many.test": f"10.0.0.{number}" for number in range(30)}
    terms = " ".join(f'" a:{host}"' for host in hosts)
    addresses = "\n".join(f"{host}. A {address}" for host, address in hosts.items())
    name_server.publish(f'many.test. TXT "v=spf1" {terms} " include:one.test"\n{addresses}')
    listed(root, "many.test")
    assert spf_whitelist.run(site.storage) == (1, 0)
    assert senders(site) == {"many.test": set(list(hosts.values())[:MOST_QUERIES])}


@pytest.mark.parametrize("domain", ["bare.test", "nobody.test", "gone.test"])
def test_a_domain_that_names_nobody_has_no_senders_beside_one_that_does(site: Site, root: Client, domain: str) -> None:
    """Neither its own address nor, where it has a record, its mail hosts step in; not to exist is an answer."""
    insert(site, SPF, sender="192.0.2.99", comment=f"AUTO-UPDATE: {domain}")
    listed(root, domain, "partial.test")
    assert spf_whitelist.run(site.storage) == (2, 0)
    assert senders(site) == {"partial.test": {"192.0.2.6"}}


def test_where_nobody_is_named_for_any_domain_all_stays(site: Site, root: Client) -> None:
    insert(site, SPF, sender="192.0.2.99", comment="AUTO-UPDATE: gone.test")
    listed(root, "bare.test", "gone.test", "nobody.test")
    assert spf_whitelist.run(site.storage) == (0, 3)
    assert senders(site) == {"gone.test": {"192.0.2.99"}}


def test_a_domain_that_another_includes_keeps_what_it_had(site: Site, root: Client) -> None:
    insert(site, SPF, sender="192.0.2.99", comment="AUTO-UPDATE: spf.test")
    listed(root, "including.test", "spf.test")
    assert spf_whitelist.run(site.storage) == (1, 1)
    assert senders(site) == {"including.test": {"203.0.113.1", "203.0.113.99", "@spf.test"}, "spf.test": {"192.0.2.99"}}


def test_an_address_that_two_domains_name_belongs_to_the_first(site: Site, root: Client) -> None:
    listed(root, "hosts.test", "mail.test")
    assert spf_whitelist.run(site.storage) == (2, 0)
    assert senders(site).keys() == {"hosts.test"}


# What is written


def test_what_the_dns_named_before_goes(site: Site, root: Client, name_server: NameServer) -> None:
    listed(root, "one.test", "partial.test")
    spf_whitelist.run(site.storage)
    name_server.publish('one.test. TXT "v=spf1 ip4:192.0.2.2"\npartial.test. TXT "v=spf1 ip4:192.0.2.6"')
    assert spf_whitelist.run(site.storage) == (2, 0)
    assert senders(site) == {"one.test": {"192.0.2.2"}, "partial.test": {"192.0.2.6"}}


def test_what_an_older_release_kept_in_another_table_is_replaced_too(site: Site, root: Client) -> None:
    insert(site, OLD_PLACE, sender="192.0.2.99", comment="AUTO-UPDATE: partial.test")
    listed(root, "partial.test")
    spf_whitelist.run(site.storage)
    assert (senders(site, OLD_PLACE), senders(site)) == ({}, {"partial.test": {"192.0.2.6"}})


def test_other_rows_are_left_alone(site: Site, root: Client) -> None:
    others = {"": "192.0.2.90", "AUTO-UPDATE: unlisted.test": "192.0.2.91", "by hand": "192.0.2.6"}
    for comment, sender in others.items():
        insert(site, SPF, sender=sender, comment=comment)
        insert(site, OLD_PLACE, sender=sender, comment=comment)
    before = site.rows(SPF), site.rows(OLD_PLACE)
    listed(root, "partial.test")
    assert spf_whitelist.run(site.storage) == (1, 0)
    assert (site.rows(SPF), site.rows(OLD_PLACE)) == before


def test_a_row_in_another_spelling_is_the_same_row(site: Site, root: Client) -> None:
    insert(site, SPF, sender="@SPF.test", comment="by hand")
    listed(root, "redirecting.test")
    assert spf_whitelist.run(site.storage) == (1, 0)
    assert senders(site) == {"by hand": {"@SPF.test"}, "redirecting.test": {"203.0.113.99"}}


def test_who_was_sent_away_before_is_forgotten(site: Site, root: Client) -> None:
    for client in ("192.0.2.6", "192.0.2.60"):
        with Session(site.database_of("greylisting_tracking")) as session:
            session.insert(
                greylisting_tracking,
                {"sender": "a@partial.test", "recipient": "b@ex.com", "client_address": client},
            )
            session.commit()
    listed(root, "partial.test")
    spf_whitelist.run(site.storage)
    assert [row["client_address"] for row in site.rows("greylisting_tracking")] == ["192.0.2.60"]


def test_all_is_written_or_nothing(site: Site, root: Client) -> None:
    """A key of somebody's makes the second domain fail, which has more than one sender."""
    insert(site, SPF, sender="192.0.2.97", comment="AUTO-UPDATE: partial.test")
    insert(site, SPF, sender="192.0.2.98", comment="AUTO-UPDATE: redirecting.test")
    listed(root, "partial.test", "redirecting.test")
    before = site.dump()
    site.execute("iredapd", f"CREATE UNIQUE INDEX only_one ON {SPF} (comment)")
    try:
        with pytest.raises(StoreUnavailableError):
            spf_whitelist.run(site.storage)
    finally:
        site.execute("iredapd", f"DROP INDEX only_one{f' ON {SPF}' if site.engine == 'mariadb' else ''}")
    assert site.dump() == before


def test_each_run_is_in_the_log(site: Site, root: Client) -> None:
    listed(root, "partial.test", "spf.test", "redirecting.test")
    spf_whitelist.run(site.storage)
    (line,) = [row for row in site.rows("log") if row["msg"].startswith("[job]")]
    assert (line["event"], line["admin"]) == ("greylisting", "")
    assert line["msg"] == "[job] Ask the DNS for the domains that are not greylisted: 2 of 3."


def test_without_domains_nothing_is_asked_and_nothing_logged(site: Site, name_server: NameServer) -> None:
    before = site.dump()
    assert spf_whitelist.run(site.storage) == (0, 0)
    assert (name_server.asked, site.dump()) == ([], before)


# Where the DNS fails


FAILURES = [
    "SERVFAIL",
    "REFUSED",
    pytest.param("garbage", marks=pytest.mark.slow),
    pytest.param("silence", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("failure", FAILURES)
def test_where_the_dns_does_not_answer_the_former_senders_stay(
    site: Site, root: Client, name_server: NameServer, failure: Failure, caplog: pytest.LogCaptureFixture
) -> None:
    listed(root, "including.test", "partial.test")
    spf_whitelist.run(site.storage)
    name_server.publish('including.test. TXT "v=spf1 include:spf.test"\npartial.test. TXT "v=spf1 ip4:192.0.2.9"')
    name_server.failing["spf.test"] = failure
    assert spf_whitelist.run(site.storage) == (1, 1)
    assert senders(site) == {
        "including.test": {"203.0.113.1", "203.0.113.99", "@spf.test"},
        "partial.test": {"192.0.2.9"},
    }
    assert "The DNS does not answer for including.test" in caplog.text


# Domains that go


@pytest.mark.parametrize("parameters", [{"removeDomains": "one.test"}, {"domains": "partial.test"}])
def test_with_a_domain_go_its_senders(site: Site, root: Client, parameters: dict[str, str]) -> None:
    listed(root, "one.test", "partial.test")
    spf_whitelist.run(site.storage)
    insert(site, OLD_PLACE, sender="192.0.2.99", comment="AUTO-UPDATE: one.test")
    root.ok("POST", ROUTE, **parameters)
    assert root.data(ROUTE) == ["partial.test"]
    assert (senders(site), senders(site, OLD_PLACE)) == ({"partial.test": {"192.0.2.6"}}, {})


# The operation that asks at once


def test_a_new_domain_is_asked_for_at_once_if_wanted(site: Site, root: Client, name_server: NameServer) -> None:
    root.ok("POST", ROUTE, addDomains="partial.test", query_dns_immediately="no")
    assert (senders(site), name_server.asked) == ({}, [])
    root.ok("POST", ROUTE, addDomains="redirecting.test", query_dns_immediately="yes")
    assert senders(site) == {"redirecting.test": {"203.0.113.99", "@spf.test"}}
    assert root.data(ROUTE) == ["partial.test", "redirecting.test"]


def test_a_domain_for_which_the_dns_fails_is_listed_and_left_to_the_job(
    site: Site, root: Client, name_server: NameServer
) -> None:
    name_server.failing["partial.test"] = "SERVFAIL"
    answer = root.post(ROUTE, addDomains="partial.test, redirecting.test", query_dns_immediately="yes")
    assert answer == {"_success": True, "_hint": "The job asks the DNS for partial.test later."}
    assert root.data(ROUTE) == ["partial.test", "redirecting.test"]
    assert senders(site).keys() == {"redirecting.test"}


def test_one_request_asks_for_some_domains_and_leaves_the_others_to_the_job(
    site: Site, root: Client, name_server: NameServer
) -> None:
    domains = [f"d{number:02}.test" for number in range(MOST_AT_ONCE + 1)]
    name_server.publish("\n".join(f'{name}. TXT "v=spf1 ip4:10.0.1.{at}"' for at, name in enumerate(domains)))
    answer = root.post(ROUTE, domains=",".join(domains), query_dns_immediately="yes")
    assert answer == {"_success": True, "_hint": f"The job asks the DNS for {domains[-1]} later."}
    assert senders(site).keys() == set(domains[:-1])


def test_removing_asks_nothing(site: Site, root: Client, name_server: NameServer) -> None:
    listed(root, "one.test")
    root.ok("POST", ROUTE, removeDomains="one.test", query_dns_immediately="yes")
    assert (name_server.asked, senders(site)) == ([], {})


# The command


@pytest.fixture
def settings_file(site: Site, tmp_path: Path, name_server: NameServer) -> Path:
    return processes.settings_file(tmp_path, site.stores, dns_servers=[name_server.address])


def test_the_command_says_for_how_many_domains_the_dns_answered(
    site: Site, root: Client, name_server: NameServer, settings_file: Path
) -> None:
    listed(root, "one.test", "partial.test", "mail.test")
    name_server.failing["one.test"] = "SERVFAIL"
    done = processes.ran("job spf-whitelist", settings_file)
    assert (done.returncode, done.stdout) == (
        0, "The DNS answered for 2 domains; for 1 the servers known before stay.\n",
    )  # fmt: skip
    assert done.stderr.startswith("The DNS does not answer for one.test: ")
    assert senders(site).keys() == {"mail.test", "partial.test"}


def test_without_iredapd_the_command_says_so(site: Site, tmp_path: Path) -> None:
    stores = {name: store for name, store in site.stores.items() if name != "iredapd"}
    done = processes.ran("job spf-whitelist", processes.settings_file(tmp_path, stores))
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "postreeve: There is no database iredapd here.\n")
