"""The search over all accounts."""

from postreeve.dashboard.pages import KINDS
from postreeve.web.pages import N_, Ask, Shown, View, page


@page("GET /search", title=N_("Search"))
def search(ask: Ask) -> View:
    text = ask.text("search").strip()
    found = ask.run("GET /api/panel/search", search=text) if text else {"found": [], "is_complete": True}
    return Shown("overviews/search.html", {**found, "text": text, "kinds": KINDS})
