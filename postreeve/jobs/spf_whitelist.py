"""Asks the DNS which servers send the mail of the domains that are not greylisted."""

from contextlib import suppress

from postreeve.errors import Refused
from postreeve.greylisting.operations import SPF_CLAIM, ask_for_spf_senders, keep_spf_senders
from postreeve.operations import ATTEMPTS
from postreeve.permissions import Grant, Target
from postreeve.settings import SettingsError
from postreeve.work import ConflictError, Storage, StoreUnavailableError

_GRANT = Grant(None, Target())
_LOCALHOST = "127.0.0.1"


def run(storage: Storage) -> tuple[int, int]:
    """Ask for all domains; return how many were answered, and for how many the former servers stay."""
    with storage.open(_GRANT, _LOCALHOST) as work:
        try:
            answers = ask_for_spf_senders(work)
        except Refused as no:
            raise SettingsError(no.hint) from no
    with storage.claim({SPF_CLAIM}):
        for _ in range(ATTEMPTS):
            # iRedAPD's own job may be writing the same rows.
            with suppress(ConflictError), storage.open(_GRANT, _LOCALHOST) as work:
                return keep_spf_senders(work, answers)
    raise StoreUnavailableError("Other writers were always faster.")
