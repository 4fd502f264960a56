"""Newsletters in the SQL database `vmail`; what waits for a confirmation in `iredadmin`."""

import hashlib
import secrets
import string
import time
from contextlib import suppress

import sqlalchemy as sa

from postreeve.newsletter.store import COUNTED_SECONDS, Mails, Newsletter, Request, Waiting
from postreeve.storage.conditions import parameter
from postreeve.storage.sql import Session, Statement
from postreeve.storage.tables import vmail
from postreeve.storage.tables.iredadmin import newsletter_subunsub_confirms
from postreeve.storage.tables.postreeve import newsletter_mails
from postreeve.values import Address
from postreeve.work import DuplicateError

TOKEN_LENGTH = 32
LETTERS = string.ascii_letters + string.digits

_LIST, _DOMAIN = vmail.maillists.c, vmail.domain.c
FIND = Statement(
    lambda _: sa.select(_LIST.mlid, _LIST.address, _LIST.name, _LIST.description)
    .join(vmail.domain, _DOMAIN.domain == _LIST.domain)
    .where(_LIST.mlid == parameter("list_id"), _LIST.is_newsletter == 1, _LIST.active == 1, _DOMAIN.active == 1)
)  # fmt: skip
ID_OF = Statement(lambda _: sa.select(_LIST.mlid).where(_LIST.address == parameter("mail")))
_MAIL = newsletter_mails.c
OF_ADDRESS = Statement(
    lambda _: sa.select(sa.func.count()).select_from(newsletter_mails)
    .where(_MAIL.address == parameter("address"), _MAIL.at > parameter("since"))
)  # fmt: skip
OF_NETWORK = Statement(
    lambda _: sa.select(sa.func.count(), sa.func.min(_MAIL.at))
    .where(_MAIL.network == parameter("network"), _MAIL.at > parameter("since"))
)  # fmt: skip
FORGET_MAILS = Statement(lambda _: sa.delete(newsletter_mails).where(_MAIL.at < parameter("before")))
_WAITING = newsletter_subunsub_confirms.c
WAITING = Statement(
    lambda _: sa.select(
        _WAITING.mlid, _WAITING.mail, _WAITING.kind, _WAITING.subscriber, _WAITING.token, _WAITING.expired
    ).where(
        _WAITING.token == parameter("token"), _WAITING.mlid == parameter("list_id"),
        _WAITING.kind == parameter("kind"), _WAITING.expired > parameter("now"),
    )
)  # fmt: skip
_HAS_EXPIRED = _WAITING.expired <= parameter("before")
COUNT_EXPIRED = Statement(
    lambda _: sa.select(sa.func.count()).select_from(newsletter_subunsub_confirms).where(_HAS_EXPIRED)
)
DROP_EXPIRED = Statement(lambda _: sa.delete(newsletter_subunsub_confirms).where(_HAS_EXPIRED))


class SqlNewsletters:
    """The newsletters, as rows of `maillists`."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def find(self, list_id: str) -> Newsletter | None:
        row = self.session.row(FIND, list_id=list_id) if self._are_known else None
        return Newsletter(row[0], Address(row[1].lower()), row[2] or "", row[3] or "") if row else None

    def id_of(self, mail: Address) -> str:
        row = self.session.row(ID_OF, mail=mail) if self._are_known else None
        return str(row[0]) if row else ""

    @property
    def _are_known(self) -> bool:
        return self.session.schema.has("maillists", "is_newsletter")


class SqlConfirmations:
    """What waits for a confirmation, as rows of `newsletter_subunsub_confirms`; of a token only the hash is there."""

    def __init__(self, iredadmin_session: Session) -> None:
        self.session = iredadmin_session

    def note_mail(self, address: str, network: str) -> int:
        now = int(time.time())
        self.session.execute(FORGET_MAILS, before=now - COUNTED_SECONDS)
        return self.session.inserted_id(newsletter_mails, {"address": address, "network": network, "at": now})

    def withdraw_mail(self, number: int) -> None:
        self.session.delete(newsletter_mails, id=number)

    def mails(self, address: str, since: int, network: str, network_since: int) -> Mails:
        of_address = self.session.rows(OF_ADDRESS, address=address, since=since)[0]
        of_network = self.session.rows(OF_NETWORK, network=network, since=network_since)[0]
        return Mails(int(of_address[0]), int(of_network[0]), int(of_network[1] or 0))

    def ask(self, newsletter: Newsletter, request: Request, subscriber: str, expires: int) -> str:
        token = "".join(secrets.choice(LETTERS) for _ in range(TOKEN_LENGTH))
        place = {"mlid": newsletter.id, "subscriber": subscriber, "kind": request}
        new = {"mail": newsletter.mail, "token": _hashed(token), "expired": expires}
        if not self.session.update(newsletter_subunsub_confirms, new, **place):
            try:
                self.session.insert(newsletter_subunsub_confirms, {**place, **new})
            except DuplicateError:  # somebody else asked for the same at the same time
                self.session.update(newsletter_subunsub_confirms, new, **place)
        return token

    def find(self, list_id: str, request: Request, token: str) -> Waiting | None:
        now = int(time.time())
        row = self.session.row(WAITING, token=_hashed(token), list_id=list_id, kind=request, now=now)
        return Waiting(*row) if row else None

    def take(self, waiting: Waiting) -> bool:
        return self.session.delete(newsletter_subunsub_confirms, **_place(waiting), token=waiting.key) > 0

    def put_back(self, waiting: Waiting) -> None:
        row = {**_place(waiting), "mail": waiting.mail, "token": waiting.key, "expired": waiting.expires}
        with suppress(DuplicateError):
            self.session.insert(newsletter_subunsub_confirms, row)

    def count_expired(self, before: int) -> int:
        return int(self.session.rows(COUNT_EXPIRED, before=before)[0][0])

    def drop_expired(self, before: int) -> int:
        return self.session.execute(DROP_EXPIRED, before=before)


def _place(waiting: Waiting) -> dict[str, str]:
    return {"mlid": waiting.list_id, "subscriber": waiting.subscriber, "kind": waiting.kind}


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
