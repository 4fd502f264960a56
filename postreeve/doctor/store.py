"""What every back end promises about the doctor's look at the accounts, and about who has policies."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from postreeve.values import Address, DomainName


class Right(NamedTuple):
    """That an account administers a domain."""

    account: str
    domain: str
    """`ALL` is every domain."""
    is_account: bool
    is_domain: bool


class Holder(NamedTuple):
    """Whoever has an address or a domain name."""

    name: str
    kind: str
    """In words, such as `user` or `alias address`."""
    account: str
    """Of an alias address: whose it is; of an alias domain: its domain."""


class Amiss(NamedTuple):
    """A user whose mail does not go where it should."""

    mail: str
    is_on: bool
    has_own: bool
    """Whether there is a forwarding of the user's own, in another status then; without it there is none at all."""


class Inspection(Protocol):
    """Looks at all accounts, and mends what is safe to mend; mending what is whole does nothing."""

    def forwardings_amiss(self) -> Iterator[Amiss]:
        """Yield users whose mail goes nowhere, and whose own forwarding is on while they are off, or the reverse.

        Who is on and forwards to somebody else may want no mail of the own. In a directory users need no forwarding.
        """

    def admins_without_domains(self) -> Iterator[str]:
        """Yield domain admins who administer nothing, and may not create a domain either."""

    def rights_of_nobody(self) -> Iterator[Right]:
        """Yield rights whose account or domain is not there."""

    def colliding(self) -> Iterator[Holder]:
        """Yield who has an address or domain name that others have as well, in the order of the names."""

    def passwords(self) -> Iterator[tuple[str, str]]:
        """Yield users and standalone admins with their stored passwords, in the form that Dovecot reads."""

    def strays(self) -> Iterator[tuple[str, str]]:
        """Yield names of what belongs to something that is not there, with words about it."""

    def left_behind(self) -> Iterator[tuple[str, str]]:
        """Yield names of accounts and domains that are gone, each with a table in which they still stand."""

    def unreachable(self) -> Iterator[tuple[str, str]]:
        """Yield names of what is there and the mail programs do not find, with words about it."""

    def out_of_step(self) -> Iterator[str]:
        """Yield domains whose accounts do not follow them; in SQL nothing has to."""

    def give_own_forwarding(self, mail: Address, *, may_switch_off: bool) -> None:
        """Give a user the forwarding without which mail goes nowhere, in the user's own status."""

    def withdraw_rights(self, account: Address) -> None:
        """Withdraw an account's rights that have no domain; all of them, if there is no such account."""

    def rename_bcrypt(self, account: Address) -> None:
        """Give a hash of bcrypt the name under which Dovecot reads it."""

    def forget_left_behind(self, name: Address | DomainName) -> None:
        """Delete what is left of an account or a domain that is gone."""


class PolicyHolders(Protocol):
    """Those who have policies of their own in one of the databases of policies."""

    def receiving(self) -> Iterator[str]:
        """Yield addresses, and domains after an `@`, that have policies for the mail that they get.

        Whatever else a policy can be for is left out.
        """

    def sending(self) -> Iterator[str]:
        """Yield the same of policies for the mail that they send: whoever sends needs no account."""

    def forget(self, name: Address) -> None:
        """Remove the policies for the mail that an address gets."""
