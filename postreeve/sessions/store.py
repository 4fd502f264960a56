"""What every back end promises about logins and sessions."""

from dataclasses import dataclass
from typing import Protocol

from postreeve.permissions import Actor


@dataclass(frozen=True)
class Login:
    """Somebody who may log in as an admin, with what proves it."""

    actor: Actor
    password: str
    """The stored hash."""
    stamp: str
    """Changes with the password, the status, the rank and the domains."""


@dataclass(frozen=True)
class Session:
    """A session that is there; whether it still counts is for the caller to decide."""

    account: str
    kind: str
    used: int
    """Unix seconds of the last request, a minute old at most."""
    stamp: str


@dataclass(frozen=True)
class Failures:
    """How many logins have failed lately, and when the first of them was, in Unix seconds."""

    of_account: int
    of_account_since: int
    of_network: int
    of_network_since: int


class Logins(Protocol):
    """What accounts say about who may log in as an admin."""

    def login(self, account: str) -> Login | None:
        """Return who may log in under this name: an active standalone admin, or a user with an admin's rights."""


class Sessions(Protocol):
    """The logins and sessions of an installation."""

    def login(self, account: str) -> Login | None:
        """Return who may log in under this name: an active standalone admin, or a user with an admin's rights."""

    def start(self, account: str, kind: str, stamp: str) -> str:
        """Start a session and return its id, which is nowhere kept."""

    def find(self, token: str) -> Session | None:
        """Return a session by its id."""

    def use(self, token: str) -> None:
        """Note that a session has been used now."""

    def end(self, token: str) -> None:
        """End a session."""

    def follow(self, account: str, before: str) -> None:
        """Let the sessions of an account live on that changed its own rights, when the work is committed.

        The stamp before becomes the one that it has then.
        """

    def failures(self, account: str, network: str, since: int) -> Failures:
        """Count failed logins; a network from which the account has logged in before is counted apart."""

    def note_failure(self, account: str, network: str) -> None:
        """Count one more."""

    def note_success(self, account: str, network: str) -> None:
        """Remember that the account logs in from this network."""
