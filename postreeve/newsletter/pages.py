"""The public pages of newsletters: for everybody, in the language of the browser, without a session.

Their paths are those of iRedAdmin. A form on somebody else's page may send to them, since nothing happens before the
link in a mail has been opened and confirmed.
"""

from postreeve.errors import Code, Refused
from postreeve.newsletter.letters import PATHS
from postreeve.newsletter.store import Request
from postreeve.subscribable_lists.pages import around
from postreeve.translations import ACCOUNT_LANGUAGES
from postreeve.web.pages import N_, Ask, Shown, View, page


@page("GET /newsletter/subscribe/<list_id>", title=N_("Subscribe"), is_open=True)
def show_subscription(ask: Ask, list_id: str) -> View:
    return _question(ask, list_id, "subscribe")


@page("POST /newsletter/subscribe/<list_id>", title=N_("Subscribe"), is_open=True, is_embeddable=True)
def subscribe(ask: Ask, list_id: str) -> View:
    return _asked(ask, list_id, "subscribe")


@page("GET /newsletter/unsubscribe/<list_id>", title=N_("Unsubscribe"), is_open=True)
def show_unsubscription(ask: Ask, list_id: str) -> View:
    return _question(ask, list_id, "unsubscribe")


@page("POST /newsletter/unsubscribe/<list_id>", title=N_("Unsubscribe"), is_open=True, is_embeddable=True)
def unsubscribe(ask: Ask, list_id: str) -> View:
    return _asked(ask, list_id, "unsubscribe")


@page(f"GET /newsletter/{PATHS['subscribe']}/<list_id>/<token>", title=N_("Subscribe"), is_open=True)
def show_confirmation(ask: Ask, list_id: str, token: str) -> View:
    return _confirmation(ask, list_id, "subscribe", token)


@page(
    f"POST /newsletter/{PATHS['subscribe']}/<list_id>/<token>", title=N_("Subscribe"), is_open=True, is_embeddable=True
)
def confirm_subscription(ask: Ask, list_id: str, token: str) -> View:
    return _confirmed(ask, list_id, "subscribe", token)


@page(f"GET /newsletter/{PATHS['unsubscribe']}/<list_id>/<token>", title=N_("Unsubscribe"), is_open=True)
def show_farewell(ask: Ask, list_id: str, token: str) -> View:
    return _confirmation(ask, list_id, "unsubscribe", token)


@page(
    f"POST /newsletter/{PATHS['unsubscribe']}/<list_id>/<token>",
    title=N_("Unsubscribe"), is_open=True, is_embeddable=True,
)  # fmt: skip
def confirm_farewell(ask: Ask, list_id: str, token: str) -> View:
    return _confirmed(ask, list_id, "unsubscribe", token)


@page("GET /list/<mail>/sign-up", title=N_("Sign-up form"))
def show_sign_up_form(ask: Ask, mail: str) -> View:
    values: dict[str, object] = {**around(ask, mail, "sign-up"), "form": None, "reason": None}
    try:
        values["form"] = ask.run("GET /api/ml/newsletter/<mail>", mail)
    except Refused as no:
        if no.codes[0] is not Code.NOT_AVAILABLE:
            raise
        values["reason"] = ask.explain(no)
    return Shown("newsletter/form.html", values, mail)


def _question(ask: Ask, list_id: str, request: Request) -> View:
    newsletter = ask.run("GET /api/newsletter/<list_id>", list_id)
    other = "unsubscribe" if request == "subscribe" else "subscribe"
    values = {"newsletter": newsletter, "is_coming": request == "subscribe", "other": f"../{other}/{list_id}"}
    return Shown("newsletter/question.html", values, newsletter["name"])


def _asked(ask: Ask, list_id: str, request: Request) -> View:
    newsletter = ask.run("GET /api/newsletter/<list_id>", list_id)
    subscriber = ask.typed("subscriber").strip()
    language = ACCOUNT_LANGUAGES[ask.language.tag.replace("-", "_")]
    ask.run("POST /api/newsletter/<list_id>/<request>", list_id, request, subscriber=subscriber, language=language)
    values = {"newsletter": newsletter, "subscriber": subscriber, "is_coming": request == "subscribe"}
    return Shown("newsletter/asked.html", values, newsletter["name"])


def _confirmation(ask: Ask, list_id: str, request: Request, token: str) -> View:
    awaited = ask.run("GET /api/newsletter/<list_id>/<request>/<token>", list_id, request, token)
    return Shown("newsletter/confirm.html", {**awaited, "is_coming": request == "subscribe"}, awaited["name"])


def _confirmed(ask: Ask, list_id: str, request: Request, token: str) -> View:
    awaited = ask.run("GET /api/newsletter/<list_id>/<request>/<token>", list_id, request, token)
    ask.run("POST /api/newsletter/<list_id>/<request>/<token>", list_id, request, token)
    return Shown("newsletter/confirmed.html", {**awaited, "is_coming": request == "subscribe"}, awaited["name"])
