"""What every back end promises about the numbers of a dashboard."""

from collections.abc import Collection
from typing import Annotated, Protocol, TypedDict

from msgspec import Meta


class Numbers(TypedDict):
    """How much there is."""

    domains: int
    users: int
    aliases: int
    lists: int
    admins: Annotated[
        int, Meta(description="Standalone admins and users who administer something; 0 for domain admins.")
    ]
    allocated_quota: Annotated[
        int, Meta(description="Of all users together, in MB; unlimited mailboxes count nothing.")
    ]
    used_bytes: Annotated[int, Meta(description="What Dovecot has last told, of all mailboxes together.")]
    used_messages: int


class Server(TypedDict):
    """A server that keeps something for us."""

    name: Annotated[str, Meta(description="What it keeps, by the name of the setting.")]
    version: Annotated[str, Meta(description="Program and version; empty if it does not answer.")]


class Figures(Protocol):
    """The numbers of an installation, which are as old as it was dear to count them: see `recent.py`."""

    def numbers(self, domains: Collection[str] | None) -> Numbers:
        """Return how much there is in some domains, or in all; admins count only for all."""


class Servers(Protocol):
    """What the installation runs on."""

    def versions(self) -> list[Server]:
        """Return the servers with their versions."""
