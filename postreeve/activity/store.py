"""What every back end promises about the activity log."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Protocol, TypedDict

from msgspec import Meta

INTENT = "intent"
"""The level of a line about something that may not have happened yet."""


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


class LogLine(TypedDict):
    """A line as it stands in the log, under iRedAdmin's own names."""

    id: int
    timestamp: Annotated[str, Meta(description="UTC, as `YYYY-MM-DD HH:MM:SS`.")]
    admin: Annotated[str, Meta(description="Who did it.")]
    ip: Annotated[str, Meta(description="The client's address; a domain admin sees only the own one.")]
    domain: Annotated[str, Meta(description="The domain that it concerned, or nothing.")]
    username: Annotated[str, Meta(description="The account that it concerned, or nothing.")]
    event: str
    loglevel: Annotated[str, Meta(description="`info`, `error`, or `intent` for what is just about to happen.")]
    msg: str


class LogPage(TypedDict):
    """Some lines of the log, the newest first."""

    lines: list[LogLine]
    next: Annotated[str, Meta(description="The value of `after` for what is older; empty at the end.")]


@dataclass(frozen=True)
class Search:
    """Which lines are wanted; what is empty does not matter."""

    admin: str = ""
    domain: str = ""
    username: str = ""
    event: str = ""
    ip: str = ""
    since: str = ""
    until: str = ""
    """The last moment that counts."""
    text: str = ""
    """Stands somewhere in the line's text, whatever its case."""


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

    def page(self, wanted: Search, within: Collection[str] | None, own: str, *, after: str = "", size: int) -> LogPage:
        """Return lines, the newest first; `after` is where the page before has ended.

        `within` bounds them to what concerns some domains, and the account `own` itself; None does not.
        """

    def remove(self, numbers: Collection[int], until: str = "") -> None:
        """Remove lines by their numbers, and those up to a moment, when the work is committed; intents stay."""
