"""What every back end promises about the activity log."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Line:
    """One line of the log, in iRedAdmin's own columns; no secret ever stands in it."""

    event: str
    admin: str
    ip: str
    msg: str
    domain: str = ""
    username: str = ""


@dataclass(frozen=True)
class Intent:
    """A line whose change may have happened or not: the process ended between writing and confirming it."""

    number: int
    event: str
    domain: str
    username: str
    at: str
    """UTC text, in seconds."""
    msg: str


class ChangedAt(Protocol):
    """What accounts say about themselves."""

    def changed_at(self, name: str) -> list[str]:
        """Return when what has this name was last changed, as `YYYY-MM-DD HH:MM:SS` UTC; nothing if nobody has it."""


class Activity(Protocol):
    """The log of what admins changed."""

    def note(self, line: Line) -> None:
        """Write a line about something that has happened."""

    def intend(self, line: Line) -> int:
        """Write a line about something that is about to happen, and return its number."""

    def confirm(self, number: int) -> None:
        """Say that it has happened."""

    def withdraw(self, number: int) -> None:
        """Say that it has not happened: the line goes away."""

    def doubt(self, intent: Intent) -> None:
        """Say that nobody knows whether it has happened."""

    def unsettled(self, before: str) -> list[Intent]:
        """Return the intents older than a moment (UTC text) that nobody has confirmed or withdrawn."""

    def has_happened(self, intent: Intent) -> bool | None:
        """Tell by the account whether an intent became true; of changes elsewhere it tells nothing."""
