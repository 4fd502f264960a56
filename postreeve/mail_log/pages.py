"""The log of mails, in the panel and for users."""

from typing import get_args

from postreeve.listings import USUAL_ON_PAGE
from postreeve.mail_log.store import Fate, Kind
from postreeve.web.listing import following
from postreeve.web.pages import N_, SELF_SERVICE, Ask, Shown, View, page

FILTERS = ("sender", "recipient", "subject", "kind", "domain", "account", "from", "to")
KIND_TITLES = {
    "clean": N_("Clean"), "spam": N_("Spam"), "virus": N_("Virus"), "banned": N_("Forbidden attachment"),
    "bad_header": N_("Bad header"), "other": N_("Other"),
}  # fmt: skip
FATE_TITLES = {
    "delivered": N_("Delivered"), "quarantined": N_("Quarantined"), "released": N_("Released"),
    "deleted": N_("Deleted"), "discarded": N_("Discarded"), "rejected": N_("Rejected"), "bounced": N_("Bounced"),
    "deferred": N_("Deferred"),
}  # fmt: skip
assert (set(KIND_TITLES), set(FATE_TITLES)) == (set(get_args(Kind)), set(get_args(Fate)))


@page("GET /received", title=N_("Received mail"))
def show_received(ask: Ask) -> View:
    return _mails(ask, "received")


@page("GET /sent", title=N_("Sent mail"))
def show_sent(ask: Ask) -> View:
    return _mails(ask, "sent")


@page("GET /self-service/received", title=N_("Received mail"), face=SELF_SERVICE)
def show_own_received(ask: Ask) -> View:
    return _mails(ask, "received")


def _mails(ask: Ask, side: str) -> View:
    return Shown("mails/list.html", {**some_mails(ask, f"GET /api/mail_log/{side}"), "deeds": []})


def some_mails(ask: Ask, route: str) -> dict[str, object]:
    """Return a page of mails, the way to older ones, and whether it is short though there may be more."""
    found, after = following(ask, route, FILTERS)
    most = int(ask.text("page_size") or USUAL_ON_PAGE)
    return {
        "mails": found["mails"], "after": after, "is_short": bool(after) and len(found["mails"]) < most,
        "kinds": KIND_TITLES, "fates": FATE_TITLES,
    }  # fmt: skip
