"""Pages about policies: spam, throttling, greylisting, white and black lists; of everybody, a domain or a user.

Their path names the scope as the API does: `global`, a domain, or an address.
"""

from collections.abc import Iterable, Mapping

from postreeve.domains.pages import closed_sections, domain_profile_tabs, domain_tabs, said_of
from postreeve.errors import Code, refuse
from postreeve.fields import AnyField, Role, SetField
from postreeve.greylisting.fields import QUERY_NOW, SENDERS, SPF_DOMAINS, STATUS
from postreeve.policies.answers import GLOBAL
from postreeve.profiles import Texts
from postreeve.shapes import Several
from postreeve.spam_policy.fields import SPAM_POLICY
from postreeve.throttle.fields import MAX_RCPTS, PERIOD, THROTTLE
from postreeve.users.pages import user_profile_tabs
from postreeve.wblist.fields import ENTRY
from postreeve.web.accounts import Crumbs, crumbs, domain_of, policy_links
from postreeve.web.forms import Form
from postreeve.web.pages import N_, Ask, Redirect, Shown, View, page, path_to

DIRECTIONS = {"inbound": N_("Inbound"), "outbound": N_("Outbound")}
_ENTRIES = N_(
    "IP addresses, networks, e-mail addresses, domains as `@ex.com`, domains with all below them as `@.ex.com`, "
    "or everybody as `@.`."
)
WHITELIST = SetField(
    "whitelist", ENTRY, _ENTRIES, {"add_white": Role.ADD, "remove_white": Role.REMOVE}, sql=Several(()),
    title=N_("White list"),
)  # fmt: skip
BLACKLIST = SetField(
    "blacklist", ENTRY, _ENTRIES, {"add_black": Role.ADD, "remove_black": Role.REMOVE}, sql=Several(()),
    title=N_("Black list"),
)  # fmt: skip


@page("GET /policies", title=N_("Policies for everybody"))
def show_policies(_ask: Ask) -> View:
    return Redirect(path_to("policies", GLOBAL, "spampolicy"))


@page("GET /policies/<scope>/spampolicy", title=N_("Spam policy"))
def show_spam_policy(ask: Ask, scope: str) -> View:
    form = _spam_form(ask, _spam_policy(ask, scope))
    values = {**_around(ask, scope, "spampolicy"), "form": form, "forget": N_("Inherit all of it again")}
    return Shown("policies/policy.html", values)


@page("POST /policies/<scope>/spampolicy", title=N_("Spam policy"))
def save_spam_policy(ask: Ask, scope: str) -> View:
    if ask.typed("forget"):
        ask.run(f"DELETE {_spam_route(scope)}", *_in_path(scope))
        return Redirect(ask.path, said_of(ask, {"forget"}))
    changes = _spam_form(ask, _spam_policy(ask, scope)).changes()
    if changes:
        ask.run(f"PUT {_spam_route(scope)}", *_in_path(scope), **changes)
    return Redirect(ask.path, said_of(ask, changes))


@page("GET /policies/<scope>/throttle", title=N_("Throttling"))
def show_throttles(_ask: Ask, scope: str) -> View:
    return Redirect(path_to("policies", scope, "throttle", "outbound"))


@page("GET /policies/<scope>/throttle/<direction>", title=N_("Throttling"))
def show_throttle(ask: Ask, scope: str, direction: str) -> View:
    form = Form(ask, THROTTLE, _throttle(ask, scope, direction))
    values = {**_around(ask, scope, "throttle", direction), "form": form, "forget": N_("Remove the limits")}
    return Shown("policies/policy.html", values)


@page("POST /policies/<scope>/throttle/<direction>", title=N_("Throttling"))
def save_throttle(ask: Ask, scope: str, direction: str) -> View:
    stored = _throttle(ask, scope, direction)
    changes = {PERIOD.name: "0"} if ask.typed("forget") else Form(ask, THROTTLE, stored).changes()
    if changes:
        whole = {name: str(value) for name, value in {**stored, **changes}.items() if value}
        ask.run("POST /api/throttle/<scope>/<direction>", scope, direction, **whole)
    return Redirect(ask.path, said_of(ask, changes))


@page("GET /policies/<scope>/greylisting", title=N_("Greylisting"))
def show_greylisting(ask: Ask, scope: str) -> View:
    values = {**_around(ask, scope, "greylisting"), "form": _greylisting_form(ask, scope)}
    return Shown("policies/policy.html", values)


@page("POST /policies/<scope>/greylisting", title=N_("Greylisting"))
def save_greylisting(ask: Ask, scope: str) -> View:
    changes = _greylisting_form(ask, scope).changes()
    status = changes.pop(STATUS.name, None)
    senders = {name: changes.pop(name) for name in SENDERS.roles if name in changes}
    domains = {name: changes[name] for name in SPF_DOMAINS.roles if name in changes}
    if status:
        ask.run("POST /api/greylisting/<scope>", scope, **{STATUS.name: status})
    elif status is not None:
        ask.run("DELETE /api/greylisting/<scope>", scope)
    if senders:
        ask.run("POST /api/greylisting/<scope>/whitelists", scope, **senders)
    if domains:
        ask.run("POST /api/greylisting/whitelist_spf_domains", **changes)
    if QUERY_NOW.name in changes and not domains:
        ask.remarks.hint = ask._("The DNS was not asked: no domain was added.")
    return Redirect(ask.path, said_of(ask, senders or domains or status is not None))


