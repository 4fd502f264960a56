"""How the stores follow the accounts: steps are done under claims, in their order, and stay until they are done."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

from postreeve.pending.sql import SqlPending
from postreeve.pending.store import DIRECTORY, FORGET, MLMMJ, RENAME, Step, Witnesses
from postreeve.storage import amavisd, claims, iredapd
from postreeve.storage.sql import Database, Session
from postreeve.work import ConflictError, DuplicateError, StoreUnavailableError

FOLLOWERS = {"amavisd": amavisd, "iredapd": iredapd}
"""The databases that follow when an account goes or gets another address."""
NO_DATABASES = (MLMMJ, DIRECTORY)
"""Other stores that follow."""
PATIENCE_SECONDS = 1
"""Whoever does what others have left does not wait long for a name: it is left to the next one."""

log = logging.getLogger("postreeve.pending")


class Following:
    """Does what is pending."""

    def __init__(
        self,
        databases: Mapping[str, Database],
        accounts: Callable[[], AbstractContextManager[Witnesses]],
        others: Mapping[str, Callable[[Step], None]],
    ) -> None:
        """`accounts` opens the accounts for a look; `others` do the steps of what is no database, such as mlmmj."""
        self.databases = databases
        self.accounts = accounts
        self.others = dict(others)
        drivers = {error for database in databases.values() for error in database.engine.errors}
        self._failures: tuple[type[Exception], ...] = (ConflictError, DuplicateError, StoreUnavailableError, *drivers)

    @property
    def stores(self) -> list[str]:
        """Those that follow here."""
        return [*(name for name in FOLLOWERS if name in self.databases), *self.others]

    def after(self, pending: SqlPending) -> list[Step]:
        """Do the steps of a work that is committed and holds its names, and return which of them are left.

        What was left before about the same names comes first. Nothing is raised: the work stands.
        """
        try:
            left = self._finish(pending, pending.names, pending.names, set())
        except (ConflictError, StoreUnavailableError) as error:
            _tell(pending.steps[0], error)
            return pending.steps
        return [step for step in left if step in pending.steps]

    def finish(self, names: Collection[str]) -> None:
        """Do what can be done now of what is pending for some names."""
        try:
            with self._pending() as pending:
                self._finish(pending, names, frozenset(), set())
        except (ConflictError, StoreUnavailableError) as error:
            log.warning("Pending: something about %s. %s", min(names), _in_line(error))

    def is_waiting(self, names: Collection[str]) -> bool:
        """Tell whether anything is pending for some names."""
        with self._pending() as pending:
            return bool(pending.about(names))

    def in_the_way(self, names: Collection[str]) -> tuple[str, Step] | None:
        """Return one of some names that must not be taken yet, and for which step: it is no account now.

        mlmmj alone may be late: it blocks no work on accounts.
        """
        with self._pending() as pending:
            for name in sorted(names):
                for step in pending.about([name]) if not pending.is_account(name) else ():
                    if step.store != MLMMJ:
                        return name, step
                    if step.name == name:
                        pending.confirm(step.number)
        return None

    def finish_all(self) -> tuple[int, int]:
        """Do what can be done of everything, and return how many steps are done and how many are left.

        What can not be done keeps back only what is about the same names, but a store that does not answer is not
        asked again.
        """
        before = self._all()
        tried: set[int] = set()
        away: set[str] = set()
        for step in before:
            if step.number in tried or step.store in away:
                continue
            try:
                with self._pending() as pending:
                    left = self._finish(pending, step.names, frozenset(), away)
                tried |= {other.number for other in left}
            except (ConflictError, StoreUnavailableError) as error:
                _tell(step, error)
        after = self._all()
        return len({step.number for step in before} - {step.number for step in after}), len(after)

    def _all(self) -> list[Step]:
        with self._pending() as pending:
            return pending.all()

    @contextmanager
    def _pending(self) -> Iterator[SqlPending]:
        own = Session(self.databases["iredadmin"], is_autocommit=True)
        with own, self.accounts() as accounts:
            yield SqlPending(own, accounts)

    def _finish(self, pending: SqlPending, names: Collection[str], held: frozenset[str], away: set[str]) -> list[Step]:
        """Do what is pending for some names and for all that is linked with them, and return what is left.

        Whoever does a step has claims on all its names; `held` are claimed already. After the first failure in a
        store the later steps there wait as well. Stores that do not answer come to those that are `away`.
        """
        steps = pending.linked(names)
        further = {name for step in steps for name in step.names} - held
        with claims.held(self.databases["iredadmin"], further, PATIENCE_SECONDS) if further else nullcontext():
            if further:  # somebody else may have done them before we had the claims
                steps = [step for step in pending.linked(names) if step.names <= held | further]
            left: list[Step] = []
            for step in steps:
                is_waiting = step.store in away or step.store in {other.store for other in left}
                if is_waiting or not self._is_done(pending, step, away):
                    left.append(step)
            return left

    def _is_done(self, pending: SqlPending, step: Step, away: set[str]) -> bool:
        """Do a step, or drop it: its accounts may never have been committed, or its store is not configured any more.

        That a work is committed it knows itself; of others the account tells.
        """
        try:
            if step in pending.steps or pending.is_due(step):
                self._follow(step)
            pending.done(step.number)
        except self._failures as error:
            if isinstance(error, StoreUnavailableError):
                away.add(step.store)
            _tell(step, error)
            return False
        return True

    def _follow(self, step: Step) -> None:
        if follow := self.others.get(step.store):
            follow(step)
        if step.store in NO_DATABASES:
            return
        if step.deed not in {FORGET, RENAME} or step.store not in FOLLOWERS:
            raise ConflictError("This release does not know how to do that.")
        if (database := self.databases.get(step.store)) is None:
            return
        follower = FOLLOWERS[step.store]
        with Session(database) as session:
            session.begin()
            if step.deed == RENAME:
                follower.rename(session, step.name, step.new)
            else:
                follower.forget(session, step.name)
            session.commit()


def _tell(step: Step, error: Exception) -> None:
    log.warning("Pending: %s. %s", step, _in_line(error))


def _in_line(error: Exception) -> str:
    """Return what a driver says in several lines as one."""
    return " ".join(str(error).split())
