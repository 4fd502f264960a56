"""What every back end promises about mailboxes whose users are deleted, and about their files."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

NOBODY = "There is no user at all: are all of them to be seen?"


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
        """Return a user whose mailbox is at a path, above it or below, or nothing; as it was when the work began.

        Raises `KeptError` when there is no user at all: a store that has lost them is not believed.
        """


class DeletedMailboxes(Homes, Protocol):
    """The records of mailboxes whose users are deleted."""

    def due(self, today: str) -> list[DeletedMailbox]:
        """Return those whose last day is before a day, in that order; where there is no such table, none.

        A day before 1970, such as MariaDB's 0000-00-00, is none at all.
        """

    def kept_at(self, path: str, today: str) -> str:
        """Return a deleted user whose mailbox is there, above or below, and is not due, or nothing."""

    def remove(self, mailbox: DeletedMailbox) -> None:
        """Remove a record, when the work is committed."""


class MailboxFiles(Protocol):
    """The files of mailboxes on this host, below the storage roots.

    Each call raises `KeptError` for a path that is none of a mailbox, or where something is not as it has to be.
    Symbolic links are never followed. A mailbox goes in three steps, each of which may be repeated: it is set aside, at
    one stroke, then emptied, then removed. What is set aside already is what all of them are about.
    """

    def look(self, mailbox: DeletedMailbox, told: Callable[[], None]) -> Contents | None:
        """Return what lies in a mailbox, or None if it is not there; `told` is called for each entry.

        One that is not there is kept if nothing else is there of its domain: mailboxes may be on another host.
        """

    def is_aside(self, mailbox: DeletedMailbox) -> bool:
        """Tell whether a mailbox is set aside already."""

    def set_aside(self, mailbox: DeletedMailbox) -> None:
        """Give a mailbox another name beside its own, so that its place is free."""

    def empty(self, mailbox: DeletedMailbox, told: Callable[[], None]) -> None:
        """Remove everything that is in a mailbox that is set aside."""

    def remove(self, mailbox: DeletedMailbox) -> None:
        """Remove a mailbox that is set aside and empty."""
