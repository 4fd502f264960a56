"""What every back end promises about domains."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from postreeve.fields import Changes
from postreeve.values import Address, DomainName
from postreeve.work import Profile


@dataclass(frozen=True)
class Domain:
    """A domain as far as operations decide by it; quotas are in megabytes."""

    name: DomainName
    is_active: bool
    is_backup_mx: bool
    most_users: int
    most_aliases: int
    most_lists: int
    quota: int
    """Of all users together; 0 is unlimited."""
    default_quota: int
    largest_quota: int
    default_language: str
    shortest_password: int
    longest_password: int
    disabled_services: tuple[str, ...]
    """Services that new users do not get."""
    default_aliases: tuple[str, ...]
    """Mail aliases that new users become members of."""


@dataclass(frozen=True)
class Removal:
    """How the mailboxes of deleted users are kept."""

    by: Address
    days: int
    """0 keeps them for ever."""


class Domains(Protocol):
    """The domains of an installation."""

    def find(self, name: str) -> Domain | None:
        """Return a domain by its primary name."""

    def require(self, name: str) -> Domain:
        """Return a domain, or refuse with `NO_SUCH_DOMAIN`."""

    def lock(self, name: str) -> Domain:
        """Like `require`, and keep other writers that lock it away until the work ends."""

    def touch(self, name: str) -> None:
        """Note that something countable changed in a domain, so that a clash is seen by every node of a cluster."""

    def names(self, within: Collection[str] | None, *, only_disabled: bool = False) -> list[str]:
        """Return the primary names, sorted; `within` bounds them, None does not."""

    def profiles(self, names: Iterable[str]) -> Iterator[Profile]:
        """Yield domains as they are stored, with the extras; names that are not there are left out."""

    def closed_sections(self, profile: str, domains: Collection[str]) -> frozenset[str]:
        """Return the sections of a `domain` or `user` profile that are closed to domain admins in any of the domains.

        Of a `preference`, return those that are closed to the users themselves.
        """

    def alias_domains(self, name: str) -> set[str]:
        """Return a domain's alias domains."""

    def admins(self, name: str) -> set[str]:
        """Return who administers a domain, global admins left out."""

    def managed(self, account: str) -> frozenset[DomainName]:
        """Return the domains that an account administers."""

    def create(self, name: DomainName, changes: Changes, waiting: Collection[str] = ()) -> None:
        """Add a domain; those of its alias domains are not active that wait for their verification.

        An empty text among them stands for the domain itself.
        """

    def update(self, name: DomainName, changes: Changes, waiting: Collection[str] = ()) -> None:
        """Change a domain's profile; new alias domains are active but for those that wait for their verification."""

    def accept_alias_domain(self, name: DomainName, alias: str) -> None:
        """Let an alias domain be active that has waited for its verification; an active one stays so."""

    def set_admins(self, name: DomainName, accounts: Collection[str]) -> None:
        """Make exactly these accounts the admins of a domain; who administers nothing more is no admin any more."""

    def delete(self, name: DomainName, removal: Removal) -> None:
        """Delete a domain with all its accounts, its alias domains and every trace of its addresses elsewhere."""
