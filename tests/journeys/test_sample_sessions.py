"""The vendor's two sample sessions, against `make serve`, as the many scripts that began as copies of them run.

Both use the names of the older document. Unsubscribable lists are for OpenLDAP only: on SQL their steps are refused.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests

ADMIN = "postmaster@admins.test"
PASSWORD = "A@StrongPassword2"
REPOSITORY = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@contextmanager
def served(data: Path) -> Iterator[str]:
    """Run `make serve` on a free port, and yield the base of the API."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    command = ["make", "serve", f"DATA={data}", f"LISTEN={listen}", f"ADMIN={ADMIN}"]
    environment = {**os.environ, "POSTREEVE_ADMIN_PASSWORD": PASSWORD}
    process = subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        _wait_for(listen, process)
        yield f"http://{listen}/iredadmin/api"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


def _wait_for(listen: str, process: subprocess.Popen[bytes]) -> None:
    host, _, port = listen.partition(":")
    for _ in range(1200):
        assert process.poll() is None, "make serve has ended"
        with socket.socket() as line:
            if line.connect_ex((host, int(port))) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("make serve does not answer")


def requests_session(base: str) -> list[dict[str, Any]]:
    """Do what the sample with Python's `requests` does: cookies are handed on by hand."""
    login = requests.post(f"{base}/login", data={"username": ADMIN, "password": PASSWORD}, timeout=30)
    assert login.json()["_success"]
    cookies = login.cookies
    steps: list[tuple[str, str, dict[str, str]]] = [
        ("POST", "/domain/test.com", {"defaultQuota": "1024"}),
        (
            "POST",
            "/user/zhb@test.com",
            {"cn": "My Name", "password": PASSWORD, "preferredLanguage": "zh_CN", "mailQuota": "2048"},
        ),
        ("POST", "/maillist/list@test.com", {"cn": "My List Name"}),
        ("POST", "/alias/alias@test.com", {"cn": "My Alias Name"}),
        (
            "PUT",
            "/user/zhb@test.com",
            {
                "cn": "My New Name",
                "password": "WHDZ2@5yxORvVqzYY",
                "transport": "dovecot",
                "language": "en_US",
                "quota": "2048",
            },
        ),
        ("DELETE", "/user/zhb@test.com", {}),
        ("DELETE", "/maillist/list@test.com", {}),
        ("DELETE", "/alias/alias@test.com", {}),
        ("DELETE", "/domain/test.com", {}),
    ]
    return [
        requests.request(method, base + path, data=form, cookies=cookies, timeout=30).json()
        for method, path, form in steps
    ]


def curl_session(base: str, jar: Path) -> list[dict[str, Any]]:
    """Do what the sample with curl does: a cookie file, a raw blank in a body, an umlaut by --data-urlencode."""
    steps: list[list[str | Path]] = [
        ["-X", "POST", "-c", jar, "-d", f"username={ADMIN}&password={PASSWORD}", f"{base}/login"],
        ["-X", "POST", "-b", jar, "-d", "cn=ABC Inc.&quota=20480", f"{base}/domain/test.com"],
        [
            *("-X", "POST", "-b", jar, "-d", "password=A@StrongPassword2&cn=Zhang Huangbin&mailQuota=1024"),
            f"{base}/user/u@test.com",
        ],
        ["-X", "PUT", "-b", jar, "-d", "cn=John Smith&mailQuota=2048", f"{base}/user/u@test.com"],
        ["-X", "PUT", "-b", jar, "--data-urlencode", "cn=Jørn", f"{base}/user/u@test.com"],
        ["-X", "GET", "-b", jar, f"{base}/user/u@test.com"],
        ["-X", "DELETE", "-b", jar, f"{base}/user/u@test.com"],
        ["-X", "POST", "-b", jar, "-d", "cn=All", f"{base}/alias/all@test.com"],
        ["-X", "DELETE", "-b", jar, f"{base}/alias/all@test.com"],
        ["-X", "DELETE", "-b", jar, f"{base}/domain/test.com"],
    ]
    answers = (subprocess.run(["curl", "-s", *step], capture_output=True, check=True) for step in steps)
    return [msgspec.json.decode(answer.stdout) for answer in answers]


def test_both_samples_run_and_run_again(tmp_path: Path) -> None:
    with served(tmp_path / "data of it's own") as base:
        first, second = requests_session(base), requests_session(base)
        assert first == second
        done = [answer for answer in first if answer == {"_success": True}]
        refused = [answer for answer in first if not answer["_success"]]
        assert (len(done), len(refused)) == (7, 2)

        first, second = curl_session(base, tmp_path / "jar"), curl_session(base, tmp_path / "jar")
        profile = first.pop(5)["_data"]
        again = second.pop(5)["_data"]
        assert first == second == [{"_success": True}] * 9
        assert (profile["name"], profile["quota"], profile["language"]) == ("Jørn", 2048, "")
        assert {key for key in profile if profile[key] != again[key]} <= {
            "created",
            "modified",
            "passwordlastchange",
            "maildir",
        }
