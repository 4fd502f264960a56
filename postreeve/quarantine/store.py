"""What every back end promises about the quarantine."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Annotated, Literal, Protocol, TypedDict

from msgspec import Meta

from postreeve.mail_log.store import Fate, LoggedMail, MailPage, MailSearch, Place, Whose

Settled = Literal["released", "deleted"]


class Header(TypedDict):
    """A header of a mail, decoded."""

    name: str
    value: str


class Attachment(TypedDict):
    """A part of a mail that is not shown."""

    name: Annotated[str, Meta(description="As the sender calls it; it may be empty.")]
    type: Annotated[str, Meta(description="As the sender calls it, such as `application/pdf`.")]
    size: Annotated[int, Meta(description="In bytes, of what was looked at.")]


class QuarantinedMail(LoggedMail):
    """A mail in the quarantine, as text."""

    headers: list[Header]
    text: Annotated[
        str, Meta(description="What stands in it; of HTML the words alone. It is never to be shown as HTML.")
    ]
    attachments: list[Attachment]
    is_cut: Annotated[bool, Meta(description="There is more of it than is shown.")]


@dataclass(frozen=True)
class Held:
    """A mail in the quarantine, with the recipients who are meant."""

    mail: LoggedMail
    place: Place
    recipients: tuple[str, ...]
    """All those who are meant, in their order, whose mail is withheld and not deleted."""
    secret_id: str = field(repr=False)
    """With it Amavisd releases the mail."""


class Quarantine(Protocol):
    """The mails that Amavisd has kept from recipients."""

    def page(self, search: MailSearch, fates: Collection[Fate]) -> MailPage:
        """Return mails of a search that have one of these fates for somebody, newest first, with those recipients."""

    def find(self, mail_id: str, whose: Whose) -> Held | None:
        """Return a mail that is withheld from somebody who is meant, and not deleted for them."""

    def lock(self, mail_id: str, whose: Whose) -> Held | None:
        """Like `find`, and keep other writers that lock it away until the work ends."""

    def beginning(self, held: Held) -> tuple[bytes, bool]:
        """Return so much of a mail as can be shown, and whether there is more of it."""

    def settle(self, held: Held, recipients: Collection[str], fate: Settled) -> None:
        """Say what became of it for some recipients; its text goes when it is deleted for all from whom it is withheld.

        It stays in the log of mails.
        """


class ReleaseServer(Protocol):
    """Amavisd, which releases mails; every call may raise `ReleaseServerError`, and must not be repeated blindly."""

    def release(self, held: Held, recipients: Collection[str], by: str) -> list[str]:
        """Have a mail delivered to recipients, and return those of them for whom Amavisd says that it is."""
