"""Users and aliases from tables at the command line, and as such: every row by itself, as often as one likes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from postreeve.commands import transfer
from postreeve.commands.shared import write_whole
from postreeve.storage import engines
from postreeve.storage.sql import Session
from postreeve.storage.tables.vmail import domain
from postreeve.transfer.operations import MOST_LINES
from postreeve.work import StoreUnavailableError
from tests.commands.typing_in import Shell, shell
from tests.profiles import accounts
from tests.site import PASSWORD, ROOT, Site

HEAD = "mail,name,password,quota,forwarding"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table of users with a few that are refused."""
    rows = [
        f"ann@ex.com,Ann,{PASSWORD},100,",
        f'ben@ex.com,"Ben\nof two lines",{PASSWORD},,',
        f"cat@ex.com,Cat,{PASSWORD},many,",
        f"nobody,Dan,{PASSWORD},,",
        f'eve@ex.com,Eve,{PASSWORD},,"ann@ex.com,x@far.test"',
    ]
    file = tmp_path / "users.csv"
    file.write_text("\n".join([HEAD, *rows]), encoding="utf-8-sig")
    return file


def test_a_table_is_carried_out_row_by_row(site: Site, at: Shell, table: Path) -> None:
    done = at.run("import", "users", str(table))
    assert (done.exit_code, done.stdout) == (1, "2 created, 3 refused.\n")
    told = [line.removeprefix(f"{table}:") for line in done.stderr.splitlines()]
    assert [line.partition(" ")[0] for line in told] == ["3:", "5:", "6:"]
    assert [line.rpartition("(")[2] for line in told] == ["INVALID_VALUE)", "INVALID_NUMBER)", "INVALID_MAIL)"]
    assert "cat@ex.com: This is not a number in the allowed range. " in told[1]
    assert accounts(site, "mailbox") == ["ann@ex.com", "eve@ex.com"]
    assert site.root().data("user/eve@ex.com")["forwardings"] == ["ann@ex.com", "x@far.test"]
    lines = [row for row in site.rows("log", event="create", domain="ex.com") if row["username"]]
    assert {row["msg"][:5] for row in lines} == {"[CLI]"}
    assert sorted(row["username"] for row in lines) == ["ann@ex.com", "eve@ex.com"]
    assert PASSWORD not in done.output


def test_a_table_may_be_carried_out_again(site: Site, at: Shell, table: Path) -> None:
    at.run("import", "users", str(table))
    before = site.dump()
    done = at.run("import", "users", str(table))
    assert (done.exit_code, done.stdout) == (1, "2 there already, 3 refused.\n")
    assert site.dump() == before


def test_a_dry_run_tells_the_same_and_changes_nothing(site: Site, at: Shell, table: Path) -> None:
    before = site.dump()
    preview = at.run("import", "users", str(table), "--dry-run")
    assert (preview.exit_code, preview.stdout) == (1, "2 would be created, 3 refused.\n")
    assert site.dump() == before
    assert at.run("import", "users", str(table)).stderr == preview.stderr


def test_json_says_what_the_api_says(site: Site, at: Shell, table: Path) -> None:
    text = table.read_text(encoding="utf-8-sig")
    answer = site.root().post("panel/import/users", csv=text, dry_run="yes")["_data"]
    assert json.loads(at.run("import", "users", str(table), "--dry-run", "--json").stdout) == answer
    assert json.loads(at.run("import", "users", "-", "--dry-run", "--json", typed=HEAD).stdout) == []


def test_aliases_come_from_standard_input(at: Shell) -> None:
    text = "mail;name;members\nall@ex.com;Jørn & all;x@far.test\n"
    assert at.ok("import", "aliases", "-", typed=text.encode()) == "1 created.\n"
    assert "name\tJørn & all\n" in at.ok("alias", "show", "all@ex.com")


def test_there_is_no_bound_and_an_address_that_is_none_costs_little(at: Shell, tmp_path: Path) -> None:
    file = tmp_path / "long.csv"
    file.write_text("mail\n" + "nobody\n" * (MOST_LINES + 500), encoding="utf-8")
    done = at.run("import", "users", str(file))
    assert done.stdout == f"{MOST_LINES + 500} refused.\n"
    assert done.stderr.splitlines()[-1].startswith(f"{file}:{MOST_LINES + 501}: nobody: ")


def test_what_is_no_table_is_refused(site: Site, at: Shell, tmp_path: Path) -> None:
    before = site.dump()
    file = tmp_path / "no.csv"
    for octets, words in (
        (b"", "first row"), (b"name,password\n", "no column mail"), (b"mail,colour\n", "colour"),
        ("mail,name\nä@ex.com,Jörn".encode("utf-16"), "no text in UTF-8"),
    ):  # fmt: skip
        file.write_bytes(octets)
        assert words in at.refusal("import", "users", str(file))
    assert "can not be read: No such file" in at.refusal("import", "users", str(tmp_path / "missing.csv"))
    assert site.dump() == before


def test_rows_before_something_unreadable_are_carried_out(site: Site, at: Shell, tmp_path: Path) -> None:
    file = tmp_path / "half.csv"
    file.write_bytes(
        b"mail\na@ex.com\n" + b"".join(b"a%d@ex.com\n" % number for number in range(2000)) + b"\xff@ex.com\n"
    )
    told = at.refusal("import", "aliases", str(file), "--dry-run")
    assert told.startswith(f"postreeve: {file} is no text in UTF-8; ")
    at.refusal("import", "aliases", str(file), "--as=ghost@far.test")
    assert accounts(site, "alias") == []


