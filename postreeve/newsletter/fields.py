"""The parameters of newsletters."""

import re

from postreeve.errors import Code, refuse
from postreeve.fields import ADDRESS, LANGUAGE, Field, FieldSet, Kind, one_of
from postreeve.newsletter.store import Request


def _list_id(given: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]{36}", given):
        refuse(Code.NO_SUCH_ACCOUNT, hint="There is no newsletter at this address.")
    return given


def _token(given: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]{32}", given):
        refuse(Code.CONFIRMATION_EXPIRED)
    return given


LIST_ID = Kind(_list_id, {"type": "string", "pattern": "^[A-Za-z0-9-]{36}$"})
TOKEN = Kind(_token, {"type": "string", "pattern": "^[A-Za-z0-9]{32}$"})
REQUEST: Kind[Request] = one_of(["subscribe", "unsubscribe"])
SUBSCRIBER = Field("subscriber", ADDRESS, "Address that gets the mail with the link.")
MAIL_LANGUAGE = Field("language", LANGUAGE, "Language of the mail; English if there is none of that language.")
SIGN_UP = FieldSet("sign-up", SUBSCRIBER, MAIL_LANGUAGE)
