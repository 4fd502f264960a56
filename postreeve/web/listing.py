"""A part of a listing, as a table shows it."""

from collections.abc import Sequence
from typing import Any

from postreeve.web.pages import Ask
from postreeve.web.rendering import linked

PAGE = 50
Row = dict[str, Any]


def window(ask: Ask, rows: Sequence[Row], name: str) -> dict[str, Any]:
    """Return the rows that the query asks for, and the ways to those before and after; `name` is the key of names."""
    wanted, letter, status = ask.text("search").lower(), ask.text("letter").lower(), ask.text("status")
    found = [
        row for row in rows
        if wanted in f"{row[name]} {row['name']}".lower() and row[name].startswith(letter)
        and status in {"", "active" if row["is_active"] else "disabled"}
    ]  # fmt: skip
    begin = int(ask.text("after", "0")) if ask.text("after").isdecimal() else 0
    end = begin + PAGE
    return {
        "rows": found[begin:end],
        "before": linked(ask, {"after": str(max(begin - PAGE, 0))}) if begin else "",
        "after": linked(ask, {"after": str(end)}) if end < len(found) else "",
        "count": ask.ngettext("%(num)d in all", "%(num)d in all", len(found)),
    }
