"""Settles what a crash or an outage left open: for now, lines of the activity log that nobody confirmed."""

from postreeve.activity.operations import settle
from postreeve.permissions import Grant, Target
from postreeve.work import Storage


def run(storage: Storage) -> int:
    """Settle everything that is old enough to be left over, and return how much there was."""
    with storage.open(Grant(None, Target()), "127.0.0.1") as work:
        return settle(work)
