"""Pages about admins: all of them, new ones, profiles, and the own profile of who is logged in."""

from postreeve import profiles
from postreeve.admins.fields import (
    ACCOUNT_STATUS,
    ADMIN,
    ADMIN_LANGUAGE,
    ADMIN_TIME_ZONE,
    IS_GLOBAL_ADMIN,
    LIMITS,
    NAME,
    NEW_PASSWORD,
)
from postreeve.admins.profile import texts
from postreeve.domains.pages import said_of
from postreeve.fields import DOMAIN, Role, SetField
from postreeve.self_service.fields import OLD_PASSWORD
from postreeve.shapes import Several
from postreeve.users.fields import NEW_PASSWORD as OWN_NEW_PASSWORD
from postreeve.web.accounts import Crumbs, chosen, section_links
from postreeve.web.bulk import DELETE, DISABLE, ENABLE, Deed, carry_out, deeds_shown, named
from postreeve.web.forms import Form, Section, sections
from postreeve.web.listing import overview
from postreeve.web.pages import N_, Ask, Redirect, Results, Shown, View, page, path_to
from postreeve.work import Profile

MANAGED = SetField(
    "domains", DOMAIN, N_("One domain in a line."), {"come": Role.ADD, "go": Role.REMOVE}, sql=Several(()),
    title=N_("Managed domains"),
)  # fmt: skip
DOMAINS = Section("domains", (MANAGED,))
SECTIONS = [*sections(ADMIN, Section("limits", LIMITS), Section("password", (NEW_PASSWORD,))), DOMAINS]
NEW = (NAME, NEW_PASSWORD, IS_GLOBAL_ADMIN, ADMIN_LANGUAGE)
OWN_SECTIONS = (
    Section("general", (NAME, ADMIN_LANGUAGE, ADMIN_TIME_ZONE)),
    Section("password", (OLD_PASSWORD, OWN_NEW_PASSWORD)),
)


@page("GET /admins", title=N_("Admins"))
def list_admins(ask: Ask) -> View:
    return Shown("admins/list.html", {**overview(ask, "GET /api/panel/admins"), "deeds": deeds_shown(ask, _deeds(ask))})


@page("POST /admins", title=N_("Admins"))
def change_admins(ask: Ask) -> View:
    return carry_out(ask, _deeds(ask), "/admins")


@page("GET /admins/new", title=N_("New admin"))
def show_new_admin(ask: Ask) -> View:
    values = {"form": _new_form(ask), "crumbs": _crumbs(ask), "save": N_("Add the admin")}
    return Shown("accounts/new.html", values)


@page("POST /admins/new", title=N_("New admin"))
def add_admin(ask: Ask) -> View:
    mail = ask.typed("mail").strip()
    ask.run("POST /api/admin/<mail>", mail, **_new_form(ask).changes())
    notice = ask._("%(name)s has been added.", name=mail)
    return Redirect("/admins/new" if ask.typed("another") else path_to("admins", mail), notice)


@page("GET /admins/<mail>", title=N_("Admin"))
def show_admin(ask: Ask, mail: str) -> View:
    profile = ask.run("GET /api/admin/<mail>", mail)
    known = _sections(profile)
    here = chosen(ask, known)
    values = {
        "mail": mail, "path": path_to("admins", mail), "crumbs": _crumbs(ask), "form": _form(ask, here, profile),
        "tabs": section_links(ask, known, path_to("admins", mail), here.name),
    }  # fmt: skip
    return Shown("accounts/profile.html", values, mail)


@page("POST /admins/<mail>", title=N_("Admin"))
def save_admin(ask: Ask, mail: str) -> View:
    profile = ask.run("GET /api/admin/<mail>", mail)
    here = chosen(ask, _sections(profile))
    changes = _form(ask, here, profile).changes()
    if changes and here == DOMAINS:
        return _assign(ask, mail, changes)
    if changes:
        ask.run("PUT /api/admin/<mail>", mail, **changes)
    return Redirect(path_to("admins", mail, section=here.name), said_of(ask, changes))


