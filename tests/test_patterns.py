"""The texts by which Amavisd and iRedAPD name senders: each form, its one spelling, and its priorities."""

import string
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from postreeve.errors import Code, Refused
from postreeve.patterns import (
    Form,
    Pattern,
    form_of,
    network_text,
    tried_by_amavisd,
    tried_by_iredapd,
)
from postreeve.values import Address, DomainName, Scope

PRIORITIES = [
    ("user@domain.test", Form.ADDRESS, 10, 100),
    ("192.168.2.10", Form.IP_ADDRESS, 9, 80),
    ("2001:db8::7", Form.IP_ADDRESS, 9, 80),
    ("192.168.2.*", Form.WILDCARD_IP, 8, 70),
    ("192.168.2.0/24", Form.NETWORK, 7, 70),
    ("2001:db8::/32", Form.NETWORK, 7, 70),
    ("user@*", Form.ANY_DOMAIN, 7, 90),
    ("@domain.test", Form.DOMAIN, 5, 60),
    ("@sub.domain.test", Form.DOMAIN, 5, 60),
    ("@.domain.test", Form.DOMAIN_TREE, 3, 50),
    ("@.test", Form.TOP_LEVEL, 2, 40),
    ("@.", Form.EVERYBODY, 0, 0),
]
SPELLINGS = [
    ("User@Domain.TEST", "user@domain.test"),
    (" user@domain.test\t", "user@domain.test"),
    ("user+ext@domain.test", "user+ext@domain.test"),
    ("a&b@domain.test", "a&b@domain.test"),
    ("#a@domain.test", "#a@domain.test"),
    ("a=b@domain.test", "a=b@domain.test"),
    ("a/b@domain.test", "a/b@domain.test"),
    ("_a-b.c@domain.test", "_a-b.c@domain.test"),
    ("-a@domain.test", "-a@domain.test"),
    ("user@xn--e1afmkfd.xn--p1ai", "user@xn--e1afmkfd.xn--p1ai"),
    ("user@пример.рф", "user@xn--e1afmkfd.xn--p1ai"),
    ("@GRÜN.test", "@xn--grn-ioa.test"),
    ("@.GRÜN.test", "@.xn--grn-ioa.test"),
    ("USER@*", "user@*"),
    ("user+x@*", "user+x@*"),
    ("@Domain.TEST", "@domain.test"),
    ("@.Domain.TEST", "@.domain.test"),
    ("@.COM", "@.com"),
    ("@.xn--p1ai", "@.xn--p1ai"),
    (" @. ", "@."),
    ("192.168.2.0", "192.168.2.0"),
    ("255.255.255.255", "255.255.255.255"),
    ("192.168.*.7", "192.168.*.7"),
    ("203.*.*.*", "203.*.*.*"),
    ("*.*.*.*", "*.*.*.*"),
    ("192.168.2.10/32", "192.168.2.10/32"),
    ("0.0.0.0/0", "0.0.0.0/0"),
    ("192.168.2.0/255.255.255.0", "192.168.2.0/24"),
    ("2001:DB8::7", "2001:db8::7"),
    ("2001:0db8:0000:0000:0000:0000:0000:0007", "2001:db8::7"),
    ("::", "::"),
    ("::1", "::1"),
    ("2001:0db8:0000::/32", "2001:db8::/32"),
    ("2001:db8:0:0:1::/80", "2001:db8:0:0:1::/80"),
    ("2001:db8:1:2:3:4:5:0/112", "2001:db8:1:2:3:4:5::/112"),
    ("2001:db8:1:2:3:4:5:8/125", "2001:db8:1:2:3:4:5:8/125"),
    ("2620:0:2d0:200::7/128", "2620:0:2d0:200::7"),
    ("::/0", "::/0"),
]
REFUSED = """
    user user@ @ . * @* *@* *@domain.test user@domain.* user@localhost user@domain @domain @com @.c @..com
    domain.test .domain.test global
    user@@domain.test us@er@domain.test user@.domain.test user@domain..test user@domain.test. @domain.test.
    @-domain.test @domain-.test @domain.test> user@domain.test> user@domain.test/24
    o'brien@domain.test a~b@domain.test a!b@domain.test a%b@domain.test a(b)@domain.test "a"@domain.test
    o'brien@* a~b@* a!b@* user@** user@*.test
    user@[1.2.3.4] user@192.168.1.1 @192.168.1.1 ü@domain.test ü@*
    192.168.2 192.168.2.256 192.168.02.10 192.168.2.1.1 192.168.2. 1 0x7f.0.0.1 \uff11.0.2.1 192.0.2.\uff11
    192.168.2.*.* *.168.2 192.168.2.** 256.*.*.* 192.168.01.* 192.168.2.1* 192.168.2.*/24
    192.168.2.10/24 192.168.2.0/33 192.168.2.0/ 192.168.2.0/-1 192.168.2.0/24/24 /24 192.168.2/24 0.0.0.1/0
    2001:db8::1/64 2001:db8::/129 2001:db8:::7 12345::1 fe80::1%eth0 fe80::%eth0/64 [2001:db8::7] /0 :
"""


