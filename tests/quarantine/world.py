"""What tests of the quarantine share."""

from postreeve.mail_log.store import Place
from postreeve.storage.mails import Found


def found(recipient: str) -> Found:
    """Return a recipient of a quarantined mail."""
    return Found(
        Place(1, 7, "abc-_+"), 1, "S", "Q", "N", 1, 1.5, "203.0.113.7", "X", "Hello", "x@far.test", recipient, "D", " "
    )
