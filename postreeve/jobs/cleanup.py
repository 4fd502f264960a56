"""Removes what is kept for a time only, piece by piece: lines of the log, sessions, confirmations, mails at Amavisd."""

from collections.abc import Callable

from postreeve.errors import Refused
from postreeve.jobs.running import GRANT, LOCALHOST, VIA, Outcome, Run
from postreeve.newsletter import operations as newsletter
from postreeve.operations import ATTEMPTS
from postreeve.ownership import operations as ownership
from postreeve.retention.operations import note
from postreeve.retention.store import Kept
from postreeve.work import ConflictError, StoreUnavailableError, TurnLostError, Work

Step = Callable[[Work], int]
_COUNTED: dict[Kept, Step] = {Kept.CONFIRMATIONS: newsletter.count_expired, Kept.PROOFS: ownership.count_expired}
_DROPPED: dict[Kept, Step] = {Kept.CONFIRMATIONS: newsletter.drop_expired, Kept.PROOFS: ownership.drop_expired}


def job(run: Run) -> Outcome:
    """Remove everything whose time is over; what fails keeps nothing else back."""
    removed: dict[Kept, int] = {}
    problems: list[str] = []
    try:
        for kept in Kept:
            removed[kept] = 0
            try:
                _clean(run, kept, removed)
            except TurnLostError:
                raise
            except StoreUnavailableError as error:
                problems.append(f"Not all {kept.value} are removed: {' '.join(str(error).split())}")
    finally:
        if not run.is_dry:
            with run.storage.open(GRANT, LOCALHOST, VIA) as work:
                note(work, removed)
    words = ", ".join(f"{number} {kept.value}" for kept, number in removed.items() if number) or "nothing"
    what = "Would be removed" if run.is_dry else "Removed"
    counts = {kept.name.lower(): number for kept, number in removed.items()}
    return Outcome(f"{what}: {words}.", counts, problems=tuple(problems))


def _clean(run: Run, kept: Kept, removed: dict[Kept, int]) -> None:
    removed[kept] = counted = _done(run, _COUNTED.get(kept) or (lambda work: work.retention.count(kept)))
    if run.is_dry or not counted:
        return
    removed[kept] = 0
    run.progress.begin(kept.value.capitalize(), counted)
    step = _DROPPED.get(kept) or (lambda work: work.retention.remove(kept))
    while number := _done(run, step):
        removed[kept] += number
        run.progress.step(number)


def _done(run: Run, step: Step) -> int:
    """Do one piece, and again if others were faster; where there is no such thing, nothing is done."""
    for _ in range(ATTEMPTS):
        run.check()
        try:
            with run.storage.open(GRANT, LOCALHOST, VIA) as work:
                number = step(work)
                if not run.is_dry:
                    work.commit(None)
                return number
        except Refused:
            return 0
        except ConflictError:
            continue
    raise StoreUnavailableError("Other writers were always faster.")
