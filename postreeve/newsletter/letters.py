"""The words of newsletters outside of our own pages: mails that ask for a confirmation, and a form for other pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from postreeve.newsletter.store import Letter, Request
from postreeve.translations import Language
from postreeve.values import Address

PATHS: Mapping[Request, str] = {"subscribe": "subconfirm", "unsubscribe": "unsubconfirm"}
"""The names of the pages to which the links in mails lead, as iRedAdmin has them."""

_FORM = """\
<form method="post" action="{url}" accept-charset="utf-8">
  <label>Subscribe to {name}
    <input type="email" name="subscriber" maxlength="254" placeholder="you@example.com" required>
  </label>
  <button>Subscribe</button>
</form>
"""


def form(url: str, name: str) -> str:
    """Return a form for a page elsewhere; it needs nothing from that page, and brings nothing to it."""
    return _FORM.format(url=escape(url), name=escape(name))


@dataclass(frozen=True)
class Question:
    """What a mail asks."""

    request: Request
    name: str
    """Of the newsletter."""
    url: str
    """Where it is confirmed."""
    hours: int


def asking(question: Question, sender: Address, subscriber: Address, language: Language) -> Letter:
    """Return the mail that asks for a confirmation."""
    _, name = language.gettext, question.name
    if question.request == "subscribe":
        subject = _("Subscribe to %(name)s?", name=name)
        wish = _("somebody, we hope you, wants this address to be subscribed to %(name)s:", name=name)
        otherwise = _("If it was not you, there is nothing to do: without the link nobody is subscribed.")
    else:
        subject = _("Unsubscribe from %(name)s?", name=name)
        wish = _("somebody, we hope you, wants this address to get no more mail from %(name)s:", name=name)
        otherwise = _("If it was not you, there is nothing to do: without the link nothing changes.")
    paragraphs = (
        _("Hello,"), wish, f"    {subscriber}",
        language.ngettext(
            "Please open this link to confirm it. It works for %(num)d hour:",
            "Please open this link to confirm it. It works for %(num)d hours:",
            question.hours,
        ),
        question.url, otherwise,
    )  # fmt: skip
    return Letter(sender, subscriber, subject, "\n\n".join(paragraphs) + "\n")
