"""Jobs beside a server, in a thread of its process: for installations without cron."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from postreeve.jobs.running import Job, Outcome, run_due
from postreeve.jobs.table import JOBS
from postreeve.permissions import Actor
from postreeve.work import ConflictError, Storage, StoreUnavailableError

LOOK_SECONDS = 60
"""So often it is looked what is due."""
ENDING_SECONDS = 10
"""A job that is under way when the server ends has so long to come to a piece's end."""

log = logging.getLogger("postreeve.jobs")


@contextmanager
def beside(storage: Storage, actor: Actor, seconds: float = LOOK_SECONDS) -> Iterator[None]:
    """Run what is due until the end of the block."""
    ending = Event()
    thread = Thread(target=_loop, args=(storage, actor, ending, seconds), name="jobs", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join(ENDING_SECONDS)


def _loop(storage: Storage, actor: Actor, ending: Event, seconds: float) -> None:
    while not ending.is_set():
        try:
            for job, outcome in run_due(JOBS, storage, actor, is_ending=ending.is_set):
                _tell(job, outcome)
        except (ConflictError, StoreUnavailableError) as error:
            log.warning("Jobs have to wait: %s", " ".join(str(error).split()))
        except Exception:  # the thread is the only one there is
            log.exception("Jobs have to wait.")
        ending.wait(seconds)


def _tell(job: Job, outcome: Outcome) -> None:
    log.info("%s: %s", job.name, outcome.sentence)
    for problem in outcome.problems:
        log.warning("%s: %s", job.name, problem)
