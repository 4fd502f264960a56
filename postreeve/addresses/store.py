"""What every back end promises about addresses in use."""

from collections.abc import Collection
from typing import Protocol

from postreeve.values import DomainName


class Addresses(Protocol):
    """The addresses and domain names that are in use, whatever uses them."""

    def taken(self, addresses: Collection[str]) -> dict[str, str]:
        """Return those of the addresses that any account has, each with one account that has it."""

    def hosted(self, domains: Collection[str], *, only_active: bool = False) -> dict[str, DomainName]:
        """Return those of the domain names that are ours, alias domains included, each with its primary name.

        With `only_active` those are left out that are switched off or wait for the proof of their ownership.
        """

    def names_of(self, domains: Collection[str]) -> frozenset[str]:
        """Return the active ones of some domains, and their alias domains that are active: mail for these is theirs."""
