"""System → Settings: those of the site's settings that take effect while it runs."""

from postreeve.domains.pages import said_of
from postreeve.profiles import Texts
from postreeve.site_settings.fields import BY_NAME, RESET, SECTIONS
from postreeve.web.accounts import chosen, section_links
from postreeve.web.forms import Form, Section
from postreeve.web.pages import N_, Ask, Redirect, Shown, View, page

KNOWN = [Section(name, tuple(BY_NAME[word] for word in words)) for name, words in SECTIONS.items()]


@page("GET /settings", title=N_("Settings"))
def show_settings(ask: Ask) -> View:
    found = ask.run("GET /api/panel/settings")
    here = chosen(ask, KNOWN)
    overridden = [of for of in here.fields if found[of.name]["is_overridden"]]
    values = {
        "form": Form(ask, here.fields, _texts(found)), "tabs": section_links(ask, KNOWN, "/settings", here.name),
        "overridden": [(of.name, of.title, _text(found[of.name]["in_file"])) for of in overridden],
    }  # fmt: skip
    return Shown("settings/settings.html", values)


@page("POST /settings", title=N_("Settings"))
def save_settings(ask: Ask) -> View:
    here = chosen(ask, KNOWN)
    if ask.marked():
        changes = {RESET.name: ",".join(ask.marked())}
    else:
        changes = Form(ask, here.fields, _texts(ask.run("GET /api/panel/settings"))).changes()
    if changes:
        ask.run("PUT /api/panel/settings", **changes)
    return Redirect(f"/settings?section={here.name}", said_of(ask, changes))


def _texts(found: dict[str, dict[str, object]]) -> Texts:
    return {name: _text(setting["value"]) for name, setting in found.items()}


def _text(value: object) -> str | list[str]:
    match value:
        case bool():
            return "yes" if value else "no"
        case list():
            return [str(item) for item in value]
        case other:
            return str(other)
