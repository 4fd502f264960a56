"""The job that removes the mailboxes of deleted users."""

import getpass
import os
import shutil
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from postreeve.deleted_mailboxes.store import Contents, DeletedMailbox
from postreeve.jobs.running import GRANT, LOCALHOST, Silent
from postreeve.storage import mailboxes as files
from tests.jobs.mailboxes import Mailboxes, filled
from tests.outages import processes

MAIL = 2, 28
"""The files of a mailbox, and their bytes."""


def day(days: int) -> str:
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}"


# What is removed


def test_a_mailbox_goes_with_everything_in_it_and_then_its_record(mailboxes: Mailboxes) -> None:
    home = mailboxes.gone("bob@ex.com")
    outcome = mailboxes.run()
    assert outcome.is_well
    assert outcome.counts == {"removed": 1, "missing": 0, "kept": 0, "files": MAIL[0], "octets": MAIL[1]}
    assert not home.exists()
    assert mailboxes.records == []
    assert (mailboxes.root / "ex.com" / "ann" / "Maildir").is_dir()


def test_each_removal_is_a_line_in_the_log(mailboxes: Mailboxes) -> None:
    home = mailboxes.gone("bob@ex.com")
    mailboxes.run()
    (line,) = mailboxes.site.rows("log", event="delete_mailboxes")
    assert (line["username"], line["domain"], line["admin"], line["ip"], line["loglevel"]) == (
        "bob@ex.com", "ex.com", "", "127.0.0.1", "info",
    )  # fmt: skip
    recorded = line["msg"].partition(" kept ")
    assert recorded[0].rstrip("/,") == f"[job] Remove the mailbox {home}"
    assert recorded[2] == "until 2020-01-31: 2 files, 28 bytes."


@pytest.mark.parametrize(("days", "is_removed"), [(-1, True), (0, False), (1, False)])
def test_a_mailbox_is_kept_until_its_day_is_over(mailboxes: Mailboxes, days: int, *, is_removed: bool) -> None:
    home = mailboxes.user("bob@ex.com")
    mailboxes.delete("bob@ex.com", day=day(days))
    assert mailboxes.run().counts["removed"] == int(is_removed)
    assert home.exists() is not is_removed


@pytest.mark.parametrize("days", [0, 7])
def test_what_the_admin_said_counts(mailboxes: Mailboxes, days: int) -> None:
    home = mailboxes.user("bob@ex.com")
    mailboxes.delete("bob@ex.com", days, day="")
    assert mailboxes.run().counts["removed"] == 0
    assert home.exists()
    assert len(mailboxes.records) == 1


def test_a_dry_run_tells_and_changes_nothing(mailboxes: Mailboxes) -> None:
    home = mailboxes.gone("bob@ex.com")
    before = mailboxes.site.dump()
    outcome = mailboxes.run(is_dry=True)
    assert outcome.counts["removed"] == 1
    assert outcome.sentence.startswith("1 mailboxes would be removed with 28 bytes;")
    assert (home / "Maildir" / "cur" / "1:2,S").exists()
    assert mailboxes.site.dump() == before


@pytest.mark.parametrize("ancient", ["1969-12-31", "1000-01-01"])
def test_a_day_before_all_days_is_none(mailboxes: Mailboxes, ancient: str) -> None:
    home = mailboxes.user("bob@ex.com")
    mailboxes.delete("bob@ex.com", day=ancient)
    mailboxes.record("cat@ex.com", str(home))
    outcome = mailboxes.run()
    assert ["that is to be kept" in problem for problem in outcome.problems] == [True]
    assert home.exists()
    assert len(mailboxes.records) == 2


def test_a_second_run_finds_nothing(mailboxes: Mailboxes) -> None:
    mailboxes.gone("bob@ex.com")
    mailboxes.run()
    before = mailboxes.site.dump()
    assert set(mailboxes.run().counts.values()) == {0}
    assert mailboxes.site.dump() == before


def test_a_mailbox_that_is_not_there_is_told_and_its_record_goes(mailboxes: Mailboxes) -> None:
    mailboxes.record("bob@ex.com", f"{mailboxes.root}/ex.com/b/o/b/bob/")
    outcome = mailboxes.run()
    assert (outcome.counts["missing"], outcome.is_well) == (1, True)
    assert "is not there; its record goes." in outcome.notes[0]
    assert mailboxes.records == []
    assert "it was not there" in mailboxes.site.rows("log", event="delete_mailboxes")[0]["msg"]


