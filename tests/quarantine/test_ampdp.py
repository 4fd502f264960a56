"""How Amavisd is asked, and what becomes of answers that a good one never gives.

The servers here are not Amavisd: they say what a broken one might. The real one is asked in `test_release.py`.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from postreeve.mail_log.store import Place
from postreeve.quarantine.store import Held
from postreeve.storage import ampdp
from postreeve.storage.ampdp import AmPdp
from postreeve.storage.mails import shown
from postreeve.work import ReleaseServerError
from tests.quarantine.world import found

HELD = Held(shown([found("ann@a.test")]), Place(1, 7, "abc-_+"), ("ann@a.test",), "s3cret")
Answering = Callable[[socket.socket], None]


@contextmanager
def listening(answer: Answering, address: str = "") -> Iterator[str]:
    """Let somebody answer one connection, and yield where."""
    with socket.socket(socket.AF_UNIX if address else socket.AF_INET) as listener:
        listener.bind(address or ("127.0.0.1", 0))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield address or f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join(10)


def saying(*lines: str, heard: list[bytes] | None = None) -> Answering:
    """Return what reads a request and then says some lines."""

    def answer(connection: socket.socket) -> None:
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            request += connection.recv(65536)
        if heard is not None:
            heard.append(request)
        connection.sendall("".join(f"{line}\r\n" for line in (*lines, "")).encode())

    return answer


def released(answer: Answering, *recipients: str) -> list[str]:
    with listening(answer) as where:
        return AmPdp(where, 2).release(HELD, recipients or ("ann@a.test",), "root@admins.test")


def test_a_request_has_one_value_on_a_line_and_encodes_what_could_break_it() -> None:
    heard: list[bytes] = []
    answer = saying("setreply=250 2.0.0 Ok", "setreply=250 2.0.0 Ok", heard=heard)
    assert released(answer, "a%b c@a.test", "ü\r\nx=1@a.test") == ["a%b c@a.test", "ü\r\nx=1@a.test"]
    assert heard[0].decode().split("\r\n") == [
        "request=release", "mail_id=abc-_+", "secret_id=s3cret", "quar_type=Q", "partition_tag=7",
        "requested_by=<root@admins.test>", "recipient=<a%25b%20c@a.test>", "recipient=<%c3%bc%0d%0ax=1@a.test>", "", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["setreply=250 2.0.0 from%20MTA", "setreply=250 2.6.0 Ok", "return_value=continue"], ["a@a.test", "b@a.test"]),
        (["setreply=550 5.1.1 no", "setreply=250 2.0.0 Ok"], ["b@a.test"]),
        (["setreply=250 2.5.0 No%20recipients", "setreply=250 2.5.0 No%20recipients"], []),
        (["setreply=450 4.5.0 Failure:%20Secret_id", "return_value=tempfail"], []),
        (["setreply=250 2.0.0 Ok"], []),
        (["setreply=250 2.0.0 Ok"] * 3, []),
        (["nonsense", "=", "%zz=%", "setreply"], []),
    ],
)
def test_released_is_what_amavisd_says_of_each_recipient(lines: list[str], expected: list[str]) -> None:
    assert released(saying(*lines), "a@a.test", "b@a.test") == expected


def silent(connection: socket.socket) -> None:
    connection.settimeout(10)
    while connection.recv(65536):
        pass


def dripping(connection: socket.socket) -> None:
    connection.settimeout(10)
    try:
        while True:
            connection.sendall(b"x")
            threading.Event().wait(0.05)
    except OSError:
        pass


def flooding(connection: socket.socket) -> None:
    try:
        while True:
            connection.sendall(b"x=y\r\n" * 10_000)
    except OSError:
        pass


def hanging_up(connection: socket.socket) -> None:
    connection.recv(10)


@pytest.mark.parametrize("answer", [silent, dripping, flooding, hanging_up], ids=lambda answer: answer.__name__)
def test_who_gives_no_answer_is_an_outage(answer: Answering) -> None:
    with listening(answer) as where, pytest.raises(ReleaseServerError):
        AmPdp(where, 0.5).release(HELD, ["ann@a.test"], "root@admins.test")


def test_nobody_there_is_an_outage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ampdp, "CONNECT_SECONDS", 0.5)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        for where in (f"127.0.0.1:{closed.getsockname()[1]}", str(tmp_path / "nothing"), "nowhere.invalid:9998"):
            with pytest.raises(ReleaseServerError):
                AmPdp(where).release(HELD, ["ann@a.test"], "root@admins.test")


def test_it_may_listen_on_a_unix_socket(tmp_path: Path) -> None:
    with listening(saying("setreply=250 2.0.0 Ok"), str(tmp_path / "socket")) as where:
        assert AmPdp(where).release(HELD, ["ann@a.test"], "root@admins.test") == ["ann@a.test"]


def test_the_secret_of_a_mail_shows_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    assert released(saying("setreply=450 4.5.0 Failure:%20Secret_id%20s3cret%20does%20not%20match")) == []
    assert "Secret_id *** does not match" in caplog.text
    assert "s3cret" not in caplog.text + repr(HELD)
