"""What the mail log and the quarantine share: finding mails in Amavisd's database, newest first.

The tables have an index on the time, and some on what may make a mail rare: its addresses, its kind, being quarantined.
No index has two of these, and which is the better one depends on what is looked for. So what may be rare is asked for
first, for so many mails at most; if there are more of them, walking back through the time meets them soon enough.
For one page only so many mails are looked at, whatever is looked for.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, NamedTuple

import sqlalchemy as sa

from postreeve.mail_log.store import Fate, Kind, LoggedMail, MailPage, MailSearch, Place
from postreeve.mail_log.texts import on_one_line, plain
from postreeve.storage.amavisd import text_of
from postreeve.storage.conditions import among, parameter
from postreeve.storage.sql import Row, Session, Statement
from postreeve.storage.tables.amavisd import maddr, msgrcpt, msgs

FEW = 5000
"""Mails with something rare: if there are no more, they are all looked at."""
MOST_READ = 20_000
"""Mails whose addresses and texts are looked at for one page."""
MOST_PASSED = 200_000
"""Mails that are passed for one page because their kind is not wanted."""
MOST_RECIPIENTS = 100
"""Recipients that are shown of one mail."""
QUARANTINED = "Q"
"""As `quar_type`: in the database, from which mail can be released."""
OUTGOING = "Y"
"""As `originating`."""
DELIVERED = "P"
"""As `msgrcpt.ds`."""
RELEASED, DELETED = "R", "D"
"""As `msgrcpt.rs`, which Amavisd never changes: what became of a quarantined mail for a recipient."""
LETTERS: Mapping[Kind, str] = {
    "clean": "C", "spam": "SY", "virus": "V", "banned": "B", "bad_header": "MH", "other": "UOT?",
}  # fmt: skip
"""Amavisd's letters for its verdicts, as `content`."""

_FIRST, _LARGEST = 250, 2000
"""How many mails are read at once: few at first, as most pages are full soon."""
_WHOLE_ADDRESS = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_DOMAIN_NAME = re.compile(r"[a-z0-9._-]+")
_NEWEST = Place(2**31 - 1, 2**31 - 1, "~")
"""After whatever Amavisd writes."""
KINDS: Mapping[str, Kind] = {letter: kind for kind, letters in LETTERS.items() for letter in letters}
_FATES: Mapping[str, Fate] = {
    DELIVERED: "delivered",
    "D": "discarded",
    "R": "rejected",
    "B": "bounced",
    "T": "deferred",
}
_FATES_IN_QUARANTINE: Mapping[str, Fate] = {RELEASED: "released", DELETED: "deleted"}


class Verdict(NamedTuple):
    """A mail with what Amavisd says about it, in Amavisd's letters."""

    place: Place
    content: str | None
    quarantine: str | None


class Found(NamedTuple):
    """A recipient of a mail, with what is known of the mail; single letters are Amavisd's."""

    place: Place
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

    @property
    def is_withheld(self) -> bool:
        """Whether the recipient did not get the mail, and it is in the quarantine instead."""
        return self.quarantine == QUARANTINED and self.delivery != DELIVERED

    @property
    def fate(self) -> Fate:
        """What became of the mail for this recipient."""
        if self.is_withheld:
            return _FATES_IN_QUARANTINE.get(self.release, "quarantined")
        return _FATES.get(self.delivery, "discarded")


@dataclass(frozen=True)
class Rare:
    """A way to mails by what may be rare about them."""

    statement: Statement
    parameters: Mapping[str, object]


@dataclass(frozen=True)
class Wanted:
    """What is wanted: of verdicts, and then of the recipients of many mails."""

    is_worth: Callable[[Verdict], bool]
    of: Callable[[list[Found]], Iterable[Found]]


Hosted = Callable[[Collection[str]], Collection[str]]
"""Returns those of some domain names that are ours."""

_MAIL, _RECIPIENT, _ADDRESS = msgs.c, msgrcpt.c, maddr.c
_SENDER, _RECEIVER = maddr.alias("sender"), maddr.alias("receiver")
_PLACE = (_MAIL.time_num, _MAIL.partition_tag, _MAIL.mail_id)
_VERDICT = (*_PLACE, _MAIL.content, _MAIL.quar_type)
OF_MAIL = sa.and_(_RECIPIENT.partition_tag == _MAIL.partition_tag, _RECIPIENT.mail_id == _MAIL.mail_id)
DOMAIN = sa.type_coerce(_ADDRESS.domain, sa.LargeBinary)
"""So it is on PostgreSQL alone; elsewhere the type does not matter."""


def octets(column: sa.ColumnElement[Any]) -> sa.ColumnElement[bytes]:
    """Return a column as octets: strangers have a say in it, and SQLite gives out no text that is no UTF-8."""
    return sa.cast(column, sa.LargeBinary)


