"""What every back end promises about mail aliases."""

from collections.abc import Collection, Iterable, Iterator
from typing import Protocol

from postreeve.fields import Changes
from postreeve.values import Address
from postreeve.work import Profile


class Aliases(Protocol):
    """The mail aliases of an installation."""

    def require(self, mail: str) -> None:
        """Refuse with `NO_SUCH_ACCOUNT` unless there is such an alias."""

    def lock(self, mail: str) -> None:
        """Like `require`, and keep other writers that lock it away until the work ends."""

    def count(self, domains: Collection[str] | None) -> int:
        """Count the aliases of some domains, or of all."""

    def addresses(self, domain: str, *, only_disabled: bool = False) -> list[str]:
        """Return the aliases of a domain, sorted."""

    def profiles(self, mails: Iterable[str]) -> Iterator[Profile]:
        """Yield aliases as they are stored, with the extras; those that are not there are left out."""

    def create(self, mail: Address, changes: Changes) -> None:
        """Add an alias."""

    def update(self, mail: Address, changes: Changes) -> None:
        """Change an alias's profile."""

    def rename(self, mail: Address, new: Address) -> None:
        """Give an alias another address, wherever the old one stands."""

    def delete(self, mail: Address) -> None:
        """Delete an alias and every trace of its address elsewhere."""
