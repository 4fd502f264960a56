"""`postreeve ldap-config` and `postreeve init`, from an empty server on."""

import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from postreeve.ldap_config import LdapServer, write
from postreeve.settings import Ldap, SettingsError
from postreeve.storage.directory import filters, setup
from postreeve.storage.directory.connections import Directory
from postreeve.storage.directory.names import Tree
from postreeve.storage.directory.session import Session
from tests import servers
from tests.directory.conftest import READER_PASSWORD, WRITER_PASSWORD, fill, ours
from tests.servers import MANAGER_PASSWORD, OpenldapServer

SUFFIX = "dc=ex,dc=test"


@pytest.fixture
def empty(own_slapd: OpenldapServer) -> Ldap:
    """An empty directory, as its manager reaches it."""
    return own_slapd.create_directory("d")


@pytest.fixture
def bare_slapd(slapd: OpenldapServer) -> Iterator[OpenldapServer]:
    """A server that does not have iRedMail's schema yet."""
    assert slapd.is_ready()
    with servers._folder() as folder, servers.openldap(folder / "openldap", schemas=()) as bare:
        yield bare


def ran(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    program = Path(sys.executable).parent / "postreeve"
    return subprocess.run([program, *words], capture_output=True, text=True, check=False, env=environment)


def settings_file(folder: Path, directory: Ldap) -> Path:
    file = folder / "settings.toml"
    file.write_text(
        f'[ldap]\nurl = "{directory.url}"\nsuffix = "{directory.suffix}"\npassword = "{WRITER_PASSWORD}"\n'
        f'[iredadmin]\nengine = "sqlite"\npath = "iredadmin.db"\n'
    )
    return file


def names_in(manager: Ldap) -> set[str]:
    directory = Directory(manager, 1)
    with Session(directory) as session:
        found = {entry.dn.removesuffix(manager.suffix) for entry in session.search(
            manager.suffix, filters.ANYTHING, ["1.1"], scope="sub"
        )}  # fmt: skip
    directory.close()
    return found


TOPMOST = {"", "cn=vmail,", "cn=vmailadmin,", "o=domains,", "o=domainAdmins,"}


# An empty directory


def test_init_fills_an_empty_directory_once(empty: Ldap, tmp_path: Path) -> None:
    file = settings_file(tmp_path, empty)
    words = ["init", "--admin=root@admins.test", f"--data={tmp_path}/data", f"--settings={file}"]

    without = ran(*words)
    assert without.returncode == 1
    assert "Invalid credentials. An empty directory has no accounts" in without.stderr
    assert names_in(empty) == set()

    manager = [f"--ldap-manager={empty.bind_dn}"]
    first = ran(*words, *manager, POSTREEVE_LDAP_MANAGER_PASSWORD=MANAGER_PASSWORD)
    line, admin = [line for line in first.stdout.splitlines() if "shown only now" in line]
    assert line.startswith(f"Account cn=vmail,{empty.suffix} created. The password, shown only now: ")
    assert admin.startswith("Global admin root@admins.test created. ")
    assert names_in(empty) == {*TOPMOST, "mail=root@admins.test,o=domainAdmins,"}
    reader = msgspec.structs.replace(empty, bind_dn=f"cn=vmail,{empty.suffix}", password=line.rpartition(" ")[2])
    directory = Directory(reader, 1)
    with Session(directory) as session:
        assert session.find(directory.tree.domains)
    directory.close()
    setup.check(ours(empty))
    assert (tmp_path / "data/iredadmin.db").exists()

    again = ran(*words)
    assert "shown only now" not in again.stdout
    assert names_in(empty) == {*TOPMOST, "mail=root@admins.test,o=domainAdmins,"}


def test_both_passwords_are_generated_where_none_is_given(empty: Ldap) -> None:
    accounts = setup.fill(empty)
    assert set(accounts) == {f"cn=vmail,{empty.suffix}", f"cn=vmailadmin,{empty.suffix}"}
    writer = f"cn=vmailadmin,{empty.suffix}"
    setup.check(msgspec.structs.replace(empty, bind_dn="", password=accounts[writer]))


def test_what_is_there_is_left_alone(empty: Ldap) -> None:
    directory = Directory(empty, 1)
    tree = directory.tree
    with Session(directory) as session:
        name = empty.suffix.partition(",")[0].partition("=")[2]
        session.add(
            tree.suffix, {"objectClass": ("dcObject", "organization"), "dc": name, "o": "Ours", "description": "ours"}
        )
        session.add(
            tree.writer, {"objectClass": "person", "cn": "vmailadmin", "sn": "x", "userPassword": WRITER_PASSWORD}
        )
        session.commit()
        assert fill(empty) == {}
        assert names_in(empty) == TOPMOST
        entry, writer = session.find(tree.suffix), session.find(tree.writer)
        assert entry
        assert writer
        assert (entry.text("description"), writer.text("userPassword")) == ("ours", WRITER_PASSWORD)
        session.delete(tree.reader)
        session.commit()
        assert fill(empty) == {}
        assert session.find(tree.reader) is None  # both containers are there: it is somebody's directory
    directory.close()


def test_a_suffix_that_can_not_be_created_is_named(own_slapd: OpenldapServer) -> None:
    there = own_slapd.create_directory("d")
    odd = msgspec.structs.replace(there, suffix=f"c=DE,{there.suffix}")
    with pytest.raises(SettingsError, match="it is no dc=, o= or ou="):
        setup.fill(odd)


# A directory that can not be used


def test_what_is_wrong_is_said_in_a_sentence(empty: Ldap) -> None:
    with pytest.raises(SettingsError, match="can not be used: Invalid credentials"):
        setup.check(ours(empty))
    with pytest.raises(SettingsError, match="is empty: run `postreeve init` first"):
        setup.check(empty)
    with pytest.raises(SettingsError, match="can not be used: Can't contact LDAP server"):
        setup.check(msgspec.structs.replace(empty, url="ldapi://%2Fnowhere"))
    fill(empty)
    setup.check(ours(empty))


def test_a_server_without_the_schema_is_told_so(bare_slapd: OpenldapServer) -> None:
    manager = bare_slapd.create_plain_directory("d")
    with pytest.raises(SettingsError, match="has no class mailDomain: give it the schema"):
        fill(manager)
    assert names_in(manager) == set()


def test_a_password_that_goes_over_the_net_unencrypted_is_warned_of(
    filled: Ldap, caplog: pytest.LogCaptureFixture
) -> None:
    setup.check(filled)
    setup.check(
        msgspec.structs.replace(filled, url=f"{filled.url} ldap://127.0.0.1 ldap://[::1]:389 ldaps://ldap.test")
    )
    assert caplog.messages == []
    setup.check(msgspec.structs.replace(filled, url=f"{filled.url} ldap://ldap.test:389"))
    assert [message for message in caplog.messages if "ldap://ldap.test:389 unencrypted" in message] == caplog.messages
    assert len(caplog.messages) == 1


# The files


def test_a_server_runs_with_the_files(slapd: OpenldapServer) -> None:
    assert slapd.is_ready()
    with servers._folder() as folder:
        places = {name: folder / name for name in ("schema", "run", "data")}
        for place in ("run", "data"):
            servers._make_folder(places[place], "openldap")
        server = LdapServer(
            manager_password="Own1", schema_directory=places["schema"], run_directory=places["run"],
            data_directory=places["data"],
        )  # fmt: skip
        files = write(SUFFIX, folder, server)
        for name in ("core", "cosine", "inetorgperson", "nis"):
            (places["schema"] / f"{name}.schema").symlink_to(f"/etc/ldap/schema/{name}.schema")
        assert {str(file.relative_to(folder)) for file in files} == {
            "README", "slapd.conf", "config.ldif", "schema/amavis.schema", "schema/amavis.ldif",
            "schema/iredmail.schema", "schema/iredmail.ldif",
        }  # fmt: skip
        assert stat.S_IMODE((folder / "slapd.conf").stat().st_mode) == 0o640
        assert "Own1" not in (folder / "slapd.conf").read_text()

        url = f"ldapi://{str(folder / 'run/socket').replace('/', '%2F')}"
        there = Ldap(url=url, suffix=SUFFIX, bind_dn=f"cn=Manager,{SUFFIX}", password="Own1")
        command = [servers._program("slapd"), "-d", "0", "-f", str(folder / "slapd.conf"), "-h", url]
        with servers._running(places["run"], "openldap", command, lambda: is_there(there), signal.SIGINT):
            fill(there)
            directory = Directory(ours(there), 1)
            with Session(directory) as session:
                session.add(directory.tree.domain("a.test"), {"objectClass": "mailDomain", "domainName": "a.test"})
                session.commit()
                assert session.find(directory.tree.domain("a.test"))
            directory.close()


def is_there(settings: Ldap) -> bool:
    try:
        setup.check(settings)
    except SettingsError as error:
        return "is empty" in str(error)
    return True


def test_a_running_server_takes_the_files(bare_slapd: OpenldapServer, tmp_path: Path) -> None:
    files = ran("ldap-config", str(tmp_path), "--suffix=dc=d,dc=test", "--database={1}mdb")
    assert files.stdout == f"7 files written; {tmp_path}/README says what goes where.\n"
    for name in ("amavis", "iredmail"):
        bare_slapd.run("ldapadd", (tmp_path / f"schema/{name}.ldif").read_text())
    manager = bare_slapd.create_plain_directory("d")
    changes = (tmp_path / "config.ldif").read_text()
    bare_slapd.run("ldapmodify", changes)
    bare_slapd.run("ldapmodify", changes)
    fill(manager)
    setup.check(ours(manager))
    reader = msgspec.structs.replace(manager, bind_dn=Tree(manager.suffix).reader, password=READER_PASSWORD)
    directory = Directory(reader, 1)
    with Session(directory) as session:
        assert session.find(directory.tree.domains)
    directory.close()


@pytest.mark.slow  # a command for each
@pytest.mark.parametrize("words", [["--suffix=nonsense"], ["--suffix=dc=ex", "--database=mdb"], []])
def test_what_can_not_be_written_is_said(words: list[str], tmp_path: Path) -> None:
    refused = ran("ldap-config", str(tmp_path / "files"), f"--data={tmp_path}", *words)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert not (tmp_path / "files").exists()
