"""Files that are written as they are read."""

import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from postreeve.web import sending
from tests.pages.visitor import Visitor
from tests.site import Client, Site

pytestmark = pytest.mark.faces

MANY = 200_000
FILE = "/list/news@ex.com/subscribers/file"


@pytest.fixture
def api(site: Site) -> Client:
    """A mailing list with more subscribers than fit between a server and a client that reads nothing."""
    api = site.root()
    api.ok("POST", "domain/ex.com")
    api.ok("POST", "ml/news@ex.com")
    lines = "".join(f"{number:06}{'x' * 40}@{'y' * 60}.test\n" for number in range(MANY))
    (Path(site.settings.mlmmj_spool) / "ex.com" / "news" / "subscribers.d" / "0").write_text(lines)
    return api


@pytest.mark.usefixtures("api")
def test_a_long_file_comes_whole(root: Visitor) -> None:
    answer = root.get(FILE)
    assert (answer.status_code, len(answer.text.splitlines())) == (200, MANY)
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''news%40ex.com.txt"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    head = root.session.head(f"{root.base}{FILE}", timeout=60)
    assert (head.status_code, head.text, head.headers["content-type"]) == (200, "", answer.headers["content-type"])


@pytest.mark.usefixtures("api")
def test_who_takes_nothing_of_a_file_is_dropped(root: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds a connection to a store as long as it lasts."""
    monkeypatch.setattr(sending, "UNREAD_SECONDS", 0.2)
    place = urlsplit(f"{root.base}{FILE}")
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in root.session.cookies)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(30)
        client.connect((place.hostname, place.port))
        client.sendall(f"GET {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\nCookie: {cookies}\r\n\r\n".encode())
        assert client.recv(12) == b"HTTP/1.1 200"
        time.sleep(2)
        taken = bytearray()
        while piece := client.recv(1 << 20):
            taken += piece
    assert len(taken) < MANY * 100
    assert not taken.endswith(b"0\r\n\r\n")
