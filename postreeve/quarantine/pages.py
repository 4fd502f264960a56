"""The quarantine, in the panel and for users: what waits there, one mail as text, and what becomes of it."""

from collections.abc import Mapping

from postreeve.mail_log.pages import FATE_TITLES, KIND_TITLES, some_mails
from postreeve.web.bulk import DELETE, Deed, carry_out, chosen, deeds_shown, question
from postreeve.web.pages import N_, SELF_SERVICE, Ask, Redirect, Shown, View, page

RELEASE = N_("Release")
DEEDS: Mapping[str, tuple[str, str, Mapping[str, str]]] = {
    "release": (RELEASE, "PUT", {"action": "release"}),
    "release_whitelist": (
        N_("Release, and put the sender on the white list"),
        "PUT", {"action": "release", "list": "whitelist"},
    ),
    "delete": (DELETE, "DELETE", {}),
    "delete_blacklist": (N_("Delete, and put the sender on the black list"), "DELETE", {"list": "blacklist"}),
}  # fmt: skip
"""What can be done with a mail: the title, the method, and what is said besides."""


@page("GET /quarantine", title=N_("Quarantine"))
def show_quarantine(ask: Ask) -> View:
    return _list(ask)


@page("POST /quarantine", title=N_("Quarantine"))
def settle_mails(ask: Ask) -> View:
    return carry_out(ask, _deeds(ask), "/quarantine", _done)


@page("GET /quarantine/<mail_id>", title=N_("Quarantined mail"))
def show_mail(ask: Ask, mail_id: str) -> View:
    return _mail(ask, mail_id)


@page("POST /quarantine/<mail_id>", title=N_("Quarantined mail"))
def settle_mail(ask: Ask, mail_id: str) -> View:
    return _settled(ask, mail_id, "/quarantine")


@page("GET /self-service/quarantine", title=N_("Quarantine"), face=SELF_SERVICE)
def show_own_quarantine(ask: Ask) -> View:
    return _list(ask)


@page("POST /self-service/quarantine", title=N_("Quarantine"), face=SELF_SERVICE)
def settle_own_mails(ask: Ask) -> View:
    return carry_out(ask, _deeds(ask), "/self-service/quarantine", _done)


@page("GET /self-service/quarantine/<mail_id>", title=N_("Quarantined mail"), face=SELF_SERVICE)
def show_own_mail(ask: Ask, mail_id: str) -> View:
    return _mail(ask, mail_id)


@page("POST /self-service/quarantine/<mail_id>", title=N_("Quarantined mail"), face=SELF_SERVICE)
def settle_own_mail(ask: Ask, mail_id: str) -> View:
    return _settled(ask, mail_id, "/self-service/quarantine")


def _list(ask: Ask) -> View:
    values = {**some_mails(ask, "GET /api/quarantine"), "deeds": deeds_shown(ask, _deeds(ask))}
    return Shown("mails/list.html", values)


def _mail(ask: Ask, mail_id: str) -> View:
    mail = ask.run("GET /api/quarantine/<mail_id>", mail_id)
    values = {"mail": mail, "kinds": KIND_TITLES, "fates": FATE_TITLES, "deeds": deeds_shown(ask, _deeds(ask))}
    return Shown("mails/mail.html", {**values, "back": ask.path.rpartition("/")[0]})


def _settled(ask: Ask, mail_id: str, back: str) -> View:
    deed = chosen(ask, _deeds(ask))
    if first := question(ask, deed, [mail_id], ask.path):
        return first
    deed.do(mail_id)
    return Redirect(back, _done(ask, 1, ask._(deed.title)))


def _done(ask: Ask, number: int, deed: str) -> str:
    return ask.ngettext("%(deed)s: %(num)d mail.", "%(deed)s: %(num)d mails.", number, deed=deed)


def _deeds(ask: Ask) -> dict[str, Deed]:
    def deletion(number: int) -> str:
        return ask.ngettext("Delete this mail?", "Delete these %(num)d mails?", number)

    def deed(title: str, method: str, said: Mapping[str, str]) -> Deed:
        route = f"{method} /api/quarantine/<mail_id>"
        return Deed(title, lambda mail_id: ask.run(route, mail_id, **said), deletion if method == "DELETE" else None)

    return {word: deed(*what) for word, what in DEEDS.items()}
