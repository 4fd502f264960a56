"""A server process that is killed between two commits of a change that goes over several databases."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from postreeve.jobs import pending
from tests.outages import processes
from tests.outages.processes import Process, environment, settings_file
from tests.pending.policies import Facts, create_domains, create_user, facts, give, renamed, told_of
from tests.profiles import accounts
from tests.site import Client, Site
from tests.wire.raw import COOKIE, token

LAUNCHER = Path(__file__).with_name("mortal.py")
MOST = 40
ANN, BOB = "ann@ex.com", "bob@ex.net"
DEEDS = {
    "rename user": ("POST", f"user/{ANN}/change_email/{BOB}"),
    "rename alias": ("POST", f"alias/{ANN}/change_email/{BOB}"),
    "delete user": ("DELETE", f"user/{ANN}"),
    "delete domain": ("DELETE", "domain/ex.com"),
}


class Mortal:
    """A server that dies at the moments of a change, and a client that stays logged in."""

    def __init__(self, process: Process, moment: Path, session: str) -> None:
        self.base = process.base
        self.moment = moment
        self.session = session

    def is_killed(self, method: str, path: str, moment: int) -> bool:
        """Ask for a change, let the process die at a moment of it, and tell whether it came to that."""
        self.moment.write_text(str(moment))
        client = Client(self.base)
        client.session.cookies.set(COOKIE, self.session)
        try:
            answer = client.raw(method, path)
        except requests.ConnectionError:
            return True
        finally:
            self.moment.unlink()
        assert answer.json() == {"_success": True}
        return False


@contextmanager
def mortal(site: Site, folder: Path) -> Iterator[Mortal]:
    """Serve a site from a process that dies when it is told to, and from others after it."""
    moment = folder / "moment"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, str(LAUNCHER), str(settings_file(folder, site.stores)), str(moment), str(port)]
    root = Path(__file__).parents[2]
    log = folder / "mortal.log"
    with log.open("wb") as output:
        program = subprocess.Popen(
            words,
            cwd=root,
            env=environment(PYTHONPATH=str(root)),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    process = Process(program, f"http://127.0.0.1:{port}/iredadmin/api", log)
    try:
        processes._wait(process, port)
        yield Mortal(process, moment, token(site.root()))
    finally:
        program.terminate()
        program.wait()
    assert "Traceback" not in log.read_text()


def world(root: Client, deed: str) -> None:
    """Create somebody to rename or delete, and others beside."""
    create_domains(root, "ex.com", "ex.net")
    create_user(root, "ann@ex.net")
    give(root, "ann@ex.net", 3)
    if deed == "rename alias":
        root.ok("POST", f"alias/{ANN}")
    else:
        create_user(root, ANN)
    give(root, ANN, 7)
    give(root, "ex.com", 8)


def expire_claims(site: Site) -> None:
    """Let time pass: a minute later what a dead process held is free."""
    site.execute("iredadmin", "UPDATE postreeve_claims SET expires = 1")


def expected(before: Facts, deed: str) -> Facts:
    if deed.startswith("rename"):
        return renamed(before, ANN, BOB)
    gone = told_of("ex.com" if deed == "delete domain" else ANN, before)
    return [fact for fact in before if fact not in gone]


def is_done(site: Site, deed: str) -> bool:
    """Tell by the account whether the deed is done; either all of it is there under one name or nothing."""
    if site.directory and deed == "delete domain":  # it goes entry by entry, its own the last, and may be repeated
        return "ex.com" not in accounts(site, "domain")
    names = {ANN, BOB}.intersection(accounts(site, "alias" if deed == "rename alias" else "mailbox"))
    if deed != "rename alias" and not site.directory:
        assert {row["address"] for row in site.rows("forwardings")} & {ANN, BOB} == names
    assert len(names) <= 1
    return ANN not in names


@pytest.mark.slow  # a process for each moment
@pytest.mark.parametrize("deed", DEEDS)
def test_after_a_kill_at_any_moment_all_is_old_or_all_is_new(site: Site, deed: str, tmp_path: Path) -> None:
    with mortal(site, tmp_path) as server:
        states = []
        for before in killed_at_each_moment(site, server, deed):
            pending.run(site.storage)
            assert site.rows("postreeve_pending") == []
            states.append(is_done(site, deed))
            assert facts(site) == (expected(before, deed) if states[-1] else before)
    # Claims, steps for two stores and a line of the log are written before; that line and both stores follow.
    assert states == sorted(states)
    assert states.count(False) >= 5
    assert states.count(True) >= 6


@pytest.mark.slow  # a process for each moment
@pytest.mark.parametrize("deed", ["rename user", "delete user"])
def test_after_a_kill_at_any_moment_the_next_change_finds_all_in_order(site: Site, deed: str, tmp_path: Path) -> None:
    """Nobody has run the job: what was never committed must not look as if it were, once the account goes."""
    with mortal(site, tmp_path) as server:
        for before in killed_at_each_moment(site, server, deed):
            root = site.root()
            if not is_done(site, deed):
                root.ok("POST", f"user/{ANN}/change_email/dan@ex.net")
            elif deed == "rename user":
                root.ok("POST", f"user/{BOB}/change_email/dan@ex.net")
            else:
                create_user(root, ANN)
                assert facts(site) == expected(before, deed)
                give(root, ANN, 7)
                root.ok("POST", f"user/{ANN}/change_email/dan@ex.net")
            for name in (ANN, BOB):
                create_user(root, name)
            assert facts(site) == renamed(before, ANN, "dan@ex.net")
            assert site.rows("postreeve_pending") == []


@pytest.mark.slow  # a process for each moment
@pytest.mark.ldap
@pytest.mark.parametrize(
    "change", ["accountStatus=disabled", "addAliasDomain=ex.org", "removeAliasDomain=ex.net&accountStatus=disabled"]
)
def test_after_a_kill_at_any_moment_all_accounts_follow_their_domain(site: Site, change: str, tmp_path: Path) -> None:
    with mortal(site, tmp_path) as server:
        states = []
        for moment in range(1, MOST):
            root = site.root()
            create_domains(root, "ex.com")
            root.ok("PUT", "domain/ex.com", aliasDomains="ex.net", catchall="x@far.test")
            for mail in (ANN, "bob@ex.com"):
                create_user(root, mail)
            server.session = token(root)
            is_killed = server.is_killed("PUT", f"domain/ex.com?{change}", moment)
            expire_claims(site)
            pending.run(site.storage)
            assert site.rows("postreeve_pending") == []
            states.append(_of_domain(site))
            site.wipe()
            if not is_killed:
                break
    first, *_, last = states
    assert first != last
    assert states == [first] * states.count(first) + [last] * states.count(last)


def _of_domain(site: Site) -> tuple[str, tuple[str, ...]]:
    """Return the status and the alias domains of the domain, on which all its accounts agree."""
    assert site.directory
    entries = site.entries()
    domain = entries["domainName=ex.com,o=domains"]
    [status], aliases = domain["accountStatus"], sorted(domain.get("domainAliasName", ()))
    for entry in entries.values():
        if "mail" in entry and "mailAdmin" not in entry["objectClass"]:
            local = entry["mail"][0].partition("@")[0]
            assert entry.get("domainStatus", []) == (["disabled"] if status == "disabled" else [])
            assert entry.get("shadowAddress", []) == [f"{local}@{alias}" for alias in aliases]
    return status, tuple(aliases)


def killed_at_each_moment(site: Site, server: Mortal, deed: str) -> Iterator[Facts]:
    """Begin anew for each moment, and yield what the policies said before; the last time nobody is killed."""
    method, path = DEEDS[deed]
    world(site.root(), deed)
    before = facts(site)
    with site.kept():
        for moment in range(1, MOST):
            server.session = token(site.root())
            is_killed = server.is_killed(method, path, moment)
            expire_claims(site)
            yield before
            site.wipe()
            if not is_killed:
                return
    raise AssertionError(f"There are more than {MOST} moments.")
