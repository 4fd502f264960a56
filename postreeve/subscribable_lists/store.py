"""What is promised about mailing lists: by the back end of accounts, and by mlmmj, wherever it runs."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypedDict

from postreeve.fields import Changes
from postreeve.values import Address
from postreeve.work import Profile

Version = Literal["normal", "digest", "nomail"]
ListSetting = bool | int | str | tuple[str, ...]
ListSettings = Mapping[str, ListSetting]
"""What mlmmj knows of a list, by the names of the parameters: yes and no, texts, lists of texts, one number."""


class Subscriber(TypedDict):
    """Somebody who is subscribed, and to what."""

    mail: str
    subscription: Version


class ListServer(Protocol):
    """mlmmj, on this host or behind an HTTP API. Every call may raise `ListServerError`; all may be repeated."""

    def settings(self, mail: str) -> ListSettings | None:
        """Return what mlmmj knows of a list; None if there is none of that address."""

    def create(self, mail: str, settings: ListSettings) -> None:
        """Create a list that nobody can write to yet; one that is there without an account goes to the archive."""

    def write(self, mail: str, settings: ListSettings) -> None:
        """Change some settings of a list, all or none of them."""

    def remove(self, mail: str, *, is_kept: bool) -> None:
        """Remove a list, or move it to the archive; one that is not there is removed already."""

    def subscribers(self, mail: str) -> Iterator[Subscriber]:
        """Yield the subscribers of a list, sorted within each version."""

    def subscribe(self, mail: str, addresses: Collection[str], version: Version, *, has_to_confirm: bool) -> None:
        """Subscribe addresses at once, or send them a mail that they have to answer.

        Who is subscribed to another version moves to this one.
        """

    def unsubscribe(self, mail: str, addresses: Collection[str]) -> None:
        """Unsubscribe addresses from every version; those that are not subscribed do not matter."""

    def people(self, mail: str) -> dict[str, tuple[str, ...]]:
        """Return owners, moderators and who approves of subscribers; nothing of a list that is not there."""

    def subscriptions(self, mails: Iterable[str], address: str) -> dict[str, Version]:
        """Return which of some lists an address is subscribed to, and how."""

    def memberships(self, mails: Iterable[str], domain: str) -> dict[str, list[str]]:
        """Return for each address of a domain to which of some lists it is subscribed, in their order."""

    def close(self) -> None:
        """Give connections back, if there are any."""


@dataclass(frozen=True)
class MailingList:
    """What the accounts know of a list, as far as mlmmj has to know it as well."""

    name: str
    access_policy: str
    max_message_size: int
    """In bytes; 0 is unlimited."""


class SubscribableLists(Protocol):
    """The accounts of mailing lists."""

    def require(self, mail: str) -> MailingList:
        """Return a list, or refuse with `NO_SUCH_ACCOUNT`."""

    def lock(self, mail: str) -> MailingList:
        """Like `require`, and keep other writers that lock it away until the work ends."""

    def count(self, domains: Collection[str] | None) -> int:
        """Count the lists of some domains, or of all; unsubscribable ones too, where there are any."""

    def addresses(self, domain: str | None = None) -> list[str]:
        """Return the lists of a domain, or of all, sorted."""

    def profiles(self, mails: Iterable[str]) -> Iterator[Profile]:
        """Yield what the accounts know of lists, under the names of the parameters."""

    def extra_addresses(self, mail: str) -> set[str]:
        """Return a list's further addresses."""

    def owners(self, mail: str) -> tuple[str, ...]:
        """Return a list's owners."""

    def moderators(self, mail: str) -> tuple[str, ...]:
        """Return a list's moderators."""

    def create(self, mail: Address, changes: Changes, owners: Collection[str], moderators: Collection[str]) -> None:
        """Add a list, which gets mail at once."""

    def update(
        self, mail: Address, changes: Changes, owners: Collection[str] | None, moderators: Collection[str] | None
    ) -> None:
        """Change a list; owners and moderators where they are given."""

    def delete(self, mail: Address) -> None:
        """Delete a list and every trace of its addresses elsewhere."""
