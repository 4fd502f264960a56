"""The jobs as commands, for cron and timers."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from postreeve import app as assembly
from postreeve.commands.shared import SETUP, Data, File, plain_errors
from postreeve.jobs import timers
from postreeve.jobs.running import Job, Outcome, Progress, Silent, run, run_due, usable
from postreeve.jobs.table import BY_NAME, JOBS
from postreeve.settings import Settings, SettingsError

AsJson = Annotated[bool, typer.Option("--json", help="Tell everything as JSON.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell what would be removed.")]
User = Annotated[str, typer.Option("--user", help="The user as whom Postreeve runs.")]


def settle_pending(data: Data = Path("data"), settings_file: File = None, *, as_json: AsJson = False) -> None:
    """Settle what a crash or an outage left open."""
    _run("pending", data, settings_file, as_json=as_json)


def ask_for_spf_whitelist(data: Data = Path("data"), settings_file: File = None, *, as_json: AsJson = False) -> None:
    """Ask the DNS which servers send the mail of the domains that are not greylisted.

    Where the DNS does not answer, the servers known before stay.
    """
    _run("spf-whitelist", data, settings_file, as_json=as_json)


def verify_waiting_domains(data: Data = Path("data"), settings_file: File = None, *, as_json: AsJson = False) -> None:
    """Look for the proofs of ownership that domains wait for; those whose owners show them are active then."""
    _run("verify-domains", data, settings_file, as_json=as_json)


def clean_up(
    data: Data = Path("data"), settings_file: File = None, *, dry_run: DryRun = False, as_json: AsJson = False
) -> None:
    """Remove what is kept for a time only: old lines of the activity log, sessions, confirmations, mails at Amavisd."""
    _run("cleanup", data, settings_file, as_json=as_json, is_dry=dry_run)


def delete_mailboxes(
    data: Data = Path("data"), settings_file: File = None, *, dry_run: DryRun = False, as_json: AsJson = False
) -> None:
    """Remove the mailboxes of deleted users when the days are over for which they are kept.

    It touches only directories below the storage roots that belong to the user of the setting `mailbox_owner`, and
    tells what it leaves.
    """
    _run("delete-mailboxes", data, settings_file, as_json=as_json, is_dry=dry_run)


def run_what_is_due(data: Data = Path("data"), settings_file: File = None, *, as_json: AsJson = False) -> None:
    """Run all jobs whose time has come, on whichever node they ran last; for one line of cron."""
    outcomes: list[tuple[Job, Outcome]] = []
    with plain_errors(), _opened(data, settings_file) as storage, _shown(as_json=as_json) as progress:
        for job, outcome in run_due(JOBS, storage, SETUP, progress):
            outcomes.append((job, outcome))
            if not as_json:
                _tell(outcome, f"{job.name}: ")
    if as_json:
        typer.echo(_json([_as_data(job, outcome, is_dry=False) for job, outcome in outcomes]))
    raise typer.Exit(int(not all(outcome.is_well for _, outcome in outcomes)))


def write_timers(
    folder: Annotated[Path, typer.Argument(help="Where the units go, such as /etc/systemd/system.")],
    data: Data = Path("data"),
    settings_file: File = None,
    user: User = "postreeve",
    *,
    as_json: AsJson = False,
) -> None:
    """Write units of systemd that run the jobs, a service and a timer for each."""
    with plain_errors():
        jobs, installation = _scheduled(data, settings_file, user)
        texts = timers.units(jobs, installation)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in texts.items():
                (folder / name).write_text(text, encoding="utf-8")
        except OSError as error:
            raise SettingsError(f"The units can not be written to {folder}: {error.strerror}.") from error
    if as_json:
        typer.echo(_json({"files": [str(folder / name) for name in texts], "timers": timers.timers(jobs)}))
        return
    typer.echo(f"{len(texts)} units are in {folder}. With them there, switch the timers on:")
    typer.echo(f"systemctl daemon-reload && systemctl enable --now {' '.join(timers.timers(jobs))}")


def print_cron_lines(
    data: Data = Path("data"), settings_file: File = None, user: User = "postreeve", *, as_json: AsJson = False
) -> None:
    """Print lines for /etc/cron.d that run the jobs."""
    with plain_errors():
        lines = list(timers.cron_lines(*_scheduled(data, settings_file, user)))
    typer.echo(_json({"lines": lines}) if as_json else "\n".join(lines))


def _run(name: str, data: Path, settings_file: Path | None, *, as_json: bool, is_dry: bool = False) -> None:
    """Run a job; the exit code is 0 when everything is done or another process does it, else 1."""
    with plain_errors(), _opened(data, settings_file) as storage, _shown(as_json=as_json) as progress:
        outcome = run(BY_NAME[name], storage, SETUP, progress, is_dry=is_dry)
    if as_json:
        typer.echo(_json(_as_data(BY_NAME[name], outcome, is_dry=is_dry)))
    else:
        _tell(outcome)
    raise typer.Exit(int(not outcome.is_well))


@contextmanager
def _opened(data: Path, settings_file: Path | None) -> Iterator[Any]:
    with closing(assembly.storage_of(assembly.settings_of(data, settings_file))) as storage:
        yield storage


def _scheduled(data: Path, settings_file: Path | None, user: str) -> tuple[tuple[Job, ...], timers.Installation]:
    """Return the jobs of a site, and what their units and lines have to know."""
    settings = assembly.settings_of(data, settings_file)
    program = Path(sys.argv[0])
    if program.name != "postreeve":
        program = Path(sys.executable).with_name("postreeve")
    installation = timers.Installation(
        program=str(program.absolute()), data=data.resolve(),
        settings=settings_file.resolve() if settings_file else None, user=user,
        mailboxes=settings.storage_roots or [settings.storage_base_directory], further=_of_lists(settings),
    )  # fmt: skip
    return usable(JOBS, settings.databases, has_mailboxes=settings.has_mailboxes), installation


def _of_lists(settings: Settings) -> list[str]:
    return [settings.mlmmj_spool, settings.mlmmj_archive] if settings.mlmmj == "native" else []


def _tell(outcome: Outcome, before: str = "") -> None:
    for note in outcome.notes:
        typer.echo(f"{before}{note}")
    for problem in outcome.problems:
        typer.echo(f"{before}{problem}", err=True)
    typer.echo(f"{before}{outcome.sentence}", err=not outcome.is_well)


def _as_data(job: Job, outcome: Outcome, *, is_dry: bool) -> dict[str, Any]:
    return {
        "job": job.name, "sentence": outcome.sentence, "counts": dict(outcome.counts), "notes": outcome.notes,
        "problems": outcome.problems, "is_done": outcome.is_well and not outcome.is_elsewhere,
        "is_running_elsewhere": outcome.is_elsewhere, "is_dry_run": is_dry,
    }  # fmt: skip


def _json(told: object) -> str:
    return json.dumps(told, ensure_ascii=False, indent=1)


@contextmanager
def _shown(*, as_json: bool) -> Iterator[Progress]:
    """Show on a terminal how far a job is."""
    if as_json or not sys.stderr.isatty():
        yield Silent()
        return
    from rich.console import Console  # noqa: PLC0415 - only for terminals
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415
    from rich.progress import Progress as Bars  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        yield _Bar(bars.add_task, bars.advance)


class _Bar:
    """A progress bar for each thing that a job does."""

    def __init__(self, add: Callable[..., Any], advance: Callable[[Any, float], None]) -> None:
        self._add = add
        self._advance = advance
        self._task: Any = None

    def begin(self, what: str, total: int | None = None) -> None:
        self._task = self._add(what, total=total)

    def step(self, number: int = 1) -> None:
        self._advance(self._task, number)
