"""What every back end promises about white and black lists."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, Protocol

from postreeve.patterns import Pattern
from postreeve.values import Scope

Verdict = Literal["whitelist", "blacklist"]


@dataclass(frozen=True)
class Entry:
    """One entry of a list, as it is stored."""

    account: str
    address: str
    letter: str
    """W or B, where we wrote it; other programs write more, which each daemon reads in its own way."""


class Wblists(Protocol):
    """The white and black lists of an installation; an address is on one of the two lists of a scope, never on both."""

    def addresses(self, scope: Scope, direction: str, verdict: str) -> list[str]:
        """Return what is on a list, sorted."""

    def add(self, scope: Scope, direction: str, verdict: str, addresses: Collection[Pattern]) -> None:
        """Put addresses on a list, and take them off the other one."""

    def remove(self, scope: Scope, direction: str, verdict: str, addresses: Collection[Pattern]) -> None:
        """Take addresses off a list; those that are not on it do not matter."""

    def clear(self, scope: Scope, direction: str, verdict: str) -> None:
        """Empty a list."""

    def matching(self, accounts: Collection[str], direction: str) -> list[Entry]:
        """Return the entries of some accounts: of the account and then the address with the highest priority first.

        Those are among them that one daemon or neither can read.
        """
