"""What every back end promises about pending work."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from postreeve.values import Address, DomainName

FORGET, RENAME = "forget", "rename"
ARCHIVE, ERASE, READDRESS = "archive", "erase", "readdress"
"""Deeds that are mlmmj's alone: two ways for a list to go, and other alias domains."""
MLMMJ = "mlmmj"
"""The name of the list server among the stores."""
ALIGN, UNALIAS = "align", "unalias"
"""Deeds that are a directory's alone: a domain's accounts follow its status and alias domains, or lose one of these."""
DIRECTORY = "ldap"
"""The name of the directory among the stores: many entries are changed after the one that decides."""

_IN_WORDS = {
    RENAME: "{0.name} is to become {0.new}",
    FORGET: "{0.name} is to be forgotten",
    ARCHIVE: "{0.name} goes to the archive",
    ERASE: "{0.name} is to be erased",
    READDRESS: "the lists of {0.name} get other addresses",
    ALIGN: "the accounts of {0.name} are to follow the domain",
    UNALIAS: "the accounts of {0.name} are to lose their names in {0.new}",
}


@dataclass(frozen=True)
class Step:
    """What has to be done in one store, after the accounts have been committed."""

    number: int
    store: str
    deed: str
    """What has to be done; a later release may have written down something else."""
    name: str
    """The account or domain that is gone, or the former address."""
    new: str
    """Of a renaming: the new address."""
    witness: str
    """What told the account apart, before it went, from a later one of the same name."""

    def __str__(self) -> str:
        """Say in words what has to be done."""
        deed = _IN_WORDS.get(self.deed, f"{self.deed} {{0.name}} {{0.new}}").format(self).rstrip()
        return f"{self.store}: {deed}"

    @property
    def names(self) -> frozenset[str]:
        """Return the names that nobody else may change meanwhile."""
        return frozenset({self.name, self.new} - {""})


class Witnesses(Protocol):
    """What tells accounts apart from later ones of the same name."""

    def look(self, name: str, *, is_locked: bool = False) -> str:
        """Return a text about what has this name, empty if nothing has; a locked look waits for who is changing it."""

    def is_list(self, name: str) -> bool:
        """Tell whether there is a mailing list of this name."""


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

    def remove_list(self, mail: str, *, is_kept: bool) -> None:
        """Let mlmmj remove a list, when the work is committed, or keep it in its archive; said like `forget`."""

    def readdress_lists(self, name: DomainName) -> None:
        """Let mlmmj know the alias domains of a domain's lists, when the work is committed."""

    def align(self, name: DomainName, former_aliases: Collection[str] = ()) -> None:
        """Let the accounts of a locked domain follow its status and its alias domains, when the work is committed.

        In SQL there is nothing to follow: there the domain is asked with each look-up.
        """