@page("GET /admins/<mail>/delete", title=N_("Delete admin"))
def ask_before_deleting(ask: Ask, mail: str) -> View:
    ask.run("GET /api/admin/<mail>", mail)
    says = N_("The admin can not log in any more. The domains stay. This can not be undone.")
    return Shown(
        "accounts/delete.html", {"name": mail, "path": path_to("admins", mail), "crumbs": _crumbs(ask), "says": says}
    )


@page("POST /admins/<mail>/delete", title=N_("Delete admin"))
def delete_admin(ask: Ask, mail: str) -> View:
    ask.run("DELETE /api/admin/<mail>", mail)
    return Redirect("/admins", ask._("%(name)s has been deleted.", name=mail))


@page("GET /profile", title=N_("My profile"))
def show_own_profile(ask: Ask) -> View:
    here = chosen(ask, OWN_SECTIONS)
    values = {
        "form": _own_form(ask, here), "tabs": section_links(ask, OWN_SECTIONS, "/profile", here.name),
        "domains": None if ask.admin.is_global else sorted(ask.admin.domains),
    }  # fmt: skip
    return Shown("admins/own.html", values)


@page("POST /profile", title=N_("My profile"))
def save_own_profile(ask: Ask) -> View:
    here = chosen(ask, OWN_SECTIONS)
    changes = _own_form(ask, here).changes()
    if changes:
        ask.run(f"PUT /api/panel/{'password' if here.name == 'password' else 'profile'}", **changes)
    return Redirect(path_to("profile", section=here.name), said_of(ask, changes))


def _crumbs(ask: Ask) -> Crumbs:
    return [(ask._("Admins"), "/admins")]


def _sections(profile: Profile) -> list[Section]:
    """Return the sections of an admin; a global one has neither limits nor domains."""
    is_global = texts(profile)[IS_GLOBAL_ADMIN.name] == "yes"
    return [section for section in SECTIONS if not is_global or section.name not in {"limits", DOMAINS.name}]


def _form(ask: Ask, section: Section, profile: Profile) -> Form:
    return Form(ask, section.fields, {**texts(profile), MANAGED.name: sorted(profile["managed_domains"])})


def _new_form(ask: Ask) -> Form:
    return Form(ask, NEW, required=(NEW_PASSWORD,))


def _own_form(ask: Ask, section: Section) -> Form:
    if section.name == "password":
        return Form(ask, section.fields, required=section.fields)
    return Form(ask, section.fields, profiles.texts(section.fields, ask.run("GET /api/panel/profile"), {}))


def _assign(ask: Ask, mail: str, changes: dict[str, str]) -> View:
    """Make somebody the admin of the domains that come, and no longer of those that go."""

    def change(role: str, parameter: str) -> Results:
        return ask.one_each(
            sorted(filter(None, changes.get(role, "").split(","))),
            lambda name: ask.run("PUT /api/domain/admins/<domain>", name, **{parameter: mail}),
        )

    come, gone = change("come", "addAdmin"), change("go", "removeAdmin")
    results = Results([*come.done, *gone.done], {**come.refused, **gone.refused})
    back = path_to("admins", mail, section=DOMAINS.name)
    if results.refused:
        return Shown("results.html", {"results": results, "named": named, "back": back}, mail)
    return Redirect(back, said_of(ask, results.done))


def _deeds(ask: Ask) -> dict[str, Deed]:
    """Return what can be done to several standalone admins at once."""

    def switch(status: str) -> Deed:
        title = ENABLE if status == "active" else DISABLE
        return Deed(title, lambda mail: ask.run("PUT /api/admin/<mail>", mail, **{ACCOUNT_STATUS.name: status}))

    def question(number: int) -> str:
        return ask.ngettext("Delete this admin?", "Delete these %(num)d admins?", number)

    return {
        "enable": switch("active"), "disable": switch("disabled"),
        "delete": Deed(DELETE, lambda mail: ask.run("DELETE /api/admin/<mail>", mail), question),
    }  # fmt: skip