BACK = Statement(
    lambda _: sa.select(*_VERDICT)
    .where(
        _MAIL.time_num >= parameter("since"), _MAIL.time_num <= parameter("at"),
        sa.or_(
            _MAIL.time_num < parameter("at"),
            _MAIL.partition_tag < parameter("partition"),
            sa.and_(_MAIL.partition_tag == parameter("partition"), _MAIL.mail_id < parameter("mail_id")),
        ),
    ).order_by(*(column.desc() for column in _PLACE)).limit(parameter("most"))
)  # fmt: skip
FOUND = Statement(
    lambda _: sa.select(
        *_PLACE, _RECIPIENT.rseqnum, _MAIL.content, _MAIL.quar_type, _MAIL.originating, _MAIL.size, _MAIL.spam_level,
        _MAIL.client_addr, *map(octets, (_MAIL.from_addr, _MAIL.subject, _SENDER.c.email, _RECEIVER.c.email)),
        _RECIPIENT.ds, _RECIPIENT.rs,
    ).select_from(msgs).join(msgrcpt, OF_MAIL)
    .join(_SENDER, _SENDER.c.id == _MAIL.sid).join(_RECEIVER, _RECEIVER.c.id == _RECIPIENT.rid)
    .where(among(_MAIL.mail_id, "mails"))
)  # fmt: skip


def _few(condition: sa.ColumnElement[bool]) -> Statement:
    return Statement(lambda _: sa.select(*_VERDICT).where(condition).limit(parameter("most")))


def _received(condition: sa.ColumnElement[bool]) -> Statement:
    return Statement(
        lambda _: sa.select(*_VERDICT).select_from(maddr)
        .join(msgrcpt, _RECIPIENT.rid == _ADDRESS.id).join(msgs, OF_MAIL)
        .where(condition).limit(parameter("most"))
    )  # fmt: skip


def _sent(condition: sa.ColumnElement[bool]) -> Statement:
    return Statement(
        lambda _: sa.select(*_VERDICT).select_from(maddr).join(msgs, _MAIL.sid == _ADDRESS.id)
        .where(condition).limit(parameter("most"))
    )  # fmt: skip


_BY_ADDRESS, _BY_DOMAIN = among(_ADDRESS.email_raw, "addresses"), among(DOMAIN, "domains")
OF_ADDRESSES = {"received": _received(_BY_ADDRESS), "sent": _sent(_BY_ADDRESS)}
OF_DOMAINS = {"received": _received(_BY_DOMAIN), "sent": _sent(_BY_DOMAIN)}
OF_KINDS = _few(among(_MAIL.content, "letters"))
IN_QUARANTINE = _few(_MAIL.quar_type == QUARANTINED)


def page(session: Session, search: MailSearch, wanted: Wanted, rare: Sequence[Rare] = ()) -> MailPage:
    """Return the newest mails of a search of which something is wanted; `rare` is what else may be rare about them."""
    mails: list[LoggedMail] = []
    if search.whose.is_nobody:
        return {"mails": mails, "next": ""}
    passed = read = 0
    last = _begin(search)
    for verdicts in _newest(session, [*rare, *_ways(session, search)], search.since, last):
        places = [verdict.place for verdict in verdicts if verdict.content is not None and wanted.is_worth(verdict)]
        for place, recipients in groupby(wanted.of(found(session, places)), key=lambda each: each.place):
            if len(mails) == search.most:
                return {"mails": mails, "next": str(last)}
            mails.append(shown([*recipients]))
            last = place
        last, passed, read = verdicts[-1].place, passed + len(verdicts), read + len(places)
        if passed >= MOST_PASSED or read >= MOST_READ:
            return {"mails": mails, "next": str(last)}
    return {"mails": mails, "next": ""}


def wanted_of(search: MailSearch, hosted: Hosted | None = None) -> Wanted:
    """Return what a search wants; `hosted` bounds everybody's mails to those of our domains."""
    letters = _letters(search)
    is_sender, is_recipient = _is_like(search.sender), _is_like(search.recipient)
    subject = search.subject.casefold()
    ours: dict[str, bool] = {}

    def is_meant(each: Found) -> bool:
        return (
            is_sender(each.sender, each.author)
            and is_recipient(each.recipient)
            and subject in each.subject.casefold()
        )  # fmt: skip

    def of(several: list[Found]) -> Iterator[Found]:
        is_theirs = _is_theirs(search, several, hosted, ours)
        return (each for each in several if is_theirs(_own_address(search, each)) and is_meant(each))

    return Wanted(lambda verdict: not letters or verdict.content in letters, of)


def found(session: Session, places: Collection[Place]) -> list[Found]:
    """Return the recipients of mails: of the newest mail first, and of each the first recipient first."""
    if not places:
        return []
    known = set(places)
    texts = [session.database.engine.octets(place.mail_id) for place in places]
    several = [each for each in map(_found, session.rows(FOUND, mails=texts)) if each.place in known]
    several.sort(key=lambda each: each.number)
    several.sort(key=lambda each: each.place, reverse=True)
    return several


