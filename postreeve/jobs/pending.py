"""Settles what a crash or an outage left open: steps in other stores, and lines of the log that nobody confirmed."""

from postreeve.activity.operations import settle
from postreeve.jobs.running import GRANT, LOCALHOST, Outcome, Run
from postreeve.work import Storage


def run(storage: Storage) -> tuple[int, int]:
    """Settle everything that is old enough to be left over; return how much is settled and how much is left."""
    finished, left = storage.finish_pending()
    with storage.open(GRANT, LOCALHOST) as work:
        return finished + settle(work), left


def job(of: Run) -> Outcome:
    """Settle it as a job."""
    settled, left = run(of.storage)
    return Outcome(f"{settled} settled, {left} left.", {"settled": settled, "left": left}, is_left=left > 0)
