"""What every back end promises about standalone admins."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from postreeve.fields import Changes
from postreeve.values import Address
from postreeve.work import Profile


@dataclass(frozen=True)
class Admin:
    """A standalone admin as far as operations decide by it."""

    account: Address
    is_active: bool
    is_global: bool
    password: str
    """The stored hash."""


class Admins(Protocol):
    """The standalone admins of an installation."""

    def find(self, account: str) -> Admin | None:
        """Return an admin."""

    def require(self, account: str) -> Admin:
        """Return an admin, or refuse with `NO_SUCH_ACCOUNT`."""

    def lock(self, account: str) -> Admin:
        """Like `require`, and keep other writers that lock it away until the work ends."""

    def touch(self, account: str) -> None:
        """Lock the limits of whoever creates something, standalone admin or user, until the work ends."""

    def other_global_admins(self, than: Collection[str]) -> list[str]:
        """Return the active global admins, users included, without some; no other work changes them until this ends."""

    def addresses(self, *, only_disabled: bool = False) -> list[str]:
        """Return all standalone admins, sorted."""

    def profiles(self, accounts: Iterable[str]) -> Iterator[Profile]:
        """Yield admins as they are stored, with the extras; those that are not there are left out."""

    def create(self, account: Address, password: str, changes: Changes) -> None:
        """Add an admin with a password hash."""

    def update(self, account: Address, password: str | None, changes: Changes) -> None:
        """Change an admin's profile, and the password hash if one is given."""

    def delete(self, account: Address) -> None:
        """Delete an admin and what it administers."""
