"""The log of mails in the SQL database `amavisd`."""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from postreeve.dashboard.recent import Recent
from postreeve.mail_log.store import SIDES, Correspondent, HourOfMail, MailFlow, MailPage, MailSearch, Side, Whose
from postreeve.mail_log.texts import on_one_line
from postreeve.storage import mails
from postreeve.storage.amavisd import text_of
from postreeve.storage.conditions import among, parameter
from postreeve.storage.mails import DOMAIN, KINDS, OUTGOING, QUARANTINED, Hosted
from postreeve.storage.sql import Row, Session, Statement
from postreeve.storage.tables.amavisd import maddr, msgrcpt, msgs

HOUR, HOURS = 3600, 24
MOST_COUNTED, MOST_COUNTED_OF_SOME = 100_000, 50_000
"""Mails that are counted for one answer: of some domains the addresses have to be looked at as well."""
MOST_RANKED, MOST_SHOWN = 20_000, 10
"""Mails among which it is looked who has most, and how many of these are shown."""

_MAIL = msgs.c
# The newest mails, before anything else is asked: no engine is to find a way to them that leads through all days.
_COUNTED = (
    sa.select(
        _MAIL.partition_tag, _MAIL.mail_id, (_MAIL.time_num - _MAIL.time_num % HOUR).label("hour"), _MAIL.sid,
        _MAIL.originating, _MAIL.content, _MAIL.quar_type,
    ).where(_MAIL.time_num >= parameter("since")).order_by(_MAIL.time_num.desc()).limit(parameter("most"))
    .subquery("counted")
)  # fmt: skip
_MAILS = _COUNTED.c
_RECEIVED = _COUNTED.join(
    msgrcpt, sa.and_(msgrcpt.c.partition_tag == _MAILS.partition_tag, msgrcpt.c.mail_id == _MAILS.mail_id)
)
_SOURCES: Mapping[Side, sa.FromClause] = {"received": _RECEIVED, "sent": _COUNTED}
_OWNERS = {"received": msgrcpt.c.rid, "sent": _MAILS.sid}
_IS_FROM_US: Mapping[Side, sa.ColumnElement[bool]] = {
    "received": _MAILS.originating != OUTGOING, "sent": _MAILS.originating == OUTGOING,
}  # fmt: skip
_IS_DONE = _MAILS.content.is_not(None)
# By its index, a large domain would be looked up in all that is kept of it, to count one day.
_IS_OF_DOMAIN = among(sa.type_coerce(sa.func.coalesce(DOMAIN, DOMAIN), DOMAIN.type), "domains")

OLDEST_COUNTED = Statement(
    lambda _: sa.select(_MAIL.time_num).where(_MAIL.time_num >= parameter("since"))
    .order_by(_MAIL.time_num.desc()).limit(1).offset(parameter("most"))
)  # fmt: skip
BY_HOUR = Statement(
    lambda _: sa.select(_MAILS.hour, _MAILS.originating, _MAILS.content, _MAILS.quar_type, sa.func.count())
    .where(_IS_DONE).group_by(_MAILS.hour, _MAILS.originating, _MAILS.content, _MAILS.quar_type)
)  # fmt: skip


def _by_hour_of_some(side: Side) -> Statement:
    return Statement(
        lambda _: sa.select(_MAILS.hour, _MAILS.content, _MAILS.quar_type, sa.func.count(sa.distinct(_MAILS.mail_id)))
        .select_from(_SOURCES[side].join(maddr, maddr.c.id == _OWNERS[side]))
        .where(_IS_DONE, _IS_OF_DOMAIN).group_by(_MAILS.hour, _MAILS.content, _MAILS.quar_type)
    )  # fmt: skip


def _top(side: Side, *, is_of_some: bool) -> Statement:
    """Count first, and look at the addresses of those alone who are shown."""
    owner, source, is_theirs = _OWNERS[side], _SOURCES[side], _IS_FROM_US[side]
    if is_of_some:
        source, is_theirs = source.join(maddr, maddr.c.id == owner), _IS_OF_DOMAIN
    count = sa.func.count()
    top = (
        sa.select(owner.label("id"), count.label("mails")).select_from(source).where(_IS_DONE, is_theirs)
        .group_by(owner).order_by(count.desc(), owner).limit(MOST_SHOWN + 1).subquery("top")
    )  # fmt: skip
    address = maddr.alias("address").c
    return Statement(
        lambda _: sa.select(mails.octets(address.email), top.c.mails).join(top, top.c.id == address.id)
        .order_by(top.c.mails.desc(), address.email)
    )  # fmt: skip