def test_dovecot_has_made_it_in_lower_case(mailboxes: Mailboxes) -> None:
    home = filled(mailboxes.root / "ex.com" / "bob")
    mailboxes.record("bob@ex.com", f"{mailboxes.root}/Ex.com//Bob/")
    assert mailboxes.run().counts["removed"] == 1
    assert not home.exists()


# What is not removed


def refused(mailboxes: Mailboxes, path: str, words: str) -> None:
    """Record a mailbox at a path, and see that it is left with a sentence and that nothing changes."""
    mailboxes.record("bob@ex.com", path)
    before, there = mailboxes.site.dump(), everything(mailboxes.root.parent)
    outcome = mailboxes.run()
    assert not outcome.is_well
    assert [words in problem for problem in outcome.problems] == [True], outcome.problems
    assert (mailboxes.site.dump(), everything(mailboxes.root.parent)) == (before, there)


def everything(folder: Path) -> list[str]:
    return sorted(map(str, folder.rglob("*")))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", "is no absolute path"),
        ("ex.com/bob", "is no absolute path"),
        ("{root}/ex.com/../ex.com/ann", "is no plain path"),
        ("{root}/ex.com/./ann", "is no plain path"),
        ("{root}", "is a storage root"),
        ("{root}/", "is a storage root"),
        ("{root}/..", "is no plain path"),
        ("{root}2/ex.com/bob", "is in none of the storage roots"),
        ("/", "is in none of the storage roots"),
        ("/etc", "is in none of the storage roots"),
        ("{root}/ex.com", "holds mail of ann@ex.com, who is a user"),
        ("{root}/ex.com/ann", "holds mail of ann@ex.com, who is a user"),
        ("{root}/EX.com//ANN/", "holds mail of ann@ex.com, who is a user"),
        ("{root}/ex.com/ann/Maildir", "holds mail of ann@ex.com, who is a user"),
    ],
)
def test_a_path_that_is_no_deleted_mailbox_is_left_alone(mailboxes: Mailboxes, path: str, words: str) -> None:
    refused(mailboxes, path.format(root=mailboxes.root), words)


@pytest.mark.parametrize("place", ["ex.com/bob", "ex.com/bob/inner", "ex.com"])
def test_what_is_kept_for_another_record_is_left_alone(mailboxes: Mailboxes, place: str) -> None:
    mailboxes.user("cat@ex.com", "ex.com/bob")
    mailboxes.delete("cat@ex.com", 0, day="")
    mailboxes.user("dan@ex.com", "elsewhere/dan")
    mailboxes.client.ok("DELETE", "user/ann@ex.com")
    (mailboxes.root / "ex.com" / "bob" / "inner").mkdir()
    refused(mailboxes, f"{mailboxes.root}/{place}/", "that is to be kept")


def test_a_user_who_has_the_mailbox_again_keeps_it(mailboxes: Mailboxes) -> None:
    home = mailboxes.gone("bob@ex.com")
    mailboxes.client.ok("DELETE", "user/ann@ex.com")
    mailboxes.user("cat@ex.com", "ex.com/bob")
    outcome = mailboxes.run()
    assert "holds mail of cat@ex.com" in outcome.problems[0]
    assert (home / "Maildir" / "cur" / "1:2,S").exists()
    assert "bob@ex.com" in [record["username"] for record in mailboxes.records]


def test_a_user_who_has_the_mailbox_again_since_the_run_began_keeps_it(mailboxes: Mailboxes) -> None:
    class Restoring(Silent):
        """Somebody who creates users while the run shows how far it is."""

        def step(self, _number: int = 1) -> None:
            if not kept.joinpath("again").exists():
                mailboxes.user("dan@ex.com", "ex.com/cat")
                kept.joinpath("again").touch()

    mailboxes.gone("bob@ex.com")
    kept = mailboxes.gone("cat@ex.com")
    outcome = mailboxes.run(Restoring())
    assert outcome.counts["removed"] == 1
    assert "holds mail of dan@ex.com" in outcome.problems[0]
    assert (kept / "Maildir" / "cur" / "1:2,S").exists()


