"""Pages about users: those of a domain, new ones, profiles."""

from postreeve.domains.pages import KEEP_DAYS, closed_sections, domain_tabs, said_of
from postreeve.profiles import first, is_entry
from postreeve.users.fields import (
    ACCOUNT_STATUS,
    BOX_FOLDER,
    BOX_FORMAT,
    MAILDIR,
    NAME,
    NEW_PASSWORD,
    PASSWORD_HASH,
    QUOTA,
    SERVICES,
    USER,
    USER_LANGUAGE,
)
from postreeve.users.profile import known_services, texts
from postreeve.web.accounts import chosen, crumbs, domain_of, new_address, policy_links, section_links
from postreeve.web.bulk import DELETE, DISABLE, ENABLE, Deed, carry_out, deeds_shown
from postreeve.web.forms import Form, Section, open_sections, sections
from postreeve.web.listing import overview
from postreeve.web.pages import N_, Ask, Redirect, Shown, View, page, path_to
from postreeve.work import Profile

SECTIONS = sections(
    USER,
    Section("password", (NEW_PASSWORD, PASSWORD_HASH)),
    Section("services", (SERVICES,)),
    Section("mailbox", (BOX_FORMAT, BOX_FOLDER, MAILDIR)),
)
NEW = (NAME, NEW_PASSWORD, QUOTA, USER_LANGUAGE)


@page("GET /users/<domain>", title=N_("Users"))
def list_users(ask: Ask, domain: str) -> View:
    values = {
        "domain": domain, **overview(ask, "GET /api/panel/users/<domain>", domain),
        "deeds": deeds_shown(ask, _deeds(ask)), "around": domain_tabs(ask, domain, "users"),
    }  # fmt: skip
    return Shown("users/list.html", values, domain)


@page("POST /users/<domain>", title=N_("Users"))
def change_users(ask: Ask, domain: str) -> View:
    return carry_out(ask, _deeds(ask), path_to("users", domain))


@page("GET /users/<domain>/new", title=N_("New user"))
def show_new_user(ask: Ask, domain: str) -> View:
    values = {"domain": domain, "form": _new_form(ask), "crumbs": crumbs(ask, domain, "users")}
    return Shown("accounts/new.html", {**values, "save": N_("Add the user")})


@page("POST /users/<domain>/new", title=N_("New user"))
def add_user(ask: Ask, domain: str) -> View:
    mail = new_address(ask, domain)
    ask.run("POST /api/user/<mail>", mail, **_new_form(ask).changes())
    notice = ask._("%(name)s has been added.", name=mail)
    return Redirect(path_to("users", domain, "new") if ask.typed("another") else path_to("user", mail), notice)


@page("GET /user/<mail>", title=N_("User"))
def show_user(ask: Ask, mail: str) -> View:
    profile = ask.run("GET /api/user/<mail>", mail)
    known = _sections(ask, mail)
    here = chosen(ask, known)
    values = {
        "mail": mail, "domain": domain_of(mail), "section": here, "form": _form(ask, here, profile),
        "tabs": user_profile_tabs(ask, mail, here.name)
        + policy_links(ask, mail, closed_sections(ask, domain_of(mail), "user")),
        "around": domain_tabs(ask, domain_of(mail), "users"), "about": _about(profile),
    }  # fmt: skip
    return Shown("users/profile.html", values, mail)


@page("POST /user/<mail>", title=N_("User"))
def save_user(ask: Ask, mail: str) -> View:
    here = chosen(ask, _sections(ask, mail))
    changes = _form(ask, here, ask.run("GET /api/user/<mail>", mail)).changes()
    if changes:
        ask.run("PUT /api/user/<mail>", mail, **changes)
    return Redirect(path_to("user", mail, section=here.name), said_of(ask, changes))


@page("GET /user/<mail>/rename", title=N_("Change address"))
def show_new_address(ask: Ask, mail: str) -> View:
    ask.run("GET /api/user/<mail>", mail)
    says = N_("The mailbox stays where it is on disk; memberships and policies follow. The old address is free again.")
    values = {
        "mail": mail, "path": path_to("user", mail), "crumbs": crumbs(ask, domain_of(mail), "users"), "says": says,
    }  # fmt: skip
    return Shown("accounts/rename.html", values)


@page("POST /user/<mail>/rename", title=N_("Change address"))
def rename_user(ask: Ask, mail: str) -> View:
    new = ask.typed("new_mail").strip()
    ask.run("POST /api/user/<mail>/change_email/<new_mail>", mail, new)
    return Redirect(path_to("user", new), ask._("%(old)s is %(new)s now.", old=mail, new=new))


@page("GET /user/<mail>/delete", title=N_("Delete user"))
def ask_before_deleting(ask: Ask, mail: str) -> View:
    ask.run("GET /api/user/<mail>", mail)
    says = N_("The account, its alias addresses, memberships and policies are deleted. This can not be undone.")
    values = {
        "name": mail, "path": path_to("user", mail), "crumbs": crumbs(ask, domain_of(mail), "users"), "says": says,
    }  # fmt: skip
    return Shown("accounts/delete.html", {**values, "also": "domains/keep.html", "days": KEEP_DAYS})


@page("POST /user/<mail>/delete", title=N_("Delete user"))
def delete_user(ask: Ask, mail: str) -> View:
    _delete(ask, mail)
    return Redirect(path_to("users", domain_of(mail)), ask._("%(name)s has been deleted.", name=mail))


def user_profile_tabs(ask: Ask, mail: str, here: str) -> list[tuple[str, str, bool]]:
    """Return the links to the sections of a user's profile that are open to who asks."""
    return section_links(ask, _sections(ask, mail), path_to("user", mail), here)


def _sections(ask: Ask, mail: str) -> list[Section]:
    return open_sections(ask, SECTIONS, closed_sections(ask, domain_of(mail), "user"))


def _form(ask: Ask, section: Section, profile: Profile) -> Form:
    return Form(ask, section.fields, texts(profile), choices={SERVICES.name: known_services(profile)})


def _new_form(ask: Ask) -> Form:
    return Form(ask, NEW, required=(NEW_PASSWORD,))


def _about(profile: Profile) -> dict[str, object]:
    """Return what the profile says that nobody sets."""
    return {
        "used": int(profile["stored_bytes"]), "messages": int(profile["stored_messages"]),
        "last_login": profile["last_login"], "managed_domains": profile["managed_domains"],
        "member_of": [*profile["mailing_aliases"], *profile.get("mailing_lists", ())],
        "created": first(profile, "createTimestamp") if is_entry(profile) else str(profile.get("created", "")),
    }  # fmt: skip


def _delete(ask: Ask, mail: str) -> None:
    ask.run("DELETE /api/user/<mail>/keep_mailbox_days/<number>", mail, ask.typed("days", "0"))


def _deeds(ask: Ask) -> dict[str, Deed]:
    """Return what can be done to several users at once."""

    def switch(status: str) -> Deed:
        title = ENABLE if status == "active" else DISABLE
        return Deed(title, lambda mail: ask.run("PUT /api/user/<mail>", mail, **{ACCOUNT_STATUS.name: status}))

    def question(number: int) -> str:
        return ask.ngettext("Delete this user?", "Delete these %(num)d users?", number)

    return {
        "enable": switch("active"), "disable": switch("disabled"),
        "delete": Deed(DELETE, lambda mail: _delete(ask, mail), question, "domains/keep.html"),
    }  # fmt: skip
