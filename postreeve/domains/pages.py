"""Pages about domains: the list of them, new ones, profiles."""

from postreeve.domains.fields import (
    ACCOUNT_STATUS,
    ADMINS,
    DEFAULT_LANGUAGE,
    DEFAULT_QUOTA,
    DOMAIN_PROFILE,
    MAX_USER_QUOTA,
    NAME,
    NUMBER_OF_ALIASES,
    NUMBER_OF_LISTS,
    NUMBER_OF_USERS,
    QUOTA,
    SERVICES,
)
from postreeve.domains.profile import texts
from postreeve.errors import Code, refuse
from postreeve.permissions import Target
from postreeve.profiles import Texts
from postreeve.sessions.store import SELF_SERVICE
from postreeve.values import DomainName
from postreeve.web.accounts import chosen, policy_links, section_links
from postreeve.web.bulk import DELETE, DISABLE, ENABLE, Deed, carry_out, deeds_shown
from postreeve.web.forms import Form, Section, open_sections, sections
from postreeve.web.listing import overview
from postreeve.web.pages import N_, PAGES, Ask, Redirect, Shown, View, page, path_to

SECTIONS = sections(DOMAIN_PROFILE, Section("admins", (ADMINS,)))
NEW = (
    NAME, QUOTA, NUMBER_OF_USERS, NUMBER_OF_ALIASES, NUMBER_OF_LISTS, DEFAULT_QUOTA, MAX_USER_QUOTA, DEFAULT_LANGUAGE,
)  # fmt: skip
KEEP_DAYS = (0, 1, 7, 14, 30, 90, 180, 365)
"""For how long the mailboxes of deleted users can be kept; 0 is for ever."""


@page("GET /domains", title=N_("Domains"))
def list_domains(ask: Ask) -> View:
    values = {
        **overview(ask, "GET /api/panel/domains"),
        "deeds": deeds_shown(ask, _deeds(ask)),
        "may_add": _may_add(ask),
    }
    return Shown("domains/list.html", values)


@page("POST /domains", title=N_("Domains"))
def change_domains(ask: Ask) -> View:
    return carry_out(ask, _deeds(ask), "/domains")


@page("GET /domains/new", title=N_("New domain"))
def show_new_domain(ask: Ask) -> View:
    if not _may_add(ask):
        refuse(Code.PERMISSION_DENIED)
    return Shown("domains/new.html", {"form": _new_form(ask)})


@page("POST /domains/new", title=N_("New domain"))
def add_domain(ask: Ask) -> View:
    name = ask.typed("domain").strip()
    ask.run("POST /api/domain/<domain>", name, **_new_form(ask).changes())
    has_to_wait = bool(ask.remarks.hint)
    there = path_to("domains", name, "ownership") if has_to_wait else path_to("users", name)
    return Redirect(there, ask._("%(name)s has been added.", name=name))


@page("GET /domains/<domain>", title=N_("Domain"))
def show_domain(ask: Ask, name: str) -> View:
    profile = texts(ask.run("GET /api/domain/<domain>", name))
    known = _sections(ask, name)
    here = chosen(ask, known)
    policies = policy_links(ask, name, closed_sections(ask, name, "domain"))
    values = {
        "name": name, "section": here, "form": _form(ask, here, profile), "around": domain_tabs(ask, name, "profile"),
        "tabs": domain_profile_tabs(ask, name, here.name) + policies,
    }  # fmt: skip
    return Shown("domains/profile.html", values, name)


@page("POST /domains/<domain>", title=N_("Domain"))
def save_domain(ask: Ask, name: str) -> View:
    here = chosen(ask, _sections(ask, name))
    changes = _form(ask, here, texts(ask.run("GET /api/domain/<domain>", name))).changes()
    if changes:
        route = "PUT /api/domain/admins/<domain>" if here.name == "admins" else "PUT /api/domain/<domain>"
        ask.run(route, name, **changes)
    return Redirect(path_to("domains", name, section=here.name), said_of(ask, changes))


