"""How a code is looked for in the DNS and on a web server that strangers have chosen."""

import socket
import time
from collections.abc import Iterator
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postreeve import networks
from postreeve.ownership import look
from postreeve.ownership.look import Bounds, NotFoundError, code_among
from tests.greylisting.dns import NameServer, serving
from tests.ownership.web import LOOPBACK, WebServer, page, web_server

CODE = "code-1234"
PATH = f"/{CODE}"
LOOPBACKS = ("127.0.0.0/8", "::1/128")
SECONDS = 8.0
SHORT = 0.9
GRACE = 1.0
"""Seconds by which a busy machine may be late."""
ZONE = f"""
    shown.test.   TXT "v=spf1 -all"
    shown.test.   TXT "{CODE}"
    parts.test.   TXT "code" "-1234"
    other.test.   TXT "{CODE}5"
    web.test.     A {LOOPBACK}
    alias.test.   CNAME web.test.
"""


@pytest.fixture
def dns() -> Iterator[NameServer]:
    with serving(ZONE) as server:
        yield server


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    """A web server on ports that anybody may open, which stand for 80 and 443."""
    with web_server() as server:
        monkeypatch.setattr(look, "PORTS", server.ports)
        yield server


def found(
    dns: NameServer, name: str, *codes: str, reachable: tuple[str, ...] = LOOPBACKS, seconds: float = SECONDS
) -> str:
    return code_among(codes or (CODE,), name, Bounds([dns.address], seconds, reachable))


def missed(dns: NameServer, name: str, *, reachable: tuple[str, ...] = LOOPBACKS, seconds: float = SECONDS) -> str:
    """Look in vain, and return what is said about it."""
    with pytest.raises(NotFoundError) as failure:
        found(dns, name, reachable=reachable, seconds=seconds)
    return str(failure.value)


# Where it may be


@pytest.mark.parametrize("name", ["shown.test", "parts.test"])
def test_a_txt_record_that_is_the_code_is_a_proof(dns: NameServer, web: WebServer, name: str) -> None:
    assert found(dns, name) == CODE
    assert (dns.asked, web.connections) == ([f"TXT {name}"], 0)


@pytest.mark.parametrize("name", ["web.test", "alias.test"])
def test_a_file_that_is_the_code_is_a_proof(dns: NameServer, web: WebServer, name: str) -> None:
    web.answers[PATH] = page(f"\ufeff{CODE}\r\n")
    assert found(dns, name) == CODE
    assert web.asked == [f"http {name} {PATH}"]


def test_a_file_over_https_is_a_proof_whatever_the_certificate(dns: NameServer, web: WebServer) -> None:
    answer = web.answer
    web.answers[PATH] = page(CODE)

    def only_with_tls(scheme: str, connection: socket.socket) -> None:
        if scheme == "https":
            answer(scheme, connection)

    web.answer = only_with_tls  # type: ignore[method-assign]
    assert found(dns, "web.test") == CODE
    assert web.asked == [f"https web.test {PATH}"]


def test_one_of_several_codes_is_enough(dns: NameServer, web: WebServer) -> None:
    web.answers["/third"] = page("third")
    assert found(dns, "web.test", "first", "second", "third") == "third"
    assert found(dns, "shown.test", "first", CODE) == CODE


def test_an_answer_in_chunks_is_read(dns: NameServer, web: WebServer) -> None:
    web.answers[PATH] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ncode\r\n5\r\n-1234\r\n0\r\n\r\n"
    assert found(dns, "web.test") == CODE


def test_a_web_server_may_be_asked_over_ipv6(dns: NameServer, monkeypatch: pytest.MonkeyPatch) -> None:
    dns.publish("web.test. AAAA ::1")
    with web_server("::1") as server:
        monkeypatch.setattr(look, "PORTS", server.ports)
        server.answers[PATH] = page(CODE)
        assert found(dns, "web.test") == CODE
        assert missed(dns, "web.test", reachable=()) == (
            "DNS: no TXT record of web.test is the code. web.test has no address at which a web server may be asked."
        )
        assert server.connections == 1


# What is no proof


def test_what_is_there_instead_is_said(dns: NameServer, web: WebServer) -> None:
    web.answers[PATH] = page("something else")
    assert missed(dns, "web.test") == (
        "DNS: no TXT record of web.test is the code. http: the file is another one. https: the file is another one."
    )
    del web.answers[PATH]
    assert missed(dns, "web.test").endswith(
        "http: the answer has the status 404. https: the answer has the status 404."
    )
    assert missed(dns, "other.test").startswith("DNS: no TXT record of other.test is the code.")


