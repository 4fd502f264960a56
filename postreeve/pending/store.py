"""What every back end promises about pending work."""

from dataclasses import dataclass
from typing import Literal, Protocol

from postreeve.values import Address, DomainName

Deed = Literal["forget", "rename", "archive", "erase", "readdress"]
MLMMJ = "mlmmj"
"""The name of the list server among the stores."""


@dataclass(frozen=True)
class Step:
    """What has to be done in one store, after the accounts have been committed."""

    number: int
    store: str
    deed: Deed
    name: str
    """The account or domain that is gone, or the former address."""
    new: str
    """Of a renaming: the new address."""
    witness: str
    """What told the account apart, before it went, from a later one of the same name."""

    def __str__(self) -> str:
        """Say in words what has to be done."""
        deeds = {
            "forget": "is to be forgotten",
            "rename": f"is to become {self.new}",
            "archive": "goes to the archive",
            "erase": "is to be erased",
            "readdress": "has other alias domains",
        }
        return f"{self.store}: {self.name} {deeds[self.deed]}"


class Pending(Protocol):
    """The steps that this work adds."""

    def forget(self, name: Address | DomainName) -> None:
        """Let the other stores forget an account or domain, when the work is committed; said before it is deleted."""

    def rename(self, mail: Address, new: Address) -> None:
        """Let the other stores follow a renaming, when the work is committed; said before the account is renamed."""

    def remove_list(self, mail: str, *, is_kept: bool) -> None:
        """Let mlmmj remove a list, when the work is committed, or keep it in its archive."""

    def readdress_lists(self, name: DomainName) -> None:
        """Let mlmmj know the alias domains of a domain's lists, when the work is committed."""
