"""What is done with the activity log besides writing it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from postreeve.activity.fields import (
    ACCOUNT,
    ADMIN,
    AFTER,
    EVENT,
    IN_TEXT,
    IP,
    NUMBERS,
    OF_DOMAIN,
    REMOVAL,
    SEARCH,
    SINCE,
    UNTIL,
)
from postreeve.activity.store import LogPage, Search
from postreeve.errors import Code, refuse
from postreeve.fields import Changes
from postreeve.listings import PAGE_SIZE, USUAL_ON_PAGE
from postreeve.operations import operation
from postreeve.permissions import any_admin, global_admin
from postreeve.work import Work

CHAPTER = "Panel"
GRACE_SECONDS = 60
"""A work that takes longer than this between its intent and its commit has died."""


def settle(work: Work) -> int:
    """Confirm, doubt or withdraw the lines that a crash left open, and return how many there were."""
    before = datetime.now(UTC) - timedelta(seconds=GRACE_SECONDS)
    intents = work.activity.unsettled(f"{before:%Y-%m-%d %H:%M:%S}")
    for intent in intents:
        match work.activity.has_happened(intent):
            case True:
                work.activity.confirm(intent.number)
            case False:
                work.activity.withdraw(intent.number)
            case None:
                work.activity.doubt(intent)
    return len(intents)


@operation("GET /api/panel/log", CHAPTER, allow=any_admin, fields=SEARCH)
def get_log(work: Work, changes: Changes) -> LogPage:
    """Get lines of the activity log, the newest first; a domain admin's are about managed domains or the own account.

    The client's address stands only in the lines of what one has done oneself, and only there it is looked for.
    """
    actor, wanted = work.grant.admin, _wanted(changes)
    if wanted.ip and not actor.is_global:
        if wanted.admin not in {"", actor.account}:
            return {"lines": [], "next": ""}
        wanted = replace(wanted, admin=actor.account)
    page = work.activity.page(
        wanted, work.grant.domains, actor.account,
        after=changes.get(AFTER) or "", size=changes.get(PAGE_SIZE) or USUAL_ON_PAGE,
    )  # fmt: skip
    for line in page["lines"]:
        if not actor.is_global and line["admin"].lower() != actor.account:
            line["ip"] = ""
    return page


@operation("DELETE /api/panel/log", CHAPTER, allow=global_admin, fields=REMOVAL, event="delete")
def delete_log(work: Work, changes: Changes) -> None:
    """Delete lines of the activity log; some by their numbers, or all up to a moment, and a new line says so."""
    numbers, until = changes.of(NUMBERS), changes.get(UNTIL)
    if not numbers and not until:
        refuse(Code.MISSING_PARAMETER, hint=f"{NUMBERS.name} or {UNTIL.name}")
    work.activity.remove([int(number) for number in numbers.add] if numbers else (), until or "")


def _wanted(changes: Changes) -> Search:
    return Search(
        admin=changes.get(ADMIN) or "",
        domain=changes.get(OF_DOMAIN) or "",
        username=changes.get(ACCOUNT) or "",
        event=changes.get(EVENT) or "",
        ip=changes.get(IP) or "",
        since=changes.get(SINCE) or "",
        until=changes.get(UNTIL) or "",
        text=changes.get(IN_TEXT) or "",
    )
