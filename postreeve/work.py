"""Work: the stores that one request uses, and what a store may report, as plain types."""

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from postreeve.permissions import Grant
from postreeve.settings import Settings

if TYPE_CHECKING:  # the contracts name each other; at run time only the shape counts
    from postreeve.activity.store import Activity, Line
    from postreeve.addresses.store import Addresses
    from postreeve.admins.store import Admins
    from postreeve.aliases.store import Aliases
    from postreeve.domains.store import Domains
    from postreeve.greylisting.store import Greylisting
    from postreeve.ldif.store import Ldif
    from postreeve.ownership.store import Ownership
    from postreeve.pending.store import Pending
    from postreeve.sessions.store import Sessions
    from postreeve.spam_policy.store import SpamPolicies
    from postreeve.subscribable_lists.store import ListServer, SubscribableLists
    from postreeve.throttle.store import Throttles
    from postreeve.unsubscribable_lists.store import UnsubscribableLists
    from postreeve.users.store import Users
    from postreeve.wblist.store import Wblists

Profile = dict[str, Any]
"""An account as it is stored, in the back end's own names, with the declared extras."""


@dataclass
class Streamed:
    """A profile with one more key, a list that is read while it is answered."""

    profile: Profile
    key: str
    items: Iterator[Any]


@dataclass
class LongText:
    """A text that is read while it is answered."""

    pieces: Iterator[str]


class StoreUnavailableError(Exception):
    """A store does not answer; the request may be sent again."""


class ListServerError(StoreUnavailableError):
    """mlmmj does not answer, or refuses; lists alone have to wait."""


class ConflictError(Exception):
    """Another writer was faster (deadlock, certification failure); the work may be repeated from its beginning."""


class DuplicateError(Exception):
    """A row with this key exists already."""


@dataclass
class Remarks:
    """What an answer says besides its data."""

    ignored: list[str] = field(default_factory=list)
    discarded: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    hint: str = ""


class Work(Protocol):
    """The stores of one request: everything in it happens, or nothing.

    A store of policies that is not configured refuses with `NOT_AVAILABLE`.
    """

    grant: Grant
    client: str
    """The client's IP address."""
    via: str
    """The face, as it stands before the text of the activity log."""
    token: str
    """The id of the session, if the face has one."""
    remarks: Remarks

    @property
    def settings(self) -> Settings: ...
    @property
    def domains(self) -> "Domains": ...
    @property
    def admins(self) -> "Admins": ...
    @property
    def users(self) -> "Users": ...
    @property
    def aliases(self) -> "Aliases": ...
    @property
    def addresses(self) -> "Addresses": ...
    @property
    def ownership(self) -> "Ownership": ...
    @property
    def activity(self) -> "Activity": ...
    @property
    def sessions(self) -> "Sessions": ...
    @property
    def subscribable_lists(self) -> "SubscribableLists": ...
    @property
    def unsubscribable_lists(self) -> "UnsubscribableLists":
        """Where accounts are in SQL, it refuses with `NOT_AVAILABLE`."""

    @property
    def list_server(self) -> "ListServer": ...
    @property
    def pending(self) -> "Pending": ...
    @property
    def ldif(self) -> "Ldif":
        """Where accounts are in SQL, it refuses with `NOT_AVAILABLE`."""

    @property
    def spam_policies(self) -> "SpamPolicies": ...
    @property
    def throttles(self) -> "Throttles": ...
    @property
    def wblists(self) -> "Wblists": ...
    @property
    def greylisting(self) -> "Greylisting": ...

    def undo(self, step: Callable[[], None]) -> None:
        """Remember how to take back what no transaction holds, in case the work is not committed."""

    def commit(self, line: "Line | None") -> None:
        """Make the work lasting, with its line in the activity log; uncommitted work is undone when it is closed.

        What follows in other stores is finished then, or stays pending and is named in the remarks.
        """


class Storage(Protocol):
    """The back end of one installation."""

    def open(self, grant: Grant, client: str, via: str = "", token: str = "") -> AbstractContextManager[Work]:
        """Open the stores for one request; closing them undoes what was not committed."""

    def site(self) -> Settings:
        """Return the settings as the site has them now, what admins changed in the panel included."""

    def claim(self, taken: Collection[str], freed: Collection[str] = ()) -> AbstractContextManager[None]:
        """Keep addresses and domain names for this work alone, until it ends: those it takes and those it frees.

        What is pending for a name that is taken is finished first, so that nothing old hits something new; a name that
        is no account yet is refused with `SERVICE_UNAVAILABLE` when that is not possible. Raises
        `StoreUnavailableError` when another work does not let go of a name in time.
        """

    def finish_pending(self) -> tuple[int, int]:
        """Finish what can be finished of the pending steps, and return how many are done and how many are left."""
