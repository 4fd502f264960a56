"""What is answered to the question which policies apply."""

from typing import TypedDict

from postreeve.greylisting.store import Status, StoredSetting

NOBODY = ""
"""In place of a scope: nobody says anything, so that the daemon's own configuration holds."""

Scalar = str | float | None


class Hidden(TypedDict):
    """A value that does not apply, because a more specific scope says something else."""

    value: Scalar
    scope: str


class Value(TypedDict):
    """A value that applies, and the scope that it comes from: `@.` is everybody, nothing the daemon's configuration."""

    value: Scalar
    scope: str
    hides: list[Hidden]


class Fate(TypedDict):
    """What becomes of one kind of unwanted mail."""

    is_delivered: bool
    is_quarantined: bool


class SpamPolicyInEffect(TypedDict):
    """The values of the spam policy by the names of their parameters, and what becomes of mail by them."""

    values: dict[str, Value]
    fates: dict[str, Fate]
    subject_prefix: str


class Limit(TypedDict):
    """A limit of a throttle; sizes are in bytes, the period in seconds, and 0 is unlimited."""

    value: int
    scope: str
    period: int
    hides: list[Hidden]


class ThrottlesInEffect(TypedDict):
    """The limits of both directions by the names of their parameters; those that nobody sets are missing."""

    inbound: dict[str, Limit]
    outbound: dict[str, Limit]


class WhitelistedSender(TypedDict):
    """A sender that is not greylisted."""

    sender: str
    scope: str
    comment: str


class GreylistingInEffect(TypedDict):
    """Whether unknown senders are greylisted, who is spared, and settings for single senders that come first."""

    status: Status
    scope: str
    hides: list[Hidden]
    settings_of_senders: list[StoredSetting]
    whitelisted: list[WhitelistedSender]


class ListEntry(TypedDict):
    """An entry of a white or black list."""

    list: str
    address: str
    scope: str


class ListsInEffect(TypedDict):
    """The entries in the order in which iRedAPD asks them: the first that matches decides."""

    inbound: list[ListEntry]
    outbound: list[ListEntry]


class Verdicts(TypedDict):
    """How mail from and to one correspondent fares: which entry decides, if any."""

    greylisting: Status
    inbound: list[ListEntry]
    outbound: list[ListEntry]
    spam_check: list[ListEntry]


class PolicyInEffect(TypedDict, total=False):
    """All that applies to a user. Sections that are closed to the asker are missing."""

    account: str
    spam_policy: SpamPolicyInEffect
    throttle: ThrottlesInEffect
    greylisting: GreylistingInEffect
    wblist: ListsInEffect
    verdicts: Verdicts
