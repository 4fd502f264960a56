"""Pages about mailing lists: all of a domain, new subscribable ones, their profiles and subscribers."""

from collections.abc import Callable, Iterator
from itertools import islice

from postreeve.domains.pages import domain_tabs, said_of
from postreeve.subscribable_lists.fields import (
    ACCOUNT_STATUS,
    CONFIRMED,
    CUSTOM_HEADERS,
    DESCRIPTION,
    EXTRA_ADDRESSES,
    FOOTER_HTML,
    FOOTER_TEXT,
    IS_NEWSLETTER,
    KEEP_ARCHIVE,
    MAX_SIZE,
    MODERATORS,
    NAME,
    OWNERS,
    POLICY,
    PREFIX,
    REMOVED_HEADERS,
    SUBSCRIBERS,
    SUBSCRIPTION_MODERATED,
    SUBSCRIPTION_MODERATORS,
    SWITCHES,
    VERSION,
)
from postreeve.subscribable_lists.profile import texts
from postreeve.web.accounts import chosen, crumbs, domain_of, new_address, section_links
from postreeve.web.bulk import DELETE, DISABLE, ENABLE, Deed, carry_out, deeds_shown
from postreeve.web.forms import Form, Section
from postreeve.web.listing import overview
from postreeve.web.pages import N_, Ask, Download, Redirect, Shown, View, page, path_to

GENERAL = Section("general", (NAME, ACCOUNT_STATUS, POLICY, EXTRA_ADDRESSES, MAX_SIZE))
SUBSCRIPTION = Section("subscription", (SUBSCRIPTION_MODERATED, SUBSCRIPTION_MODERATORS, *SWITCHES))
SECTIONS = (
    GENERAL,
    Section("people", (OWNERS, MODERATORS)),
    SUBSCRIPTION,
    Section("mails", (PREFIX, CUSTOM_HEADERS, REMOVED_HEADERS, FOOTER_TEXT, FOOTER_HTML)),
    Section("newsletter", (IS_NEWSLETTER, DESCRIPTION)),
)
NEW = (NAME, OWNERS, MODERATORS, POLICY)
ADDING = (SUBSCRIBERS, VERSION, CONFIRMED)
MOST_SHOWN = 1000
"""Subscribers on one page; all of them are in the file."""


@page("GET /lists/<domain>", title=N_("Mailing lists"))
def list_mailing_lists(ask: Ask, domain: str) -> View:
    values = {
        "domain": domain, **overview(ask, "GET /api/panel/lists/<domain>", domain),
        "deeds": deeds_shown(ask, _deeds(ask)), "around": domain_tabs(ask, domain, "lists"),
        "policies": POLICY.kind.titles,
    }  # fmt: skip
    return Shown("lists/list.html", values, domain)


@page("POST /lists/<domain>", title=N_("Mailing lists"))
def change_lists(ask: Ask, domain: str) -> View:
    return carry_out(ask, _deeds(ask), path_to("lists", domain))


@page("GET /lists/<domain>/new", title=N_("New mailing list"))
def show_new_list(ask: Ask, domain: str) -> View:
    values = {"domain": domain, "form": Form(ask, NEW), "crumbs": crumbs(ask, domain, "lists")}
    return Shown("accounts/new.html", {**values, "save": N_("Add the list")})


@page("POST /lists/<domain>/new", title=N_("New mailing list"))
def add_list(ask: Ask, domain: str) -> View:
    mail = new_address(ask, domain)
    ask.run("POST /api/ml/<mail>", mail, **Form(ask, NEW).changes())
    notice = ask._("%(name)s has been added.", name=mail)
    return Redirect(path_to("lists", domain, "new") if ask.typed("another") else path_to("list", mail), notice)


@page("GET /list/<mail>", title=N_("Mailing list"))
def show_list(ask: Ask, mail: str) -> View:
    stored = texts(ask.run("GET /api/ml/<mail>", mail))
    here = chosen(ask, SECTIONS)
    return Shown(
        "accounts/profile.html", {**around(ask, mail, here.name), "form": Form(ask, here.fields, stored)}, mail
    )


@page("POST /list/<mail>", title=N_("Mailing list"))
def save_list(ask: Ask, mail: str) -> View:
    here = chosen(ask, SECTIONS)
    changes = Form(ask, here.fields, texts(ask.run("GET /api/ml/<mail>", mail))).changes()
    if changes:
        ask.run("PUT /api/ml/<mail>", mail, **changes)
    return Redirect(path_to("list", mail, section=here.name), said_of(ask, changes))


