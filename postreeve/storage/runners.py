"""Who runs a job: one process on all nodes together, by a row of our own that it renews while it is at it.

Who dies leaves a row that expires; then somebody else may take it. The nodes' clocks have to agree to half a minute.
"""

import logging
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

import sqlalchemy as sa

from postreeve.storage.conditions import parameter
from postreeve.storage.sql import Database, Session, Statement
from postreeve.storage.tables.postreeve import jobs
from postreeve.work import (
    AlreadyRunningError,
    ConflictError,
    DuplicateError,
    LastRun,
    StoreUnavailableError,
    TurnLostError,
)

LIFETIME_SECONDS = 120
RENEWED_SECONDS = 20
MARGIN_SECONDS = 30
"""So long before it expires, a runner that could not renew its turn believes it lost: clocks differ."""

log = logging.getLogger("postreeve.jobs")

_JOB = jobs.c
TAKE = Statement(
    lambda _: (
        sa.update(jobs)
        .values(holder=parameter("holder"), expires=parameter("expires"), begun=parameter("now"), ended=0)
        .where(_JOB.name == parameter("name"), _JOB.expires < parameter("now"))
    )
)
HOLDER = Statement(lambda _: sa.select(_JOB.holder).where(_JOB.name == parameter("name")))
ALL = Statement(lambda _: sa.select(_JOB.name, _JOB.begun, _JOB.ended, _JOB.expires))


class Held:
    """A turn, which a thread of its own renews."""

    def __init__(self, database: Database, name: str, holder: str, expires: int) -> None:
        self._database = database
        self._row = {"name": name, "holder": holder}
        self._expires = expires
        self._is_over = Event()
        self._thread = Thread(target=self._renew, name=f"turn of {name}", daemon=True)
        self._thread.start()

    def check(self) -> None:
        if time.time() > self._expires - MARGIN_SECONDS:
            raise TurnLostError(f"It could not be said in time that the job {self._row['name']} still runs.")

    def end(self) -> None:
        """Say when the job has ended, and let others have their turn."""
        self._is_over.set()
        self._thread.join()
        try:
            with Session(self._database, is_autocommit=True) as session:
                session.update(jobs, {"expires": 0, "ended": int(time.time())}, **self._row)
        except (ConflictError, StoreUnavailableError) as error:
            log.warning("The turn of the job %s is left to expire: %s", self._row["name"], error)

    def _renew(self) -> None:
        while not self._is_over.wait(RENEWED_SECONDS):
            expires = int(time.time()) + LIFETIME_SECONDS
            # A store that does not answer now may do so in time.
            with suppress(ConflictError, StoreUnavailableError), Session(self._database, is_autocommit=True) as session:
                if not session.update(jobs, {"expires": expires}, **self._row):
                    self._expires = 0  # it had expired, and somebody else has it
                    return
                self._expires = expires


@contextmanager
def turn(database: Database, name: str) -> Iterator[Held]:
    """Have a turn until the end of the block; `AlreadyRunningError` while somebody else has it."""
    holder, now = secrets.token_hex(16), int(time.time())
    expires = now + LIFETIME_SECONDS
    with Session(database, is_autocommit=True) as session:
        values = {"holder": holder, "expires": expires, "begun": now, "ended": 0}
        if not session.execute(TAKE, name=name, holder=holder, expires=expires, now=now):
            with suppress(DuplicateError):
                session.insert(jobs, {"name": name, **values})
        row = session.row(HOLDER, name=name)
    if row is None or row[0] != holder:
        raise AlreadyRunningError(f"Another process is at the job {name}.")
    held = Held(database, name, holder, expires)
    try:
        yield held
    finally:
        held.end()


def last_runs(database: Database) -> dict[str, LastRun]:
    """Return the last runs of all jobs."""
    now = int(time.time())
    with Session(database, is_autocommit=True) as session:
        return {
            name: LastRun(int(begun), int(ended), int(expires) >= now)
            for name, begun, ended, expires in session.rows(ALL)
        }