@pytest.mark.parametrize(("text", "form", "in_amavisd", "in_iredapd"), PRIORITIES)
def test_every_form_has_its_priorities(text: str, form: Form, in_amavisd: int, in_iredapd: int) -> None:
    pattern = Pattern.parse(text)
    assert (pattern, pattern.form) == (text, form)
    assert (pattern.form.in_amavisd, pattern.form.in_iredapd) == (in_amavisd, in_iredapd)


def test_every_form_is_among_these() -> None:
    assert {form for _, form, _, _ in PRIORITIES} == set(Form)


@pytest.mark.parametrize(("given", "spelled"), SPELLINGS)
def test_there_is_one_spelling_of_each(given: str, spelled: str) -> None:
    assert Pattern.parse(given) == spelled
    assert Pattern.parse(spelled) == spelled


@pytest.mark.parametrize(
    "word", [*REFUSED.split(), "", " ", "a b@domain.test", "@do main.test", "@domain.test\n@x.test"]
)
def test_what_never_matches_is_refused(word: str) -> None:
    with pytest.raises(Refused) as refusal:
        Pattern.parse(word)
    assert refusal.value.codes == (Code.INVALID_VALUE,)


@pytest.mark.parametrize(
    "word", ["\x00", "a\x00b@domain.test", "@domain.test\x00", "192.0.2.1\x00", "a\u2028b@domain.test"]
)
def test_control_characters_are_refused(word: str) -> None:
    with pytest.raises(Refused):
        Pattern.parse(word)


def test_a_text_is_as_long_as_the_columns_at_most() -> None:
    local, label = "u" * 64, "d" * 63
    longest = f"{local}@{label}.{label}.{'d' * 56}.test"
    assert len(longest) == 254
    assert Pattern.parse(longest) == longest
    for longer in (f"u{longest}", f"@{label}.{label}.{label}.{label}.test", "1" * 10_000, f"{'u' * 65}@domain.test"):
        with pytest.raises(Refused) as refusal:
            Pattern.parse(longer)
        assert len(refusal.value.hint) <= 254


# Whatever somebody writes

LABELS = st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=8)
DOMAINS = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
LOCAL_PARTS = st.text(string.ascii_letters + string.digits + "_-#.+=/&'~*", max_size=8)
FIELDS = st.one_of(st.integers(0, 300).map(str), st.just("*"))
NETWORKS_4 = st.builds(
    lambda number, length: IPv4Network((number >> (32 - length) << (32 - length), length)),
    st.integers(0, 2**32 - 1), st.integers(0, 32),
)  # fmt: skip
NETWORKS_6 = st.builds(
    lambda number, length: IPv6Network((number >> (128 - length) << (128 - length), length)),
    st.integers(0, 2**128 - 1), st.integers(0, 128),
)  # fmt: skip
NEARLY_PATTERNS = st.one_of(
    st.builds("{}@{}".format, LOCAL_PARTS, DOMAINS),
    st.builds("{}@*".format, LOCAL_PARTS),
    st.builds("@{}".format, DOMAINS),
    st.builds("@.{}".format, DOMAINS),
    st.lists(FIELDS, min_size=3, max_size=5).map(".".join),
    st.ip_addresses().map(str),
    NETWORKS_4.map(str),
    NETWORKS_6.map(str),
    NETWORKS_6.map(lambda network: network.exploded.upper()),
    st.text(max_size=30),
)