@page("GET /list/<mail>/subscribers", title=N_("Subscribers"))
def show_subscribers(ask: Ask, mail: str) -> View:
    found = list(islice(_subscribers(ask, mail), MOST_SHOWN + 1))
    values = {
        **around(ask, mail, "subscribers"), "subscribers": found[:MOST_SHOWN], "is_all": len(found) <= MOST_SHOWN,
        "form": Form(ask, ADDING), "versions": VERSION.kind.titles,
    }  # fmt: skip
    return Shown("lists/subscribers.html", values, mail)


@page("POST /list/<mail>/subscribers", title=N_("Subscribers"))
def change_subscribers(ask: Ask, mail: str) -> View:
    if ask.typed("deed") == "remove":
        changes = {"remove_subscribers": ",".join(ask.marked())} if ask.marked() else {}
    else:
        changes = Form(ask, ADDING).changes()
        changes = changes if "add_subscribers" in changes else {}
    if changes:
        ask.run("PUT /api/ml/<mail>", mail, **changes)
    return Redirect(path_to("list", mail, "subscribers"), said_of(ask, changes))


@page("GET /list/<mail>/subscribers/file", title=N_("Subscribers"))
def keep_subscribers(ask: Ask, mail: str) -> View:
    lines = (f"{subscriber['mail']}\n" for subscriber in _subscribers(ask, mail))
    return Download(f"{mail}.txt", "text/plain", lines)


@page("GET /list/<mail>/delete", title=N_("Delete mailing list"))
def ask_before_deleting(ask: Ask, mail: str) -> View:
    ask.run("GET /api/ml/<mail>", mail)
    says = N_("The list is deleted, and nobody is subscribed any more.")
    values = {
        "name": mail, "path": path_to("list", mail), "crumbs": crumbs(ask, domain_of(mail), "lists"), "says": says,
    }  # fmt: skip
    return Shown("accounts/delete.html", {**values, "also": "lists/archive.html"})


@page("POST /list/<mail>/delete", title=N_("Delete mailing list"))
def delete_list(ask: Ask, mail: str) -> View:
    ask.run("DELETE /api/ml/<mail>", mail, **{KEEP_ARCHIVE.name: ask.typed(KEEP_ARCHIVE.name, "no")})
    return Redirect(path_to("lists", domain_of(mail)), ask._("%(name)s has been deleted.", name=mail))


def around(ask: Ask, mail: str, here: str) -> dict[str, object]:
    """Return what stands around each section of a list."""
    tabs = section_links(ask, SECTIONS, path_to("list", mail), here)
    tabs.insert(1, (ask._("Subscribers"), path_to("list", mail, "subscribers"), here == "subscribers"))
    tabs.append((ask._("Sign-up form"), path_to("list", mail, "sign-up"), here == "sign-up"))
    return {"mail": mail, "path": path_to("list", mail), "crumbs": crumbs(ask, domain_of(mail), "lists"), "tabs": tabs}


def _subscribers(ask: Ask, mail: str) -> Iterator[dict[str, str]]:
    """Yield the subscribers of a list as they are read; who stops early closes what is open."""
    answer = ask.answer("GET /api/ml/<mail>", mail, with_subscribers="yes")
    yield from answer.data.items


def _deeds(ask: Ask) -> dict[str, Deed]:
    """Return what can be done to several lists at once; the name of an unsubscribable one is marked as such."""

    def on_either(method: str, **form: str) -> Callable[[str], object]:
        def do(name: str) -> object:
            kind, _, mail = name.partition(":")
            return ask.run(f"{method} /api/{'maillist' if kind == 'unsubscribable' else 'ml'}/<mail>", mail, **form)

        return do

    def question(number: int) -> str:
        return ask.ngettext("Delete this mailing list?", "Delete these %(num)d mailing lists?", number)

    return {
        "enable": Deed(ENABLE, on_either("PUT", **{ACCOUNT_STATUS.name: "active"})),
        "disable": Deed(DISABLE, on_either("PUT", **{ACCOUNT_STATUS.name: "disabled"})),
        "delete": Deed(DELETE, on_either("DELETE"), question),
    }
