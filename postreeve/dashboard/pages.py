"""The first page of the panel."""

from typing import Any

from postreeve.web.pages import N_, Ask, Shown, View, page
from postreeve.web.rendering import moment, number

KINDS = {
    "domain": ("/users/", N_("Domain")), "user": ("/user/", N_("User")), "alias": ("/alias/", N_("Mail alias")),
    "list": ("/list/", N_("Mailing list")), "maillist": ("/maillist/", N_("Unsubscribable list")),
    "admin": ("/admins/", N_("Admin")),
}  # fmt: skip
"""The path before the name of an account of each kind, and what it is called."""
UNWANTED = {
    "spam": N_("Spam"), "virus": N_("Viruses"), "banned": N_("Forbidden attachments"), "bad_header": N_("Bad headers"),
}  # fmt: skip


@page("GET /", title=N_("Dashboard"))
def show_dashboard(ask: Ask) -> View:
    found = ask.run("GET /api/panel/dashboard")
    return Shown("dashboard/dashboard.html", {**found, "kinds": KINDS, "charts": _charts(ask, found["mail"])})


def _charts(ask: Ask, flow: dict[str, Any] | None) -> dict[str, list[tuple[str, int, str]]]:
    """Return what the charts show: labels, numbers, and the numbers as texts."""
    if flow is None:
        return {}
    hours = [(moment(ask, hour["hour"]).rpartition(" ")[2], hour) for hour in flow["hours"]]

    def points(key: str) -> list[tuple[str, int, str]]:
        return [(label, hour[key], number(ask, hour[key])) for label, hour in hours]

    sums = {key: sum(hour[key] for _, hour in hours) for key in UNWANTED}
    unwanted = [(ask._(title), sums[key], number(ask, sums[key])) for key, title in UNWANTED.items()]
    return {key: points(key) for key in ("received", "sent", "quarantined")} | {"unwanted": unwanted}
