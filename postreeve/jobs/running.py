"""How a job is run, whoever calls it: what it is given, what it gives back, and one runner at a time."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Protocol

from postreeve.permissions import Actor, Grant, Target
from postreeve.settings import SettingsError
from postreeve.work import AlreadyRunningError, ConflictError, Storage, StoreUnavailableError, Turn, TurnLostError

GRANT = Grant(None, Target())
LOCALHOST = "127.0.0.1"
VIA = "[job]"
SLACK_SECONDS = 30
"""A job is due a little early: whoever looks for what is due does so every few minutes."""

log = logging.getLogger("postreeve.jobs")


class Progress(Protocol):
    """Shows how far a job is."""

    def begin(self, what: str, total: int | None = None) -> None:
        """Begin with something, of which there is so much, as far as that is known."""

    def step(self, number: int = 1) -> None:
        """So much more of it is done."""


class Silent:
    """Shows nothing."""

    def begin(self, what: str, total: int | None = None) -> None: ...
    def step(self, number: int = 1) -> None: ...


@dataclass(frozen=True)
class Run:
    """What a job is given."""

    storage: Storage
    actor: Actor
    """Who it is where an operation asks for that."""
    turn: Turn
    progress: Progress = field(default_factory=Silent)
    is_dry: bool = False
    """Only tell what would be done."""
    is_ending: Callable[[], bool] = lambda: False
    """Whether the process is about to end."""

    def check(self) -> None:
        """Say that it goes on, or raise `TurnLostError` because it must not."""
        if self.is_ending():
            raise TurnLostError("The process is told to end.")
        self.turn.check()


@dataclass(frozen=True)
class Outcome:
    """What a job has done."""

    sentence: str
    counts: Mapping[str, int]
    notes: tuple[str, ...] = ()
    """Sentences worth knowing."""
    problems: tuple[str, ...] = ()
    """Sentences about what is left, for the administrator to look at."""
    is_left: bool = False
    """Something is left for the next run."""
    is_elsewhere: bool = False
    """Another process is at this job."""

    @property
    def is_well(self) -> bool:
        return not (self.problems or self.is_left)


@dataclass(frozen=True)
class Schedule:
    """How often a job runs: each so many minutes, or once a day at a time."""

    minutes: int
    cron: str
    """The five fields of a line for cron."""
    calendar: str
    """The same for systemd's `OnCalendar`."""

    @property
    def seconds(self) -> int:
        return self.minutes * 60


@dataclass(frozen=True)
class Job:
    """A job, under the name of its command."""

    name: str
    summary: str
    run: Callable[[Run], Outcome]
    schedule: Schedule
    needs: frozenset[str] = frozenset()
    """Stores without which there is nothing to do."""
    touches_mailboxes: bool = False
    """It needs rights to the files of mailboxes."""


class _Unhurried:
    """The turn of somebody who changes nothing."""

    def check(self) -> None: ...


def run(  # noqa: PLR0913 - what a job is given
    job: Job,
    storage: Storage,
    actor: Actor,
    progress: Progress | None = None,
    *,
    is_dry: bool = False,
    is_ending: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Run a job, unless another process is at it; refuses one of mailboxes where there are none."""
    if job.touches_mailboxes and not storage.site().has_mailboxes:
        raise SettingsError(f"By the setting has_mailboxes there are none on this host: no {job.name} here.")
    try:
        with nullcontext(_Unhurried()) if is_dry else storage.turn(job.name) as turn:
            return job.run(Run(storage, actor, turn, progress or Silent(), is_dry, is_ending))
    except AlreadyRunningError as error:
        return Outcome(str(error), {}, is_elsewhere=True)


def run_due(
    jobs: tuple[Job, ...],
    storage: Storage,
    actor: Actor,
    progress: Progress | None = None,
    *,
    is_ending: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[Job, Outcome]]:
    """Run the jobs whose time has come on whichever node, one after the other; one that fails keeps no other back."""
    for job in due(jobs, storage):
        if is_ending():
            return
        try:
            outcome = run(job, storage, actor, progress, is_ending=is_ending)
        except (SettingsError, StoreUnavailableError, ConflictError) as error:
            reason = " ".join(str(error).split())
            outcome = Outcome("It could not be done.", {}, problems=(reason,))
        except Exception:  # a defect of one job is no reason for the others not to run
            log.exception("The job %s has failed.", job.name)
            outcome = Outcome("It could not be done.", {}, problems=("It has a defect; the log tells more.",))
        yield job, outcome


def due(jobs: tuple[Job, ...], storage: Storage) -> list[Job]:
    """Return the jobs whose time has come, and for which the site has the stores."""
    last, now = storage.last_runs(), time.time() + SLACK_SECONDS
    return [
        job
        for job in usable(jobs, storage.stores(), has_mailboxes=storage.site().has_mailboxes)
        if job.name not in last
        or (not last[job.name].is_running and last[job.name].begun + job.schedule.seconds <= now)
    ]


def usable(jobs: tuple[Job, ...], stores: Mapping[str, object], *, has_mailboxes: bool) -> tuple[Job, ...]:
    """Return the jobs that a host has, of a site with these stores."""
    return tuple(job for job in jobs if job.needs <= stores.keys() and (has_mailboxes or not job.touches_mailboxes))
