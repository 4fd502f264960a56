"""Asks the DNS which servers send the mail of the domains that are not greylisted."""

from postreeve.greylisting.operations import refresh_spf_whitelist
from postreeve.permissions import Grant, Target
from postreeve.work import Storage


def run(storage: Storage) -> tuple[int, int]:
    """Ask for all domains; return how many were answered, and for how many the former servers stay."""
    with storage.open(Grant(None, Target()), "127.0.0.1") as work:
        return refresh_spf_whitelist(work)
