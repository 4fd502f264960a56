"""What every back end promises about the log of mails."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple, Protocol, TypedDict, get_args

from msgspec import Meta

Kind = Literal["clean", "spam", "virus", "banned", "bad_header", "other"]
"""What Amavisd takes a mail for; of several kinds the worst."""
Fate = Literal["delivered", "quarantined", "released", "deleted", "discarded", "rejected", "bounced", "deferred"]
Side = Literal["received", "sent"]
SIDES: tuple[Side, ...] = get_args(Side)
Moment = Annotated[str, Meta(description="UTC, as `YYYY-MM-DD HH:MM:SS`.")]


class MailRecipient(TypedDict):
    """A recipient, and what became of the mail there; released and deleted are those whose mail was quarantined."""

    address: str
    fate: Fate


class LoggedMail(TypedDict):
    """A mail that Amavisd has looked at."""

    mail_id: str
    time: Moment
    sender: Annotated[str, Meta(description="Sender of the envelope; empty for reports of delivery.")]
    recipients: Annotated[list[MailRecipient], Meta(description="Those that may be shown, a hundred at most.")]
    num_recipients: Annotated[int, Meta(description="How many there are of them.")]
    author: Annotated[str, Meta(description="What the header From says.")]
    subject: str
    kind: Kind
    score: Annotated[float, Meta(description="SpamAssassin's score, the lowest of all recipients.")]
    size: Annotated[int, Meta(description="In bytes.")]
    client_address: Annotated[str, Meta(description="IP address of the client that handed it in.")]
    is_outgoing: Annotated[bool, Meta(description="It comes from a user who had logged in, or from an own network.")]
    is_quarantined: Annotated[bool, Meta(description="A copy is, or was, in the quarantine.")]


class MailPage(TypedDict):
    """Mails, newest first."""

    mails: list[LoggedMail]
    next: Annotated[
        str,
        Meta(
            description="The value of `after` for what is older; empty at the end. A page may have fewer mails than "
            "were asked for, even none, and still not be the last: only so many are looked at for one answer."
        ),
    ]


class HourOfMail(TypedDict):
    """How many mails there were in one hour."""

    hour: Annotated[str, Meta(description="Its beginning in UTC, as `YYYY-MM-DD HH:MM:SS`.")]
    received: int
    sent: int
    spam: int
    virus: int
    banned: int
    bad_header: int
    quarantined: int


class Correspondent(TypedDict):
    """Who sends or receives much."""

    address: str
    mails: int


class MailFlow(TypedDict):
    """The mails of the last 24 hours."""

    hours: Annotated[list[HourOfMail], Meta(description="The last 24, the present one is the last.")]
    counted_since: Annotated[
        Moment, Meta(description="From when on mails are in the hours: of very many only the newest are counted.")
    ]
    top_senders: Annotated[list[Correspondent], Meta(description="Of the 20,000 newest mails; ten at most.")]
    top_recipients: Annotated[list[Correspondent], Meta(description="Of the 20,000 newest mails; ten at most.")]


@dataclass(frozen=True)
class Whose:
    """Whose mails they are: of some domains, alias domains included, and of some addresses; or everybody's."""

    domains: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    """Without extensions: `ann@ex.com` is `ann+news@ex.com` as well."""
    is_everybody: bool = False

    @property
    def is_nobody(self) -> bool:
        return not (self.is_everybody or self.domains or self.addresses)


class Place(NamedTuple):
    """Where a mail stands in the order of the log; the newest is the greatest."""

    at: int
    """In Unix seconds."""
    partition: int
    mail_id: str

    def __str__(self) -> str:
        return f"{self.at}:{self.partition}:{self.mail_id}"


@dataclass(frozen=True)
class MailSearch:
    """What is looked for; what is empty does not matter, and texts are parts of what is there, whatever their case."""

    whose: Whose
    side: Side = "received"
    """Whether their being recipients or the sender makes a mail theirs."""
    kinds: Collection[Kind] = ()
    sender: str = ""
    """A whole address is the envelope's sender; a part may be one of the header From as well."""
    recipient: str = ""
    subject: str = ""
    since: int = 0
    """In Unix seconds."""
    until: int | None = None
    after: Place | None = None
    """The last mail on the page before."""
    most: int = 50


class MailLog(Protocol):
    """The mails that Amavisd has looked at."""

    def page(self, search: MailSearch) -> MailPage:
        """Return mails of a search, newest first; of a received mail the recipients that are meant, of a sent one all.

        Everybody's are the mails of all our domains.
        """

    def flow(self, whose: Whose, now: int) -> MailFlow:
        """Count the mails of the last hours before a moment, of everybody or of some domains.

        Where that takes long, the answer may be a few minutes old at most: twenty times as old as it took.

        Of everybody's, those are sent that come from our users and networks, and all others are received. Of domains a
        mail may be both, and the kinds are those of received mails.
        """
