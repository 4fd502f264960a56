"""What every back end promises about logins and sessions."""

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from postreeve.fields import time_zones
from postreeve.permissions import Actor

REMEMBERED_SECONDS = 7 * 86400
"""Failed logins and unused sessions older than this go away, longer than any limit or session lasts."""
KNOWN_SECONDS = 90 * 86400
"""From where an account has not logged in for so long is no network of its owner any more."""


class SessionKind(StrEnum):
    """What a session is for; one of a kind is worth nothing where another is asked for."""

    API = "api"
    API_USER = "api-user"
    """At the API, of a mail user who is there for self-service alone."""
    PANEL = "panel"
    SELF_SERVICE = "self-service"

    @property
    def is_of_user(self) -> bool:
        """Whether somebody is there as a mail user, without an admin's rights."""
        return self in {SessionKind.API_USER, SessionKind.SELF_SERVICE}

    @property
    def is_of_browser(self) -> bool:
        """Whether a browser has it, for pages."""
        return self in {SessionKind.PANEL, SessionKind.SELF_SERVICE}

    @property
    def of_users(self) -> "SessionKind":
        """The kind that users have where admins have this one."""
        return SessionKind.API_USER if self is SessionKind.API else self

    @property
    def cookie(self) -> str:
        """The cookie that holds a session's id."""
        return "postreeve_api" if not self.is_of_browser else f"postreeve_{self.replace('-', '_')}"


@dataclass(frozen=True)
class Login:
    """Somebody who may log in, with what proves it."""

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


SELF_SERVICE = "self-service"
"""The service of a domain whose users may log in for it."""


def known_time_zone(stored: str) -> str:
    """Return the name of a time zone; iRedAdmin stores offsets in a directory, such as `GMT+08:00`."""
    if offset := re.fullmatch(r"GMT([+-])0?(\d{1,2}):00", stored):  # such names count hours to the west
        stored = f"Etc/GMT{'-' if offset[1] == '+' else '+'}{offset[2]}"
    return stored if stored in time_zones() else ""


def stamp(*parts: str) -> str:
    """Return what changes with any of these: credentials, status, rank, domains."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class Logins(Protocol):
    """What accounts say about who may log in."""

    def login(self, account: str) -> Login | None:
        """Return who may log in under this name: an active standalone admin, or a user with an admin's rights."""

    def user_login(self, account: str) -> Login | None:
        """Return who may log in for self-service: an active user of an active domain that has the service.

        Such an actor has no admin's rights, whatever else the user may do.
        """


class Sessions(Protocol):
    """The logins and sessions of an installation."""

    def login(self, account: str, kind: SessionKind = SessionKind.API) -> Login | None:
        """Return who may log in for sessions of this kind: as an admin, or as a user for self-service."""

    def start(self, account: str, kind: SessionKind, stamp: str) -> str:
        """Start a session and return its id, which is nowhere kept."""

    def find(self, token: str) -> Session | None:
        """Return a session by its id."""

    def use(self, token: str) -> None:
        """Note that a session has been used now."""

    def end(self, token: str) -> None:
        """End a session."""

    def follow(
        self, account: str, before: str, kind: SessionKind = SessionKind.API, *, only: str | None = None
    ) -> None:
        """Let the sessions of an account live on that changed its own rights, when the work is committed.

        The stamp before becomes the one that it has then, for sessions of this kind; `only` is the id of the one that
        lives on, where the others end.
        """

    def failures(self, account: str, network: str, since: int) -> Failures:
        """Count failed logins; a network from which the account has logged in before is counted apart."""

    def note_failure(self, account: str, network: str) -> None:
        """Count one more."""

    def note_success(self, account: str, network: str) -> None:
        """Remember that the account logs in from this network."""
