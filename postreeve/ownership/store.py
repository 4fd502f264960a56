"""What every back end promises about proofs of ownership."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from postreeve.values import Address, DomainName


@dataclass(frozen=True)
class Proof:
    """A proof that is awaited from an admin who added a domain, or an alias domain to one."""

    domain: DomainName
    alias: str
    """The alias domain; empty if it is about the domain itself."""
    admin: str
    code: str
    message: str
    """Why the last look was in vain; empty before the first one."""
    looked_at: str
    """When that was, as `YYYY-MM-DD HH:MM:SS` UTC; empty before the first one."""

    @property
    def name(self) -> DomainName:
        """The name whose owner has to show the code."""
        return DomainName(self.alias) if self.alias else self.domain


class Ownership(Protocol):
    """The proofs that are awaited, and those given lately; an empty alias means the domain itself.

    What is awaited is written at once, since it changes no account; what a look found takes effect with the commit.
    """

    def is_proved(self, name: DomainName, alias: str, by: Address) -> bool:
        """Tell whether this admin has proved the ownership lately."""

    def ask(self, name: DomainName, alias: str, by: Address) -> str:
        """Record that a proof is awaited, and return the code that will be one; asking again gives the same."""

    def awaited(self, domains: Collection[str] | None) -> list[Proof]:
        """Return the proofs that are awaited for some domains and their alias domains, or for all, sorted."""

    def note_failure(self, proofs: Collection[Proof], message: str) -> None:
        """Record that somebody has looked for these proofs in vain, now."""

    def accept(self, proof: Proof) -> None:
        """Let a proof be given, when the work is committed; nothing is awaited from others for its name then."""

    def forget(self, name: DomainName, aliases: Collection[str] | None = None) -> None:
        """Await nothing more for a domain (an empty alias) or some alias domains of it, when the work is committed.

        None is for the domain and all its alias domains. Proofs that have been given stay.
        """

    def count_expired(self, now: int) -> int:
        """Count the proofs whose time was over at a moment, in Unix seconds."""

    def drop_expired(self, now: int) -> int:
        """Drop the proofs whose time was over at a moment, in Unix seconds, and return how many there were."""
