"""What every back end promises about users."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from postreeve.domains.store import Removal
from postreeve.fields import Changes
from postreeve.permissions import Rank
from postreeve.values import Address, DomainName
from postreeve.work import Profile


@dataclass(frozen=True)
class User:
    """A user as far as operations decide by it."""

    mail: Address
    is_active: bool
    is_global_admin: bool
    quota: int
    """In megabytes; 0 is unlimited."""
    password: str
    """The stored hash."""


@dataclass(frozen=True)
class NewUser:
    """What a new user gets besides the parameters that were given."""

    mail: Address
    password: str
    quota: int
    language: str
    without_services: Collection[str] = ()
    memberships: Collection[str] = ()
    """Mail aliases to become a member of; what is no alias is left out."""


class Users(Protocol):
    """The users of an installation."""

    def find(self, mail: str) -> User | None:
        """Return a user."""

    def require(self, mail: str) -> User:
        """Return a user, or refuse with `NO_SUCH_ACCOUNT`."""

    def lock(self, mail: str) -> User:
        """Like `require`, and keep other writers that lock it away until the work ends."""

    def rank(self, mail: str) -> Rank:
        """Return what an account may administer; nothing, if it is no user."""

    def count(self, domains: Collection[str] | None) -> int:
        """Count the users of some domains, or of all."""

    def allocated_quota(self, domains: Collection[str] | None) -> int:
        """Add up the quotas of the users of some domains, in megabytes."""

    def aliases(self, mail: str) -> set[str]:
        """Return a user's alias addresses."""

    def addresses(self, domain: str, *, only_disabled: bool = False) -> list[str]:
        """Return the users of a domain, sorted."""

    def profiles(self, mails: Iterable[str]) -> Iterator[Profile]:
        """Yield users as they are stored, with the extras; those that are not there are left out."""

    def global_admins(self, domain: str) -> set[str]:
        """Return the users of a domain who are global admins."""

    def outranking(self, domain: str, managed: Collection[str]) -> set[str]:
        """Return the users of a domain who administer everything, or a domain that is not among these."""

    def create(self, user: NewUser, changes: Changes) -> None:
        """Add a user, who has a mailbox and gets mail at once."""

    def update(self, mail: Address, password: str | None, changes: Changes) -> None:
        """Change a user's profile, and the password hash if one is given."""

    def update_all(self, domain: DomainName, spared: Collection[str], password: str | None, changes: Changes) -> None:
        """Change the profiles of all users of a domain but some."""

    def rename(self, mail: Address, new: Address) -> None:
        """Give a user another address, wherever the old one stands; the mailbox stays where it is on disk."""

    def delete(self, mail: Address, removal: Removal) -> None:
        """Delete a user and every trace of the address elsewhere; the files stay, for a job."""