def test_where_no_user_is_to_be_seen_nothing_goes(mailboxes: Mailboxes) -> None:
    home = mailboxes.gone("bob@ex.com")
    mailboxes.client.ok("DELETE", "user/ann@ex.com")
    assert "There is no user at all" in mailboxes.run().problems[0]
    assert home.exists()


@pytest.mark.parametrize("place", ["no.test/bob", "empty.test/bob", "ex.com/../bob", "node/ex.com/b/bob"])
def test_where_nothing_is_of_a_domain_the_record_stays(mailboxes: Mailboxes, place: str) -> None:
    """Its mailboxes may be on another host, or on a disk that is not mounted."""
    (mailboxes.root / "empty.test").mkdir()
    (mailboxes.root / "node" / "ex.com").mkdir(parents=True)
    words = "is no plain path" if ".." in place else "are the mailboxes on this host?"
    refused(mailboxes, f"{mailboxes.root}/{place}", words)


def test_one_that_is_left_keeps_no_other_back(mailboxes: Mailboxes) -> None:
    mailboxes.record("eve@ex.com", "/etc")
    home = mailboxes.gone("bob@ex.com")
    outcome = mailboxes.run()
    assert (outcome.counts["removed"], outcome.counts["kept"], outcome.is_well) == (1, 1, False)
    assert not home.exists()
    assert [record["username"] for record in mailboxes.records] == ["eve@ex.com"]


# What lies on the disk


