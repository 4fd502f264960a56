"""A node of Postreeve over two OpenLDAP servers that replicate from each other, of which the first one dies."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from tests import servers
from tests.directory.conftest import ours
from tests.directory.test_outages import Restarted
from tests.outages.processes import PROGRAM, environment, serving, settings_file
from tests.servers import MANAGER_PASSWORD, OpenldapServer
from tests.site import PASSWORD, ROOT, Client

pytestmark = pytest.mark.slow  # two servers of its own
NAME = "d"
SECONDS = 30


@dataclass(frozen=True)
class Providers:
    """Both servers, and the settings of a node that names them."""

    first: OpenldapServer
    second: OpenldapServer
    file: Path


@pytest.fixture
def providers() -> Iterator[Providers]:
    with ExitStack() as stack:
        folder = stack.enter_context(servers._folder())
        both = [stack.enter_context(servers.openldap(folder / name)) for name in ("one", "two")]
        for server in both:
            server.create_directory(NAME)
        for number, (server, other) in enumerate(zip(both, reversed(both), strict=True), start=1):
            server.run("ldapmodify", _replication(server, other, number))
        manager = both[0].directory(NAME, url=" ".join(server.url("ldap") for server in both))
        file = settings_file(folder, {"ldap": msgspec.structs.replace(ours(manager), timeout=3)}, mlmmj="")
        file.write_text(f'{file.read_text()}[iredadmin]\nengine = "sqlite"\npath = "iredadmin.db"\n')
        words = [
            "init",
            f"--data={folder}",
            f"--settings={file}",
            f"--admin={ROOT}",
            f"--ldap-manager={manager.bind_dn}",
        ]
        given = {"POSTREEVE_ADMIN_PASSWORD": PASSWORD, "POSTREEVE_LDAP_MANAGER_PASSWORD": MANAGER_PASSWORD}
        subprocess.run([PROGRAM, *words], env=environment(**given), capture_output=True, timeout=60, check=True)
        yield Providers(both[0], both[1], file)


def _replication(server: OpenldapServer, other: OpenldapServer, number: int) -> str:
    """Return the configuration of one of two providers."""
    there = other.directory(NAME, url=other.url("ldap"))
    source = (
        f'rid=00{number} provider={there.url} bindmethod=simple binddn="{there.bind_dn}" credentials={MANAGER_PASSWORD}'
        f' searchbase="{there.suffix}" type=refreshAndPersist retry="1 +" keepalive=2:2:2'
    )
    with server._connection("cn=config") as driver:
        [(database, _)] = driver.search_s("cn=config", 1, f"(olcSuffix={there.suffix})", ["1.1"])
    return (
        f"dn: cn=config\nchangetype: modify\nreplace: olcServerID\nolcServerID: {number}\n\n"
        "dn: cn=module{0},cn=config\nchangetype: modify\nadd: olcModuleLoad\nolcModuleLoad: syncprov\n\n"
        f"dn: olcOverlay=syncprov,{database}\nchangetype: add\nobjectClass: olcSyncProvConfig\nolcOverlay: syncprov\n\n"
        f"dn: {database}\nchangetype: modify\nadd: olcSyncrepl\nolcSyncrepl: {source}\n-\n"
        "replace: olcMultiProvider\nolcMultiProvider: TRUE\n"
    )


def test_work_goes_on_at_the_second_provider_and_the_first_catches_up(providers: Providers) -> None:
    """What the first one acknowledged last may be missing until it is back; then everything is at both."""
    with serving(providers.file) as process:
        root = process.client().login(ROOT)
        root.ok("POST", "domain/ex.com")
        acknowledged = _created(root, 10)
        _wait(lambda: providers.second.entries(NAME) == providers.first.entries(NAME))
        acknowledged += _created(root, 10)
        _kill(providers.first)
        acknowledged += _created(root, 10)
        assert f"mail={acknowledged[-1]}" in "".join(providers.second.entries(NAME))
        again = Restarted(providers.first)
        again.start()
        try:
            _wait(lambda: providers.second.entries(NAME) == providers.first.entries(NAME))
            there = providers.first.entries(NAME)
            acknowledged += _created(root, 5)
            assert set(acknowledged) <= set(root.data("users/ex.com", email_only="yes"))
        finally:
            again.stop()
    users = {entry["mail"][0] for entry in there.values() if "mailUser" in entry["objectClass"]}
    assert set(acknowledged[:-5]) <= users


def _created(root: Client, number: int) -> list[str]:
    """Create users until some are acknowledged, and return those; else there is nothing but a retryable refusal."""
    found: list[str] = []
    deadline = time.monotonic() + SECONDS
    while len(found) < number:
        mail = f"u{time.monotonic_ns()}@ex.com"
        answer = root.raw("POST", f"user/{mail}", data={"password": PASSWORD})
        if answer.json()["_success"]:
            found.append(mail)
        else:
            assert (answer.status_code, answer.json()["_msg"]) == (503, "SERVICE_UNAVAILABLE")
        assert time.monotonic() < deadline
    return found


def _kill(server: OpenldapServer) -> None:
    """End it as the kernel would when memory runs out."""
    pid = int((server.folder / "pid").read_text())
    os.kill(pid, signal.SIGKILL)
    _wait(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z")


def _wait(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)
