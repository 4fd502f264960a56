"""What every back end promises about things whose time is over."""

from enum import StrEnum
from typing import Protocol


class Kept(StrEnum):
    """What is kept for a time; the value says it in words, of many."""

    LOG = "lines of the activity log"
    SESSIONS = "sessions"
    LOGIN_FAILURES = "failed logins"
    NETWORKS = "networks of former logins"
    CLAIMS = "claims of works that died"
    NEWSLETTER_MAILS = "mails to readers of newsletters, as they are counted"
    CONFIRMATIONS = "confirmations of newsletters"
    PROOFS = "proofs of ownership"
    QUARANTINE = "mails in the quarantine"
    MAIL_LOG = "mails in the log of mails"


class Retention(Protocol):
    """What is too old to be kept, by the site's settings."""

    def count(self, kept: Kept) -> int:
        """Count what would be removed now; where there is no table for it, nothing."""

    def remove(self, kept: Kept) -> int:
        """Remove one piece of that, when the work is committed, and return how much it is; 0 if there is no more.

        A mail that has left the quarantine stays in the log of mails for as long as others do, as one that was deleted.
        """
