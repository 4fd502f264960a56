"""The menu: what there is, in the order in which it is offered, to those who may go there."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from postreeve.errors import Refused
from postreeve.web.pages import N_, PAGES, SELF_SERVICE, Ask
from postreeve.work import ConflictError, StoreUnavailableError


@dataclass(frozen=True)
class Entry:
    """A place in the menu."""

    title: str
    path: str
    icon: str
    needs: str = ""
    """The operation whose rule decides who sees it; empty for everybody."""
    begins: tuple[str, ...] = ()
    """Further paths below which this is the place."""
    store: str = ""
    """Without it there is nothing to be seen there."""
    preference: str = ""
    """What closes it to mail users."""


@dataclass(frozen=True)
class Link:
    """An entry, as it is shown on a page."""

    title: str
    path: str
    icon: str
    is_here: bool


DOMAINS, AMAVISD = "/domains", "amavisd"
OF_SOMETHING = re.compile(r"/policies/[^/]*\.")
"""The policies of a domain or a user, which belong to these and not to those for everybody."""
PANEL_MENU: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    (
        "",
        (
            Entry(N_("Dashboard"), "/", "dashboard"),
            Entry(
                N_("Domains and accounts"), DOMAINS, "domains", "GET /api/domains",
                begins=("/users", "/user", "/aliases", "/alias", "/lists", "/list", "/maillist", "/import", "/export"),
            ),
            Entry(N_("Admins"), "/admins", "admins", "GET /api/admins"),
        ),
    ),
    (
        N_("Activities"),
        (
            Entry(N_("Quarantine"), "/quarantine", "quarantine", "GET /api/quarantine", store=AMAVISD),
            Entry(N_("Sent mail"), "/sent", "sent", "GET /api/mail_log/sent", store=AMAVISD),
            Entry(N_("Received mail"), "/received", "received", "GET /api/mail_log/received", store=AMAVISD),
            Entry(N_("Admin log"), "/log", "log", "GET /api/panel/log"),
        ),
    ),
    (
        N_("System"),
        (
            Entry(N_("Policies for everybody"), "/policies", "policies", "GET /api/greylisting/whitelist_spf_domains"),
            Entry(N_("Settings"), "/settings", "settings", "GET /api/panel/settings"),
        ),
    ),
)  # fmt: skip
SELF_SERVICE_MENU: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    (
        "",
        (
            Entry(N_("My account"), "/self-service", "profile"),
            Entry(
                N_("Quarantine"), "/self-service/quarantine", "quarantine", "GET /api/quarantine",
                store=AMAVISD, preference="quarantine",
            ),
            Entry(
                N_("Received mail"), "/self-service/received", "received", "GET /api/mail_log/received",
                store=AMAVISD, preference="rcvd_mails",
            ),
        ),
    ),
)  # fmt: skip


def menu(ask: Ask) -> list[tuple[str, list[Link]]]:
    """Return the groups of the menu that somebody has anything in."""
    if ask.actor is None:
        return []
    groups = SELF_SERVICE_MENU if ask.face is SELF_SERVICE else PANEL_MENU
    there = {"", *ask.storage.stores()}
    preferences = {"", *(_preferences(ask) if ask.face is SELF_SERVICE else ())}
    found = [
        (title, [
            _link(entry, ask) for entry in entries
            if _is_for(entry, ask) and entry.store in there and entry.preference in preferences
        ])
        for title, entries in groups
    ]  # fmt: skip
    return [(title, links) for title, links in found if links]


def _is_for(entry: Entry, ask: Ask) -> bool:
    return f"GET {entry.path}" in PAGES and (not entry.needs or ask.may(entry.needs))


def _preferences(ask: Ask) -> Sequence[str]:
    """Return which preferences are open to a mail user; none, as long as nobody can tell."""
    try:
        open_ones: Sequence[str] = ask.run("GET /api/self-service")["preferences"]
    except (Refused, StoreUnavailableError, ConflictError):
        return ()
    return open_ones


def _link(entry: Entry, ask: Ask) -> Link:
    is_root = entry.path in {"/", "/self-service"}
    place = DOMAINS if OF_SOMETHING.match(ask.path) else ask.path
    below = any(f"{place}/".startswith(f"{path}/") for path in (entry.path, *entry.begins))
    return Link(ask._(entry.title), entry.path, entry.icon, ask.path == entry.path if is_root else below)
