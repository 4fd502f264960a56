"""The log of mails in the SQL database `amavisd`."""

from collections.abc import Mapping

import sqlalchemy as sa

from postreeve.mail_log.store import SIDES, Correspondent, HourOfMail, MailFlow, MailPage, MailSearch, Side, Whose
from postreeve.storage import mails
from postreeve.storage.amavisd import text_of
from postreeve.storage.mails import DOMAIN, KINDS, OF_MAIL, OUTGOING, QUARANTINED, Hosted
from postreeve.storage.sql import Session, Statement, among, parameter
from postreeve.storage.tables.amavisd import maddr, msgrcpt, msgs

HOUR, HOURS = 3600, 24
MOST_COUNTED, MOST_COUNTED_OF_SOME = 100_000, 50_000
"""Mails that are counted for one answer: of some domains the addresses have to be looked at as well."""
MOST_SHOWN = 10

_MAIL = msgs.c
_OWNERS = {"received": msgrcpt.c.rid, "sent": _MAIL.sid}
_SOURCES: Mapping[str, sa.FromClause] = {"received": msgs.join(msgrcpt, OF_MAIL), "sent": msgs}
_HOUR = _MAIL.time_num - _MAIL.time_num % HOUR
_IS_COUNTED = sa.and_(_MAIL.time_num >= parameter("since"), _MAIL.content.is_not(None))
_IS_FROM_US: Mapping[str, sa.ColumnElement[bool]] = {
    "received": _MAIL.originating != OUTGOING, "sent": _MAIL.originating == OUTGOING,
}  # fmt: skip
# By its index, a large domain would be looked up in all that is kept of it, to count one day.
_IS_OF_DOMAIN = among(sa.type_coerce(sa.func.coalesce(DOMAIN, DOMAIN), DOMAIN.type), "domains")

OLDEST_COUNTED = Statement(
    lambda _: sa.select(_MAIL.time_num).where(_MAIL.time_num >= parameter("since"))
    .order_by(_MAIL.time_num.desc()).limit(1).offset(parameter("most"))
)  # fmt: skip
BY_HOUR = Statement(
    lambda _: sa.select(_HOUR, _MAIL.originating, _MAIL.content, _MAIL.quar_type, sa.func.count())
    .where(_IS_COUNTED).group_by(_HOUR, _MAIL.originating, _MAIL.content, _MAIL.quar_type)
)  # fmt: skip


def _by_hour_of_some(side: Side) -> Statement:
    return Statement(
        lambda _: sa.select(_HOUR, _MAIL.content, _MAIL.quar_type, sa.func.count(sa.distinct(_MAIL.mail_id)))
        .select_from(_SOURCES[side].join(maddr, maddr.c.id == _OWNERS[side]))
        .where(_IS_COUNTED, _IS_OF_DOMAIN).group_by(_HOUR, _MAIL.content, _MAIL.quar_type)
    )  # fmt: skip


def _top(side: Side, *, is_of_some: bool) -> Statement:
    """Count first, and look at the address of those alone who are shown."""
    owner, source, is_theirs = _OWNERS[side], _SOURCES[side], _IS_FROM_US[side]
    if is_of_some:
        source, is_theirs = source.join(maddr, maddr.c.id == owner), _IS_OF_DOMAIN
    count = sa.func.count()
    top = (
        sa.select(owner.label("id"), count.label("mails")).select_from(source).where(_IS_COUNTED, is_theirs)
        .group_by(owner).order_by(count.desc(), owner).limit(MOST_SHOWN + 1).subquery()
    )  # fmt: skip
    address = maddr.alias("address").c
    return Statement(
        lambda _: sa.select(address.email, top.c.mails).join(top, top.c.id == address.id)
        .order_by(top.c.mails.desc(), address.email)
    )  # fmt: skip


BY_HOUR_OF_SOME = {side: _by_hour_of_some(side) for side in SIDES}
TOP = {side: _top(side, is_of_some=False) for side in SIDES}
TOP_OF_SOME = {side: _top(side, is_of_some=True) for side in SIDES}


class SqlMailLog:
    """The mails that Amavisd has looked at, as rows of `msgs` and `msgrcpt`."""

    def __init__(self, session: Session, hosted: Hosted) -> None:
        self.session = session
        self.hosted = hosted

    def page(self, search: MailSearch) -> MailPage:
        return mails.page(self.session, search, mails.wanted_of(search, self.hosted))

    def flow(self, whose: Whose, now: int) -> MailFlow:
        first = now - now % HOUR - (HOURS - 1) * HOUR
        most = MOST_COUNTED if whose.is_everybody else MOST_COUNTED_OF_SOME
        row = self.session.row(OLDEST_COUNTED, since=first, most=most - 1)
        since = int(row[0]) if row else first
        hours = {first + number * HOUR: _empty(first + number * HOUR) for number in range(HOURS)}
        if whose.is_everybody:
            self._count(hours, since)
        else:
            self._count_of_some(hours, since, whose)
        return {
            "hours": [*hours.values()],
            "top_senders": self._top("sent", since, whose),
            "top_recipients": self._top("received", since, whose),
            "counted_since": mails.utc_text(since),
        }

    def _count(self, hours: Mapping[int, HourOfMail], since: int) -> None:
        for hour, originating, content, quarantine, number in self.session.rows(BY_HOUR, since=since):
            if counted := hours.get(hour):
                counted["sent" if originating == OUTGOING else "received"] += number
                _count_kind(counted, content, quarantine, number)

    def _count_of_some(self, hours: Mapping[int, HourOfMail], since: int, whose: Whose) -> None:
        for side in SIDES:
            domains = mails.octets_of(self.session, whose.domains)
            for hour, content, quarantine, number in self.session.rows(
                BY_HOUR_OF_SOME[side], since=since, domains=domains
            ):
                if counted := hours.get(hour):
                    counted[side] += number
                    if side == "received":
                        _count_kind(counted, content, quarantine, number)

    def _top(self, side: Side, since: int, whose: Whose) -> list[Correspondent]:
        if whose.is_everybody:
            rows = self.session.rows(TOP[side], since=since)
        else:
            domains = mails.octets_of(self.session, whose.domains)
            rows = self.session.rows(TOP_OF_SOME[side], since=since, domains=domains)
        # Nobody's address is empty, but for the sender of reports.
        found: list[Correspondent] = [{"address": text_of(email), "mails": number} for email, number in rows]
        return [each for each in found if each["address"]][:MOST_SHOWN]


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
