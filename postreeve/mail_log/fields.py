"""What may be asked of the mail log."""

import re
from typing import get_args

from postreeve.activity.fields import SINCE, UNTIL
from postreeve.errors import Code, refuse
from postreeve.fields import ADDRESS, DOMAIN, TEXT, Field, FieldSet, one_of, text
from postreeve.fields import Kind as KindOfValue
from postreeve.listings import PAGE_SIZE
from postreeve.mail_log.store import Kind, Place

_MAIL_ID = "[A-Za-z0-9_+-]{1,16}"
MAIL_ID = text(16, f"^{_MAIL_ID}$", "Up to 16 letters, digits, -, _ and +.")
_PLACE = re.compile(f"([0-9]{{1,10}}):([0-9]{{1,10}}):({_MAIL_ID})")


def _place(given: str) -> Place:
    if not (found := _PLACE.fullmatch(given)):
        refuse(Code.INVALID_VALUE, hint="What the page before has answered as next.")
    return Place(int(found[1]), int(found[2]), found[3])


OF_DOMAIN = Field("domain", DOMAIN, "Only the mails of this domain and its alias domains.")
ACCOUNT = Field("account", ADDRESS, "Only the mails of this account and its alias addresses.")
KIND = Field("kind", one_of(get_args(Kind)), "Only mails of this kind, as Amavisd sees it.")
SENDER = Field("sender", TEXT, "An address, or what stands somewhere in the sender's or in the header From.")
RECIPIENT = Field("recipient", TEXT, "An address, or what stands somewhere in a recipient's.")
SUBJECT = Field("subject", TEXT, "What stands somewhere in the subject.")
AFTER = Field(
    "after", KindOfValue(_place, {"type": "string", "pattern": f"^{_PLACE.pattern}$"}),
    "Where the page before has ended: its `next`.",
)  # fmt: skip

SEARCHED = (OF_DOMAIN, ACCOUNT, KIND, SENDER, RECIPIENT, SUBJECT, SINCE, UNTIL, AFTER, PAGE_SIZE)
SEARCH = FieldSet("mail_log", *SEARCHED)
