"""Records of deleted mailboxes as rows of `deleted_mailboxes`: in `vmail`, or in `iredadmin` beside a directory."""

from collections.abc import Callable

import sqlalchemy as sa

from postreeve.deleted_mailboxes.store import NOBODY, DeletedMailbox, Homes, KeptError
from postreeve.storage.conditions import among, parameter, starting
from postreeve.storage.mailboxes import places_of
from postreeve.storage.sql import Session, Statement
from postreeve.storage.tables import vmail

FIRST_DAY = "1970-01-01"
_KEPT, _BOX = vmail.deleted_mailboxes.c, vmail.mailbox.c


def _compared(path: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    return sa.func.lower(sa.func.replace(path, "//", "/"))


def _overlaps(place: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Return the condition that a place is one of some, which may be above, or lies below another."""
    return sa.or_(among(place, "places"), place.like(parameter("below"), escape="/"))


DUE = Statement(
    lambda _: sa.select(
        _KEPT.id, _KEPT.username, _KEPT.maildir, _KEPT.admin, sa.cast(_KEPT.delete_date, sa.String(10))
    ).where(_KEPT.delete_date >= parameter("first"), _KEPT.delete_date < parameter("today"))
    .order_by(_KEPT.delete_date, _KEPT.id)
)  # fmt: skip
_HOME = _BOX.storagebasedirectory + "/" + _BOX.storagenode + "/" + _BOX.maildir
LIVING = Statement(lambda _: sa.select(_BOX.username).where(_overlaps(_compared(_HOME))).limit(1))
ANYBODY = Statement(lambda _: sa.select(_BOX.username).limit(1))
NOT_DUE = Statement(
    lambda _: (
        sa.select(_KEPT.username)
        .where(
            sa.or_(
                _KEPT.delete_date.is_(None),
                _KEPT.delete_date >= parameter("today"),
                _KEPT.delete_date < parameter("first"),
            ),
            _overlaps(_compared(_KEPT.maildir)),
        )
        .limit(1)
    )
)


class SqlHomes:
    """Where mailboxes are, as rows of `mailbox`."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def living_at(self, path: str) -> str:
        if row := self.session.row(LIVING, **_around(path)):
            return str(row[0])
        if not self.session.row(ANYBODY):
            raise KeptError(NOBODY)
        return ""


class SqlDeletedMailboxes:
    """Records as rows."""

    def __init__(self, session: Session, homes: Homes, at_commit: Callable[[Callable[[], None]], None]) -> None:
        """`at_commit` takes what is to be done when the work is committed."""
        self.session = session
        self.homes = homes
        self.at_commit = at_commit

    def due(self, today: str) -> list[DeletedMailbox]:
        if not self.session.schema.has(vmail.deleted_mailboxes.name):
            return []
        return [DeletedMailbox(*row) for row in self.session.rows(DUE, today=today, first=FIRST_DAY)]

    def living_at(self, path: str) -> str:
        return self.homes.living_at(path)

    def kept_at(self, path: str, today: str) -> str:
        row = self.session.row(NOT_DUE, **_around(path), today=today, first=FIRST_DAY)
        return str(row[0]) if row else ""

    def remove(self, mailbox: DeletedMailbox) -> None:
        self.at_commit(lambda: self._delete(mailbox))

    def _delete(self, mailbox: DeletedMailbox) -> None:
        self.session.delete(vmail.deleted_mailboxes, id=mailbox.number)


def _around(path: str) -> dict[str, object]:
    here = places_of(path)
    return {"places": [place for each in here for place in (each, f"{each}/")], "below": starting(f"{here[0]}/")}
