"""The document about adoption, followed to the letter by a new administrator of a site that iRedMail has made."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.adopt.sites import ADMIN, PASSWORD, IredmailSite, ldap_site, sql_site
from tests.outages.processes import environment
from tests.servers import OpenldapServer, Server

pytestmark = [pytest.mark.served, pytest.mark.slow]  # the commands one after the other, and a server
ROOT = Path(__file__).parents[2]
MINUTES = 5
SECONDS = 60


def test_a_site_is_adopted_by_the_commands_of_the_document(server: Server, tmp_path: Path) -> None:
    with sql_site(server, tmp_path) as site:
        followed(site)


def test_a_site_with_a_directory_is_adopted_by_the_commands_of_the_document(
    server: Server, slapd: OpenldapServer, tmp_path: Path
) -> None:
    with ldap_site(server, slapd, tmp_path) as site:
        followed(site)


def followed(site: IredmailSite) -> None:
    """Run what the document says on the site's own settings file, within the time that it promises."""
    begun = time.monotonic()
    words = {
        "/opt/www/iredadmin/settings.py": str(site.settings_py()), "/etc/postreeve": str(site.folder / "data"),
        "postmaster@example.com": ADMIN, "A@StrongPassword2": PASSWORD, ".venv/bin/": f"{Path(sys.executable).parent}/",
        "127.0.0.1:8080": f"127.0.0.1:{_free_port()}",
    }  # fmt: skip
    (before, _), (serving, _), (after, _) = blocks = _blocks(words)
    assert [kind for _, kind in blocks] == ["runs", "serves", "runs"]
    told = _ran(before, site.folder, words)
    assert told.endswith("Nothing is wrong.\n")
    assert "Not understood:" not in told
    with _left_running(serving, site.folder, words):
        answers = _ran(after, site.folder, words)
    assert answers == '{"_success":true}{"_success":true,"_data":["ex.com"]}'
    assert time.monotonic() - begun < MINUTES * 60


def _blocks(words: Mapping[str, str]) -> list[tuple[str, str]]:
    text = (ROOT / "docs/adoption.md").read_text(encoding="utf-8")
    found = re.findall(r"^```sh (runs|serves)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    named = [(script, kind) for kind, script in found]
    assert all(any(word in script for script, _ in named) for word in words)
    return [(re.sub("|".join(map(re.escape, words)), lambda word: words[word[0]], script), kind)
            for script, kind in named]  # fmt: skip


def _ran(script: str, folder: Path, words: Mapping[str, str]) -> str:
    done = subprocess.run(
        [shutil.which("bash") or "sh", "-euc", script], cwd=folder, env=_environment(words), capture_output=True,
        text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def _left_running(script: str, folder: Path, words: Mapping[str, str]) -> Iterator[None]:
    log = folder / "server.log"
    with log.open("w", encoding="utf-8") as output, subprocess.Popen(
        [shutil.which("bash") or "sh", "-euc", script], cwd=folder, env=_environment(words), stdout=output,
        stderr=output, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            _wait(words["127.0.0.1:8080"], process, log)
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=SECONDS)


def _wait(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    host, _, port = address.partition(":")
    for _ in range(SECONDS * 10):
        assert process.poll() is None, log.read_text(encoding="utf-8")
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(log.read_text(encoding="utf-8"))


def _environment(words: Mapping[str, str]) -> dict[str, str]:
    return environment(POSTREEVE_LISTEN=words["127.0.0.1:8080"], no_proxy="127.0.0.1")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
