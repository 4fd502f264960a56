"""What every back end promises about newsletters, and about what waits for a confirmation."""

from dataclasses import dataclass
from typing import Literal, Protocol

from postreeve.values import Address

Request = Literal["subscribe", "unsubscribe"]
"""What somebody wants, in the words of the table."""
COUNTED_SECONDS = 7 * 86400
"""Notes about mails older than this go away, longer than any limit looks back."""


@dataclass(frozen=True)
class Newsletter:
    """A list that is on and to which everybody may subscribe."""

    id: str
    mail: Address
    name: str
    description: str


class Newsletters(Protocol):
    """The accounts of newsletters."""

    def find(self, list_id: str) -> Newsletter | None:
        """Return a newsletter by its id; a list that is off, in a domain that is off or no newsletter is none."""

    def id_of(self, mail: Address) -> str:
        """Return the id of a list, newsletter or not; empty if it has none."""


@dataclass(frozen=True)
class Waiting:
    """What waits for a confirmation."""

    list_id: str
    mail: str
    kind: Request
    subscriber: str
    key: str
    """What is kept of the token."""
    expires: int
    """In Unix seconds."""


@dataclass(frozen=True)
class Mails:
    """How many mails there were lately, and when the first of a network's was, in Unix seconds."""

    of_address: int
    of_network: int
    of_network_since: int


class Confirmations(Protocol):
    """What waits for a confirmation, and the mails that ask for one. All of it is lasting at once."""

    def note_mail(self, address: str, network: str) -> int:
        """Note that a mail is about to go to an address, by somebody in a network; return the note's number."""

    def withdraw_mail(self, number: int) -> None:
        """Take a note back: the mail has not gone."""

    def mails(self, address: str, since: int, network: str, network_since: int) -> Mails:
        """Count the notes since two moments, in Unix seconds."""

    def ask(self, newsletter: Newsletter, request: Request, subscriber: str, expires: int) -> str:
        """Wait for a confirmation, and return the token that will be one; an older token of the same request ends."""

    def find(self, list_id: str, request: Request, token: str) -> Waiting | None:
        """Return what a token confirms, unless it has expired."""

    def take(self, waiting: Waiting) -> bool:
        """End the wait, and tell whether it was there to end; of several at once one alone hears yes."""

    def put_back(self, waiting: Waiting) -> None:
        """Wait again for what was taken, unless somebody has asked for the same meanwhile."""

    def count_expired(self, before: int) -> int:
        """Count what has expired before a moment, in Unix seconds."""

    def drop_expired(self, before: int) -> int:
        """Drop what has expired before a moment, in Unix seconds, and return how much it was."""


@dataclass(frozen=True)
class Letter:
    """A mail that Postreeve sends by itself."""

    sender: Address
    recipient: Address
    subject: str
    text: str


class Outbox(Protocol):
    """Who takes such mails."""

    def send(self, letter: Letter) -> None:
        """Hand a mail over; raises `OutboxError`.

        That the server knows no such recipient is no failure: nobody is to learn of it.
        """
