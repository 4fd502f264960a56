"""Work: the stores that one request uses, and what a store may report, as plain types."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from postreeve.errors import Code
from postreeve.passwords.ahead import HashedAhead
from postreeve.permissions import Grant
from postreeve.sessions.store import SessionKind
from postreeve.settings import Settings
from postreeve.values import Address

if TYPE_CHECKING:  # the contracts name each other; at run time only the shape counts
    from postreeve.activity.store import Activity, Line
    from postreeve.addresses.store import Addresses
    from postreeve.admins.store import Admins
    from postreeve.aliases.store import Aliases
    from postreeve.dashboard.store import Figures, Servers
    from postreeve.deleted_mailboxes.store import DeletedMailboxes, MailboxFiles
    from postreeve.doctor.store import Inspection, PolicyHolders
    from postreeve.domains.store import Domains
    from postreeve.greylisting.store import Greylisting
    from postreeve.ldif.store import Ldif
    from postreeve.mail_log.store import MailLog
    from postreeve.newsletter.store import Confirmations, Newsletters, Outbox
    from postreeve.overviews.store import Overviews
    from postreeve.ownership.store import Ownership
    from postreeve.pending.store import Pending
    from postreeve.quarantine.store import Quarantine, ReleaseServer
    from postreeve.retention.store import Retention
    from postreeve.sessions.store import Sessions
    from postreeve.site_settings.store import SiteSettings
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

    code = Code.SERVICE_UNAVAILABLE


class ListServerError(StoreUnavailableError):
    """mlmmj does not answer, or refuses; lists alone have to wait."""

    code = Code.MAILING_LIST_SERVICE_UNAVAILABLE


class ReleaseServerError(StoreUnavailableError):
    """Amavisd does not answer; only what is to be released has to wait."""

    code = Code.RELEASE_SERVICE_UNAVAILABLE


class OutboxError(StoreUnavailableError):
    """Nobody takes the mails that Postreeve sends."""

    code = Code.MAIL_SERVICE_UNAVAILABLE


class AlreadyRunningError(Exception):
    """Another process, here or on another node, is at this job."""


class TurnLostError(StoreUnavailableError):
    """It could not be said in time that a job still runs: another process may be at it now."""


class ConflictError(Exception):
    """Another writer was faster (deadlock, certification failure); the work may be repeated from its beginning."""

    code = Code.SERVICE_UNAVAILABLE


class DuplicateError(Exception):
    """A row with this key exists already."""


@dataclass
class Remarks:
    """What an answer says besides its data."""

    ignored: list[str] = field(default_factory=list)
    discarded: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    hint: str = ""
    about: list[Address] = field(default_factory=list)
    """Accounts that it was about, where the path names none: for the activity log alone."""


@dataclass
class Rehearsal:
    """What requests would have left that were judged and not carried out, for those that come after them."""

    names: set[str] = field(default_factory=set)
    """The addresses that they would have taken."""
    users: Counter[str] = field(default_factory=Counter)
    """How many they would have added, by domain."""
    aliases: Counter[str] = field(default_factory=Counter)
    quota: Counter[str] = field(default_factory=Counter)
    """How much the quotas of these users are, in megabytes, by domain."""
    added: list[tuple[Counter[str], str, int]] = field(default_factory=list)

    def add(self, to: Counter[str], domain: str, number: int) -> None:
        """Note what this request would add, if it is not refused."""
        self.added.append((to, domain, number))

    def further(self) -> "Rehearsal":
        """Return the same for one more request; what that one would leave counts when it has been joined."""
        return Rehearsal(self.names, self.users, self.aliases, self.quota)

    def join(self, one: "Rehearsal", names: Collection[str]) -> None:
        """Count what one more request would have left."""
        self.names |= set(names)
        for to, domain, number in one.added:
            to[domain] += number


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
    kind: SessionKind
    """Which sessions the face has."""
    remarks: Remarks
    rehearsal: Rehearsal | None
    """What earlier requests of the same rehearsal would have left, if this is one."""
    hashed: HashedAhead | None
    """The hash of the password that the request gives, where another thread makes it."""

    @property
    def settings(self) -> Settings: ...
    @property
    def site_settings(self) -> "SiteSettings": ...
    @property
    def figures(self) -> "Figures": ...
    @property
    def servers(self) -> "Servers": ...
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
    def overviews(self) -> "Overviews": ...
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
    def newsletters(self) -> "Newsletters": ...
    @property
    def confirmations(self) -> "Confirmations": ...
    @property
    def outbox(self) -> "Outbox": ...
    @property
    def pending(self) -> "Pending": ...
    @property
    def ldif(self) -> "Ldif":
        """Where accounts are in SQL, it refuses with `NOT_AVAILABLE`."""

    @property
    def inspection(self) -> "Inspection": ...
    @property
    def amavisd_holders(self) -> "PolicyHolders": ...
    @property
    def iredapd_holders(self) -> "PolicyHolders": ...
    @property
    def spam_policies(self) -> "SpamPolicies": ...
    @property
    def throttles(self) -> "Throttles": ...
    @property
    def wblists(self) -> "Wblists": ...
    @property
    def greylisting(self) -> "Greylisting": ...
    @property
    def mail_log(self) -> "MailLog": ...
    @property
    def quarantine(self) -> "Quarantine": ...
    @property
    def release_server(self) -> "ReleaseServer": ...
    @property
    def deleted_mailboxes(self) -> "DeletedMailboxes": ...
    @property
    def mailbox_files(self) -> "MailboxFiles": ...
    @property
    def retention(self) -> "Retention": ...

    def undo(self, step: Callable[[], None]) -> None:
        """Remember how to take back what no transaction holds, in case the work is not committed."""

    def commit(self, line: "Line | None") -> None:
        """Make the work lasting, with its line in the activity log; uncommitted work is undone when it is closed.

        What follows in other stores is finished then, or stays pending and is named in the remarks.
        """


@dataclass(frozen=True)
class Pool:
    """The connections to one store that this process has."""

    in_use: int
    idle: int
    most: int


@dataclass(frozen=True)
class LastRun:
    """When a job was run last, on whichever node, in Unix seconds."""

    begun: int
    ended: int
    """0 while it runs, or if the process died."""
    is_running: bool


class Turn(Protocol):
    """The right to run a job: nobody else runs it now."""

    def check(self) -> None:
        """Raise `TurnLostError` if that is not certain any more."""


class Storage(Protocol):
    """The back end of one installation."""

    def open(
        self, grant: Grant, client: str, via: str = "", token: str = "", kind: SessionKind = SessionKind.API
    ) -> AbstractContextManager[Work]:
        """Open the stores for one request; closing them undoes what was not committed."""

    def site(self) -> Settings:
        """Return the settings as the site has them now, what admins changed in the panel included."""

    def claim(self, taken: Collection[str], freed: Collection[str] = ()) -> AbstractContextManager[None]:
        """Keep addresses and domain names for this work alone, until it ends: those it takes and those it frees.

        What is pending for a name that is taken is finished first, so that nothing old hits something new; a name that
        is no account yet is refused with `SERVICE_UNAVAILABLE` when that is not possible. Raises
        `StoreUnavailableError` when another work does not let go of a name in time.
        """

    def turn(self, job: str) -> AbstractContextManager[Turn]:
        """Have the right to run a job until the end of the block, on this node alone; it expires with the process.

        Raises `AlreadyRunningError` while another process has it.
        """

    def last_runs(self) -> Mapping[str, LastRun]:
        """Return the last runs of jobs, by their names; of one that never ran, none."""

    def stores(self) -> Mapping[str, bool]:
        """Return the names of the stores, and whether nothing can be done without it."""

    def is_answering(self, store: str) -> bool:
        """Tell whether a store answers now, over a connection of its own: those of the requests may all be busy."""

    def close(self) -> None:
        """Close all connections."""

    def pools(self) -> Mapping[str, Pool]:
        """Return how the connections to each store are used in this process."""

    def finish_pending(self) -> tuple[int, int]:
        """Finish what can be finished of the pending steps, and return how many are done and how many are left."""
