"""Settles what a crash or an outage left open: steps in other stores, and lines of the log that nobody confirmed."""

from postreeve.activity.operations import settle
from postreeve.permissions import Grant, Target
from postreeve.work import Storage


def run(storage: Storage) -> tuple[int, int]:
    """Settle everything that is old enough to be left over; return how much is settled and how much is left."""
    finished, left = storage.finish_pending()
    with storage.open(Grant(None, Target()), "127.0.0.1") as work:
        return finished + settle(work), left
