"""Asks the DNS which servers send the mail of the domains that are not greylisted."""

from contextlib import suppress

from postreeve.errors import Refused
from postreeve.greylisting.operations import SPF_CLAIM, ask_for_spf_senders, keep_spf_senders
from postreeve.jobs.running import GRANT, LOCALHOST, Outcome, Run
from postreeve.operations import ATTEMPTS
from postreeve.settings import SettingsError
from postreeve.work import ConflictError, Storage, StoreUnavailableError


def run(storage: Storage) -> tuple[int, int]:
    """Ask for all domains; return how many were answered, and for how many the former servers stay."""
    with storage.open(GRANT, LOCALHOST) as work:
        try:
            answers = ask_for_spf_senders(work)
        except Refused as no:
            raise SettingsError(no.hint) from no
    with storage.claim({SPF_CLAIM}):
        for _ in range(ATTEMPTS):
            # iRedAPD's own job may be writing the same rows.
            with suppress(ConflictError), storage.open(GRANT, LOCALHOST) as work:
                return keep_spf_senders(work, answers)
    raise StoreUnavailableError("Other writers were always faster.")


def job(of: Run) -> Outcome:
    """Ask as a job."""
    answered, silent = run(of.storage)
    sentence = f"The DNS answered for {answered} domains; for {silent} the servers known before stay."
    return Outcome(sentence, {"answered": answered, "silent": silent})
