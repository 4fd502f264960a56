"""The doctor as administrators call it: what it says, what it writes, and how it ends."""

import json
import stat
from pathlib import Path

import msgspec
import pytest

from postreeve.commands import doctor as command
from postreeve.settings import Ldap, Store
from tests.doctor.looking import insert
from tests.outages.processes import settings_file
from tests.servers import Server
from tests.site import PASSWORD, Client, Site, running, stores
from tests.test_command_line import ran

WELL = "Nothing is wrong.\n"


@pytest.fixture
def file(site: Site, tmp_path: Path) -> Path:
    """The settings of the site."""
    lists = {name: getattr(site.settings, name) for name in ("mlmmj", "mlmmj_spool", "mlmmj_archive")}
    file = settings_file(tmp_path, site.stores, **lists)
    file.chmod(0o600)
    return file


def left_over(site: Site) -> None:
    """Let a throttle be there for a user that is gone."""
    insert(site, "iredapd", "throttle", account="old@ex.com", kind="inbound", period=60, max_msgs=5)


def test_a_site_that_is_well_ends_with_0(root: Client, file: Path) -> None:
    root.ok("POST", "alias/all@ex.com")
    done = ran("doctor", f"--settings={file}")
    assert (done.exit_code, done.output) == (0, WELL)


def test_without_fix_nothing_is_changed_and_the_end_is_3(site: Site, root: Client, file: Path) -> None:
    root.ok("POST", "alias/all@ex.com")
    left_over(site)
    before = site.dump()
    done = ran("doctor", f"--settings={file}")
    assert (done.exit_code, done.stdout.splitlines()) == (3, [
        "There are policies for old@ex.com, and no such address. With --fix the policies are forgotten.",
        "1 things are wrong; `postreeve doctor --fix` mends 1 of them.",
    ])  # fmt: skip
    assert site.dump() == before


def test_fix_shows_the_plan_does_it_and_logs_each_deed(site: Site, root: Client, file: Path) -> None:
    left_over(site)
    root.ok("POST", "admin/idle@admins.test", password=PASSWORD)
    done = ran("doctor", f"--settings={file}", "--fix")
    assert done.exit_code == 3
    assert [line for line in done.stdout.splitlines() if "Mending" not in line] == [
        "To be mended:",
        "  policy-of-nobody, the policies are forgotten: old@ex.com",
        "idle@admins.test is an admin, and administers nothing.",
        "1 mended; 1 are left.",
    ]
    assert [row["msg"] for row in site.rows("log", username="old@ex.com")] == [
        "[doctor] Mend what is wrong with one account: policy-of-nobody old@ex.com."
    ]
    root.ok("DELETE", "admin/idle@admins.test")
    assert ran("doctor", f"--settings={file}", "--fix").output == WELL


def test_what_is_pending_is_tried_again(site: Site, root: Client, file: Path) -> None:
    assert root.data("doctor") == []
    insert(site, "iredadmin", "postreeve_pending", store="iredapd", deed="forget", name="old@ex.com", new_name="",
           witness="gone", created=1)  # fmt: skip
    assert (
        "Something is pending in iredapd: old@ex.com is to be forgotten." in ran("doctor", f"--settings={file}").stdout
    )
    done = ran("doctor", f"--settings={file}", "--fix")
    assert (done.exit_code, site.rows("postreeve_pending")) == (0, [])


@pytest.mark.usefixtures("root")
def test_findings_come_as_json(site: Site, file: Path) -> None:
    left_over(site)
    finding = {
        "ailment": "policy-of-nobody", "name": "old@ex.com", "is_note": False, "remedy": "the policies are forgotten",
        "sentence": "There are policies for old@ex.com, and no such address.",
    }  # fmt: skip
    told = json.loads(ran("doctor", f"--settings={file}", "--json").stdout)
    assert told == {"findings": [finding], "mended": [], "failed": []}
    told = json.loads(ran("doctor", f"--settings={file}", "--json", "--fix").stdout)
    assert told == {"findings": [], "mended": [finding], "failed": []}


