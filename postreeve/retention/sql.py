"""Things whose time is over, as rows: of `iredadmin` what is older than a moment, of `amavisd` mails with all theirs.

They go in pieces, so that nobody waits long for a lock and no transaction is too large for a cluster. A piece of rows
is bounded by the moment of its last one; what is of that very moment goes with it.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from postreeve.activity.store import INTENT
from postreeve.newsletter.store import COUNTED_SECONDS
from postreeve.retention.store import Kept
from postreeve.sessions.store import KNOWN_SECONDS, REMEMBERED_SECONDS
from postreeve.settings import Settings
from postreeve.storage import accounts
from postreeve.storage.conditions import among, parameter
from postreeve.storage.mails import DELETED, DELIVERED, QUARANTINED, RELEASED
from postreeve.storage.sql import Row, Session, Statement, batches
from postreeve.storage.tables import iredadmin, postreeve
from postreeve.storage.tables.amavisd import maddr, msgrcpt, msgs, quarantine

PIECE = 500
"""Rows, or mails with all their rows, that go at once."""
PIECE_WITH_TEXTS = 20
"""Mails whose texts go with them: in a cluster all of these travel with the transaction."""
_DAY_SECONDS = 86400


class _Aged:
    """Rows that are older than a moment, by one of their columns."""

    def __init__(self, column: sa.Column[Any], *further: sa.ColumnElement[bool]) -> None:
        self.table = column.table
        is_older = sa.and_(column < parameter("before"), *further)
        self.count = Statement(lambda _: sa.select(sa.func.count()).select_from(self.table).where(is_older))
        self.last = Statement(
            lambda _: sa.select(column).where(is_older).order_by(column).offset(parameter("skipped")).limit(1)
        )  # fmt: skip
        self.remove_all = Statement(lambda _: sa.delete(self.table).where(is_older))
        self.remove = Statement(lambda _: sa.delete(self.table).where(column <= parameter("last"), *further))


@dataclass(frozen=True)
class _Rule:
    """Rows, and the moment before which they are too old."""

    rows: _Aged
    before: Callable[[Settings, int], object]


def _seconds_ago(seconds: int, _settings: Settings, now: int) -> int:
    return now - seconds


_LOG = iredadmin.log.c
_RULES: Mapping[Kept, _Rule] = {
    Kept.LOG: _Rule(
        _Aged(_LOG.timestamp, _LOG.loglevel != INTENT),
        lambda settings, now: accounts.moment(now - settings.iredadmin_log_kept_days * _DAY_SECONDS),
    ),
    Kept.SESSIONS: _Rule(_Aged(postreeve.sessions.c.used), partial(_seconds_ago, REMEMBERED_SECONDS)),
    Kept.LOGIN_FAILURES: _Rule(_Aged(postreeve.login_failures.c.at), partial(_seconds_ago, REMEMBERED_SECONDS)),
    Kept.NETWORKS: _Rule(_Aged(postreeve.known_networks.c.at), partial(_seconds_ago, KNOWN_SECONDS)),
    Kept.CLAIMS: _Rule(_Aged(postreeve.claims.c.expires), partial(_seconds_ago, _DAY_SECONDS)),
    Kept.NEWSLETTER_MAILS: _Rule(_Aged(postreeve.newsletter_mails.c.at), partial(_seconds_ago, COUNTED_SECONDS)),
}

_MAIL, _SHARE, _CHUNK = msgs.c, msgrcpt.c, quarantine.c
_IS_TOO_OLD = sa.and_(
    _MAIL.time_num < parameter("log_before"),
    sa.or_(
        _MAIL.quar_type.is_(None), _MAIL.quar_type != QUARANTINED, _MAIL.time_num < parameter("quarantine_before")
    ),
)  # fmt: skip
_IS_OVER_IN_QUARANTINE = sa.and_(
    _MAIL.time_num < parameter("quarantine_before"),
    _MAIL.quar_type == QUARANTINED,
    sa.exists().where(_CHUNK.partition_tag == _MAIL.partition_tag, _CHUNK.mail_id == _MAIL.mail_id),
)


def _piece(condition: sa.ColumnElement[bool]) -> Statement:
    """Select the oldest mails, those of one partition together."""
    return Statement(
        lambda _: sa.select(_MAIL.partition_tag, _MAIL.mail_id, _MAIL.sid).where(condition)
        .order_by(_MAIL.time_num, _MAIL.partition_tag).limit(parameter("most"))
    )  # fmt: skip


def _count(condition: sa.ColumnElement[bool]) -> Statement:
    return Statement(lambda _: sa.select(sa.func.count()).select_from(msgs).where(condition))


def _is_theirs(table: sa.Table) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.partition_tag == parameter("partition"), among(table.c.mail_id, "mails"))


OLD_MAILS, OVER = _piece(_IS_TOO_OLD), _piece(_IS_OVER_IN_QUARANTINE)
COUNTS = {Kept.MAIL_LOG: _count(_IS_TOO_OLD), Kept.QUARANTINE: _count(_IS_OVER_IN_QUARANTINE)}
RECIPIENTS = Statement(lambda _: sa.select(_SHARE.rid).where(_is_theirs(msgrcpt)).distinct())
REMOVE_CHUNKS = Statement(lambda _: sa.delete(quarantine).where(_is_theirs(quarantine)))
REMOVE_SHARES = Statement(lambda _: sa.delete(msgrcpt).where(_is_theirs(msgrcpt)))
REMOVE_MAILS = Statement(lambda _: sa.delete(msgs).where(_is_theirs(msgs)))
SAY_DELETED = Statement(
    lambda _: sa.update(msgrcpt).values(rs=sa.literal_column(f"'{DELETED}'"))
    .where(_is_theirs(msgrcpt), _SHARE.ds != DELIVERED, _SHARE.rs != RELEASED, _SHARE.rs != DELETED)
)  # fmt: skip
REMOVE_ADDRESSES = Statement(
    lambda _: sa.delete(maddr).where(
        among(maddr.c.id, "addresses"),
        ~sa.exists().where(_MAIL.sid == maddr.c.id), ~sa.exists().where(_SHARE.rid == maddr.c.id),
    )
)  # fmt: skip


class SqlRetention:
    """Everything that is kept for a time, in two databases."""

    def __init__(self, iredadmin_session: Session, amavisd: Callable[[], Session | None], settings: Settings) -> None:
        """`amavisd` opens that database, if there is one."""
        self.iredadmin = iredadmin_session
        self.amavisd = amavisd
        self.settings = settings

    def count(self, kept: Kept) -> int:
        if kept in COUNTS:
            amavisd = self.amavisd()
            return int(amavisd.rows(COUNTS[kept], **self._of_mails())[0][0]) if amavisd else 0
        rule = _RULES[kept]
        if not self.iredadmin.schema.has(rule.rows.table.name):
            return 0
        return int(self.iredadmin.rows(rule.rows.count, before=self._before(rule))[0][0])

    def remove(self, kept: Kept) -> int:
        if kept not in COUNTS:
            return self._remove_rows(_RULES[kept])
        amavisd = self.amavisd()
        if amavisd is None:
            return 0
        which, most = (OVER, PIECE_WITH_TEXTS) if kept is Kept.QUARANTINE else (OLD_MAILS, PIECE)
        mails = amavisd.rows(which, **self._of_mails(), most=most)
        for partition, several in _by_partition(mails):
            if kept is Kept.QUARANTINE:
                amavisd.execute(SAY_DELETED, partition=partition, mails=[mail_id for _, mail_id, _ in several])
                amavisd.execute(REMOVE_CHUNKS, partition=partition, mails=[mail_id for _, mail_id, _ in several])
            else:
                _remove_mails(amavisd, partition, several)
        return len(mails)

    def _remove_rows(self, rule: _Rule) -> int:
        if not self.iredadmin.schema.has(rule.rows.table.name):
            return 0
        before = self._before(rule)
        if last := self.iredadmin.row(rule.rows.last, before=before, skipped=PIECE - 1):
            return self.iredadmin.execute(rule.rows.remove, last=last[0])
        return self.iredadmin.execute(rule.rows.remove_all, before=before)

    def _before(self, rule: _Rule) -> object:
        return rule.before(self.settings, int(time.time()))

    def _of_mails(self) -> dict[str, int]:
        now, settings = int(time.time()), self.settings
        return {
            "log_before": now - settings.amavisd_remove_maillog_in_days * _DAY_SECONDS,
            "quarantine_before": now - settings.amavisd_remove_quarantined_in_days * _DAY_SECONDS,
        }


def _by_partition(mails: list[Row]) -> Iterator[tuple[int, list[Row]]]:
    ordered = sorted(mails, key=lambda row: int(row[0]))
    return ((partition, list(several)) for partition, several in groupby(ordered, key=lambda row: row[0]))


def _remove_mails(amavisd: Session, partition: int, mails: list[Row]) -> None:
    """Remove mails, what belongs to them first, and the addresses that nobody has any more."""
    which: dict[str, Any] = {"partition": partition, "mails": [mail_id for _, mail_id, _ in mails]}
    addresses = {int(sid) for _, _, sid in mails} | {int(rid) for (rid,) in amavisd.rows(RECIPIENTS, **which)}
    for statement in (REMOVE_CHUNKS, REMOVE_SHARES, REMOVE_MAILS):
        amavisd.execute(statement, **which)
    for batch in batches(sorted(addresses)):
        amavisd.execute(REMOVE_ADDRESSES, addresses=batch)
