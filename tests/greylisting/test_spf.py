"""Whom a domain's DNS names as senders: a real resolver asks a name server of ours."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest
from dns.resolver import Resolver
from hypothesis import given
from hypothesis import strategies as st

from postreeve import resolvers
from postreeve.greylisting import spf
from postreeve.greylisting.spf import (
    LONGEST_SENDER,
    MOST_QUERIES,
    MOST_SENDERS,
    LookUpFailedError,
    SenderLookUp,
)
from postreeve.resolvers import resolver_of
from postreeve.values import DomainName
from tests.greylisting.dns import Failure, NameServer, serving

pytestmark = pytest.mark.slow  # a name server

SHORT = 0.2  # seconds; loopback answers in a thousandth of that
NO_SERVER = "127.0.0.1:1"


@contextmanager
def run_over(zone: str, failing: Mapping[str, Failure] | None = None) -> Iterator[tuple[SenderLookUp, NameServer]]:
    with serving(zone, failing) as server:
        yield SenderLookUp(resolver_of([server.address])), server


def senders_in(zone: str, domain: str = "ex.com") -> set[str] | None:
    with run_over(zone) as (look_up, _):
        return found_by(look_up, domain)


def found_by(look_up: SenderLookUp, domain: str) -> set[str] | None:
    found = look_up.senders_of(domain)
    return None if found is None else set(found)


def senders_by(record: str) -> set[str] | None:
    """Return the senders of ex.com with this SPF record, in a small world of hosts."""
    return senders_in(f"""
        ex.com. TXT "{record}"
        ex.com. A 192.0.2.1
        ex.com. AAAA 2001:db8::1
        ex.com. MX 10 mx.ex.com.
        mx.ex.com. A 192.0.2.25
        mx.ex.com. AAAA 2001:db8::25
        www.ex.com. A 192.0.2.80
        www.ex.com. A 192.0.2.81
        www.ex.com. AAAA 2001:db8::80
        also.ex.com. CNAME www.ex.com.
        other.net. TXT "v=spf1 a mx ptr ip4:198.51.100.1 -all"
        other.net. A 198.51.100.2
        other.net. MX 10 mx.other.net.
        mx.other.net. A 198.51.100.25
        no-spf.net. A 203.0.113.1
        no-spf.net. MX 10 no-spf.net.
    """)


OTHER_NET = {"198.51.100.1", "198.51.100.2", "198.51.100.25", "@other.net"}

WORDS = (
    *(" ", "\n", "\0", "+", "-", ":", "=", "/", "%", "."),
    *("a", "mx", "ptr", "ip4:", "ip6:", "include:", "redirect=", "%{i}", "ex.com"),
    *("192.0.2.0", "2001:db8::", "24", "\u0661"),
)


# The record


def test_the_first_text_that_begins_like_a_record_counts_and_no_other() -> None:
    assert senders_in("""
        ex.com. TXT "google-site-verification=x"
        ex.com. TXT "V=SPF1 ip4:192.0.2.9"
        ex.com. TXT " v=spf1 ip4:192.0.2.8"
        ex.com. TXT "v=spf1 ip4:192.0.2.1"
        ex.com. TXT "v=spf1 ip4:192.0.2.2"
    """) == {"192.0.2.1"}


def test_split_strings_are_joined_without_a_blank() -> None:
    assert senders_in('ex.com. TXT "v=spf1 ip4:192.0.2" ".1 ip4:192.0.2.2 ip" "4:192.0.2.3 -all"') == {
        "192.0.2.1",
        "192.0.2.2",
        "192.0.2.3",
    }


def test_a_record_too_long_for_one_datagram_comes_over_tcp() -> None:
    addresses = {f"192.0.2.{host}" for host in range(200)}
    strings = " ".join(f'" ip4:{address}"' for address in sorted(addresses))
    with run_over(f'ex.com. TXT "v=spf1" {strings}') as (look_up, server):
        assert found_by(look_up, "ex.com") == addresses
        assert server.asked == ["TXT ex.com", "TXT ex.com"]


@pytest.mark.parametrize(
    "term, found",
    [
        ("ip4:192.0.2.7", "192.0.2.7"),
        ("+ip4:192.0.2.7", "192.0.2.7"),
        ("IP4:192.0.2.7", "192.0.2.7"),
        ("ip4:192.0.2.0/24", "192.0.2.0/24"),
        ("ip4:192.0.2.7/32", "192.0.2.7/32"),
        ("ip4:192.0.2.0/255.255.255.0", "192.0.2.0/24"),
        ("ip6:2001:db8::7", "2001:db8::7"),
        ("ip6:2001:0DB8:0:0:0:0:0:7", "2001:db8::7"),
        ("+ip6:2001:0db8:0000::/32", "2001:db8::/32"),
        ("ip6:2001:db8::7/128", "2001:db8::7"),
        # What the compressed form would write without `::` at the end, so that iRedAPD would pass over it.
        ("ip6:2001:db8:0:0:0:1::/96", "2001:db8:0:0:0:1::/96"),
        ("ip6:2001:db8:1:2:3:4:5:0/112", "2001:db8:1:2:3:4:5::/112"),
        ("ip6:::/0", "::/0"),
        ("ip6:2001:db8::10/124", "2001:db8::10/124"),
    ],
)
def test_an_address_or_a_network_is_found_in_its_one_spelling(term: str, found: str) -> None:
    assert senders_by(f"v=spf1 {term} -all") == {found}


@pytest.mark.parametrize(
    "term",
    [
        "ip4:192.0.2.7/24",
        "ip6:2001:db8::7/32",
        "ip4:192.0.2.07",
        "ip4:192.0.2.256",
        "ip4:192.0.2",
        "ip4:192.0.2.0/33",
        "ip4:192.0.2.0/",
        "ip4:192.0.2.0/24/24",
        "ip4:192.0.2.*",
        "ip4:www.ex.com",
        "ip4:",
        "ip4",
        "ip4=192.0.2.7",
        "ip4:192.0.2.7,192.0.2.8",
        "ip6:fe80::1%eth0",
        "ip6:fe80::%eth0/64",
        "ip6:2001:db8:::7",
    ],
)
def test_what_is_no_address_and_no_network_without_host_bits_is_dropped(term: str) -> None:
    assert senders_by(f"v=spf1 {term} ip4:192.0.2.99 -all") == {"192.0.2.99"}


@pytest.mark.parametrize("sign", ["-", "~", "?"])
@pytest.mark.parametrize(
    "term",
    ["ip4:192.0.2.7", "ip6:2001:db8::7", "a", "a:www.ex.com", "mx", "mx:other.net", "ptr", "include:other.net", "all"],
)
def test_a_term_with_another_sign_than_plus_is_ignored(sign: str, term: str) -> None:
    assert senders_by(f"v=spf1 {sign}{term} ip4:192.0.2.99") == {"192.0.2.99"}


@pytest.mark.parametrize(
    "term, found",
    [
        ("a", {"192.0.2.1"}),
        ("+A", {"192.0.2.1"}),
        ("a:www.ex.com", {"192.0.2.80", "192.0.2.81"}),
        ("a:WWW.Ex.Com.", {"192.0.2.80", "192.0.2.81"}),
        ("a:also.ex.com", {"192.0.2.80", "192.0.2.81"}),
        ("mx", {"192.0.2.25"}),
        ("+mx", {"192.0.2.25"}),
        ("mx:other.net", {"198.51.100.25"}),
    ],
)
def test_a_and_mx_are_the_hosts_ipv4_addresses(term: str, found: set[str]) -> None:
    assert senders_by(f"v=spf1 {term} -all") == found


@pytest.mark.parametrize("term", ["a/24", "a//64", "mx/24", "a:www.ex.com/24", "mx:other.net/24", "ptr/24"])
def test_a_and_mx_with_a_prefix_length_are_ignored_unasked(term: str) -> None:
    with run_over(f'ex.com. TXT "v=spf1 {term} -all"\nex.com. A 192.0.2.1') as (look_up, server):
        assert found_by(look_up, "ex.com") == set()
        assert server.asked == ["TXT ex.com"]


@pytest.mark.parametrize("term, found", [("ptr", "@ex.com"), ("+ptr", "@ex.com"), ("ptr:Other.NET", "@other.net")])
def test_ptr_stands_for_the_senders_of_a_domain(term: str, found: str) -> None:
    assert senders_by(f"v=spf1 {term} -all") == {found}


@pytest.mark.parametrize(
    "term",
    [
        "all",
        "+all",
        "exists:www.ex.com",
        "exists:%{i}._spf.%{d}",
        "exp=www.ex.com",
        "include:%{ir}._spf.ex.com",
        "redirect=%{d}",
        "a:%{d}",
        "ptr:%{d}",
        "a:",
        "a=www.ex.com",
        "redirect:other.net",
        "include=other.net",
        "a:localhost",
        "a:192.0.2.7",
        "ptr:.",
        "include:",
        "include",
        "nonsense:www.ex.com",
        ":",
        "=",
        "+",
        "++a",
    ],
)
def test_exists_macros_all_and_nonsense_are_ignored_unasked(term: str) -> None:
    with run_over(f'ex.com. TXT "v=spf1 {term} ip4:192.0.2.99"\nother.net. TXT "v=spf1 a"') as (look_up, server):
        assert found_by(look_up, "ex.com") == {"192.0.2.99"}
        assert server.asked == ["TXT ex.com"]


def test_a_record_that_names_nobody_gives_nothing_though_there_are_mail_hosts() -> None:
    assert senders_by("v=spf1 -all") == set()
    assert senders_by("v=spf1") == set()


def test_the_spelling_of_the_domain_does_not_matter() -> None:
    zone = 'ex.com. TXT "v=spf1 ptr"\nxn--bcher-kva.ex. TXT "v=spf1 ptr"'
    assert senders_in(zone, " Ex.COM ") == {"@ex.com"}
    assert senders_in(zone, "bücher.ex") == {"@xn--bcher-kva.ex"}


# No record


def test_without_a_record_the_mail_hosts_are_the_senders() -> None:
    assert senders_in("""
        ex.com. TXT "something else"
        ex.com. A 192.0.2.1
        ex.com. MX 20 b.mx.net.
        ex.com. MX 10 a.mx.net.
        a.mx.net. A 192.0.2.10
        a.mx.net. A 192.0.2.11
        a.mx.net. AAAA 2001:db8::10
        b.mx.net. A 192.0.2.20
    """) == {"192.0.2.10", "192.0.2.11", "192.0.2.20"}


def test_without_mail_hosts_either_there_is_nobody_and_the_domains_own_address_is_no_sender() -> None:
    assert senders_in("ex.com. A 192.0.2.1") == set()


def test_a_domain_that_does_not_exist_has_no_senders() -> None:
    with run_over("other.net. A 192.0.2.1") as (look_up, server):
        assert found_by(look_up, "ex.com") == set()
        assert server.asked == ["TXT ex.com", "MX ex.com"]


def test_mail_hosts_without_an_address_or_a_name_are_nobody() -> None:
    assert senders_in("""
        ex.com. MX 5 gone.ex.com.
        ex.com. MX 6 six.ex.com.
        ex.com. MX 7 localhost.
        ex.com. MX 10 mx.ex.com.
        six.ex.com. AAAA 2001:db8::6
        localhost. A 127.0.0.1
        mx.ex.com. A 192.0.2.25
    """) == {"192.0.2.25"}


def test_a_domain_that_takes_no_mail_has_no_senders_and_no_host_is_asked_for() -> None:
    with run_over("ex.com. MX 0 .") as (look_up, server):
        assert found_by(look_up, "ex.com") == set()
        assert server.asked == ["TXT ex.com", "MX ex.com"]


# Included domains


@pytest.mark.parametrize(
    "term", ["include:other.net", "+include:other.net", "Include:Other.NET.", "redirect=other.net"]
)
def test_include_and_redirect_alike_take_what_the_other_record_names(term: str) -> None:
    assert senders_by(f"v=spf1 {term} ip4:192.0.2.99 -all") == {"192.0.2.99", *OTHER_NET}


def test_included_domains_without_a_record_name_nobody() -> None:
    assert senders_by("v=spf1 include:no-spf.net include:gone.net ip4:192.0.2.99 -all") == {"192.0.2.99"}


def test_includes_are_followed_in_the_order_of_the_record_and_into_the_depth() -> None:
    with run_over("""
        ex.com. TXT "v=spf1 redirect=c.net include:a.net include:b.net"
        a.net. TXT "v=spf1 include:a.a.net ip4:192.0.2.1"
        a.a.net. TXT "v=spf1 ip4:192.0.2.2"
        b.net. TXT "v=spf1 ip4:192.0.2.3"
        c.net. TXT "v=spf1 ip4:192.0.2.4"
    """) as (look_up, server):
        assert found_by(look_up, "ex.com") == {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"}
        assert server.asked == ["TXT ex.com", "TXT c.net", "TXT a.net", "TXT a.a.net", "TXT b.net"]


def test_loops_end() -> None:
    with run_over("""
        ex.com. TXT "v=spf1 include:ex.com include:other.net ip4:192.0.2.1"
        other.net. TXT "v=spf1 redirect=ex.com include:other.net ip4:192.0.2.2"
    """) as (look_up, server):
        assert found_by(look_up, "ex.com") == {"192.0.2.1", "192.0.2.2"}
        assert server.asked == ["TXT ex.com", "TXT other.net"]


def test_a_domain_that_another_included_is_skipped_in_the_same_run() -> None:
    with run_over("""
        ex.com. TXT "v=spf1 include:_spf.other.net include:other.net"
        other.net. TXT "v=spf1 ip4:192.0.2.2"
    """) as (look_up, server):
        assert found_by(look_up, "ex.com") == {"192.0.2.2"}
        assert look_up.senders_of("Other.net") is None
        assert look_up.senders_of("ex.com") is None
        assert server.asked == ["TXT ex.com", "TXT _spf.other.net", "TXT other.net"]
        assert found_by(SenderLookUp(resolver_of([server.address])), "other.net") == {"192.0.2.2"}


def test_what_two_domains_include_belongs_to_the_first() -> None:
    with run_over("""
        ex.com. TXT "v=spf1 include:shared.net ip4:192.0.2.1"
        other.net. TXT "v=spf1 include:shared.net include:ex.com ip4:192.0.2.2"
        shared.net. TXT "v=spf1 ip4:192.0.2.9"
    """) as (look_up, _):
        assert found_by(look_up, "ex.com") == {"192.0.2.1", "192.0.2.9"}
        assert found_by(look_up, "other.net") == {"192.0.2.2"}


@pytest.mark.parametrize("name", ["", ".", "localhost", "@ex.com", "ex com", "ex..com", "a" * 64 + ".com", "x." * 200])
def test_what_is_no_domain_name_is_skipped_unasked(name: str) -> None:
    with run_over("ex.com. A 192.0.2.1") as (look_up, server):
        assert look_up.senders_of(name) is None
        assert server.asked == []


# Bounds


def test_one_domain_costs_no_more_than_twenty_queries_after_its_first() -> None:
    hosts = range(1, 31)
    terms = "".join(f'" a:h{host}.ex.com"' for host in hosts)
    addresses = "\n".join(f"h{host}.ex.com. A 192.0.2.{host}" for host in hosts)
    with run_over(f'ex.com. TXT "v=spf1" {terms} " ip4:192.0.2.99"\n{addresses}') as (look_up, server):
        # Addresses that need no query are found even behind the limit.
        assert found_by(look_up, "ex.com") == {f"192.0.2.{host}" for host in range(1, MOST_QUERIES + 1)} | {
            "192.0.2.99"
        }
        assert len(server.asked) - server.asked.count("TXT ex.com") == MOST_QUERIES == 20


def test_the_limit_is_the_same_for_chains_of_includes_and_starts_anew_with_the_next_domain() -> None:
    chain = "\n".join(f's{n}.net. TXT "v=spf1 ip4:192.0.2.{n} include:s{n + 1}.net"' for n in range(1, 100))
    with run_over(chain) as (look_up, server):
        assert found_by(look_up, "s1.net") == {f"192.0.2.{n}" for n in range(1, 22)}
        assert len(server.asked) == 1 + MOST_QUERIES
        # The one that was dropped has not been visited.
        assert found_by(look_up, "s22.net") == {f"192.0.2.{n}" for n in range(22, 43)}
        assert len(server.asked) == 2 * (1 + MOST_QUERIES)


def test_the_limit_holds_for_mail_hosts_too_and_the_preferred_come_first() -> None:
    hosts = range(1, 31)
    zone = "\n".join(f"ex.com. MX {100 - n} mx{n}.net.\nmx{n}.net. A 192.0.2.{n}" for n in hosts)
    assert senders_in(zone) == {f"192.0.2.{n}" for n in range(30, 11, -1)}  # 19: MX itself is a query


def test_one_domain_has_at_most_so_many_senders() -> None:
    terms = "".join(f'" ip4:10.0.{n // 256}.{n % 256}"' for n in range(MOST_SENDERS + 500))
    with run_over(f'ex.com. TXT "v=spf1" {terms} " include:other.net a"') as (look_up, server):
        assert found_by(look_up, "ex.com") == {f"10.0.{n // 256}.{n % 256}" for n in range(MOST_SENDERS)}
        assert set(server.asked) == {"TXT ex.com"}
        assert found_by(look_up, "other.net") == set()


def test_a_sender_longer_than_its_column_is_left_out() -> None:
    fits, exceeds = (".".join(["a" * 31] * 3) + f".{'b' * n}" for n in (3, 4))
    assert len(f"@{fits}") == LONGEST_SENDER
    assert senders_by(f"v=spf1 ptr:{fits} ptr:{exceeds}") == {f"@{fits}"}


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 a:\\000.ex.com ip4:192.0.2.1\\000 ip4:1\\200\\377 include:\\377\\376.com ptr:'; DROP TABLE x;--",
        "v=spf1 ip4:" + "9" * 230,
        "v=spf1 include:" + "a" * 200 + ".com a:" + "." * 30,
        "v=spf1\\010ip4:192.0.2.1",
        "v=spf1" + " " * 200,
    ],
)
def test_hostile_records_name_nobody_and_do_no_harm(record: str) -> None:
    zone = f'ex.com. TXT "{record}"'
    assert senders_in(zone) == set()


def test_what_is_not_ascii_names_nobody() -> None:
    fullwidth_digits = "\uff11\uff19\uff12"
    assert senders_by(f"v=spf1 ptr:b\u00fccher.ex ip4:{fullwidth_digits}.0.2.1 ip4:192.0.2.1") == {"192.0.2.1"}


@given(st.lists(st.sampled_from(WORDS) | st.text(max_size=8), max_size=12))
def test_whatever_a_record_says_its_targets_are_addresses_networks_or_domain_names(words: list[str]) -> None:
    for mechanism, target in spf._terms("v=spf1 " + "".join(words), "ex.com"):
        if mechanism in {"ip4", "ip6"}:
            ip_network(target)
        else:
            assert DomainName.parse(target) == target


# Failures

WORLD = """
    ex.com. TXT "v=spf1 ip4:192.0.2.1 a:www.ex.com mx include:other.net include:third.net"
    ex.com. MX 10 mx.ex.com.
    www.ex.com. A 192.0.2.80
    mx.ex.com. A 192.0.2.25
    other.net. TXT "v=spf1 ip4:198.51.100.1"
    third.net. TXT "v=spf1 ip4:203.0.113.1"
    mail.net. MX 10 mx.ex.com.
