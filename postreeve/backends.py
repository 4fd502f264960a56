"""Which class serves which store: here a back end is put together, and nowhere else."""

import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property

import msgspec
import sqlalchemy as sa

from postreeve.activity.sql import SqlActivity
from postreeve.activity.store import Line
from postreeve.addresses.sql import SqlAddresses
from postreeve.admins.sql import SqlAdmins
from postreeve.aliases.sql import SqlAliases
from postreeve.domains.sql import SqlDomains
from postreeve.errors import Code, refuse
from postreeve.greylisting.sql import SqlGreylisting
from postreeve.ownership.sql import SqlOwnership
from postreeve.pending.following import Following
from postreeve.pending.sql import SqlPending
from postreeve.permissions import Grant
from postreeve.sessions.sql import SqlSessions
from postreeve.settings import STORES, Settings, overridden
from postreeve.spam_policy.sql import SqlSpamPolicies
from postreeve.storage import claims
from postreeve.storage.sql import Database, Session, Statement
from postreeve.storage.tables import iredadmin
from postreeve.throttle.sql import SqlThrottles
from postreeve.users.sql import SqlUsers
from postreeve.wblist.sql import SqlWblists
from postreeve.work import ConflictError, Remarks, StoreUnavailableError

SITE_SECONDS = 5
"""How old the settings of the table `iredadmin.settings` may be."""
RETRY_SECONDS = 5
"""How long a client waits before it asks again for a name for which something is pending."""

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
        self._policies: list[Session] = []

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

    @cached_property
    def pending(self) -> SqlPending:
        return SqlPending(self.iredadmin, self.vmail, self._storage.following.stores)

    @cached_property
    def spam_policies(self) -> SqlSpamPolicies:
        return SqlSpamPolicies(self._amavisd, self.settings, self.remarks)

    @cached_property
    def wblists(self) -> SqlWblists:
        return SqlWblists(self._amavisd)

    @cached_property
    def throttles(self) -> SqlThrottles:
        return SqlThrottles(self._iredapd, self.remarks)

    @cached_property
    def greylisting(self) -> SqlGreylisting:
        return SqlGreylisting(self._iredapd)

    @cached_property
    def _amavisd(self) -> Session:
        return self._policy_session("amavisd")

    @cached_property
    def _iredapd(self) -> Session:
        return self._policy_session("iredapd")

    def _policy_session(self, name: str) -> Session:
        database = self._storage.databases.get(name)
        session = Session(database or refuse(Code.NOT_AVAILABLE, hint=f"There is no database {name} here."))
        self._policies.append(session)
        return session

    def commit(self, line: Line | None) -> None:
        """Write down what is meant and what follows, commit, confirm, and do what follows.

        Policies are written by operations that only lock accounts, so theirs is the first commit: the lock holds
        until it is done.
        """
        self.pending.record()
        number = self.activity.intend(line) if line else None
        try:
            for session in (*self._policies, self.vmail):
                session.commit()
        except ConflictError:
            self.pending.withdraw()
            if number is not None:
                self.activity.withdraw(number)
            raise
        self._settle(number)

    def _settle(self, number: int | None) -> None:
        """Confirm the intent and do what follows; what can not be done now stays for the job."""
        if number is not None:
            try:
                self.activity.confirm(number)
            except (ConflictError, StoreUnavailableError):
                self.remarks.pending.append("activity log")
        if self.pending.names:
            self.remarks.pending += map(str, self._storage.following.after(self.pending))

    def close(self) -> None:
        """Undo what was not committed and give the connections back."""
        for session in (*self._policies, self.vmail, self.iredadmin):
            session.close()


class SqlStorage:
    """An installation whose accounts are in SQL."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        stores = {name: store for name in STORES if (store := getattr(settings, name))}
        self.databases = {name: Database(store, settings.pool_size) for name, store in stores.items()}
        self.vmail = self.databases["vmail"]
        self.iredadmin = self.databases["iredadmin"]
        self.following = Following(self.databases)
        self._site: tuple[float, Settings] = (0.0, settings)

    @contextmanager
    def open(self, grant: Grant, client: str, via: str = "", token: str = "") -> Iterator[SqlWork]:
        work = SqlWork(self, grant, client, via, token)
        try:
            yield work
        finally:
            work.close()

    @contextmanager
    def claim(self, taken: Collection[str], freed: Collection[str] = ()) -> Iterator[None]:
        names = {*taken, *freed}
        with ExitStack() as stack:
            stack.enter_context(claims.held(self.iredadmin, names))
            if taken and self.following.is_waiting(taken):
                stack.close()  # what is pending claims all its names at once
                self.following.finish(taken)
                stack.enter_context(claims.held(self.iredadmin, names))
                if found := self.following.in_the_way(taken):
                    name, step = found
                    hint = f"What is pending for {name} in {step.store} has to be finished first."
                    refuse(Code.SERVICE_UNAVAILABLE, hint=hint, retry_after=RETRY_SECONDS)
            yield

    def finish_pending(self) -> tuple[int, int]:
        return self.following.finish_all()

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
        for database in self.databases.values():
            database.pool.dispose()


def _value(text: str | None) -> object:
    """Return the value of a row of settings, `{"value": …}`; None when it is something else."""
    try:
        found = msgspec.json.decode(text or "null")
    except msgspec.DecodeError:
        return None
    return found.get("value") if isinstance(found, dict) else None
