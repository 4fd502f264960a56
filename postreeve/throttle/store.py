"""What every back end promises about throttles."""

from collections.abc import Collection
from typing import Protocol, TypedDict

from postreeve.fields import Changes
from postreeve.values import Scope


class Throttle(TypedDict, total=False):
    """A throttle as it is stored; sizes are in bytes, the period in seconds, and -1 says nothing."""

    account: str
    kind: str
    priority: int
    period: int
    msg_size: int
    max_msgs: int
    max_quota: int
    max_rcpts: int


class Throttles(Protocol):
    """The throttles of an installation."""

    def find(self, scope: Scope, direction: str) -> Throttle | None:
        """Return the throttle of a scope."""

    def write(self, scope: Scope, direction: str, changes: Changes) -> None:
        """Set the throttle of a scope as a whole; what iRedAPD has counted goes on counting.

        One that says nothing is removed. Refuses with `INVALID_NUMBER` a limit that iRedAPD's counters never reach.
        """

    def matching(self, accounts: Collection[str], direction: str) -> list[Throttle]:
        """Return the throttles of some accounts, in iRedAPD's order: of the highest priority first."""
