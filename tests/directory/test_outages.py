"""Servers that go away and come back, and connections that are not to be had."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from postreeve.settings import Ldap
from postreeve.storage.directory import filters
from postreeve.storage.directory.connections import Directory
from postreeve.storage.directory.session import Session
from postreeve.work import StoreUnavailableError
from tests import servers
from tests.directory.conftest import fill, ours
from tests.directory.test_session import DOMAIN, add_alias, add_domain, alias, texts
from tests.outages.processes import PROGRAM, environment, ran, serving, settings_file
from tests.servers import MANAGER_PASSWORD, OpenldapServer
from tests.site import PASSWORD, ROOT


@dataclass
class Restarted:
    """A server that can be stopped and started again."""

    server: OpenldapServer
    process: "subprocess.Popen[bytes] | None" = None

    def stop(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGINT)
            self.process.wait()
            return
        pid = int((self.server.folder / "pid").read_text())
        os.kill(pid, signal.SIGINT)
        while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
            pass

    def start(self) -> None:
        with (self.server.folder / "log").open("ab") as output:
            self.process = subprocess.Popen(
                [*servers._as("openldap", "--pdeathsig=INT"), *servers.openldap_command(self.server)],
                cwd=self.server.folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        servers._wait(self.process, self.server.is_ready, self.server.folder / "log")


@pytest.fixture
def restarted(own_slapd: OpenldapServer) -> Iterator[Restarted]:
    found = Restarted(own_slapd)
    yield found
    if found.process:
        found.stop()


@contextmanager
def directory_of(server: OpenldapServer) -> Iterator[Directory]:
    manager = server.create_directory("d")
    fill(manager)
    with closing(Directory(ours(manager), 2)) as directory:
        with Session(directory) as session:
            add_domain(session, DOMAIN)
            session.commit()
        yield directory


def test_connections_of_a_server_that_was_restarted_are_replaced(restarted: Restarted) -> None:
    with directory_of(restarted.server) as directory:
        dn = add_alias(directory, "info@a.test", cn="before")
        idle = [Session(directory) for _ in range(4)]
        for session in idle:
            assert session.find(dn)
        for session in idle:
            session.close()
        restarted.stop()
        with Session(directory) as session, pytest.raises(StoreUnavailableError):
            session.find(dn)
        restarted.start()
        for session in idle:
            assert session.find(dn)
            session.close()
        restarted.stop()
        restarted.start()
        with Session(directory) as session:
            session.edit(dn).replace("cn", "after")
            session.commit()
        assert texts(directory, dn, "cn") == ["after"]


@pytest.mark.slow  # commands and a server process
def test_a_server_process_outlives_an_outage(restarted: Restarted, tmp_path: Path) -> None:
    manager = restarted.server.create_directory("d")
    file = settings_file(tmp_path, {"ldap": ours(manager)}, mlmmj="")
    file.write_text(f'{file.read_text()}[iredadmin]\nengine = "sqlite"\npath = "iredadmin.db"\n')
    words = ["init", f"--data={tmp_path}", f"--settings={file}", f"--admin={ROOT}", f"--ldap-manager={manager.bind_dn}"]
    secrets = {"POSTREEVE_ADMIN_PASSWORD": PASSWORD, "POSTREEVE_LDAP_MANAGER_PASSWORD": MANAGER_PASSWORD}
    subprocess.run([PROGRAM, *words], env=environment(**secrets), capture_output=True, timeout=60, check=True)
    with serving(file) as process:
        root = process.client().login(ROOT)
        root.ok("POST", "domain/ex.com")
        restarted.stop()
        for method, path in (("GET", "domains"), ("POST", "user/ann@ex.com"), ("DELETE", "domain/ex.com")):
            answer = root.raw(method, path, params={"password": PASSWORD})
            assert (answer.status_code, answer.json()["_msg"]) == (503, "SERVICE_UNAVAILABLE"), path
            assert int(answer.headers["retry-after"]) > 0
        [sentence] = ran("job pending", file).stderr.splitlines()
        assert restarted.server.folder.name in sentence
        restarted.start()
        root.ok("POST", "user/ann@ex.com", password=PASSWORD)
        assert root.data("users/ex.com", email_only="yes") == ["ann@ex.com"]
    assert "Traceback" not in process.log.read_text()


def test_a_work_under_way_ends_with_its_server(restarted: Restarted) -> None:
    with directory_of(restarted.server) as directory:
        dn = add_alias(directory, "info@a.test", cn="before")
        with Session(directory) as session:
            assert session.lock(dn)
            session.edit(dn).replace("cn", "after")
            session.add(directory.tree.alias("new@a.test"), alias("new@a.test"))
            restarted.stop()
            with pytest.raises(StoreUnavailableError):
                session.commit()
        restarted.start()
        assert texts(directory, dn, "cn") == ["before"]
        with Session(directory) as session:
            assert session.find(directory.tree.alias("new@a.test")) is None


def test_a_listing_under_way_is_not_cut_short(restarted: Restarted) -> None:
    with directory_of(restarted.server) as directory, Session(directory) as session:
        for number in range(600):
            session.add(directory.tree.alias(f"a{number}@a.test"), alias(f"a{number}@a.test"))
        session.commit()
        read = session.search(directory.tree.aliases(DOMAIN), filters.is_("mailAlias"))
        next(read)
        restarted.stop()
        restarted.start()
        with pytest.raises(StoreUnavailableError):
            list(read)
        assert session.count(directory.tree.aliases(DOMAIN), filters.ANYTHING) == 600


@pytest.mark.parametrize("start_tls", [False, True])
def test_a_server_that_is_silent_is_not_waited_for(filled: Ldap, *, start_tls: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ldap://127.0.0.1:{silent.getsockname()[1]}"
        there = msgspec.structs.replace(filled, url=url, timeout=1, start_tls=start_tls)
        with (
            closing(Directory(there, 1)) as directory,
            Session(directory) as session,
            pytest.raises(StoreUnavailableError),
        ):
            session.find("")


def test_the_first_server_that_answers_is_taken(slapd: OpenldapServer, filled: Ldap) -> None:
    url = f"ldap://127.0.0.1:{servers._free_port()} {slapd.url('ldap')}"
    with closing(Directory(msgspec.structs.replace(filled, url=url), 1)) as directory, Session(directory) as session:
        assert session.find(directory.tree.domains)


def test_a_wrong_password_is_an_outage(filled: Ldap) -> None:
    wrong = msgspec.structs.replace(filled, password="wrong")
    with (
        closing(Directory(wrong, 1)) as directory,
        Session(directory) as session,
        pytest.raises(StoreUnavailableError, match="Invalid credentials"),
    ):
        session.find("")


# Certificates


@pytest.mark.parametrize("kind", ["ldaps", "ldap"])
def test_connections_are_encrypted_and_the_certificate_is_checked(
    slapd: OpenldapServer, filled: Ldap, kind: Literal["ldap", "ldaps"], tmp_path: Path
) -> None:
    trusting = msgspec.structs.replace(
        filled, url=slapd.url(kind), start_tls=kind == "ldap", ca_file=str(slapd.authority)
    )
    with closing(Directory(trusting, 1)) as directory, Session(directory) as session:
        assert session.find(directory.tree.domains)
        assert session.ask(lambda driver: driver.get_option(_cipher()))

    stranger = tmp_path / "stranger.pem"
    _make_authority(stranger)
    for change in (
        {"ca_file": str(stranger)},
        {"ca_file": ""},
        {"url": slapd.url(kind, "localhost")},  # the certificate is for the address
    ):
        distrusting = msgspec.structs.replace(trusting, **change)
        with (
            closing(Directory(distrusting, 1)) as directory,
            Session(directory) as session,
            pytest.raises(StoreUnavailableError),
        ):
            session.find(directory.tree.domains)


def _cipher() -> int:
    import ldap

    return int(ldap.OPT_X_TLS_CIPHER)


def _make_authority(file: Path) -> None:
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run(
        [*words, "-subj", "/CN=stranger", "-out", str(file), "-keyout", f"{file}.key"], check=True, capture_output=True
    )
