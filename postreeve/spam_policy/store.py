"""What every back end promises about spam policies."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypedDict

from postreeve.fields import Changes
from postreeve.values import Scope

YesNo = Literal["yes", "no"]
Stored = Mapping[str, str | float | None]
"""The columns of a policy as they are; None leaves the answer to a less specific scope."""


class SpamPolicy(TypedDict, total=False):
    """What a spam policy says, under the names of the parameters; what it does not say is missing."""

    bypass_spam_checks: YesNo
    bypass_virus_checks: YesNo
    bypass_banned_checks: YesNo
    bypass_header_checks: YesNo
    quarantine_spam: YesNo
    quarantine_virus: YesNo
    quarantine_banned: YesNo
    quarantine_bad_header: YesNo
    prefix_spam_in_subject: YesNo
    always_insert_x_spam_headers: YesNo
    spam_score: float
    banned_rulenames: str


@dataclass(frozen=True)
class Level:
    """A policy that applies to a recipient."""

    account: str
    columns: Stored


class SpamPolicies(Protocol):
    """The spam policies of an installation."""

    def find(self, scope: Scope) -> SpamPolicy:
        """Return what the policy of a scope says; nothing, if there is none."""

    def write(self, scope: Scope, changes: Changes) -> None:
        """Set what is given, and leave the rest to what it says or inherits."""

    def remove(self, scope: Scope) -> None:
        """Remove the policy of a scope; its white and black lists stay."""

    def levels(self, accounts: Collection[str]) -> list[Level]:
        """Return the policies of some accounts in Amavisd's order: of the highest priority first."""
