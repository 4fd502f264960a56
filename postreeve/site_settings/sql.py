"""The settings that admins change, in the table `settings` of the SQL database `iredadmin`."""

from collections.abc import Callable, Collection, Mapping

import msgspec
import sqlalchemy as sa

from postreeve.configuration import overridden
from postreeve.settings import SITE_KEYS, Settings
from postreeve.site_settings.store import SiteSetting, Value
from postreeve.storage.sql import Session, Statement
from postreeve.storage.tables.iredadmin import settings

EVERYBODY = "global"
"""The account of the rows that are for the whole site."""
FIND = Statement(lambda _: sa.select(settings.c.k, settings.c.v).where(settings.c.account == EVERYBODY))


def found(session: Session) -> dict[str, object]:
    """Return the values in the table; iRedAdmin writes each as JSON, `{"value": …}`."""
    return {key: _value(text) for key, text in session.rows(FIND)}


class SqlSiteSettings:
    """The settings, as rows of `settings`."""

    def __init__(
        self,
        session: Session,
        of_file: Settings,
        at_commit: Callable[[Callable[[], None]], None],
        announce: Callable[[], None],
    ) -> None:
        """`at_commit` takes what is to be done when the work is committed; `announce` waits until all servers know."""
        self.session = session
        self.of_file = of_file
        self.at_commit = at_commit
        self.announce = announce

    def all(self) -> dict[str, SiteSetting]:
        rows = found(self.session)
        return {name: self._setting(name, rows) for name in SITE_KEYS}

    def write(self, values: Mapping[str, Value], forgotten: Collection[str]) -> None:
        self.at_commit(lambda: self._write(values, forgotten))

    def _setting(self, name: str, rows: Mapping[str, object]) -> SiteSetting:
        counts = overridden(self.of_file, {name: rows[name]}) if name in rows else self.of_file
        return {
            "value": getattr(counts, name), "in_file": getattr(self.of_file, name),
            "is_overridden": counts is not self.of_file,
        }  # fmt: skip

    def _write(self, values: Mapping[str, Value], forgotten: Collection[str]) -> None:
        with Session(self.session.database) as own:
            own.begin()
            for name, value in values.items():
                text = msgspec.json.encode({"value": value}).decode()
                if not own.update(settings, {"v": text}, account=EVERYBODY, k=name):
                    own.insert(settings, {"account": EVERYBODY, "k": name, "v": text})
            for name in forgotten:
                own.delete(settings, account=EVERYBODY, k=name)
            own.commit()
        self.announce()


def _value(text: str | None) -> object:
    """Return the value of a row; None when it is something else."""
    try:
        decoded = msgspec.json.decode(text or "null")
    except msgspec.DecodeError:
        return None
    return decoded.get("value") if isinstance(decoded, dict) else None
