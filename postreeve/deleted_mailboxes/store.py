"""What every back end promises about mailboxes whose users are deleted, and about their files."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class KeptError(Exception):
    """The files of a mailbox must not be removed; the text is a sentence that says why."""


@dataclass(frozen=True)
class DeletedMailbox:
    """What was recorded when a user was deleted."""

    number: int
    mail: str
    path: str
    """The home directory, as it was recorded."""
    admin: str
    """Who deleted the user."""
    last_day: str
    """The last day on which the files are kept, as YYYY-MM-DD."""


@dataclass(frozen=True)
class Contents:
    """What lies in a mailbox."""

    files: int
    octets: int


class Homes(Protocol):
    """Where the mailboxes of those are who are users."""

    def living_at(self, path: str) -> str:
        """Return a user whose mailbox is at a path, above it or below, or nothing; as it was when the work began."""


class DeletedMailboxes(Homes, Protocol):
    """The records of mailboxes whose users are deleted."""

    def due(self, today: str) -> list[DeletedMailbox]:
        """Return those whose last day is before a day, in that order; where there is no such table, none."""

    def kept_at(self, path: str, today: str) -> str:
        """Return a deleted user whose mailbox is there, above or below, and is not due, or nothing."""

    def remove(self, mailbox: DeletedMailbox) -> None:
        """Remove a record, when the work is committed."""


class MailboxFiles(Protocol):
    """The files of mailboxes on this host, below the storage roots.

    Each call raises `KeptError` for a path that is none of a mailbox, or where something is not as it has to be.
    Symbolic links are never followed.
    """

    def look(self, path: str, told: Callable[[], None]) -> Contents | None:
        """Return what lies in a mailbox, or None if it is not there; `told` is called for each entry."""

    def remove(self, path: str, told: Callable[[], None]) -> None:
        """Remove a mailbox with everything in it; what is not there is removed already."""