@pytest.mark.usefixtures("root")
def test_many_of_a_kind_are_not_all_written_out(site: Site, file: Path) -> None:
    for number in range(25):
        insert(site, "iredapd", "greylisting", account=f"old{number:02}@ex.com", sender="@.", active=1)
    told = ran("doctor", f"--settings={file}").stdout.splitlines()
    assert len(told) == 22
    assert told[20] == "  … and 5 more like these; --json names all."


@pytest.fixture
def open_file(site: Site, file: Path, tmp_path: Path) -> Path:
    """Settings with passwords that everybody may read."""
    if not site.directory:
        named = {
            name: msgspec.structs.replace(store, password="secret") for name, store in site.settings.databases.items()
        }
        file = settings_file(tmp_path, named, mlmmj="")
    file.chmod(0o644)
    return file


def _is_of(monkeypatch: pytest.MonkeyPatch, file: Path, *, root: bool) -> None:
    """Let a file be root's, or not, whoever runs the tests."""
    status = file.stat()
    monkeypatch.setattr(command, "_ROOT", (status.st_uid, status.st_gid if root else -1))


def test_a_settings_file_that_others_may_read_is_closed(open_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = open_file
    _is_of(monkeypatch, file, root=False)
    done = ran("doctor", f"--settings={file}")
    assert done.stdout.startswith(
        f"The settings file {file} holds passwords, and everybody on this host may get at them."
    )
    ran("doctor", f"--settings={file}", "--fix")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_settings_of_root_are_not_closed_for_the_service_that_reads_them(
    open_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _is_of(monkeypatch, open_file, root=True)
    done = ran("doctor", f"--settings={open_file}", "--fix")
    assert done.exit_code != 0
    assert "It is root's: `chown` it to the user as whom Postreeve runs, then `chmod 0600`." in done.stdout
    assert stat.S_IMODE(open_file.stat().st_mode) == 0o644


def test_a_settings_file_that_can_not_be_closed_is_told(open_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _is_of(monkeypatch, open_file, root=False)

    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refused)
    done = ran("doctor", f"--settings={open_file}", "--fix")
    assert done.exit_code != 0
    assert "Not mended: The settings file " in done.stdout
    assert done.stdout.count("may get at them. Operation not permitted.") == 1


# Stores that can not be used


def test_a_policy_database_that_is_gone_keeps_nobody_from_looking_at_the_rest(
    site: Site, root: Client, tmp_path: Path
) -> None:
    root.ok("POST", "admin/idle@admins.test", password=PASSWORD)
    iredapd = _gone(site, "iredapd")
    broken = settings_file(tmp_path, {**site.stores, "iredapd": iredapd}, mlmmj="")
    done = ran("doctor", f"--settings={broken}")
    assert done.exit_code == 3
    assert str(iredapd) in done.stdout
    assert "idle@admins.test is an admin, and administers nothing." in done.stdout


@pytest.mark.parametrize("name", ["iredadmin", "accounts"])
def test_without_a_store_that_is_needed_the_end_is_1(site: Site, tmp_path: Path, name: str) -> None:
    needed = name if name == "iredadmin" else "ldap" if site.directory else "vmail"
    there: dict[str, Store | Ldap] = {**site.stores}
    if needed == "ldap":
        assert site.settings.ldap
        there["ldap"] = msgspec.structs.replace(site.settings.ldap, url="ldap://127.0.0.1:1")
    else:
        there[needed] = _gone(site, needed)
    done = ran("doctor", f"--settings={settings_file(tmp_path, there, mlmmj='')}", "--fix")
    assert done.exit_code == 1
    assert str(there[needed]) in done.stdout
    assert done.stdout.endswith("The accounts can not be looked at before that is mended.\n")


def test_mlmmj_that_does_not_answer_is_told(site: Site, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a-token-0123456789\n")
    (tmp_path / "token").chmod(0o600)
    file = settings_file(
        tmp_path, site.stores, mlmmj="remote", mlmmjadmin_url="http://127.0.0.1:1/api",
        mlmmjadmin_token_file=str(tmp_path / "token"),
    )  # fmt: skip
    done = ran("doctor", f"--settings={file}")
    assert done.exit_code == 3
    assert "mlmmjadmin at 127.0.0.1:1: does not answer (ConnectError)." in done.stdout
    (tmp_path / "token").chmod(0o644)
    assert "may be read by others" in ran("doctor", f"--settings={file}").stdout


def test_mlmmj_without_its_programs_is_told(site: Site, tmp_path: Path) -> None:
    file = settings_file(tmp_path, site.stores, mlmmj="native", mlmmj_programs=str(tmp_path), mlmmj_spool="spool")
    done = ran("doctor", f"--settings={file}")
    assert done.exit_code == 3
    assert f"There is no mlmmj-sub and no mlmmj-unsub in {tmp_path}" in done.stdout


def test_tables_of_a_later_release_of_ours_are_left_alone(site: Site, file: Path) -> None:
    insert(site, "iredadmin", "postreeve_versions", version=1000, at=1)
    done = ran("doctor", f"--settings={file}", "--fix")
    site.execute("iredadmin", "DELETE FROM postreeve_versions WHERE version = 1000")
    assert done.exit_code == 1
    assert "are of version 1000, and this release knows" in done.stdout


def _gone(site: Site, name: str) -> Store:
    store = site.settings.databases[name]
    if store.engine == "sqlite":
        return msgspec.structs.replace(store, path=f"{store.path}.gone")
    return msgspec.structs.replace(store, database="no_such_database")


# Older releases of iRedMail


@pytest.mark.sql
@pytest.mark.slow  # an installation of its own
def test_columns_and_tables_that_an_older_release_does_not_have_are_worth_knowing(
    server: Server, tmp_path: Path
) -> None:
    with running(server, mlmmj="") as site:
        file = settings_file(tmp_path, site.stores, mlmmj="")
        file.chmod(0o600)
        for table, column in (("mailbox", "birthday"), ("mailbox", "mailboxfolder"), ("deleted_mailboxes", "bytes")):
            site.execute("vmail", f"ALTER TABLE {table} DROP COLUMN {column}")
        for table in ("maillist_owners", "maillists", "last_login"):
            site.execute("vmail", f"DROP TABLE {table}")
        done = ran("doctor", f"--settings={file}")
        assert done.exit_code == 0
        told = done.stdout.splitlines()
        assert told[0] == "Worth knowing:"
        assert [line.partition(" is of ")[2].partition(". ")[0] for line in told[1:5]] == [
            "iRedMail before 0.9.8: it has no maillists",
            "iRedMail before 0.9.9: it has no mailbox.mailboxfolder",
            "iRedMail before 1.4.0: it has no maillist_owners",
            "iRedMail before 1.7.3: it has no deleted_mailboxes.bytes, mailbox.birthday",
        ]
        assert told[5:] == ["Nothing is wrong."]
        site.execute("vmail", "ALTER TABLE mailbox DROP COLUMN disclaimer")
        done = ran("doctor", f"--settings={file}")
        assert done.exit_code == 3
        assert "has no mailbox.disclaimer, which iRedMail's has." in done.stdout


def test_databases_that_nobody_has_filled_yet_are_told(server: Server, tmp_path: Path) -> None:
    there = stores(server, "empty")
    done = ran("doctor", f"--settings={settings_file(tmp_path, there, mlmmj='')}")
    for store in there.values():
        server.drop_database(store.database or Path(store.path).stem)
    assert done.exit_code == 1
    assert done.stdout.count("is empty: run `postreeve init` first.") == len(there)