def test_a_symbolic_link_in_a_mailbox_is_removed_and_not_followed(mailboxes: Mailboxes, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("here")
    home = mailboxes.gone("bob@ex.com")
    (home / "Maildir" / "link").symlink_to(precious)
    (home / "Maildir" / "file").symlink_to(precious / "file")
    os.link(precious / "file", home / "Maildir" / "hard")
    os.mkfifo(home / "Maildir" / "pipe")
    assert mailboxes.run().is_well
    assert not home.exists()
    assert (precious / "file").read_text() == "here"


@pytest.mark.parametrize("linked", ["ex.com", "ex.com/bob"])
def test_a_symbolic_link_on_the_way_is_refused(mailboxes: Mailboxes, tmp_path: Path, linked: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    filled(elsewhere / "bob")
    mailboxes.client.ok("DELETE", "user/ann@ex.com")
    (mailboxes.root / "ex.com").rename(mailboxes.root / "other")
    place = mailboxes.root / linked
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(elsewhere if linked == "ex.com" else elsewhere / "bob")
    refused(mailboxes, f"{mailboxes.root}/ex.com/bob", "is a symbolic link, or no directory")
    assert (elsewhere / "bob" / "Maildir" / "cur" / "1:2,S").exists()


def test_a_file_in_the_place_of_a_mailbox_is_refused(mailboxes: Mailboxes) -> None:
    (mailboxes.root / "ex.com" / "bob").write_text("no mailbox")
    refused(mailboxes, f"{mailboxes.root}/ex.com/bob", "is a symbolic link, or no directory")


@pytest.mark.parametrize("place", ["", "Maildir/.Sent"])
def test_a_directory_of_another_user_is_refused(mailboxes: Mailboxes, place: str) -> None:
    """It needs root to make one, or else a mailbox that the settings say is another's."""
    home = mailboxes.gone("bob@ex.com")
    if os.geteuid() == 0:
        os.chown(home / place, 12345, 12345)
    else:
        mailboxes.site.change_settings(**{**mailboxes.settings, "mailbox_owner": "root"})
    outcome = mailboxes.run()
    assert "does not belong to" in outcome.problems[0]
    assert (home / "Maildir" / "cur" / "1:2,S").exists()
    assert len(mailboxes.records) == 1


def test_an_owner_whom_nobody_knows_removes_nothing(mailboxes: Mailboxes) -> None:
    home = mailboxes.gone("bob@ex.com")
    mailboxes.site.change_settings(**{**mailboxes.settings, "mailbox_owner": "nobody-of-that-name"})
    assert "There is no user nobody-of-that-name" in mailboxes.run().problems[0]
    assert home.exists()


def test_what_goes_away_while_it_is_looked_at_is_not_there(mailboxes: Mailboxes) -> None:
    home = mailboxes.gone("bob@ex.com")
    found = files.HostMailboxes([str(mailboxes.root)], getpass.getuser()).look(
        DeletedMailbox(1, "bob@ex.com", str(home), "", ""), lambda: shutil.rmtree(home, ignore_errors=True)
    )
    assert found == Contents(0, 0)


def test_directories_that_have_no_end_are_refused(mailboxes: Mailboxes) -> None:
    home = mailboxes.gone("bob@ex.com")
    deep = home
    for _ in range(files.MOST_DEEP):
        deep /= "d"
    deep.mkdir(parents=True)
    assert "has too many directories in one another" in mailboxes.run().problems[0]
    assert deep.exists()


def test_a_root_that_is_not_there_or_not_mounted_lets_records_stay(mailboxes: Mailboxes) -> None:
    mailboxes.gone("bob@ex.com")
    mailboxes.root.rename(mailboxes.root.with_name("away"))
    assert "can not be opened: No such file or directory." in mailboxes.run().problems[0]
    mailboxes.root.mkdir()
    assert "is it mounted?" in mailboxes.run().problems[0]
    assert len(mailboxes.records) == 1


def test_several_roots_can_be_named(mailboxes: Mailboxes, tmp_path: Path) -> None:
    other = tmp_path / "old" / "store"
    home = filled(other / "ex.com" / "bob")
    mailboxes.record("bob@ex.com", str(home))
    mailboxes.site.change_settings(**mailboxes.settings, storage_roots=[f"{mailboxes.root}/", f"{other}/"])
    assert mailboxes.run().counts["removed"] == 1
    assert not home.exists()
    assert other.exists()


# Killed on the way


def test_who_has_the_place_again_meanwhile_has_an_own_directory(mailboxes: Mailboxes) -> None:
    """A run was killed after it had set a mailbox aside; a user got the place then, and mail."""
    home = mailboxes.gone("bob@ex.com")
    with mailboxes.site.storage.open(GRANT, LOCALHOST) as work:
        (due,) = work.deleted_mailboxes.due(day(0))
        work.mailbox_files.set_aside(due)
    assert not home.exists()
    assert len([*(home.parent / f".postreeve-gone-{due.number}").rglob("dovecot.sieve")]) == 1
    mailboxes.user("cat@ex.com", "ex.com/bob")
    outcome = mailboxes.run()
    assert (outcome.is_well, outcome.counts["files"]) == (True, MAIL[0])
    assert sorted(path.name for path in home.parent.iterdir()) == ["ann", "bob"]
    assert (home / "Maildir" / "cur" / "1:2,S").exists()
    assert mailboxes.records == []


def test_a_run_that_was_killed_before_its_last_step_is_finished(mailboxes: Mailboxes) -> None:
    home = mailboxes.gone("bob@ex.com")
    with mailboxes.site.storage.open(GRANT, LOCALHOST) as work:
        (due,) = work.deleted_mailboxes.due(day(0))
        work.mailbox_files.set_aside(due)
        work.mailbox_files.empty(due, lambda: None)
    assert mailboxes.run().counts["removed"] == 1
    assert [path.name for path in home.parent.iterdir()] == ["ann"]
    assert mailboxes.records == []


@pytest.mark.slow  # starts of the command
def test_a_run_that_is_killed_is_finished_by_the_next(mailboxes: Mailboxes, tmp_path: Path) -> None:
    """It is killed while it removes files; until its turn and its claim have expired, no other one begins."""
    home = mailboxes.gone("bob@ex.com")
    new = home / "Maildir" / "new"
    for number in range(50_000):
        (new / str(number)).touch()
    file = processes.settings_file(tmp_path, mailboxes.site.stores, **mailboxes.settings)
    (record,) = mailboxes.records
    aside = home.parent / f".postreeve-gone-{record['id']}" / "Maildir" / "new"
    command = [str(processes.PROGRAM), "job", "delete-mailboxes", f"--data={tmp_path}", f"--settings={file}"]
    with subprocess.Popen(command, env=processes.environment(), stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 30
        while not aside.exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
    assert any(aside.iterdir())
    assert len(mailboxes.records) == 1
    elsewhere = processes.ran("job delete-mailboxes", file)
    assert (elsewhere.returncode, elsewhere.stdout) == (0, "Another process is at the job delete-mailboxes.\n")
    for table in ("postreeve_jobs", "postreeve_claims"):
        mailboxes.site.execute("iredadmin", f"UPDATE {table} SET expires = 1")
    done = processes.ran("job delete-mailboxes", file)
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in home.parent.iterdir()] == ["ann"]
    assert mailboxes.records == []
