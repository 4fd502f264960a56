"""Self-service: the pages of mail users about their own accounts, as far as their domain leaves them open."""

from collections.abc import Collection
from typing import Any

from postreeve import profiles
from postreeve.domains.pages import said_of
from postreeve.policies.pages import BLACKLIST, WHITELIST
from postreeve.profiles import Texts
from postreeve.self_service.fields import OLD_PASSWORD, OWN_PROFILE
from postreeve.spam_policy.fields import SPAM_POLICY
from postreeve.users.fields import NEW_PASSWORD
from postreeve.web.accounts import chosen, section_links
from postreeve.web.forms import Form, Section
from postreeve.web.pages import N_, SELF_SERVICE, Ask, Redirect, Shown, View, page

WBLIST = "/api/self-service/wblist/<direction>/<list>"
_PROFILE = {
    preference: tuple(of for of in OWN_PROFILE if of.preference == preference)
    for preference in ("personal_info", "forwarding")
}
SECTIONS = (
    Section("personal_info", _PROFILE["personal_info"]),
    Section("password", (OLD_PASSWORD, NEW_PASSWORD)),
    Section("forwarding", _PROFILE["forwarding"]),
    Section("wblist", (WHITELIST, BLACKLIST)),
    Section("spampolicy", tuple(SPAM_POLICY)),
)
PATH = "/self-service"


@page("GET /self-service", title=N_("My account"), face=SELF_SERVICE)
def show_own_account(ask: Ask) -> View:
    account = ask.run("GET /api/self-service")
    known = _open(account["preferences"])
    if not known:
        return Shown("self_service/account.html", {"account": account, "tabs": [], "form": None, "forget": ""})
    here = chosen(ask, known)
    values = {
        "account": account, "tabs": section_links(ask, known, PATH, here.name), "form": _form(ask, here),
        "forget": N_("Inherit all of it again") if here.name == "spampolicy" else "",
    }  # fmt: skip
    return Shown("self_service/account.html", values)


@page("POST /self-service", title=N_("My account"), face=SELF_SERVICE)
def save_own_account(ask: Ask) -> View:
    here = chosen(ask, _open(ask.run("GET /api/self-service")["preferences"]))
    if here.name == "spampolicy" and ask.typed("forget"):
        ask.run("DELETE /api/self-service/spampolicy")
        return Redirect(f"{PATH}?section={here.name}", said_of(ask, {"forget"}))
    changes = _form(ask, here).changes()
    if changes:
        _save(ask, here.name, changes)
    return Redirect(f"{PATH}?section={here.name}", said_of(ask, changes))


def _open(preferences: Collection[str]) -> list[Section]:
    return [section for section in SECTIONS if section.name in preferences]


def _form(ask: Ask, section: Section) -> Form:
    match section.name:
        case "password":
            return Form(ask, section.fields, required=section.fields)
        case "wblist":
            lists = (WHITELIST, BLACKLIST)
            return Form(ask, lists, {of.name: ask.run(f"GET {WBLIST}", "inbound", of.name) for of in lists})
        case "spampolicy":
            stored = _texts(ask.run("GET /api/self-service/spampolicy"))
            inherited = {name: ask._("As inherited") for name, value in stored.items() if not value}
            return Form(ask, section.fields, stored, unset=inherited)
    return Form(ask, section.fields, profiles.texts(section.fields, ask.run("GET /api/self-service/profile"), {}))


def _save(ask: Ask, section: str, changes: dict[str, str]) -> None:
    if section == "wblist":
        for name in sorted(changes, key=lambda name: name.startswith("add")):  # what moves to the other goes first
            method = "POST" if name.startswith("add") else "PUT"
            ask.run(f"{method} {WBLIST}", "inbound", f"{name.partition('_')[2]}list", addresses=changes[name])
        return
    what = section if section in {"password", "spampolicy"} else "profile"
    ask.run(f"PUT /api/self-service/{what}", **changes)


def _texts(found: dict[str, Any]) -> Texts:
    return {of.name: "" if found.get(of.name) is None else str(found[of.name]) for of in SPAM_POLICY}
