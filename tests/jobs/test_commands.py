"""The jobs as commands, and beside a server."""

import json
import os
import pty
import signal
import subprocess
import time
from pathlib import Path

import pytest

from postreeve.jobs.table import JOBS
from postreeve.settings import Store
from tests.jobs.mailboxes import Mailboxes
from tests.outages import processes
from tests.site import Site

pytestmark = pytest.mark.slow  # starts of the command


@pytest.fixture
def file(site: Site, tmp_path: Path) -> Path:
    return processes.settings_file(tmp_path, site.stores)


@pytest.mark.faces
def test_a_job_tells_everything_as_json(mailboxes: Mailboxes, tmp_path: Path) -> None:
    home = mailboxes.gone("bob@ex.com")
    mailboxes.record("eve@ex.com", "/etc")
    file = processes.settings_file(tmp_path, mailboxes.site.stores, **mailboxes.settings)
    done = processes.ran("job delete-mailboxes --json --dry-run", file)
    told = json.loads(done.stdout)
    assert (done.returncode, done.stderr, told["is_done"], told["is_dry_run"]) == (1, "", False, True)
    assert told["counts"] == {"removed": 1, "missing": 0, "kept": 1, "files": 2, "octets": 28}
    assert told["problems"][0].startswith("Not removed, of eve@ex.com: /etc is in none of the storage roots")
    assert home.exists()


@pytest.mark.faces
def test_what_is_left_is_told_to_whoever_gets_the_mail_of_cron(mailboxes: Mailboxes, tmp_path: Path) -> None:
    mailboxes.record("eve@ex.com", "/etc")
    home = mailboxes.gone("bob@ex.com")
    done = processes.ran(
        "job delete-mailboxes", processes.settings_file(tmp_path, mailboxes.site.stores, **mailboxes.settings)
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"Not removed, of eve@ex.com: /etc is in none of the storage roots, {mailboxes.root}.",
        "1 mailboxes removed with 28 bytes; 0 were not there, 1 are left.",
    ]
    assert done.stdout.endswith(" of bob@ex.com: 2 files, 28 bytes.\n")
    assert not home.exists()


def test_what_pending_leaves_is_told_to_them_too(site: Site, tmp_path: Path) -> None:
    site.execute(
        "iredadmin",
        "INSERT INTO postreeve_pending (store, deed, name, new_name, witness, created)"
        " VALUES ('amavisd', 'forget', 'x@ex.com', '', 'mailbox 2020-01-01 00:00:00', 1)",
    )
    away = Store(engine="postgresql", port=processes.free_port(), database="amavisd", user="x", password="y")
    done = processes.ran("job pending", processes.settings_file(tmp_path, {**site.stores, "amavisd": away}))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("\n0 settled, 1 left.\n")


@pytest.mark.faces
def test_on_a_host_without_mailboxes_theirs_is_no_job(mailboxes: Mailboxes, tmp_path: Path) -> None:
    home = mailboxes.gone("bob@ex.com")
    file = processes.settings_file(tmp_path, mailboxes.site.stores, **mailboxes.settings, has_mailboxes=False)
    for words in ("job delete-mailboxes", "job delete-mailboxes --dry-run"):
        done = processes.ran(words, file)
        assert (done.returncode, done.stdout) == (1, "")
        assert "has_mailboxes" in done.stderr
    told = json.loads(processes.ran("job all --json", file).stdout)
    assert [one["job"] for one in told] == [job.name for job in JOBS if not job.touches_mailboxes]
    assert "delete-mailboxes" not in processes.ran("job cron", file).stdout
    assert home.exists()


def test_all_that_is_due_runs_once(site: Site, file: Path) -> None:
    done = processes.ran("job all --json", file)
    assert (done.returncode, done.stderr) == (0, "")
    assert [one["job"] for one in json.loads(done.stdout)] == [job.name for job in JOBS]
    assert {row["name"] for row in site.rows("postreeve_jobs")} == {job.name for job in JOBS}
    again = processes.ran("job all", file)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_a_job_that_another_process_runs_is_no_failure(site: Site, file: Path) -> None:
    with site.storage.turn("cleanup"):
        done = processes.ran("job cleanup --json", file)
        told = json.loads(done.stdout)
        assert (done.returncode, told["is_running_elsewhere"], told["is_done"]) == (0, True, False)
        assert processes.ran("job cleanup --dry-run", file).stdout == "Would be removed: nothing.\n"
    assert processes.ran("job cleanup", file).stdout == "Removed: nothing.\n"


@pytest.mark.faces
def test_a_terminal_shows_how_far_it_is(mailboxes: Mailboxes, tmp_path: Path) -> None:
    """The terminal is a pseudo-terminal, on which the bar is drawn and taken away."""
    mailboxes.gone("bob@ex.com")
    file = processes.settings_file(tmp_path, mailboxes.site.stores, **mailboxes.settings)
    command = [str(processes.PROGRAM), "job", "delete-mailboxes", f"--data={tmp_path}", f"--settings={file}"]
    ours, theirs = pty.openpty()
    done = subprocess.run(
        command, env=processes.environment(TERM="xterm"), stdout=subprocess.PIPE, stderr=theirs, check=True
    )
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert "Mailboxes" in shown
    assert "1/1" in shown
    assert b"\x1b" not in done.stdout


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.faces
def test_a_server_can_run_the_jobs_itself_and_they_end_with_it(site: Site, file: Path, ending: signal.Signals) -> None:
    port = processes.free_port()
    command = [
        str(processes.PROGRAM), "serve", "--with-jobs", f"--data={file.parent}", f"--settings={file}",
        f"--listen=127.0.0.1:{port}",
    ]  # fmt: skip
    with subprocess.Popen(command, env=processes.environment(), stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while {row["name"] for row in site.rows("postreeve_jobs", expires=0)} != {job.name for job in JOBS}:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        process.send_signal(ending)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "cleanup: Removed: nothing." in told
    assert "Traceback" not in told
