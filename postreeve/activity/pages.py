"""The activity log in the panel."""

from postreeve.web.listing import following
from postreeve.web.pages import N_, Ask, Redirect, Shown, View, page

FILTERS = ("search", "admin", "domain", "account", "event", "from", "to")
EVENTS = (
    "create", "update", "delete", "active", "disable", "login", "spampolicy", "wblist", "throttle", "greylisting",
    "quarantine",
)  # fmt: skip
"""Words of the log that can be chosen."""


@page("GET /log", title=N_("Admin log"))
def show_log(ask: Ask) -> View:
    found, after = following(ask, "GET /api/panel/log", FILTERS)
    return Shown("activity/log.html", {"lines": found["lines"], "after": after, "events": EVENTS})


@page("POST /log", title=N_("Admin log"))
def delete_lines(ask: Ask) -> View:
    marked = ask.marked()
    if not marked:
        return Redirect("/log", ask._("Nothing is marked."))
    ask.run("DELETE /api/panel/log", ids=",".join(marked))
    return Redirect("/log", ask.ngettext("%(num)d line was deleted.", "%(num)d lines were deleted.", len(marked)))
