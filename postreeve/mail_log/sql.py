"""The log of mails in the SQL database `amavisd`."""

from collections import Counter
from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from postreeve.mail_log.store import (
    Correspondent,
    HourOfMail,
    Kind,
    MailFlow,
    MailPage,
    MailSearch,
    Side,
    Whose,
)
from postreeve.storage import mails
from postreeve.storage.amavisd import text_of
from postreeve.storage.mails import DOMAIN, OF_MAIL, Hosted
from postreeve.storage.sql import Row, Session, Statement, among, parameter
from postreeve.storage.tables.amavisd import maddr, msgrcpt, msgs

HOUR = 3600
HOURS = 24
MOST_COUNTED = 100_000
"""Mails that are counted for one answer."""
MOST_SHOWN = 10
