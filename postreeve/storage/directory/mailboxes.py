"""What the database `iredadmin` knows of the mailboxes of users in a directory.

That is their size, their last login, shared folders, and those whose users are deleted. Dovecot writes most of it; a
table that is not there is left out.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from postreeve.domains.store import Removal
from postreeve.storage import sql
from postreeve.storage.accounts import moment as text_of
from postreeve.storage.conditions import among
from postreeve.storage.directory.entries import Entry
from postreeve.storage.directory.session import Session
from postreeve.storage.removed import last_day
from postreeve.storage.sql import Statement, batches
from postreeve.storage.tables import vmail
from postreeve.values import Address

HOME = ("homeDirectory", "storageBaseDirectory", "mailMessageStore")
"""The attributes that tell where a mailbox is; the latter two are those of iRedMail before 0.9.8."""
BY_USER = (
    (vmail.used_quota, "username"), (vmail.last_login, "username"), (vmail.share_folder, "from_user"),
    (vmail.share_folder, "to_user"), (vmail.anyone_shares, "from_user"),
)  # fmt: skip
_USED, _LOGIN = vmail.used_quota.c, vmail.last_login.c
USED = Statement(lambda _: sa.select(_USED.username, _USED.bytes, _USED.messages).where(among(_USED.username, "mails")))
LOGINS = Statement(
    lambda _: sa.select(_LOGIN.username, _LOGIN.imap, _LOGIN.pop3).where(among(_LOGIN.username, "mails"))
)


class Use(NamedTuple):
    """How much is in a mailbox, and when it was last opened, UTC; empty if never."""

    octets: int = 0
    messages: int = 0
    last_login: str = ""


def home_of(entry: Entry) -> str:
    """Return where a user's mailbox is, as Dovecot or an older iRedMail reads it."""
    return entry.text(HOME[0]) or "/".join(filter(None, map(entry.text, HOME[1:])))


def uses(iredadmin: sql.Session, mails: Sequence[str]) -> Mapping[str, Use]:
    """Return the use of mailboxes, by their users in lower case; of users about whom nothing is known, nothing."""
    found: dict[str, Use] = {}
    if iredadmin.schema.has(vmail.used_quota.name):
        for mail, octets, messages in iredadmin.rows(USED, mails=list(mails)):
            found[mail.lower()] = Use(int(octets or 0), int(messages or 0))
    if iredadmin.schema.has(vmail.last_login.name):
        for mail, *moments in iredadmin.rows(LOGINS, mails=list(mails)):
            if moment := max(moment or 0 for moment in moments):
                use = found.get(mail.lower(), Use())
                found[mail.lower()] = use._replace(last_login=text_of(moment))
    return found


def keep(session: Session, iredadmin: sql.Session, removal: Removal, homes: Mapping[str, str]) -> None:
    """Record where the mailboxes of deleted users are, so that a job may remove them when the time has come.

    Say it after the deletion: files of a user who is still there must not be recorded.
    """
    used = {mail: use for batch in batches(homes) for mail, use in uses(iredadmin, batch).items()}
    rows = [_record(removal, mail, home, used.get(mail, Use())) for mail, home in homes.items()]

    def record() -> None:
        iredadmin.insert_many(vmail.deleted_mailboxes, rows)

    def take_back() -> None:
        for row in rows:
            iredadmin.delete(vmail.deleted_mailboxes, username=row["username"], maildir=row["maildir"])

    session.also(record, take_back)


def _record(removal: Removal, mail: str, home: str, use: Use) -> dict[str, Any]:
    return {
        "username": mail, "domain": mail.rpartition("@")[2], "maildir": home, "bytes": use.octets,
        "messages": use.messages, "admin": removal.by, "delete_date": last_day(removal),
    }  # fmt: skip


def forget(session: Session, iredadmin: sql.Session, mails: Iterable[str]) -> None:
    """Remove what is known of the mailboxes of users who are deleted; Dovecot finds out what it needs again."""
    gone = list(mails)

    def remove() -> None:
        for mail in gone:
            for table, column in BY_USER:
                iredadmin.delete(table, **{column: mail})

    session.also(remove, _nothing)


def readdress(session: Session, iredadmin: sql.Session, old: Address, new: Address) -> None:
    """Let what is known of a mailbox be known under another address; what stands there was left by somebody else."""

    def move(here: Address, there: Address) -> None:
        for table, column in BY_USER:
            iredadmin.delete(table, **{column: there})
            domain = {"domain": there.domain} if "domain" in table.c else {}
            iredadmin.update(table, {column: there, **domain}, **{column: here})

    session.also(lambda: move(old, new), lambda: move(new, old))


def _nothing() -> None:
    pass