@page("GET /policies/<scope>/wblist", title=N_("White and black list"))
def show_lists(_ask: Ask, scope: str) -> View:
    return Redirect(path_to("policies", scope, "wblist", "inbound"))


@page("GET /policies/<scope>/wblist/<direction>", title=N_("White and black list"))
def show_list(ask: Ask, scope: str, direction: str) -> View:
    values = {**_around(ask, scope, "wblist", direction), "form": _list_form(ask, scope, direction)}
    return Shown("policies/policy.html", values)


@page("POST /policies/<scope>/wblist/<direction>", title=N_("White and black list"))
def save_list(ask: Ask, scope: str, direction: str) -> View:
    changes = _list_form(ask, scope, direction).changes()
    for name in sorted(changes, key=lambda name: name.startswith("add")):  # what moves to the other list goes first
        verdict = f"{name.partition('_')[2]}list"
        method = "POST" if name.startswith("add") else "PUT"
        route = f"{method} /api/wblist/<direction>/<list>/<scope>"
        ask.run(route, direction, verdict, scope, addresses=changes[name])
    return Redirect(ask.path, said_of(ask, changes))


def _around(ask: Ask, scope: str, here: str, direction: str = "") -> dict[str, object]:
    """Return what stands around a policy: where one is, whose it is, and the other sections."""
    if direction and direction not in DIRECTIONS:
        refuse(Code.NO_SUCH_OPERATION)
    inner = [
        (ask._(title), path_to("policies", scope, here, word), word == direction) for word, title in DIRECTIONS.items()
    ]
    values: dict[str, object] = {"scope": scope, "directions": inner if direction else [], "around": [], "crumbs": []}
    if scope == GLOBAL:
        return {**values, "head": ask._("Policies for everybody"), "tabs": policy_links(ask, scope, (), here)}
    way: Crumbs = [(ask._("Domains"), "/domains")]
    if "@" in scope:
        domain = domain_of(scope)
        tabs = user_profile_tabs(ask, scope, "") + policy_links(ask, scope, closed_sections(ask, domain, "user"), here)
        return {**values, "head": scope, "crumbs": crumbs(ask, domain, "users"), "tabs": tabs}
    tabs = domain_profile_tabs(ask, scope, "") + policy_links(ask, scope, closed_sections(ask, scope, "domain"), here)
    return {**values, "head": scope, "crumbs": way, "around": domain_tabs(ask, scope, "profile"), "tabs": tabs}


def _spam_route(scope: str) -> str:
    kind = "global" if scope == GLOBAL else "user/<mail>" if "@" in scope else "domain/<domain>"
    return f"/api/spampolicy/{kind}"


def _in_path(scope: str) -> tuple[str, ...]:
    return () if scope == GLOBAL else (scope,)


def _spam_policy(ask: Ask, scope: str) -> Texts:
    """Return what a spam policy says; what it leaves to a less specific one is empty."""
    found = ask.run(f"GET {_spam_route(scope)}", *_in_path(scope))
    return _texts(SPAM_POLICY, found)


def _spam_form(ask: Ask, stored: Texts) -> Form:
    inherited = {name: ask._("As inherited") for name, value in stored.items() if not value}
    return Form(ask, SPAM_POLICY, stored, unset=inherited)


def _throttle(ask: Ask, scope: str, direction: str) -> Texts:
    found = ask.run("GET /api/throttle/<scope>/<direction>", scope, direction)
    stored = _texts(THROTTLE, found)
    if found and MAX_RCPTS.name not in found:  # where the table has no such column
        del stored[MAX_RCPTS.name]
    return stored


def _greylisting_form(ask: Ask, scope: str) -> Form:
    setting = ask.run("GET /api/greylisting/<scope>", scope)
    stored: Texts = {
        STATUS.name: setting.get("status", ""),
        SENDERS.name: ask.run("GET /api/greylisting/<scope>/whitelists", scope),
    }
    fields: list[AnyField] = [STATUS, SENDERS]
    if scope == GLOBAL:
        stored |= {SPF_DOMAINS.name: ask.run("GET /api/greylisting/whitelist_spf_domains"), QUERY_NOW.name: "no"}
        fields += [SPF_DOMAINS, QUERY_NOW]
    return Form(ask, fields, stored, unset={STATUS.name: ask._("As inherited")})


def _list_form(ask: Ask, scope: str, direction: str) -> Form:
    route = "GET /api/wblist/<direction>/<list>/<scope>"
    stored: Texts = {of.name: ask.run(route, direction, of.name, scope) for of in (WHITELIST, BLACKLIST)}
    return Form(ask, (WHITELIST, BLACKLIST), stored)


def _texts(fields: Iterable[AnyField], found: Mapping[str, object]) -> Texts:
    return {of.name: "" if found.get(of.name) is None else str(found[of.name]) for of in fields}
