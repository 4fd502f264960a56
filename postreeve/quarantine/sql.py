"""The quarantine in the SQL database `amavisd`."""

from collections.abc import Collection, Iterator

import sqlalchemy as sa

from postreeve.mail_log.store import Fate, MailPage, MailSearch, Place, Whose
from postreeve.quarantine.store import Held, Settled
from postreeve.storage import mails
from postreeve.storage.amavisd import text_of
from postreeve.storage.conditions import parameter
from postreeve.storage.mails import DELETED, IN_QUARANTINE, QUARANTINED, RELEASED, Found, Rare, Wanted
from postreeve.storage.sql import Session, Statement
from postreeve.storage.tables.amavisd import msgrcpt, msgs, quarantine

CHUNKS = 16
"""So many parts, of 16 KB each, are enough to show a mail."""
LETTERS: dict[Settled, str] = {"released": RELEASED, "deleted": DELETED}

_MAIL, _CHUNK = msgs.c, quarantine.c
_IS_CHUNK = sa.and_(_CHUNK.partition_tag == parameter("partition"), _CHUNK.mail_id == parameter("mail_id"))
_HELD = (
    sa.select(_MAIL.time_num, _MAIL.partition_tag, _MAIL.secret_id, _MAIL.quar_type)
    .where(_MAIL.mail_id == parameter("mail_id")).order_by(_MAIL.time_num.desc())
)  # fmt: skip
FIND = Statement(lambda _: _HELD)
LOCK = Statement(lambda _: _HELD.with_for_update(), is_locking=True)
BEGINNING = Statement(
    lambda _: (
        sa.select(sa.cast(_CHUNK.mail_text, sa.LargeBinary))
        .where(_IS_CHUNK)
        .order_by(_CHUNK.chunk_ind)
        .limit(CHUNKS + 1)
    )
)


class SqlQuarantine:
    """The quarantine, as rows of `quarantine`; `msgrcpt.rs` says what became of a mail for a recipient."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def page(self, search: MailSearch, fates: Collection[Fate]) -> MailPage:
        of_search = mails.wanted_of(search)

        def of(several: list[Found]) -> Iterator[Found]:
            return (each for each in of_search.of(several) if each.is_withheld and each.fate in fates)

        wanted = Wanted(lambda verdict: verdict.quarantine == QUARANTINED and of_search.is_worth(verdict), of)
        return mails.page(self.session, search, wanted, [Rare(IN_QUARANTINE, {})])

    def find(self, mail_id: str, whose: Whose) -> Held | None:
        return self._held(FIND, mail_id, whose)

    def lock(self, mail_id: str, whose: Whose) -> Held | None:
        return self._held(LOCK, mail_id, whose)

    def _held(self, statement: Statement, mail_id: str, whose: Whose) -> Held | None:
        rows = self.session.rows(statement, mail_id=self._octets(mail_id))
        row = next((row for row in rows if row[3] == QUARANTINED), None)
        if row is None:
            return None
        place = Place(row[0], row[1], mail_id)
        theirs = mails.wanted_of(MailSearch(whose)).of(mails.found(self.session, [place]))
        shares = [each for each in theirs if each.is_withheld and each.fate != "deleted"]
        if not shares:
            return None
        return Held(mails.shown(shares), place, tuple(each.recipient for each in shares), text_of(row[2] or ""))

    def beginning(self, held: Held) -> tuple[bytes, bool]:
        key = {"partition": held.place.partition, "mail_id": self._octets(held.place.mail_id)}
        chunks = [bytes(chunk) for (chunk,) in self.session.rows(BEGINNING, **key)]
        return b"".join(chunks[:CHUNKS]), len(chunks) > CHUNKS

    def settle(self, held: Held, recipients: Collection[str], fate: Settled) -> None:
        key = {"partition_tag": held.place.partition, "mail_id": held.place.mail_id}
        everybody = mails.found(self.session, [held.place])
        for each in everybody:
            if each.is_withheld and each.recipient in recipients:
                self.session.update(msgrcpt, {"rs": LETTERS[fate]}, **key, rseqnum=each.number)
        left = [each for each in everybody if each.is_withheld and each.fate != "deleted"]
        if fate == "deleted" and all(each.recipient in recipients for each in left):
            self.session.delete(quarantine, **key)

    def _octets(self, mail_id: str) -> str | bytes:
        return self.session.database.engine.octets(mail_id)
