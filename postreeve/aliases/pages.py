"""Pages about mail aliases: those of a domain, new ones, profiles."""

from postreeve.aliases.fields import ACCESS_POLICY, ACCOUNT_STATUS, ALIAS, MEMBERS, NAME
from postreeve.aliases.profile import texts
from postreeve.domains.pages import domain_tabs, said_of
from postreeve.web.accounts import chosen, crumbs, domain_of, new_address, section_links
from postreeve.web.bulk import DELETE, DISABLE, ENABLE, Deed, carry_out, deeds_shown
from postreeve.web.forms import Form, Section, sections
from postreeve.web.listing import overview
from postreeve.web.pages import N_, Ask, Redirect, Shown, View, page, path_to

SECTIONS = sections(ALIAS, Section("members", (MEMBERS,)))
NEW = (NAME, MEMBERS, ACCESS_POLICY)


@page("GET /aliases/<domain>", title=N_("Mail aliases"))
def list_aliases(ask: Ask, domain: str) -> View:
    values = {
        "domain": domain, **overview(ask, "GET /api/panel/aliases/<domain>", domain),
        "deeds": deeds_shown(ask, _deeds(ask)), "around": domain_tabs(ask, domain, "aliases"),
        "policies": ACCESS_POLICY.kind.titles,
    }  # fmt: skip
    return Shown("aliases/list.html", values, domain)


@page("POST /aliases/<domain>", title=N_("Mail aliases"))
def change_aliases(ask: Ask, domain: str) -> View:
    return carry_out(ask, _deeds(ask), path_to("aliases", domain))


@page("GET /aliases/<domain>/new", title=N_("New mail alias"))
def show_new_alias(ask: Ask, domain: str) -> View:
    values = {"domain": domain, "form": Form(ask, NEW), "crumbs": crumbs(ask, domain, "aliases")}
    return Shown("accounts/new.html", {**values, "save": N_("Add the alias")})


@page("POST /aliases/<domain>/new", title=N_("New mail alias"))
def add_alias(ask: Ask, domain: str) -> View:
    mail = new_address(ask, domain)
    ask.run("POST /api/alias/<mail>", mail, **Form(ask, NEW).changes())
    notice = ask._("%(name)s has been added.", name=mail)
    return Redirect(path_to("aliases", domain, "new") if ask.typed("another") else path_to("alias", mail), notice)


@page("GET /alias/<mail>", title=N_("Mail alias"))
def show_alias(ask: Ask, mail: str) -> View:
    stored = texts(ask.run("GET /api/alias/<mail>", mail))
    here = chosen(ask, SECTIONS)
    path = path_to("alias", mail)
    values = {
        "mail": mail, "path": path, "crumbs": crumbs(ask, domain_of(mail), "aliases"),
        "form": Form(ask, here.fields, stored), "tabs": section_links(ask, SECTIONS, path, here.name),
        "can_be_renamed": True,
    }  # fmt: skip
    return Shown("accounts/profile.html", values, mail)


@page("POST /alias/<mail>", title=N_("Mail alias"))
def save_alias(ask: Ask, mail: str) -> View:
    here = chosen(ask, SECTIONS)
    changes = Form(ask, here.fields, texts(ask.run("GET /api/alias/<mail>", mail))).changes()
    if changes:
        ask.run("PUT /api/alias/<mail>", mail, **changes)
    return Redirect(path_to("alias", mail, section=here.name), said_of(ask, changes))


@page("GET /alias/<mail>/rename", title=N_("Change address"))
def show_new_address(ask: Ask, mail: str) -> View:
    ask.run("GET /api/alias/<mail>", mail)
    says = N_("Memberships follow. The old address is free again.")
    values = {
        "mail": mail, "path": path_to("alias", mail), "crumbs": crumbs(ask, domain_of(mail), "aliases"), "says": says,
    }  # fmt: skip
    return Shown("accounts/rename.html", values)


@page("POST /alias/<mail>/rename", title=N_("Change address"))
def rename_alias(ask: Ask, mail: str) -> View:
    new = ask.typed("new_mail").strip()
    ask.run("POST /api/alias/<mail>/change_email/<new_mail>", mail, new)
    return Redirect(path_to("alias", new), ask._("%(old)s is %(new)s now.", old=mail, new=new))


@page("GET /alias/<mail>/delete", title=N_("Delete mail alias"))
def ask_before_deleting(ask: Ask, mail: str) -> View:
    ask.run("GET /api/alias/<mail>", mail)
    says = N_("The alias and its memberships are deleted. Its members stay. This can not be undone.")
    values = {
        "name": mail, "path": path_to("alias", mail), "crumbs": crumbs(ask, domain_of(mail), "aliases"), "says": says,
    }  # fmt: skip
    return Shown("accounts/delete.html", values)


@page("POST /alias/<mail>/delete", title=N_("Delete mail alias"))
def delete_alias(ask: Ask, mail: str) -> View:
    ask.run("DELETE /api/alias/<mail>", mail)
    return Redirect(path_to("aliases", domain_of(mail)), ask._("%(name)s has been deleted.", name=mail))


def _deeds(ask: Ask) -> dict[str, Deed]:
    """Return what can be done to several aliases at once."""

    def switch(status: str) -> Deed:
        title = ENABLE if status == "active" else DISABLE
        return Deed(title, lambda mail: ask.run("PUT /api/alias/<mail>", mail, **{ACCOUNT_STATUS.name: status}))

    def question(number: int) -> str:
        return ask.ngettext("Delete this mail alias?", "Delete these %(num)d mail aliases?", number)

    return {
        "enable": switch("active"), "disable": switch("disabled"),
        "delete": Deed(DELETE, lambda mail: ask.run("DELETE /api/alias/<mail>", mail), question),
    }  # fmt: skip
