"""What a directory promises about unsubscribable mailing lists; other back ends have none."""

from collections.abc import Collection, Iterable, Iterator
from typing import Protocol

from postreeve.fields import Changes
from postreeve.values import Address
from postreeve.work import Profile


class UnsubscribableLists(Protocol):
    """The mailing lists that nobody can subscribe to."""

    def lock(self, mail: str) -> frozenset[str]:
        """Return all addresses of a list, or refuse with `NO_SUCH_ACCOUNT`; keep other writers that lock it away."""

    def count(self, domains: Collection[str] | None) -> int:
        """Count the lists of some domains, or of all; subscribable ones too."""

    def profiles(self, mails: Iterable[str]) -> Iterator[Profile]:
        """Yield lists as they are stored, with their members; those that are not there are left out."""

    def create(self, mail: Address, changes: Changes) -> None:
        """Add a list; who was a member of a former one of that name is none of this."""

    def update(self, mail: Address, changes: Changes) -> None:
        """Change a list's profile, and who gets its mail."""

    def delete(self, mail: Address) -> None:
        """Delete a list and every trace of its addresses elsewhere, so that its members get no more mail by them."""
