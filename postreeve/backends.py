"""Which class serves which store: here a back end is put together, and nowhere else."""

import time
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property

import msgspec
import sqlalchemy as sa

from postreeve.activity.sql import SqlActivity
from postreeve.activity.store import Line
from postreeve.addresses.sql import SqlAddresses
from postreeve.admins.sql import SqlAdmins
from postreeve.aliases.sql import SqlAliases
from postreeve.domains.sql import SqlDomains
from postreeve.ownership.sql import SqlOwnership
from postreeve.permissions import Grant
from postreeve.sessions.sql import SqlSessions
from postreeve.settings import Settings, overridden
from postreeve.storage import claims
from postreeve.storage.sql import Database, Session, Statement
from postreeve.storage.tables import iredadmin
from postreeve.users.sql import SqlUsers
from postreeve.work import ConflictError, Remarks, StoreUnavailableError

SITE_SECONDS = 5
"""How old the settings of the table `iredadmin.settings` may be."""

SITE = Statement(
    lambda _: sa.select(iredadmin.settings.c.k, iredadmin.settings.c.v).where(iredadmin.settings.c.account == "global")
)


class SqlWork:
    """The stores of one request on SQL; each slice's is made when it is first asked for."""

    def __init__(self, storage: "SqlStorage", grant: Grant, client: str, via: str, token: str) -> None:
        self.grant = grant
        self.client = client
        self.via = via
        self.token = token
        self.remarks = Remarks()
        self.vmail = Session(storage.vmail)
        self.iredadmin = Session(storage.iredadmin, is_autocommit=True)
        self._storage = storage

    @cached_property
    def settings(self) -> Settings:
        return self._storage.site(self.iredadmin)

    @cached_property
    def domains(self) -> SqlDomains:
        return SqlDomains(self.vmail, self.settings, self.remarks)

    @cached_property
    def admins(self) -> SqlAdmins:
        return SqlAdmins(self.vmail)

    @cached_property
    def users(self) -> SqlUsers:
        return SqlUsers(self.vmail, self.settings, self.remarks)

    @cached_property
    def aliases(self) -> SqlAliases:
        return SqlAliases(self.vmail)

    @cached_property
    def addresses(self) -> SqlAddresses:
        return SqlAddresses(self.vmail)

    @cached_property
    def ownership(self) -> SqlOwnership:
        return SqlOwnership(self.iredadmin, self.settings)

    @cached_property
    def activity(self) -> SqlActivity:
        return SqlActivity(self.iredadmin, self.vmail)

    @cached_property
    def sessions(self) -> SqlSessions:
        return SqlSessions(self.vmail, self.iredadmin)

    def commit(self, line: Line | None) -> None:
        """Write the log's intent, commit the accounts, confirm the intent."""
        number = self.activity.intend(line) if line else None
        try:
            self.vmail.commit()
        except ConflictError:
            if number is not None:
                self.activity.withdraw(number)
            raise
        if number is not None:
            try:
                self.activity.confirm(number)
            except (ConflictError, StoreUnavailableError):
                self.remarks.pending.append("activity log")

    def close(self) -> None:
        """Undo what was not committed and give the connections back."""
        self.vmail.close()
        self.iredadmin.close()


class SqlStorage:
    """An installation whose accounts are in SQL."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.vmail = Database(settings.vmail, settings.pool_size)
        self.iredadmin = Database(settings.iredadmin, settings.pool_size)
        self._site: tuple[float, Settings] = (0.0, settings)

    @contextmanager
    def open(self, grant: Grant, client: str, via: str = "", token: str = "") -> Iterator[SqlWork]:
        work = SqlWork(self, grant, client, via, token)
        try:
            yield work
        finally:
            work.close()

    def claim(self, names: Collection[str]) -> AbstractContextManager[None]:
        return claims.held(self.iredadmin, names)

    def site(self, session: Session | None = None) -> Settings:
        """Return the settings as the table `iredadmin.settings` overrides them, some seconds old at most."""
        read_at, settings = self._site
        if time.monotonic() - read_at < SITE_SECONDS:
            return settings
        if session is None:
            with Session(self.iredadmin, is_autocommit=True) as own:
                return self.site(own)
        values = {key: _value(text) for key, text in session.rows(SITE)}
        session.rest()
        settings = overridden(self.settings, values)
        self._site = (time.monotonic(), settings)
        return settings

    def close(self) -> None:
        """Close all connections."""
        self.vmail.pool.dispose()
        self.iredadmin.pool.dispose()


def _value(text: str | None) -> object:
    """Return the value of a row of settings, `{"value": …}`; None when it is something else."""
    try:
        found = msgspec.json.decode(text or "null")
    except msgspec.DecodeError:
        return None
    return found.get("value") if isinstance(found, dict) else None