def test_an_error_of_the_system_elsewhere_is_no_error_of_the_file(at: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here it is where the results are told."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(transfer, "_told", full)
    done = at.run("import", "aliases", "-", typed="mail\nx@ex.com\n")
    assert isinstance(done.exception, OSError)
    assert "can not be read" not in done.stderr


def test_a_quote_that_is_not_closed_costs_few_rows(site: Site, at: Shell) -> None:
    rows = ["mail,name", 'a@ex.com,"A', *(f"b{number}@ex.com,B" for number in range(30))]
    done = at.run("import", "aliases", "-", typed="\n".join(rows))
    assert (done.exit_code, done.stdout) == (1, "10 created, 21 refused.\n")
    assert done.stderr.splitlines()[-1].startswith("-:22: : ")
    assert "Lines 2 to 22 can not be read" in done.stderr
    assert accounts(site, "alias") == [f"b{number}@ex.com" for number in range(20, 30)]


def test_rights_are_those_of_each_row(site: Site, at: Shell) -> None:
    site.root().ok("POST", "domain/b.test")
    site.admin("al@far.test", "b.test")
    done = at.run("import", "aliases", "-", "--as=al@far.test", typed="mail\nx@ex.com\nx@b.test\n")
    assert (done.exit_code, done.stdout) == (1, "1 created, 1 refused.\n")
    assert done.stderr.endswith("(PERMISSION_DENIED)\n")
    assert accounts(site, "alias") == ["x@b.test"]


def test_threads_hash_what_takes_its_time_and_each_gets_the_own_password(site: Site, tmp_path: Path) -> None:
    site.root().ok("POST", "domain/ex.com")
    at = shell(site, tmp_path, default_password_scheme="SHA512-CRYPT")
    rows = [f"u{number}@ex.com,A@StrongPassword{number}" for number in range(40)]
    rows[7:7] = ["bad@ex.com,short", f"bad@ex.com,{PASSWORD}\0", "bad@no.test,A@StrongPassword2", "bad@ex.com,"]
    done = at.run("import", "users", "-", typed="\n".join(["mail,password", *rows]))
    assert done.stdout == "40 created, 4 refused.\n", done.output
    assert [line.split(":")[1] for line in done.stderr.splitlines()] == ["9", "10", "11", "12"]
    root = site.root()
    for number in (0, 6, 7, 39):
        root.ok("POST", f"verify_password/user/u{number}@ex.com", password=f"A@StrongPassword{number}")


@pytest.mark.slow  # waits for a lock
@pytest.mark.sql
def test_where_a_store_does_not_answer_the_rest_is_not_tried(
    site: Site, at: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "LOCK_SECONDS", 1)
    text = "mail\na@ex.com\nb@ex.com\n"
    with Session(site.storage.databases["vmail"]) as other:
        other.begin()
        other.update(domain, {"description": "Mine."}, domain="ex.com")
        done = at.run("import", "aliases", "-", f"--as={ROOT}", typed=text)
    assert (done.exit_code, done.stdout) == (3, "1 refused.\n"), done.stderr
    assert "were not tried" in done.stderr
    assert at.ok("import", "aliases", "-", typed=text) == "2 created.\n"


# The other way


def test_what_is_exported_is_what_the_api_exports(site: Site, at: Shell, tmp_path: Path) -> None:
    root = site.root()
    root.ok("POST", "user/ann@ex.com", password=PASSWORD, name="Änn", quota="100")
    root.ok("POST", "alias/all@ex.com", members="ann@ex.com,x@far.test")
    for kind in ("users", "aliases"):
        text = root.data(f"panel/export/{kind}/ex.com")
        assert at.run("export", kind, "ex.com").stdout_bytes.decode() == text
        file = tmp_path / "out.csv"
        assert at.ok("export", kind, "ex.com", f"--output={file}") == ""
        assert file.read_bytes().decode() == text
    root.ok("DELETE", "alias/all@ex.com")
    assert at.ok("import", "aliases", str(file)) == "1 created.\n"
    assert root.data("alias/all@ex.com")["members"] == ["ann@ex.com", "x@far.test"]


def test_an_export_that_breaks_off_leaves_the_file_alone(tmp_path: Path) -> None:
    def pieces() -> Iterator[str]:
        yield "half"
        raise StoreUnavailableError("Gone.")

    file = tmp_path / "out.csv"
    file.write_text("mine", encoding="utf-8")
    with pytest.raises(StoreUnavailableError):
        write_whole(file, pieces())
    assert [(path.name, path.read_text(encoding="utf-8")) for path in tmp_path.iterdir()] == [("out.csv", "mine")]


def test_an_export_that_is_refused_leaves_the_file_alone(at: Shell, tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    file.write_text("mine", encoding="utf-8")
    assert at.refusal("export", "users", "no.test", f"--output={file}").endswith("(NO_SUCH_DOMAIN)")
    assert file.read_text(encoding="utf-8") == "mine"
    assert "can not be written" in at.refusal("export", "users", "ex.com", f"--output={tmp_path}")
