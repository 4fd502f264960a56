"""What every back end promises about greylisting."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypedDict

from postreeve.fields import SetChange
from postreeve.patterns import Pattern
from postreeve.values import DomainName, Scope

Status = Literal["enable", "disable"]


class Setting(TypedDict, total=False):
    """The setting of a scope."""

    status: Status


class StoredSetting(TypedDict):
    """A setting as it is stored; those that iRedAPD's own tools made may be for one sender."""

    account: str
    priority: int
    sender: str
    sender_priority: int
    status: Status
    comment: str


@dataclass(frozen=True)
class Whitelisted:
    """A sender that is not greylisted for an account."""

    account: str
    sender: str
    comment: str
    """Empty, or who put it there."""


class Greylisting(Protocol):
    """The greylisting of an installation."""

    def find(self, scope: Scope) -> bool | None:
        """Tell whether a scope's mail is greylisted; None, if it says nothing."""

    def write(self, scope: Scope, *, is_active: bool) -> None:
        """Switch greylisting on or off for a scope, whoever the sender is."""

    def remove(self, scope: Scope) -> None:
        """Let a scope say nothing; its whitelisted senders stay."""

    def settings(self, accounts: Collection[str] | None) -> list[StoredSetting]:
        """Return the settings of some accounts, or of all, in the order in which iRedAPD asks them."""

    def senders(self, scope: Scope) -> set[str]:
        """Return a scope's whitelisted senders."""

    def whitelist(self, scope: Scope, change: SetChange[Pattern]) -> None:
        """Change a scope's whitelisted senders."""

    def whitelisted(self, accounts: Collection[str]) -> list[Whitelisted]:
        """Return the whitelisted senders of some accounts, with those that the DNS named."""

    def spf_domains(self) -> set[str]:
        """Return the domains whose mail servers are not greylisted."""

    def change_spf_domains(self, change: SetChange[DomainName]) -> set[str]:
        """Change these domains, and return the new ones; what the DNS named for those that go goes with them."""

    def write_spf_senders(self, found: Mapping[str, Collection[str]]) -> None:
        """Write what the DNS names for some domains in place of what it named before."""
