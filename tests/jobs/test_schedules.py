"""Units of systemd and lines for cron, as `job timers` and `job cron` make them."""

import re
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from postreeve import cli
from postreeve.jobs.table import BY_NAME, JOBS
from postreeve.jobs.timers import SANDBOX, Installation, cron_lines, units
from tests.delivery.test_service import MOST_EXPOSED, UNIT, systemd_analyze
from tests.outages.processes import PROGRAM, ran, settings_file

MOST_EXPOSED_WITH_MAILBOXES = 2.0


def installation(folder: Path, *mailboxes: str) -> Installation:
    return Installation(str(PROGRAM), folder, folder / "postreeve.toml", "root", mailboxes or ("/var/vmail/vmail1",))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """All units of an installation."""
    for name, text in units(JOBS, installation(tmp_path)).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.slow  # it needs systemd, which `make quick` does without
def test_systemd_takes_every_line_of_the_units(folder: Path) -> None:
    there = sorted(map(str, folder.glob("postreeve-*")))
    assert len(there) == 2 * len(JOBS)
    done = systemd_analyze("verify", *there)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "postreeve-" in line]) == (0, [])


@pytest.mark.slow  # as above
@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_the_sandbox_leaves_little_open(folder: Path, job: object) -> None:
    name = getattr(job, "name", "")
    most = MOST_EXPOSED_WITH_MAILBOXES if BY_NAME[name].touches_mailboxes else MOST_EXPOSED
    unit = folder / f"postreeve-{name}.service"
    unit.write_text(re.sub("(User|Group)=root", r"\1=postreeve", unit.read_text(encoding="utf-8")), encoding="utf-8")
    done = systemd_analyze("security", "--offline=true", f"--threshold={int(most * 10)}", str(unit))
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.slow  # as above
@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_systemd_and_cron_run_a_job_as_often_as_the_table_says(job: object) -> None:
    """Seen from two of the next times that systemd names; the line for cron is the same, by its fields."""
    schedule = BY_NAME[getattr(job, "name", "")].schedule
    done = systemd_analyze("calendar", "--iterations=9", schedule.calendar)
    assert done.returncode == 0, done.stderr
    minutes = [
        int(hour) * 60 + int(minute) for hour, minute in re.findall(r"UTC: .* (\d\d):(\d\d):00 UTC", done.stdout)
    ]
    if not minutes:  # where the system's time is UTC, it is not repeated
        minutes = [int(hour) * 60 + int(minute) for hour, minute in re.findall(r" (\d\d):(\d\d):00 UTC", done.stdout)]
    apart = {(later - one) % 1440 or 1440 for one, later in pairwise(minutes)}
    assert apart == {schedule.minutes}
    assert {minute % 1440 for minute in minutes} <= set(_minutes_of(schedule.cron))


def _minutes_of(cron: str) -> list[int]:
    """Return the minutes of the day that the fields of a line for cron mean."""
    minute, hour, *rest = cron.split()
    assert rest == ["*", "*", "*"]
    return [one * 60 + other for one in _meant(hour, 24) for other in _meant(minute, 60)]


def _meant(field: str, size: int) -> range:
    place, _, step = field.partition("/")
    first, _, last = ("0", "", str(size - 1)) if place == "*" else place.partition("-")
    end = int(last) if last else int(first)
    return range(int(first), end + 1, int(step or 1))


def test_the_sandbox_is_that_of_the_server() -> None:
    service = UNIT.read_text(encoding="utf-8").partition("# What it does not need is out of its reach.\n")[2]
    assert service.partition("\n\n[Install]")[0].strip() == SANDBOX.strip()


def test_only_the_job_that_removes_mailboxes_gets_at_them(folder: Path) -> None:
    for job in JOBS:
        text = (folder / f"postreeve-{job.name}.service").read_text(encoding="utf-8")
        assert ("/var/vmail/vmail1" in text) is job.touches_mailboxes
        assert ("AmbientCapabilities=CAP_DAC_OVERRIDE" in text) is job.touches_mailboxes


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_what_is_scheduled_is_a_command(job: object) -> None:
    name = getattr(job, "name", "")
    command = typer.main.get_command(cli.app)
    assert name in getattr(getattr(command, "commands", {})["job"], "commands", {})


def test_a_path_means_itself_to_systemd_and_cron(tmp_path: Path) -> None:
    folder = tmp_path / 'odd %n $HOME "x"'
    of = Installation(str(PROGRAM), folder, None, "postreeve", [])
    [line] = [
        line for line in units(JOBS, of)["postreeve-cleanup.service"].splitlines() if line.startswith("ExecStart")
    ]
    assert line == f'ExecStart={PROGRAM} job cleanup "--data={tmp_path}/odd %%n $$HOME \\"x\\""'
    *_, last = cron_lines(JOBS, of)
    command = last.split(" root ", 1)[1].replace("\\%", "%").replace("postreeve job", "printf").partition(" >")[0]
    command = command.replace(str(PROGRAM).removesuffix("postreeve"), "")
    said = subprocess.run(["sh", "-c", command.replace("printf delete-mailboxes", "printf %s")],
                          capture_output=True, text=True, check=True).stdout  # fmt: skip
    assert said == f"--data={folder}"


def test_the_commands_write_units_and_print_lines(tmp_path: Path) -> None:
    """Of a site without iRedAPD: the job for its database is left out."""
    file = settings_file(tmp_path, {}, storage_roots=["/srv/mail/one", "/srv/mail/two"])
    with file.open("a", encoding="utf-8") as more:
        more.write('[vmail]\nengine = "sqlite"\npath = "vmail.db"\n')
    options = [f"--data={tmp_path}", f"--settings={file}", "--user=mailman"]
    told = CliRunner().invoke(cli.app, ["job", "timers", str(tmp_path / "units"), *options])
    assert told.exit_code == 0, told.output
    names = sorted(path.name for path in (tmp_path / "units").iterdir())
    there = sorted(job.name for job in JOBS if not job.needs)
    assert names == sorted(f"postreeve-{name}.{kind}" for name in there for kind in ("service", "timer"))
    assert (
        told.stdout.splitlines()[0]
        == f"{len(names)} units are in {tmp_path / 'units'}. With them there, switch the timers on:"
    )
    text = (tmp_path / "units" / "postreeve-delete-mailboxes.service").read_text(encoding="utf-8")
    assert "\nUser=mailman\n" in text
    assert f"\nReadWritePaths=-{tmp_path} -/srv/mail/one -/srv/mail/two\n" in text
    lines = CliRunner().invoke(cli.app, ["job", "cron", *options]).stdout.splitlines()
    assert len(lines) == 1 + len(there)
    assert lines[1].startswith("*/5 * * * * mailman ")
    assert [line for line in lines if " root " in line] == [lines[-1]]


@pytest.mark.slow  # starts of the command
def test_a_folder_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    file = settings_file(tmp_path, {})
    (tmp_path / "units").write_text("a file")
    done = ran(f"job timers {tmp_path}/units", file)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"postreeve: The units can not be written to {tmp_path}/units: File exists.\n"