def shown(recipients: Sequence[Found]) -> LoggedMail:
    """Return a mail with some of its recipients."""
    mail = recipients[0]
    return {
        "mail_id": mail.place.mail_id,
        "time": utc_text(mail.place.at),
        "sender": on_one_line(mail.sender),
        "recipients": [
            {"address": on_one_line(each.recipient), "fate": each.fate} for each in recipients[:MOST_RECIPIENTS]
        ],
        "num_recipients": len(recipients),
        "author": on_one_line(mail.author),
        "subject": on_one_line(mail.subject),
        "kind": KINDS.get(mail.content, "other"),
        "score": round(mail.score, 3),
        "size": mail.size,
        "client_address": mail.client_address,
        "is_outgoing": mail.originating == OUTGOING,
        "is_quarantined": mail.quarantine == QUARANTINED,
    }


def utc_text(moment: int) -> str:
    """Return a moment, in Unix seconds, as all texts of time are written."""
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S}"


def octets_of(session: Session, domains: Iterable[str]) -> list[str | bytes]:
    """Return domain names as `maddr.domain` has them: their labels in reverse, on PostgreSQL as bytes."""
    names = [".".join(reversed(domain.split("."))) for domain in sorted(domains)]
    return [name.encode() for name in names] if session.database.store.engine == "postgresql" else [*names]


def _begin(search: MailSearch) -> Place:
    newest = _NEWEST if search.until is None else _NEWEST._replace(at=search.until)
    return min(search.after or newest, newest)


def _is_like(text: str) -> Callable[..., bool]:
    """Return what tells whether a text stands in an address, or in what else is said of it; a whole address is it."""
    part = text.casefold()
    if _WHOLE_ADDRESS.fullmatch(part):
        return lambda address, *_: plain(address) == plain(part)
    return lambda *texts: any(part in each.casefold() for each in texts)


def _letters(search: MailSearch) -> frozenset[str]:
    return frozenset("".join(LETTERS[kind] for kind in search.kinds))


def _ways(session: Session, search: MailSearch) -> Iterator[Rare]:
    """Yield what may be rare about the mails of a search, the most likely first."""
    for side, text in (("sent", search.sender), ("received", search.recipient)):
        if _WHOLE_ADDRESS.fullmatch(text):
            yield Rare(OF_ADDRESSES[side], {"addresses": [plain(text.lower())]})
    if search.kinds and "clean" not in search.kinds:
        yield Rare(OF_KINDS, {"letters": sorted(_letters(search))})
    if search.whose.addresses:
        yield Rare(OF_ADDRESSES[search.side], {"addresses": sorted(search.whose.addresses)})
    if search.whose.domains:
        yield Rare(OF_DOMAINS[search.side], {"domains": octets_of(session, search.whose.domains)})


def _newest(session: Session, ways: Iterable[Rare], since: int, after: Place) -> Iterator[list[Verdict]]:
    """Yield mails in parts, newest first: all that are rare in one way, or whatever is there."""
    for way in ways:
        rows = session.rows(way.statement, most=FEW + 1, **way.parameters)
        if len(rows) <= FEW:
            few = {verdict for verdict in map(_verdict, rows) if since <= verdict.place.at and verdict.place < after}
            ordered = sorted(few, key=lambda verdict: verdict.place, reverse=True)
            return (ordered[start : start + _FIRST] for start in range(0, len(ordered), _FIRST))
    return _back_through_time(session, since, after)


def _back_through_time(session: Session, since: int, after: Place) -> Iterator[list[Verdict]]:
    size = _FIRST
    while True:
        at, partition, mail_id = after
        rows = session.rows(
            BACK, since=since, at=at, partition=partition, mail_id=session.database.engine.octets(mail_id), most=size
        )
        if verdicts := [*map(_verdict, rows)]:
            yield verdicts
        if len(verdicts) < size:
            return
        after, size = verdicts[-1].place, min(2 * size, _LARGEST)


def _own_address(search: MailSearch, each: Found) -> str:
    return each.recipient if search.side == "received" else each.sender


def _is_theirs(
    search: MailSearch, several: list[Found], hosted: Hosted | None, ours: dict[str, bool]
) -> Callable[[str], bool]:
    """Return what tells whether a mail to, or from, an address is one of those that may be shown."""
    whose = search.whose
    if not whose.is_everybody:
        return lambda address: _domain(address) in whose.domains or plain(address) in whose.addresses
    if hosted is None:
        return lambda _: True
    domains = {_domain(_own_address(search, each)) for each in several} - ours.keys()
    found_to_be_ours = hosted([domain for domain in domains if _DOMAIN_NAME.fullmatch(domain)])
    ours |= {domain: domain in found_to_be_ours for domain in domains}
    return lambda address: ours[_domain(address)]


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


def _verdict(row: Row) -> Verdict:
    return Verdict(Place(row[0], row[1], text_of(row[2])), row[3], row[4])


def _found(row: Row) -> Found:
    number, content, quarantine, originating, size, score, client, author, subject, sender, recipient, *states = row[3:]
    return Found(
        Place(row[0], row[1], text_of(row[2])), number, content or "", quarantine or "", originating, size,
        score or 0.0, client or "", *(text_of(text or "") for text in (author, subject, sender, recipient)), *states,
    )  # fmt: skip