@page("GET /domains/<domain>/delete", title=N_("Delete domain"))
def ask_before_deleting(ask: Ask, name: str) -> View:
    if not ask.admin.is_global:
        refuse(Code.PERMISSION_DENIED)
    profile = ask.run("GET /api/domain/<domain>", name)
    return Shown("domains/delete.html", {"name": name, "profile": profile, "days": KEEP_DAYS})


@page("POST /domains/<domain>/delete", title=N_("Delete domain"))
def delete_domain(ask: Ask, name: str) -> View:
    ask.run("DELETE /api/domain/<domain>/keep_mailbox_days/<number>", name, ask.typed("days", "0"))
    return Redirect("/domains", ask._("%(name)s has been deleted.", name=name))


# What the pages of accounts have in common with these


def domain_tabs(ask: Ask, name: str, here: str) -> list[tuple[str, str, bool]]:
    """Return the links to what there is of a domain: accounts of each kind, and its profile."""
    known = (
        ("users", N_("Users"), path_to("users", name), "GET /users/<domain>"),
        ("aliases", N_("Mail aliases"), path_to("aliases", name), "GET /aliases/<domain>"),
        ("lists", N_("Mailing lists"), path_to("lists", name), "GET /lists/<domain>"),
        ("profile", N_("Domain"), path_to("domains", name), "GET /domains/<domain>"),
    )
    found = [(ask._(title), path, word == here) for word, title, path, needed in known if needed in PAGES]
    if here == "ownership" or _is_waiting(ask, name):
        found.append((ask._("Ownership"), path_to("domains", name, "ownership"), here == "ownership"))
    return found


def domain_profile_tabs(ask: Ask, name: str, here: str) -> list[tuple[str, str, bool]]:
    """Return the links to the sections of a domain's profile that are open to who asks."""
    return section_links(ask, _sections(ask, name), path_to("domains", name), here)


def closed_sections(ask: Ask, domain: str, kind: str) -> list[str]:
    """Return the sections of a domain's profile, or of its users' profiles, that are closed to who asks."""
    found: list[str] = ask.run("GET /api/panel/sections/<domain>", domain)[kind]
    return found


def said_of(ask: Ask, changes: object) -> str:
    """Return what is said after a form was saved."""
    return ask._("Saved.") if changes else ask._("Nothing was changed.")


def _is_waiting(ask: Ask, name: str) -> bool:
    """Tell whether a domain or an alias domain of it waits for the proof of its ownership."""
    return bool(ask.run("GET /api/domain/ownership/<domain>", name))


def _sections(ask: Ask, name: str) -> list[Section]:
    return open_sections(ask, SECTIONS, closed_sections(ask, name, "domain"))


def _form(ask: Ask, section: Section, stored: Texts) -> Form:
    return Form(ask, section.fields, stored, choices={SERVICES.name: [SELF_SERVICE]})


def _new_form(ask: Ask) -> Form:
    fields = [of for of in NEW if ask.admin.is_global or not of.only_global]
    return Form(ask, fields)


def _may_add(ask: Ask) -> bool:
    return ask.may("POST /api/domain/<domain>", Target((DomainName("example.com"),)))


def _deeds(ask: Ask) -> dict[str, Deed]:
    """Return what may be done to several domains at once."""
    if not ask.admin.is_global:
        return {}

    def switch(status: str) -> Deed:
        title = ENABLE if status == "active" else DISABLE
        return Deed(title, lambda name: ask.run("PUT /api/domain/<domain>", name, **{ACCOUNT_STATUS.name: status}))

    def delete(name: str) -> None:
        ask.run("DELETE /api/domain/<domain>/keep_mailbox_days/<number>", name, ask.typed("days", "0"))

    def question(number: int) -> str:
        return ask.ngettext(
            "Delete this domain with all its accounts?",
            "Delete these %(num)d domains with all their accounts?", number,
        )  # fmt: skip

    return {
        "enable": switch("active"), "disable": switch("disabled"),
        "delete": Deed(DELETE, delete, question, "domains/keep.html"),
    }  # fmt: skip
