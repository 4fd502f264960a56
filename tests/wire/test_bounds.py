"""Bodies, parameters and lists of any size and any shape: bounded, refused quickly, nothing kept."""

import resource
import socket
import time
import tracemalloc
from pathlib import Path

import pytest

from tests.profiles import said
from tests.site import PASSWORD, ROOT, Client, Site
from tests.wire.raw import cookie, place, send

pytestmark = pytest.mark.slow  # large requests

BASE = "/iredadmin/api"
MEGABYTE = 1024 * 1024
FORM = "Content-Type: application/x-www-form-urlencoded"


def _flood(site: Site, head: str, pieces: int, *, chunked: bool) -> bytes:
    """Send a head and megabytes as long as somebody takes them, and return what comes back."""
    piece = b"a=" + b"x" * (MEGABYTE - 2)
    with socket.create_connection(place(site), timeout=20) as line:
        line.sendall(head.replace("\n", "\r\n").encode() + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
        try:
            for _ in range(pieces):
                line.sendall(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
            return line.recv(65536)
        except OSError:
            return b""


def _memory() -> int:
    """Return the bytes that this process, the server's too, has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.parametrize("length", ["Content-Length: 104857600", "Transfer-Encoding: chunked"])
def test_a_body_of_100_mb_is_refused_and_not_kept(site: Site, length: str) -> None:
    before, started = _memory(), time.monotonic()
    answer = _flood(site, f"POST {BASE}/login HTTP/1.1\n{length}\n{FORM}", 100, chunked="chunked" in length)
    assert time.monotonic() - started < 20
    assert not answer or (b" 413 " in answer and b"REQUEST_TOO_LARGE" in answer)
    assert _memory() - before < 40 * MEGABYTE
    site.root()


def test_a_large_body_gets_its_answer(site: Site) -> None:
    answer = site.client().raw("POST", "login", data=b"x" * (9 * MEGABYTE))
    assert (answer.status_code, answer.json()["_msg"]) == (413, "REQUEST_TOO_LARGE")


def test_100000_parameters_are_refused(site: Site) -> None:
    many = "&".join(f"p{number}=1" for number in range(100_000))
    multipart = "".join(f'--x\r\nContent-Disposition: form-data; name="p{n}"\r\n\r\n1\r\n' for n in range(5000))
    bodies = {
        "application/x-www-form-urlencoded": many,
        "application/json": "{" + ",".join(f'"p{number}":1' for number in range(100_000)) + "}",
        "multipart/form-data; boundary=x": multipart + "--x--\r\n",
    }
    for content_type, body in bodies.items():
        started = time.monotonic()
        answer = site.client().raw("POST", "login", data=body, headers={"Content-Type": content_type})
        assert answer.json()["_msg"] in {"REQUEST_TOO_LARGE", "INVALID_VALUE"}
        assert time.monotonic() - started < 20


def test_a_million_addresses_in_one_list_are_refused(site: Site) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com")
    before, started = site.dump(), time.monotonic()
    addresses = ",".join(f"{number}@f.io" for number in range(600_000))
    for name in ("catchall", "addAliasDomain"):
        assert root.raw("PUT", "domain/ex.com", data={name: addresses}).status_code == 413
    assert time.monotonic() - started < 15
    assert site.dump() == before


def test_long_names_leave_nothing_in_memory(site: Site) -> None:
    client = site.client()
    assert client.refused("POST", "login", username="a@" + "x" * MEGABYTE) == "INVALID_USERNAME"
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(40):
            for place_ in ("a@" + "é" * 3, "a@" + "x" * MEGABYTE):
                assert client.refused("POST", "login", username=f"{place_}{number}") == "INVALID_USERNAME"
        assert tracemalloc.get_traced_memory()[0] - before < 20 * MEGABYTE
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "name",
    ["é" * 500_000, "xn--" + "a" * 500_000, "a." * 250_000, "\u0300" * 200_000 + "é", "a@" * 200_000, "-" * 500_000],
)
def test_no_name_takes_long_to_refuse(site: Site, name: str) -> None:
    started = time.monotonic()
    assert site.client().refused("POST", "login", username=f"a@{name}") == "INVALID_USERNAME"
    assert time.monotonic() - started < 15


def test_multipart_bodies_are_forms(site: Site) -> None:
    root = site.root()
    files = {"name": (None, "Jørn & Söhne"), "quota": (None, "5")}
    assert root.raw("POST", "domain/ex.com", files=files).json() == {"_success": True}
    profile = root.data("domain/ex.com")
    assert (said(profile, "description"), said(profile, "maxquota")) == ("Jørn & Söhne", 5)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", "--x\r\n"),
        ("multipart/form-data; boundary=", "--x\r\n"),
        ("multipart/form-data; boundary=x", "no boundary at all"),
        (
            "multipart/form-data; boundary=x",
            '--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nx\r\n--x--\r\n',
        ),
        ("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data\r\n\r\nx\r\n--x--\r\n"),
        ("multipart/form-data; boundary=" + "x" * 5000, "--x\r\n"),
        ("multipart/form-data; boundary*=utf-8''x", "--x--\r\n"),
    ],
)
def test_broken_multipart_bodies_are_refused(site: Site, content_type: str, body: str) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com")
    before = site.dump()
    raw = body.encode(errors="surrogateescape")
    answer = root.raw("PUT", "domain/ex.com", data=raw, headers={"Content-Type": content_type})
    assert answer.status_code == 200
    assert answer.json().get("_msg", "INVALID_VALUE") == "INVALID_VALUE"
    assert {**site.dump(), "log": []} == {**before, "log": []}


@pytest.mark.parametrize("body", [b"name=\xff", b"name=%FF", b"name=%C3", b"n\xc3me=x", b"name=%ED%A0%80"])
def test_forms_in_a_broken_encoding_are_refused(site: Site, body: bytes) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com")
    before = site.dump()
    assert root.raw("PUT", "domain/ex.com", data=body).json()["_msg"] == "INVALID_VALUE"
    answer = send(site, f"PUT {BASE}/domain/ex.com?".encode() + body + f" HTTP/1.1\n{cookie(root)}".encode())
    assert answer.status == 400 or answer.json["_msg"] == "INVALID_VALUE"
    assert site.dump() == before


@pytest.mark.parametrize(
    "content_type",
    ["", "/", "text/plain", "application/JSON; charset=utf-8", "x" * 2000, "é/ü", 'a;b;c="', "application/json;"],
)
def test_no_content_type_is_a_defect(site: Site, content_type: str) -> None:
    body = b"{}" if "json" in content_type.lower() else b"username=x"
    answer = send(site, f"POST {BASE}/login HTTP/1.1\nContent-Length: {len(body)}\nContent-Type: {content_type}", body)
    assert (answer.status, answer.json["_msg"]) == (200, "INVALID_USERNAME")


@pytest.mark.parametrize("length", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_a_body_that_breaks_off_is_never_carried_out(site: Site, length: str) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com", quota="1024")
    before = site.dump()
    part = b"name=Cut&quota=10"
    with socket.create_connection(place(site)) as line:
        head = f"PUT {BASE}/domain/ex.com HTTP/1.1\n{length}\n{FORM}\n{cookie(root)}\nHost: x\n\n".replace("\n", "\r\n")
        line.sendall(head.encode() + (part if "Length" in length else b"%x\r\n%s\r\n" % (len(part), part)))
        time.sleep(0.2)
    _wait_until_idle(root)
    assert site.dump() == before


def _wait_until_idle(client: Client) -> None:
    """Let the server finish what it has begun."""
    time.sleep(0.3)
    assert client.data("domains?name_only=yes") == ["ex.com"]


def test_very_many_headers_and_cookies_do_no_harm(site: Site) -> None:
    crumbs = "; ".join(f"c{number}={number}" for number in range(2000))
    assert send(site, f"GET {BASE}/domains HTTP/1.1\nCookie: {crumbs}").status in {200, 400, 431}
    assert send(site, f"GET {BASE}/domains HTTP/1.1\nX-Forwarded-For: {'1.2.3.4,' * 5000}").status in {200, 400, 431}
    site.client().login(ROOT, PASSWORD)


def test_a_body_that_stands_still_is_refused_and_its_connection_closed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("postreeve.web.requests.UNSENT_SECONDS", 0.2)
    with socket.create_connection(place(site), timeout=10) as line:
        line.sendall(
            f"POST {BASE}/login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n{FORM}\r\n\r\nusername=".encode()
        )
        answer = b"".join(iter(lambda: line.recv(65536), b""))  # ends when the server closes
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert body == b'{"_success":false,"_msg":"REQUEST_INCOMPLETE"}'