"""


@pytest.mark.parametrize("name", ["ex.com", "www.ex.com", "mx.ex.com", "other.net"])
@pytest.mark.parametrize("failure", ["SERVFAIL", "REFUSED", "garbage"])
def test_a_failure_anywhere_fails_the_look_up(name: str, failure: Failure) -> None:
    with serving(WORLD, {name: failure}) as server, pytest.raises(LookUpFailedError, match=rf"of {name}\.$"):
        SenderLookUp(resolver_of([server.address], seconds=SHORT)).senders_of("ex.com")


def test_aliases_in_a_circle_are_a_failure_and_no_endless_search() -> None:
    with run_over("""
        ex.com. TXT "v=spf1 a:loop.ex.com ip4:192.0.2.1"
        loop.ex.com. CNAME more.ex.com.
        more.ex.com. CNAME loop.ex.com.
    """) as (look_up, server):
        with pytest.raises(LookUpFailedError):
            look_up.senders_of("ex.com")
        assert server.asked == ["TXT ex.com", "A loop.ex.com"]


def test_silence_fails_the_look_up_in_time() -> None:
    with serving(WORLD, {"mx.ex.com": "silence"}) as server:
        began = time.monotonic()
        with pytest.raises(LookUpFailedError):
            SenderLookUp(resolver_of([server.address], seconds=SHORT)).senders_of("mail.net")
        assert SHORT <= time.monotonic() - began < 10 * SHORT


def test_no_server_fails_the_look_up() -> None:
    with pytest.raises(LookUpFailedError):
        SenderLookUp(resolver_of([NO_SERVER], seconds=SHORT)).senders_of("ex.com")
    with pytest.raises(LookUpFailedError):
        SenderLookUp(Resolver(configure=False)).senders_of("ex.com")


def test_a_name_that_can_not_exist_is_an_answer() -> None:
    with run_over(WORLD, {"www.ex.com": "YXDOMAIN"}) as (look_up, _):
        assert found_by(look_up, "ex.com") == {"192.0.2.1", "192.0.2.25", "198.51.100.1", "203.0.113.1"}


def test_a_failure_of_one_domain_does_not_hurt_the_next() -> None:
    with run_over(WORLD, {"www.ex.com": "REFUSED"}) as (look_up, server):
        with pytest.raises(LookUpFailedError):
            look_up.senders_of("ex.com")
        assert found_by(look_up, "mail.net") == {"192.0.2.25"}
        server.failing.clear()
        assert found_by(look_up, "ex.com") == {
            "192.0.2.1",
            "192.0.2.25",
            "192.0.2.80",
            "198.51.100.1",
            "203.0.113.1",
        }


def test_what_a_failed_look_up_included_is_asked_again_by_the_next_domain() -> None:
    with run_over(
        """
        ex.com. TXT "v=spf1 include:shared.net include:broken.net"
        other.net. TXT "v=spf1 include:shared.net"
        shared.net. TXT "v=spf1 ip4:192.0.2.9"
        """,
        {"broken.net": "REFUSED"},
    ) as (look_up, _):
        with pytest.raises(LookUpFailedError):
            look_up.senders_of("ex.com")
        assert found_by(look_up, "other.net") == {"192.0.2.9"}


# The resolver


def test_without_named_servers_the_systems_are_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    conf = tmp_path / "resolv.conf"
    conf.write_text("nameserver 192.0.2.53\nnameserver 2001:db8::53\n")
    monkeypatch.setattr(resolvers, "Resolver", lambda configure=True: Resolver(str(conf), configure))
    resolver = resolver_of([])
    assert list(resolver.nameservers) == ["192.0.2.53", "2001:db8::53"]
    assert (resolver.timeout, resolver.lifetime) == (1.5, 3.0)


@pytest.mark.parametrize("text", [None, "", "nameserver nonsense\n"])
def test_a_system_without_name_servers_fails_every_look_up(
    text: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    conf = tmp_path / "resolv.conf"
    if text is not None:
        conf.write_text(text)
    monkeypatch.setattr(resolvers, "Resolver", lambda configure=True: Resolver(str(conf), configure))
    with pytest.raises(LookUpFailedError):
        SenderLookUp(resolver_of([])).senders_of("ex.com")


def test_a_dead_server_does_not_hide_the_next() -> None:
    with serving('ex.com. TXT "v=spf1 ptr"') as server:
        resolver = resolver_of([NO_SERVER, server.address], seconds=2 * SHORT)
        assert found_by(SenderLookUp(resolver), "ex.com") == {"@ex.com"}


@pytest.mark.parametrize(
    "text, address, port",
    [
        ("192.0.2.53", "192.0.2.53", 53),
        ("192.0.2.53:5353", "192.0.2.53", 5353),
        ("2001:db8::53", "2001:db8::53", 53),
        ("[2001:db8::53]:5353", "2001:db8::53", 5353),
    ],
)
def test_a_server_is_named_by_its_address_and_maybe_a_port(text: str, address: str, port: int) -> None:
    (server,) = resolver_of([text]).nameservers
    assert str(server) == f"Do53:{address}@{port}"


@pytest.mark.parametrize("text", ["", "dns.ex.com", "192.0.2.53:x", "192.0.2.53:65536", "https://192.0.2.53"])
def test_a_server_that_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - what it says is not ours
        resolver_of([text])
