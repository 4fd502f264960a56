"""What is answered to the question which policies apply.

Everything that is said for a scope says so: which one, and what it hides that less specific ones say.
"""

from typing import Annotated, TypedDict

from msgspec import Meta

from postreeve.greylisting.store import Status
from postreeve.spam_policy.store import YesNo
from postreeve.wblist.store import Verdict

GLOBAL = "global"
DEFAULT = "default"

Place = Annotated[
    str,
    Meta(
        description="Whom it is said for: `global`, a domain, an address, or what else the daemons look up, such as "
        "`@.ex.com` or an IP address. `default` is nobody: the daemon's own configuration, as iRedMail writes it."
    ),
]


class HiddenChoice(TypedDict):
    """A choice that does not apply, because a more specific scope says something else."""

    value: YesNo
    scope: Place


class Choice(HiddenChoice):
    """A choice that applies."""

    hides: list[HiddenChoice]


class HiddenScore(TypedDict):
    """A score that does not apply, because a more specific scope says something else."""

    value: float
    scope: Place


class Score(HiddenScore):
    """A score that applies."""

    hides: list[HiddenScore]


class HiddenWords(TypedDict):
    """A text that does not apply, because a more specific scope says something else."""

    value: str
    scope: Place


class Words(HiddenWords):
    """A text that applies; it may be empty."""

    hides: list[HiddenWords]


class HiddenFact(TypedDict):
    """What would be so, if no more specific scope said something else."""

    value: bool
    scope: Place


class Fact(HiddenFact):
    """Whether something is so."""

    hides: list[HiddenFact]


# Amavisd


class SpamValues(TypedDict):
    """The values of the spam policy, by the names of their parameters."""

    bypass_spam_checks: Choice
    bypass_virus_checks: Choice
    bypass_banned_checks: Choice
    bypass_header_checks: Choice
    quarantine_spam: Choice
    quarantine_virus: Choice
    quarantine_banned: Choice
    quarantine_bad_header: Choice
    prefix_spam_in_subject: Choice
    always_insert_x_spam_headers: Choice
    spam_score: Score
    banned_rulenames: Words


class Fate(TypedDict):
    """What becomes of one kind of unwanted mail; neither delivered nor quarantined is lost without a word.

    What is not looked for is delivered like any other mail. Whether mail is delivered and whether a copy is kept are
    two columns, which may come from two scopes where other programs wrote them.
    """

    is_checked: Fact
    is_delivered: Fact
    is_quarantined: Fact


class Fates(TypedDict):
    """What becomes of unwanted mail: spam, viruses, forbidden attachments, bad headers."""

    spam: Fate
    virus: Fate
    banned: Fate
    bad_header: Fate


class SpamScores(TypedDict):
    """From which score what happens.

    From `headers` on mail gets X-Spam headers; from `mark` on it is flagged as spam and the subject gets its prefix;
    from `fate` on it goes the way of `fates.spam`. The parameter `spam_score` sets the last two.
    """

    headers: Score
    mark: Score
    fate: Score


class SpamPolicyInEffect(TypedDict):
    """The spam policy by which Amavisd treats mail to the address."""

    values: SpamValues
    fates: Fates
    scores: SpamScores
    subject_prefix: Words


# iRedAPD


class HiddenLimit(TypedDict):
    """A limit that does not apply, because a more specific scope says something else."""

    value: int
    period: int
    scope: Place


class Limit(HiddenLimit):
    """A limit of a throttle: sizes in bytes, the period in seconds; 0 is unlimited.

    One of a domain or of everybody holds for each user apart; one of an IP address or of `@ip` for each client.
    """

    hides: list[HiddenLimit]


class Limits(TypedDict, total=False):
    """The limits in one direction by the names of their parameters; what nobody limits is missing."""

    msg_size: Limit
    max_msgs: Limit
    max_quota: Limit
    max_rcpts: Limit


class ThrottlesInEffect(TypedDict):
    """The limits in both directions.

    Inbound ones hold for mail from outside that has no other recipient; neither ones for mail within a domain.
    """

    inbound: Limits
    outbound: Limits


class SenderSetting(TypedDict):
    """A setting of greylisting for one sender; `@.` is every sender."""

    sender: str
    status: Status
    scope: Place


class WhitelistedSender(TypedDict):
    """A sender that is never greylisted."""

    sender: str
    scope: Place
    comment: str


class GreylistingInEffect(TypedDict):
    """Whether unknown senders are greylisted, if nothing is said about them in particular.

    `senders` are settings for single ones that are asked before, in this order; `whitelisted` comes before them.
    """

    status: Status
    scope: Place
    hides: list[SenderSetting]
    senders: list[SenderSetting]
    whitelisted: list[WhitelistedSender]


class HiddenEntry(TypedDict):
    """An entry that does not apply, because another one is asked before."""

    list: Verdict
    address: str
    scope: Place


class ListEntry(HiddenEntry):
    """An entry of a white or black list."""

    hides: list[HiddenEntry]


class ListsInEffect(TypedDict):
    """The entries in the order in which iRedAPD asks them: the first that matches decides."""

    inbound: list[ListEntry]
    outbound: list[ListEntry]


# Both, about one correspondent


class GreylistingVerdict(TypedDict):
    """Whether the correspondent is greylisted as long as it is unknown, and what decides: the whitelist comes first."""

    status: Status
    whitelisted: WhitelistedSender | None
    setting: SenderSetting | None


class InboundLimits(TypedDict):
    """The limits for mail from the correspondent to this address alone: those of the sender and of the recipient."""

    of_sender: Limits
    of_recipient: Limits


class InboundVerdict(TypedDict, total=False):
    """How mail from the correspondent fares.

    `wblist` is the entry that decides in iRedAPD, before mail is accepted; `spam_check` the one in Amavisd, and
    `spam_points` what entries that other programs wrote add to the score.
    """

    greylisting: GreylistingVerdict
    throttle: InboundLimits
    wblist: ListEntry | None
    spam_check: ListEntry | None
    spam_points: float


class OutboundVerdict(TypedDict, total=False):
    """How mail to the correspondent fares, when the account has logged in to send it."""

    throttle: Limits
    wblist: ListEntry | None


class Verdicts(TypedDict):
    """How mail from and to one correspondent fares."""

    inbound: InboundVerdict
    outbound: OutboundVerdict


class PolicyInEffect(TypedDict, total=False):
    """All that applies to an address of an account.

    Missing are sections that are closed to the asker, and those whose database this installation does not have.
    """

    account: str
    address: str
    spam_policy: SpamPolicyInEffect
    throttle: ThrottlesInEffect
    greylisting: GreylistingInEffect
    wblist: ListsInEffect
    verdicts: Verdicts
