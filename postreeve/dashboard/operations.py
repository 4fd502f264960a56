"""What an admin sees first."""

import platform
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Literal, TypedDict

from msgspec import Meta

from postreeve import __version__
from postreeve.activity.store import LogLine, Search
from postreeve.dashboard.store import Numbers, Server
from postreeve.mail_log.rules import flow_of_mail
from postreeve.mail_log.store import MailFlow
from postreeve.operations import operation
from postreeve.permissions import any_admin
from postreeve.values import Address
from postreeve.work import StoreUnavailableError, Work

CHAPTER = "Panel"
MOST_NEW = 10
LINES = 50
"""Of the log, among which the newest accounts are looked for."""
MOST_STEPS = 50


KindOfNew = Literal["domain", "user", "alias", "list", "maillist", "admin"]
"""A `maillist` is an unsubscribable one."""


class NewAccount(TypedDict):
    """An account that was created lately and is still there."""

    kind: KindOfNew
    name: Annotated[str, Meta(description="Its address, or the domain's name.")]
    by: Annotated[str, Meta(description="Who created it.")]
    at: Annotated[str, Meta(description="UTC, as `YYYY-MM-DD HH:MM:SS`.")]


class PendingSteps(TypedDict):
    """What has to be done still in stores that did not answer in time."""

    number: int
    steps: Annotated[list[str], Meta(description="The oldest of them, in words.")]


class Dashboard(TypedDict):
    """What an admin sees first. Pending steps and servers are for global admins; others get none."""

    numbers: Annotated[
        Numbers, Meta(description="Where they take long to count, a few minutes old at most: twenty times as long.")
    ]
    newest: Annotated[list[NewAccount], Meta(description="The newest accounts, as the activity log tells.")]
    mail: Annotated[
        MailFlow | None, Meta(description="The mail of the last 24 hours; null where there is no log of it to be seen.")
    ]
    pending: PendingSteps
    servers: list[Server]
    version: Annotated[str, Meta(description="Of Postreeve.")]
    python: Annotated[str, Meta(description="Its version; for global admins.")]


@operation("GET /api/panel/dashboard", CHAPTER, allow=any_admin)
def get_dashboard(work: Work) -> Dashboard:
    """Get what an admin sees first: numbers of accounts, what is new, the mail of the day, what is pending, versions.

    Everything is about the domains that one administers.
    """
    is_global = work.grant.admin.is_global
    return {
        "numbers": work.figures.numbers(work.grant.domains),
        "newest": [*islice(_newest(work), MOST_NEW)],
        "mail": _mail(work),
        "pending": _pending(work) if is_global else {"number": 0, "steps": []},
        "servers": work.servers.versions() if is_global else [],
        "version": __version__,
        "python": platform.python_version() if is_global else "",
    }


def _mail(work: Work) -> MailFlow | None:
    """Return how mail flows; that Amavisd's database does not answer is told by its missing version."""
    try:
        return flow_of_mail(work)
    except StoreUnavailableError:
        return None


def _pending(work: Work) -> PendingSteps:
    steps = work.pending.all()
    return {"number": len(steps), "steps": [*map(str, steps[:MOST_STEPS])]}


def _newest(work: Work) -> Iterator[NewAccount]:
    """Yield the newest accounts: no table of accounts has an index on when they were created."""
    grant = work.grant
    page = work.activity.page(Search(event="create"), grant.domains, grant.admin.account, size=LINES)
    newest: dict[str, LogLine] = {}
    for line in page["lines"]:
        newest.setdefault((line["username"] or line["domain"]).lower(), line)
    there = {
        *work.addresses.taken([name for name in newest if "@" in name]),
        *work.addresses.hosted([name for name in newest if name and "@" not in name]),
    }
    for name, line in newest.items():
        kind = _kind(work, name) if name in there else None
        if kind and (kind != "admin" or grant.admin.is_global):
            yield {"kind": kind, "name": name, "by": line["admin"], "at": line["timestamp"]}


def _kind(work: Work, name: str) -> KindOfNew:
    if "@" not in name:
        return "domain"
    mail = Address(name)
    if work.users.find(mail):
        return "user"
    if work.admins.find(mail):
        return "admin"
    if next(work.aliases.profiles([mail]), None):
        return "alias"
    is_unsubscribable = work.settings.ldap and next(work.unsubscribable_lists.profiles([mail]), None)
    return "maillist" if is_unsubscribable else "list"