@given(NEARLY_PATTERNS)
def test_reading_its_own_spelling_changes_nothing(text: str) -> None:
    try:
        pattern = Pattern.parse(text)
    except Refused:
        assume(False)
    again = Pattern.parse(pattern)
    assert (again, again.form) == (pattern, pattern.form)
    assert pattern == pattern.lower() == pattern.strip()
    assert pattern.isascii()
    assert set(pattern).isdisjoint(", ;'\"\\%~\x00\n")


@given(st.sampled_from([text for text, *_ in PRIORITIES]), st.sampled_from([" {}", "{} ", "\t{}\n"]))
def test_case_and_blanks_around_it_do_not_matter(text: str, around: str) -> None:
    assert Pattern.parse(around.format(text.upper())) == text


@given(st.one_of(NETWORKS_4, NETWORKS_6))
def test_a_network_keeps_its_meaning(network: IPv4Network | IPv6Network) -> None:
    text = network_text(network)
    assert ip_network(text) == network
    assert Pattern.parse(str(network)) == Pattern.parse(network.exploded) == text
    assert form_of(text) is (Form.NETWORK if "/" in text else Form.IP_ADDRESS)


@given(NETWORKS_6)
def test_iredapd_looks_at_every_network_that_can_be_written_for_it(network: IPv6Network) -> None:
    text = network_text(network)
    if network.prefixlen == 128:
        assert text == str(ip_address(text))
    elif network.prefixlen <= 112:
        assert text.endswith(f"::/{network.prefixlen}")
    else:
        has_zero_at_the_end = int(network.network_address) % 2**16 == 0
        assert text.endswith(f"::/{network.prefixlen}") == has_zero_at_the_end


@given(st.one_of(NETWORKS_4, NETWORKS_6), st.data())
def test_a_network_with_host_bits_is_refused(network: IPv4Network | IPv6Network, data: st.DataObject) -> None:
    assume(network.num_addresses > 1)
    host = network.network_address + data.draw(st.integers(1, network.num_addresses - 1))
    with pytest.raises(Refused):
        Pattern.parse(f"{host}/{network.prefixlen}")


@given(st.ip_addresses())
def test_an_ip_address_has_the_text_that_the_daemons_compare(address: object) -> None:
    pattern = Pattern.parse(str(address).upper())
    assert pattern == str(address)
    if isinstance(address, IPv6Address):
        assert Pattern.parse(address.exploded) == pattern


# What the daemons look up


@pytest.mark.parametrize(
    ("address", "by_iredapd", "by_amavisd"),
    [
        (
            "user@a.b.c",
            {"user@a.b.c", "@a.b.c", "@.", "@.a.b.c", "@.b.c", "@.c"},
            ["user@a.b.c", "user", "@a.b.c", "@.a.b.c", "@.b.c", "@.c", "@."],
        ),
        (
            "ext@remote.test",
            {"ext@remote.test", "@remote.test", "@.", "@.remote.test", "@.test"},
            ["ext@remote.test", "ext", "@remote.test", "@.remote.test", "@.test", "@."],
        ),
    ],
)
def test_each_daemon_looks_up_these_texts(address: str, by_iredapd: set[str], by_amavisd: list[str]) -> None:
    assert set(tried_by_iredapd(address)) == by_iredapd
    assert len(tried_by_iredapd(address)) == len(by_iredapd)
    assert tried_by_amavisd(address) == by_amavisd


@given(st.sampled_from(["u@a.test", "u@b.a.test", "u+x@c.b.a.test"]), st.data())
def test_what_is_looked_up_is_a_pattern_as_it_is_stored(address: str, data: st.DataObject) -> None:
    tried = data.draw(st.sampled_from(tried_by_iredapd(address)))
    assert Pattern.parse(tried) == tried


@pytest.mark.parametrize(
    ("scope", "in_amavisd", "in_iredapd"),
    [
        (Scope.of(None), 0, 0),
        (Scope.of(DomainName("ex.com")), 5, 60),
        (Scope.of(DomainName("sub.ex.com")), 5, 60),
        (Scope.of(Address("ann@ex.com")), 10, 100),
    ],
)
def test_scopes_of_the_api_have_the_priorities_of_their_form(scope: Scope, in_amavisd: int, in_iredapd: int) -> None:
    assert (form_of(scope).in_amavisd, form_of(scope).in_iredapd) == (in_amavisd, in_iredapd)
    assert str(Pattern.parse(scope)) == str(scope)
