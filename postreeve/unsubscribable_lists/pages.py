"""Pages about unsubscribable mailing lists: new ones, profiles; those of a domain stand among all lists."""

from postreeve.domains.pages import said_of
from postreeve.unsubscribable_lists.fields import ACCESS_POLICY, MAILLIST, MEMBERS, NAME
from postreeve.unsubscribable_lists.profile import texts
from postreeve.web.accounts import chosen, crumbs, domain_of, new_address, section_links
from postreeve.web.forms import Form, Section, sections
from postreeve.web.pages import N_, Ask, Redirect, Shown, View, page, path_to

SECTIONS = sections(MAILLIST, Section("members", (MEMBERS,)))
NEW = (NAME, MEMBERS, ACCESS_POLICY)


@page("GET /maillists/<domain>/new", title=N_("New unsubscribable list"))
def show_new_maillist(ask: Ask, domain: str) -> View:
    values = {"domain": domain, "form": Form(ask, NEW), "crumbs": crumbs(ask, domain, "lists")}
    return Shown("accounts/new.html", {**values, "save": N_("Add the list")})


@page("POST /maillists/<domain>/new", title=N_("New unsubscribable list"))
def add_maillist(ask: Ask, domain: str) -> View:
    mail = new_address(ask, domain)
    ask.run("POST /api/maillist/<mail>", mail, **Form(ask, NEW).changes())
    notice = ask._("%(name)s has been added.", name=mail)
    return Redirect(path_to("maillists", domain, "new") if ask.typed("another") else path_to("maillist", mail), notice)


@page("GET /maillist/<mail>", title=N_("Unsubscribable list"))
def show_maillist(ask: Ask, mail: str) -> View:
    stored = texts(ask.run("GET /api/maillist/<mail>", mail))
    here = chosen(ask, SECTIONS)
    path = path_to("maillist", mail)
    values = {
        "mail": mail, "path": path, "crumbs": crumbs(ask, domain_of(mail), "lists"),
        "form": Form(ask, here.fields, stored), "tabs": section_links(ask, SECTIONS, path, here.name),
    }  # fmt: skip
    return Shown("accounts/profile.html", values, mail)


@page("POST /maillist/<mail>", title=N_("Unsubscribable list"))
def save_maillist(ask: Ask, mail: str) -> View:
    here = chosen(ask, SECTIONS)
    changes = Form(ask, here.fields, texts(ask.run("GET /api/maillist/<mail>", mail))).changes()
    if changes:
        ask.run("PUT /api/maillist/<mail>", mail, **changes)
    return Redirect(path_to("maillist", mail, section=here.name), said_of(ask, changes))


@page("GET /maillist/<mail>/delete", title=N_("Delete mailing list"))
def ask_before_deleting(ask: Ask, mail: str) -> View:
    ask.run("GET /api/maillist/<mail>", mail)
    says = N_("The list is deleted. Its members stay. This can not be undone.")
    values = {
        "name": mail, "path": path_to("maillist", mail), "crumbs": crumbs(ask, domain_of(mail), "lists"), "says": says,
    }  # fmt: skip
    return Shown("accounts/delete.html", values)


@page("POST /maillist/<mail>/delete", title=N_("Delete mailing list"))
def delete_maillist(ask: Ask, mail: str) -> View:
    ask.run("DELETE /api/maillist/<mail>", mail)
    return Redirect(path_to("lists", domain_of(mail)), ask._("%(name)s has been deleted.", name=mail))
