"""What every back end promises about proofs of ownership."""

from typing import Protocol

from postreeve.values import Address, DomainName


class Ownership(Protocol):
    """The domains that wait for a proof, and those proved lately; an empty alias means the domain itself."""

    def is_proved(self, name: DomainName, alias: str, by: Address) -> bool:
        """Tell whether this admin has proved the ownership lately."""

    def ask(self, name: DomainName, alias: str, by: Address) -> str:
        """Record that a proof is awaited, and return the code that will be one; asking again gives the same."""
