"""A page of an overview, as a table shows it."""

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from postreeve.web.pages import Ask
from postreeve.web.rendering import linked, number, zone_of

ASKED = ("search", "status", "letter", "sort", "direction", "page_size", "after", "before")
"""What the query of a page says to the operation."""
DAYS = ("from", "to")
"""Days in the reader's time zone, both of which count."""
PAGE = ("previous", "next", "total", "is_total_exact")
"""What the operation says about the pages."""


def overview(ask: Ask, route: str, *path: str) -> dict[str, Any]:
    """Return the rows of an overview, the ways to the pages beside it, and on the first page how many there are."""
    asked = {name: ask.text(name) for name in ASKED if ask.text(name)}
    if not asked.keys() & {"after", "before"}:
        asked["count"] = "yes"
    page = ask.run(route, *path, **asked)
    return {
        **{key: value for key, value in page.items() if key not in PAGE},
        "before": linked(ask, {"before": page["previous"], "after": ""}) if page["previous"] else "",
        "after": linked(ask, {"after": page["next"], "before": ""}) if page["next"] else "",
        "count": _count(ask, page["total"], is_exact=page["is_total_exact"]) if "total" in page else "",
    }


def _count(ask: Ask, total: int, *, is_exact: bool) -> str:
    total_text = number(ask, total)
    return ask._("%(total)s in all", total=total_text) if is_exact else ask._("more than %(total)s", total=total_text)


def following(ask: Ask, route: str, filters: Collection[str], **form: str) -> tuple[Any, str]:
    """Return what an operation answers to the filters of the page's query, and the way to the page after."""
    asked = {name: ask.text(name) for name in (*filters, "after", "page_size") if ask.text(name)}
    asked |= {name: _moment(ask, name, asked[name]) for name in DAYS if name in asked}
    found = ask.run(route, **asked, **form)
    return found, linked(ask, {"after": found["next"]}) if found["next"] else ""


def _moment(ask: Ask, name: str, text: str) -> str:
    """Return the first or the last second of a day, which is the reader's, in UTC; what is no day says what it says."""
    try:
        day = date.fromisoformat(text)
        if name == "from":
            moment = _beginning(ask, day)
        else:
            moment = _beginning(ask, day + timedelta(days=1)) - timedelta(seconds=1)
    except (ValueError, OverflowError):
        return text
    return moment.replace(tzinfo=None).isoformat(" ", "seconds")


def _beginning(ask: Ask, day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=zone_of(ask)).astimezone(UTC)
