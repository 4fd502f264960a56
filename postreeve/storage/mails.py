"""What the mail log and the quarantine share: finding mails in Amavisd's database, newest first.

The tables have an index on the time, and some on what makes a mail rare: its addresses, its kind, being quarantined. But
no index has two of these, and which is the better one depends on what is looked for. So the rare things are asked for
first, each for so many mails at most; if there are more of them, walking back through the time meets them soon enough.
For one page only so many mails are looked at, whatever is looked for.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import sqlalchemy as sa

from postreeve.storage.amavisd import text_of
from postreeve.storage.sql import Row, Session, Statement, among, parameter
from postreeve.storage.tables.amavisd import maddr, msgrcpt, msgs, quarantine

FEW = 5000
"""Mails with something rare: if there are no more, all of them are looked at."""
MOST_LOOKED_AT = 20_000
_FIRST, _LARGEST = 250, 2000
"""How many mails are read at once: few at first, as most pages are full soon."""
QUARANTINED = "Q"
"""As `quar_type`: in the database, whence mail can be released."""
_LAST_SECOND, _LAST_PARTITION, _LAST_ID = 2**31 - 1, 2**31 - 1, "~"
"""After whatever Amavisd writes."""


class Key(NamedTuple):
    """A mail in the order of time; the newest is the greatest."""

    at: int
    """In Unix seconds."""
    partition: int
    mail_id: str


class Found(NamedTuple):
    """A recipient of a mail, with what is known of the mail; single letters are Amavisd's own."""

    key: Key
    number: int
    content: str
    quarantine: str
    originating: str
    size: int
    score: float
    client_address: str
    author: str
    subject: str
    sender: str
    recipient: str
    delivery: str
    release: str


@dataclass(frozen=True)
class Rare:
    """A way to mails by what is rare about them."""

    statement: Statement
    parameters: Mapping[str, object]


@dataclass(frozen=True)
class Part:
    """Some mails, and where the next part begins; None is the end."""

    mails: list[list[Found]]
    """The recipients of each."""
    last: Key | None


Wanted = Callable[[list[Found]], list[Found]]
"""What is wanted of the recipients of many mails."""

_MAIL, _RECIPIENT, _ADDRESS = msgs.c, msgrcpt.c, maddr.c
_KEY = (_MAIL.time_num, _MAIL.partition_tag, _MAIL.mail_id)
_BY_TIME = tuple(column.desc() for column in _KEY)
_OF_MAIL = sa.and_(_RECIPIENT.partition_tag == _MAIL.partition_tag, _RECIPIENT.mail_id == _MAIL.mail_id)
_DOMAIN = sa.case  # replaced below