@pytest.mark.parametrize(
    "answer",
    [
        page(CODE, "404 Not Found"), page(CODE, "403 Forbidden"), page(CODE, "500 Oh"), page(f"{CODE} and more"),
        page(f"<html>{CODE}</html>"), page(CODE.upper()), page(""), b"", b"\x00" * 100, b"HTTP/1.1 200 OK\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n", page(CODE.ljust(100_000)), page(CODE + "\n" * 8000 + "x"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 9,
    ],
)  # fmt: skip
def test_everything_else_is_no_proof(dns: NameServer, web: WebServer, answer: bytes) -> None:
    web.answers[PATH] = answer
    assert "http: " in missed(dns, "web.test")


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"])
def test_no_redirection_is_followed(dns: NameServer, web: WebServer, status: str) -> None:
    """Threat 31: the look goes nowhere but where the code has to be."""
    for target in (f"http://{LOOPBACK}:{web.ports['http']}/there", "/there"):
        web.answers[PATH] = page("", status, f"Location: {target}\r\n")
        web.answers["/there"] = page(CODE)
        assert f"the answer has the status {status[:3]}." in missed(dns, "web.test")
    assert {line.split()[2] for line in web.asked} == {PATH}


@given(st.binary(max_size=300))
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_no_answer_is_a_defect(answer: bytes) -> None:
    """Whatever comes over the connection, the look is in vain and says so."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"HTTP/1.1 200 OK\r\n" + answer)
        theirs.shutdown(socket.SHUT_WR)

        class OverPair(look._Look):
            def _connected(self, *_: object) -> socket.socket:
                return ours

            def _reachable(self, *_: object) -> list[str]:
                return [LOOPBACK]

        with pytest.raises(NotFoundError):
            OverPair("web.test", Bounds([], 1, ())).in_file(CODE, "http", look._Time(1))


# Whom it never asks


INNER = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.1", "255.255.255.255",
    "224.0.0.1", "240.0.0.1", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fc00::1", "fec0::1", "ff02::1",
    "::ffff:7f00:1", "64:ff9b::7f00:1", "2002:7f00:1::1", "2001::1", "2001:db8::1",
]  # fmt: skip


@pytest.mark.parametrize("address", INNER)
def test_inner_addresses_are_never_connected_to(dns: NameServer, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threat 31: the look reaches no private network, whatever the DNS of a stranger says."""
    kind = "AAAA" if ":" in address else "A"
    dns.publish(f"web.test. {kind} {address}")
    tried = []
    monkeypatch.setattr(socket, "create_connection", lambda *target, **_: tried.append(target))
    assert "no address at which a web server may be asked" in missed(dns, "web.test", reachable=())
    assert tried == []
    assert f"{kind} web.test" in dns.asked


def test_what_python_knows_to_be_special_is_not_public() -> None:
    for number in range(0, 2**32, 262_139):
        address = ip_address(number)
        if not address.is_global or address.is_multicast or address.is_reserved:
            assert not networks.is_public(str(address)), address
    for text in ("1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700::1111", "2a00:1450:4001::5e"):
        assert networks.is_public(text)


def test_the_address_is_looked_up_once_and_so_can_not_change(dns: NameServer, web: WebServer) -> None:
    """Threat 31: what a name server says the second time is never asked for: rebinding has nothing to hold on to."""
    missed(dns, "web.test")
    assert sorted(dns.asked) == ["A web.test", "AAAA web.test", "TXT web.test"]
    assert web.connections == 2


def test_of_several_addresses_only_those_are_asked_that_may_be(dns: NameServer, web: WebServer) -> None:
    dns.publish(f"web.test. A 127.0.0.2\nweb.test. A {LOOPBACK}")
    web.answers[PATH] = page(CODE)
    assert found(dns, "web.test", reachable=(LOOPBACK,)) == CODE
    assert web.connections == 1


# How long it takes


@pytest.mark.parametrize("shape", ["headers", "body"])
def test_who_sends_slowly_is_not_waited_for(dns: NameServer, web: WebServer, shape: str) -> None:
    """Threat 31: the look is bounded in time."""
    long = "X-A: b\r\n" * 100
    web.answers[PATH] = page(CODE, headers=long) if shape == "headers" else page(CODE + " " * 1000)
    web.slow.add(PATH)
    started = time.monotonic()
    message = missed(dns, "web.test", seconds=SHORT)
    assert time.monotonic() - started < SHORT + GRACE
    assert "http: no answer in time. https: no answer in time." in message


def test_who_does_not_answer_at_all_is_not_waited_for(dns: NameServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server((LOOPBACK, 0)) as silent:
        port = silent.getsockname()[1]
        monkeypatch.setattr(look, "PORTS", {"http": port, "https": port})
        dns.failing["web.test"] = "silence"
        started = time.monotonic()
        assert missed(dns, "web.test", seconds=SHORT) == "DNS: no answer about web.test."
        dns.failing.clear()
        assert "http: no answer in time. https: no answer in time." in missed(dns, "web.test", seconds=SHORT)
        assert time.monotonic() - started < 2 * SHORT + GRACE


def test_an_answer_without_end_is_cut(dns: NameServer, web: WebServer) -> None:
    """Threat 31: the look is bounded in size."""
    web.answers[PATH] = b"HTTP/1.1 200 OK\r\n" + b"X-Long: y\r\n" * 20_000
    assert "http: no proper answer." in missed(dns, "web.test")


def test_where_nobody_listens_is_said(dns: NameServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look, "PORTS", {"http": 1, "https": 1})
    assert missed(dns, "web.test").endswith("http: no proper answer. https: no proper answer.")
