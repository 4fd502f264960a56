"""What every back end promises about pending work."""

from dataclasses import dataclass
from typing import Protocol

from postreeve.values import Address, DomainName

FORGET, RENAME = "forget", "rename"


@dataclass(frozen=True)
class Step:
    """What has to be done in one store, after the accounts have been committed."""

    number: int
    store: str
    deed: str
    """`FORGET` or `RENAME`; a later release may have written down something else."""
    name: str
    """The account or domain that is gone, or the former address."""
    new: str
    """Of a renaming: the new address."""
    witness: str
    """What told the account apart, before it went, from a later one of the same name."""

    def __str__(self) -> str:
        """Say in words what has to be done."""
        match self.deed:
            case "rename":
                return f"{self.store}: {self.name} is to become {self.new}"
            case "forget":
                return f"{self.store}: {self.name} is to be forgotten"
        return f"{self.store}: {self.deed} {self.name} {self.new}".rstrip()

    @property
    def names(self) -> frozenset[str]:
        """Return the names that nobody else may change meanwhile."""
        return frozenset({self.name, self.new} - {""})


class Pending(Protocol):
    """The steps that this work adds."""

    def forget(self, name: Address | DomainName) -> None:
        """Let the other stores forget an account or domain, when the work is committed.

        Said before it is deleted, with its row locked.
        """

    def rename(self, mail: Address, new: Address) -> None:
        """Let the other stores follow a renaming, when the work is committed.

        Said before the account is renamed, with its row locked.
        """