BY_HOUR_OF_SOME = {side: _by_hour_of_some(side) for side in SIDES}
TOP = {side: _top(side, is_of_some=False) for side in SIDES}
TOP_OF_SOME = {side: _top(side, is_of_some=True) for side in SIDES}


@dataclass(frozen=True)
class Counted:
    """What is counted: the newest mails since a moment, of these domains or of all."""

    since: int
    most: int
    domains: list[str | bytes]


class SqlMailLog:
    """The mails that Amavisd has looked at, as rows of `msgs` and `msgrcpt`."""

    def __init__(self, session: Session, hosted: Hosted, recent: Recent) -> None:
        self.session = session
        self.hosted = hosted
        self.recent = recent

    def page(self, search: MailSearch) -> MailPage:
        return mails.page(self.session, search, mails.wanted_of(search, self.hosted))

    def flow(self, whose: Whose, now: int) -> MailFlow:
        return self.recent.answer(("flow of mail", whose), lambda: self._flow(whose, now))

    def _flow(self, whose: Whose, now: int) -> MailFlow:
        first = now - now % HOUR - (HOURS - 1) * HOUR
        most = MOST_COUNTED if whose.is_everybody else MOST_COUNTED_OF_SOME
        oldest = self.session.row(OLDEST_COUNTED, since=first, most=most - 1)
        domains = mails.octets_of(self.session, whose.domains)
        counted, ranked = Counted(first, most, domains), Counted(first, MOST_RANKED, domains)
        hours = {hour: _empty(hour) for hour in range(first, first + HOURS * HOUR, HOUR)}
        if whose.is_everybody:
            self._count(hours, counted)
        else:
            self._count_of_some(hours, counted)
        statements = TOP if whose.is_everybody else TOP_OF_SOME
        return {
            "hours": [*hours.values()],
            "counted_since": mails.utc_text(oldest[0] if oldest else first),
            "top_senders": self._top(statements["sent"], ranked),
            "top_recipients": self._top(statements["received"], ranked),
        }

    def _count(self, hours: Mapping[int, HourOfMail], counted: Counted) -> None:
        rows = self.session.rows(BY_HOUR, since=counted.since, most=counted.most)
        for hour, originating, content, quarantine, number in rows:
            if at := hours.get(hour):
                at["sent" if originating == OUTGOING else "received"] += number
                _count_kind(at, content, quarantine, number)

    def _count_of_some(self, hours: Mapping[int, HourOfMail], counted: Counted) -> None:
        for side in SIDES:
            for hour, content, quarantine, number in self._rows(BY_HOUR_OF_SOME[side], counted):
                if at := hours.get(hour):
                    at[side] += number
                    if side == "received":
                        _count_kind(at, content, quarantine, number)

    def _top(self, statement: Statement, counted: Counted) -> list[Correspondent]:
        """Return who has most; nobody's address is empty, but for the sender of reports."""
        found: list[Correspondent] = [
            {"address": on_one_line(text_of(email)), "mails": number}
            for email, number in self._rows(statement, counted)
        ]
        return [each for each in found if each["address"]][:MOST_SHOWN]

    def _rows(self, statement: Statement, counted: Counted) -> list[Row]:
        domains = {"domains": counted.domains} if counted.domains else {}
        return self.session.rows(statement, since=counted.since, most=counted.most, **domains)


def _empty(hour: int) -> HourOfMail:
    return {
        "hour": mails.utc_text(hour), "received": 0, "sent": 0,
        "spam": 0, "virus": 0, "banned": 0, "bad_header": 0, "quarantined": 0,
    }  # fmt: skip


def _count_kind(counted: HourOfMail, content: str, quarantine: str | None, number: int) -> None:
    match KINDS.get(content):
        case "spam" | "virus" | "banned" | "bad_header" as kind:
            counted[kind] += number
    if quarantine == QUARANTINED:
        counted["quarantined"] += number
