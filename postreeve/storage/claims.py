"""Claims: an address or domain name is one work's alone, from the check that it is free until the work ends.

No table of iRedMail's can promise that: users, aliases, lists and alias addresses are rows of different tables. So a
row of our own, whose primary key is the name, is held meanwhile; it expires, in case the process dies.
"""

import logging
import secrets
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import sqlalchemy as sa

from postreeve.storage.conditions import among, parameter
from postreeve.storage.sql import Database, Session, Statement
from postreeve.storage.tables.postreeve import claims
from postreeve.work import ConflictError, DuplicateError, StoreUnavailableError

LIFETIME_SECONDS = 60
PATIENCE_SECONDS = 8
PAUSE_SECONDS = 0.02

log = logging.getLogger("postreeve.claims")

DROP_EXPIRED = Statement(
    lambda _: sa.delete(claims).where(claims.c.name == parameter("name"), claims.c.expires < parameter("now"))
)
HELD = Statement(
    lambda _: sa.select(claims.c.name).where(among(claims.c.name, "names"), claims.c.expires >= parameter("now"))
)


@contextmanager
def held(database: Database, names: Collection[str], patience: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Hold claims on some names, in their order, so that two works never wait for each other."""
    holder = secrets.token_hex(16)
    with Session(database, is_autocommit=len(names) == 1) as session:
        try:
            _take(session, sorted(names), holder, patience)
            session.rest()
            yield
        finally:
            _release(session, holder)


class Locks:
    """The locks of one work on entries of a directory, which has none of its own: claims that it holds until its end.

    Their names begin with `~`, so that they are other claims than those of addresses and domains.
    """

    def __init__(self, database: Database) -> None:
        self._stack = ExitStack()
        self._database = database
        self._taken: set[str] = set()

    def take(self, *wanted: str) -> None:
        """Wait for some names, all together; those that this work has already are had at once."""
        if new := {f"~{name}" for name in wanted} - self._taken:
            self._stack.enter_context(held(self._database, new, PATIENCE_SECONDS))
            self._taken |= new

    def wait(self, name: str) -> None:
        """Wait until no other work has a name, without taking it."""
        if f"~{name}" not in self._taken:
            with held(self._database, {f"~{name}"}):
                pass

    def release(self) -> None:
        """Let go of all."""
        self._stack.close()
        self._taken.clear()


def _release(session: Session, holder: str) -> None:
    """Let go of all claims; where that can not be done they expire, and the work stands as it is."""
    try:
        session.delete(claims, holder=holder)
        session.commit()
    except (ConflictError, StoreUnavailableError) as error:
        log.warning("Claims are left to expire: %s", error)


def _take(session: Session, names: Sequence[str], holder: str, patience: float) -> None:
    """Take all claims together, as soon as nobody else holds one of them."""
    deadline = time.monotonic() + patience
    while not _are_taken(session, names, holder):
        is_held = True
        while is_held:  # looking disturbs nobody, and trying does
            if time.monotonic() > deadline:
                raise StoreUnavailableError(f"Another work holds {', '.join(names[:3])}.")
            session.rest()  # who has the claims needs a connection to let go of them
            time.sleep(PAUSE_SECONDS)
            is_held = session.row(HELD, names=list(names), now=int(time.time())) is not None


def _are_taken(session: Session, names: Sequence[str], holder: str) -> bool:
    now = int(time.time())
    for name in names:
        try:
            session.insert(claims, {"name": name, "holder": holder, "expires": now + LIFETIME_SECONDS})
        except (ConflictError, DuplicateError):
            session.rollback()
            session.execute(DROP_EXPIRED, name=name, now=now)
            session.commit()
            return False
    try:
        session.commit()
    except ConflictError:  # on another node of a cluster somebody was faster
        session.rollback()
        return False
    return True
