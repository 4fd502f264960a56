"""The words of newsletters outside of our own pages: mails that ask for a confirmation, and a form for other pages."""

from collections.abc import Mapping

from postreeve.newsletter.store import Letter, Request
from postreeve.values import Address

PATHS: Mapping[Request, str] = {"subscribe": "subconfirm", "unsubscribe": "unsubconfirm"}
"""The names of the pages to which the links in mails lead, as iRedAdmin has them."""

_SUBJECTS: Mapping[Request, str] = {
    "subscribe": "Subscribe to {name}?",
    "unsubscribe": "Unsubscribe from {name}?",
}
_TEXTS: Mapping[Request, str] = {
    "subscribe": """\
Hello,

somebody, we hope you, wants this address to be subscribed to {name}:

    {subscriber}

Please open this link to confirm it. It works for {hours} hours:

{url}

If it was not you, there is nothing to do: without the link nobody is subscribed.
""",
    "unsubscribe": """\
Hello,

somebody, we hope you, wants this address to get no more mail from {name}:

    {subscriber}

Please open this link to confirm it. It works for {hours} hours:

{url}

If it was not you, there is nothing to do: without the link nothing changes.
""",
}

FORM = """\
<form method="post" action="{url}" accept-charset="utf-8">
  <label>Subscribe to {name}
    <input type="email" name="subscriber" maxlength="254" placeholder="you@example.com" required>
  </label>
  <button>Subscribe</button>
</form>
"""
"""A form for a page elsewhere; it needs nothing from that page, and brings nothing to it."""


def asking(  # noqa: PLR0913 - what is in the mail
    kind: Request, newsletter: Address, name: str, subscriber: Address, url: str, hours: int, sender: Address
) -> Letter:
    """Return the mail that asks for a confirmation."""
    words = {"name": name, "list": newsletter, "subscriber": subscriber, "url": url, "hours": hours}
    return Letter(sender, subscriber, _SUBJECTS[kind].format(**words), _TEXTS[kind].format(**words))
