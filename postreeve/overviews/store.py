"""What every back end promises about overviews."""

from collections.abc import Collection, Iterable
from typing import Annotated, Literal, NamedTuple, NotRequired, Protocol, TypedDict, get_args

from msgspec import Meta

from postreeve.overviews.bookmarks import Part, Wanted

MOST_FOUND = 50
"""Accounts of one kind that a search answers."""

Moment = Annotated[str, Meta(description="UTC, as `YYYY-MM-DD HH:MM:SS`; empty if never or unknown.")]
Megabytes = Annotated[int, Meta(description="In MB; 0 is unlimited.")]
Most = Annotated[int, Meta(description="0 is unlimited, -1 allows none.")]


ListKind = Literal["subscribable", "unsubscribable"]
Kind = Literal["domain", "user", "alias", "list", "maillist", "admin"]
"""What can be found; a `maillist` is an unsubscribable one."""


class DomainRow(TypedDict):
    """A domain, with what lies in it. What is in a section that is closed to the asker is not there."""

    domain: str
    name: str
    is_active: bool
    created: Moment
    users: int
    aliases: int
    lists: int
    allocated_quota: Annotated[int, Meta(description="Of all users together, in MB.")]
    used_bytes: int
    quota: NotRequired[Megabytes]
    most_users: NotRequired[Most]
    most_aliases: NotRequired[Most]
    most_lists: NotRequired[Most]
    is_backup_mx: NotRequired[bool]
    alias_domains: NotRequired[list[str]]
    waiting: Annotated[list[str], Meta(description="Those of its names that wait for the proof of their ownership.")]


class Domain(NamedTuple):
    """A row with the sections of the domain's profile that are closed to domain admins."""

    row: DomainRow
    closed: frozenset[str]


class AccountRow(TypedDict):
    """What the rows of all accounts have."""

    address: str
    name: str
    is_active: bool
    created: Moment


class UserRow(AccountRow):
    """A user."""

    quota: Megabytes
    used_bytes: int
    used_messages: int
    last_login: Moment
    is_global_admin: bool
    domains: Annotated[int, Meta(description="How many domains the user administers, if not all.")]


class AliasRow(AccountRow):
    """A mail alias."""

    access_policy: str
    members: int


class ListRow(AccountRow):
    """A mailing list."""

    kind: ListKind
    access_policy: str
    is_newsletter: bool
    members: Annotated[int | None, Meta(description="Of a subscribable list mlmmj alone knows them.")]


class AdminRow(AccountRow):
    """A standalone admin, or a user who administers something."""

    kind: Literal["admin", "user"]
    is_global_admin: bool
    domains: Annotated[int, Meta(description="How many domains the admin has, if not all.")]


class Found(TypedDict):
    """What a search has found."""

    kind: Kind
    address: Annotated[str, Meta(description="Its address, or the domain's name.")]
    name: str
    is_active: bool
    matched: Annotated[str, Meta(description="The alias address or alias domain that was found; empty if another.")]


KINDS: tuple[Kind, ...] = get_args(Kind)


def in_order(found: Iterable[Found], text: str) -> list[Found]:
    """Return what a search has found, by kind, each account once; first what begins with the text."""

    def place(each: Found) -> tuple[int, bool, bool, str, str]:
        matched = each["matched"] or each["address"]
        begins = matched.lower().startswith(text)
        return KINDS.index(each["kind"]), not begins, bool(each["matched"]), each["address"], each["matched"]

    once: dict[tuple[str, str], Found] = {}
    for each in sorted(found, key=place):
        once.setdefault((each["kind"], each["address"]), each)
    return list(once.values())


class Overviews(Protocol):
    """The accounts of an installation, a page at a time.

    The work for a page in the order of addresses does not grow with the number of accounts where an index serves it;
    any other order, a text and a count look at all accounts of the domain. What is there all the time is on exactly
    one of the pages that follow each other, whatever is created and deleted meanwhile, as long as it keeps its place.
    """

    def domains(self, wanted: Wanted, within: Collection[str] | None) -> Part[Domain]:
        """Return a page of the domains; `within` bounds them, None does not."""

    def users(self, domain: str, wanted: Wanted) -> Part[UserRow]:
        """Return a page of the users of a domain."""

    def aliases(self, domain: str, wanted: Wanted) -> Part[AliasRow]:
        """Return a page of the mail aliases of a domain."""

    def lists(self, domain: str, wanted: Wanted) -> Part[ListRow]:
        """Return a page of the mailing lists of a domain, of both kinds where there are two."""

    def admins(self, wanted: Wanted) -> Part[AdminRow]:
        """Return a page of everybody who administers something: standalone admins and users."""

    def find(self, text: str, within: Collection[str] | None) -> list[Found]:
        """Return what has a text, in lower case, in its address, an alias address or its name.

        Of each kind there are one more than `MOST_FOUND` at most, those first whose addresses begin with the text.
        Admins are only found where nothing is bounded.
        """
