"""What all back ends have in common: everything that is not accounts is in SQL, or at mlmmj."""

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import cached_property
from pathlib import Path

import msgspec

from postreeve.activity.sql import SqlActivity
from postreeve.activity.store import ChangedAt, Line
from postreeve.addresses.store import Addresses
from postreeve.admins.store import Admins
from postreeve.aliases.store import Aliases
from postreeve.configuration import overridden
from postreeve.dashboard.recent import Recent
from postreeve.dashboard.sql import SqlServers
from postreeve.dashboard.store import Figures
from postreeve.deleted_mailboxes.sql import SqlDeletedMailboxes
from postreeve.deleted_mailboxes.store import Homes
from postreeve.doctor.policies import AmavisdHolders, IredapdHolders
from postreeve.doctor.store import Inspection
from postreeve.domains.store import Domains
from postreeve.errors import Code, refuse
from postreeve.greylisting.sql import SqlGreylisting
from postreeve.ldif.store import Ldif
from postreeve.mail_log.sql import SqlMailLog
from postreeve.newsletter.sql import SqlConfirmations
from postreeve.newsletter.store import Newsletters, Outbox
from postreeve.overviews.store import Overviews
from postreeve.ownership.sql import SqlOwnership
from postreeve.passwords.ahead import HashedAhead  # noqa: TC001 - beside what else is needed here
from postreeve.pending.following import Following
from postreeve.pending.sql import SqlPending
from postreeve.pending.store import MLMMJ, Step, Witnesses
from postreeve.permissions import Grant
from postreeve.quarantine.sql import SqlQuarantine
from postreeve.retention.sql import SqlRetention
from postreeve.sessions.sql import SqlSessions
from postreeve.sessions.store import Logins, SessionKind
from postreeve.settings import Settings
from postreeve.site_settings import sql as site_settings
from postreeve.site_settings.sql import SqlSiteSettings
from postreeve.spam_policy.sql import SqlSpamPolicies
from postreeve.storage import claims, runners
from postreeve.storage.ampdp import AmPdp
from postreeve.storage.mailboxes import HostMailboxes
from postreeve.storage.mlmmj import Host, NativeLists
from postreeve.storage.mlmmjadmin import Remote, RemoteLists, Serialised, read_tokens
from postreeve.storage.outbox import outbox_of
from postreeve.storage.sql import Database, Session
from postreeve.subscribable_lists.fields import CONTROLS
from postreeve.subscribable_lists.store import ListServer, SubscribableLists
from postreeve.throttle.sql import SqlThrottles
from postreeve.unsubscribable_lists.store import UnsubscribableLists
from postreeve.users.store import Users
from postreeve.wblist.sql import SqlWblists
from postreeve.work import ConflictError, LastRun, ListServerError, Pool, Rehearsal, Remarks, StoreUnavailableError

log = logging.getLogger("postreeve.backends")

REHEARSED = "SSHA512"
"""The scheme of hashes that are never stored: they are made quickly."""
RETRY_SECONDS = 5
"""How long a client waits before it asks again for a name for which something is pending."""

_NEEDED = ("vmail", "iredadmin")
"""Databases without which nothing can be done."""


class StoresWork(ABC):
    """The stores of one request; each slice's is made when it is first asked for."""

    def __init__(self, stores: "Stores", grant: Grant, client: str, via: str, token: str) -> None:
        self.grant = grant
        self.client = client
        self.via = via
        self.token = token
        self.kind = SessionKind.API
        self.remarks = Remarks()
        self.rehearsal: Rehearsal | None = None
        self.hashed: HashedAhead | None = None
        self.iredadmin = Session(stores.iredadmin, is_autocommit=True)
        self._stores = stores
        self._policies: list[Session] = []
        self._undo: list[Callable[[], None]] = []
        self._at_commit: list[Callable[[], None]] = []

    # The accounts, which each back end keeps in its own way

    @property
    @abstractmethod
    def domains(self) -> Domains: ...
    @property
    @abstractmethod
    def admins(self) -> Admins: ...
    @property
    @abstractmethod
    def users(self) -> Users: ...
    @property
    @abstractmethod
    def aliases(self) -> Aliases: ...
    @property
    @abstractmethod
    def addresses(self) -> Addresses: ...
    @property
    @abstractmethod
    def overviews(self) -> Overviews: ...
    @property
    @abstractmethod
    def inspection(self) -> Inspection: ...
    @property
    @abstractmethod
    def figures(self) -> Figures: ...
    @property
    @abstractmethod
    def _accounts_of_lists(self) -> SubscribableLists: ...
    @property
    @abstractmethod
    def _accounts_of_newsletters(self) -> Newsletters: ...
    @property
    @abstractmethod
    def _logins(self) -> Logins: ...
    @property
    @abstractmethod
    def _changed_at(self) -> ChangedAt: ...
    @property
    @abstractmethod
    def _witnesses(self) -> Witnesses: ...
    @property
    @abstractmethod
    def _homes(self) -> Homes: ...
    @property
    @abstractmethod
    def _records_of_mailboxes(self) -> Session:
        """The database with the records of deleted mailboxes."""

    @abstractmethod
    def _commit_accounts(self) -> None:
        """Make what was written about accounts lasting."""

    @abstractmethod
    def _close_accounts(self) -> None:
        """Forget what was not committed, and give connections and locks back."""

    # Everything else

    @cached_property
    def settings(self) -> Settings:
        settings = self._stores.site(self.iredadmin)
        return msgspec.structs.replace(settings, default_password_scheme=REHEARSED) if self.rehearsal else settings

    @cached_property
    def site_settings(self) -> SqlSiteSettings:
        stores = self._stores
        return SqlSiteSettings(self.iredadmin, stores.settings, self._at_commit.append, stores.renew_site)

    @cached_property
    def servers(self) -> SqlServers:
        stores = self._stores
        return SqlServers(stores.databases, stores.recent, has_directory=stores.settings.ldap is not None)

    @cached_property
    def ownership(self) -> SqlOwnership:
        return SqlOwnership(self.iredadmin, self.settings)

    @cached_property
    def activity(self) -> SqlActivity:
        return SqlActivity(self.iredadmin, self._changed_at, self._at_commit.append)

    @cached_property
    def sessions(self) -> SqlSessions:
        return SqlSessions(self.iredadmin, self._logins)

    @cached_property
    def pending(self) -> SqlPending:
        return SqlPending(self.iredadmin, self._witnesses, self._stores.following.stores)

    @cached_property
    def spam_policies(self) -> SqlSpamPolicies:
        return SqlSpamPolicies(self._amavisd, self.settings, self.remarks)

    @cached_property
    def wblists(self) -> SqlWblists:
        return SqlWblists(self._amavisd)

    @cached_property
    def amavisd_holders(self) -> AmavisdHolders:
        return AmavisdHolders(self._amavisd)

    @cached_property
    def iredapd_holders(self) -> IredapdHolders:
        return IredapdHolders(self._iredapd)

    @cached_property
    def throttles(self) -> SqlThrottles:
        return SqlThrottles(self._iredapd, self.remarks)

    @cached_property
    def greylisting(self) -> SqlGreylisting:
        return SqlGreylisting(self._iredapd)

    @cached_property
    def mail_log(self) -> SqlMailLog:
        return SqlMailLog(self._amavisd, self.addresses.hosted, self._stores.recent)

    @cached_property
    def quarantine(self) -> SqlQuarantine:
        return SqlQuarantine(self._amavisd)

    @property
    def release_server(self) -> AmPdp:
        where = self.settings.amavisd_release_server
        return AmPdp(where or refuse(Code.NOT_AVAILABLE, hint="There is no Amavisd here that releases mails."))

    @property
    def ldif(self) -> Ldif:
        refuse(Code.NOT_AVAILABLE, hint="The accounts are in no directory.")

    @property
    def unsubscribable_lists(self) -> UnsubscribableLists:
        refuse(Code.NOT_AVAILABLE, hint="The accounts are in no directory.")

    @property
    def subscribable_lists(self) -> SubscribableLists:
        assert self.list_server
        return self._accounts_of_lists

    @property
    def newsletters(self) -> Newsletters:
        assert self.list_server
        return self._accounts_of_newsletters

    @cached_property
    def confirmations(self) -> SqlConfirmations:
        if not self.iredadmin.schema.has("newsletter_subunsub_confirms"):
            refuse(Code.NOT_AVAILABLE, hint="The database iredadmin has no table newsletter_subunsub_confirms.")
        return SqlConfirmations(self.iredadmin)

    @property
    def outbox(self) -> Outbox:
        return outbox_of(self.settings)

    @property
    def list_server(self) -> ListServer:
        return self._stores.lists or refuse(Code.NOT_AVAILABLE, hint="There is no mlmmj here.")

    @cached_property
    def deleted_mailboxes(self) -> SqlDeletedMailboxes:
        return SqlDeletedMailboxes(self._records_of_mailboxes, self._homes, self._at_commit.append)

    @cached_property
    def mailbox_files(self) -> HostMailboxes:
        settings = self.settings
        return HostMailboxes(settings.storage_roots or [settings.storage_base_directory], settings.mailbox_owner)

    @cached_property
    def retention(self) -> SqlRetention:
        has_amavisd = "amavisd" in self._stores.databases
        return SqlRetention(self.iredadmin, lambda: self._amavisd if has_amavisd else None, self.settings)

    @cached_property
    def _amavisd(self) -> Session:
        return self._policy_session("amavisd")

    @cached_property
    def _iredapd(self) -> Session:
        return self._policy_session("iredapd")

    def _policy_session(self, name: str) -> Session:
        database = self._stores.databases.get(name)
        session = Session(database or refuse(Code.NOT_AVAILABLE, hint=f"There is no database {name} here."))
        self._policies.append(session)
        return session

    def undo(self, step: Callable[[], None]) -> None:
        self._undo.append(step)

    def commit(self, line: Line | None) -> None:
        """Write down what is meant and what follows, commit, confirm, and do what follows.

        What an operation changes in `iredadmin` itself is written first, as it says. Policies are written by operations
        that only lock accounts, so theirs is the next commit: the lock holds until it is done.
        """
        self.pending.record()
        number = self.activity.intend(line) if line else None
        try:
            for write in self._at_commit:
                write()
            for session in self._policies:
                session.commit()
            self._commit_accounts()
        except ConflictError:
            self.pending.withdraw()
            if number is not None:
                self.activity.withdraw(number)
            raise
        except StoreUnavailableError:  # nobody knows whether it is committed
            self._undo.clear()
            raise
        self._undo.clear()
        self._settle(number)

    def _settle(self, number: int | None) -> None:
        """Confirm the intent and do what follows; what can not be done now stays for the job."""
        try:
            self.sessions.settle()
        except (ConflictError, StoreUnavailableError):
            log.warning("Sessions of somebody whose own rights have changed are over.")
        try:
            self.ownership.settle()
        except (ConflictError, StoreUnavailableError):
            log.warning("A proof of ownership that was given is still awaited.")
        if number is not None:
            try:
                self.activity.confirm(number)
            except (ConflictError, StoreUnavailableError):
                self.remarks.pending.append("activity log")
        if self.pending.names:
            self.remarks.pending += map(str, self._stores.following.after(self.pending))

    def close(self) -> None:
        """Undo what was not committed and give the connections back."""
        for step in reversed(self._undo):
            try:
                step()
            except ListServerError as error:
                log.warning("Not undone at mlmmj: %s", error)
        self._close_accounts()
        for session in (*self._policies, self.iredadmin):
            session.close()


class Stores(ABC):
    """An installation."""

    site_seconds = 1.0
    """How old the settings of the table `iredadmin.settings` may be; whoever changes them waits so long."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.databases = {name: Database(store, settings.pool_size) for name, store in settings.databases.items()}
        self.iredadmin = self.databases["iredadmin"]
        self.lists = self._list_server()
        self.following = Following(
            self.databases, self.accounts_of_steps, {MLMMJ: self._follow_in_lists} if self.lists else {}
        )
        self.recent = Recent()
        self._site: tuple[float, Settings] = (0.0, settings)

    @abstractmethod
    def _work(self, grant: Grant, client: str, via: str, token: str) -> StoresWork:
        """Return the stores of one request."""

    @abstractmethod
    def accounts_of_steps(self) -> AbstractContextManager[Witnesses]:
        """Open the accounts for a look at what pending steps are about."""

    @abstractmethod
    def _follow_in_lists(self, step: Step) -> None:
        """Do a pending step at mlmmj."""

    @contextmanager
    def open(
        self, grant: Grant, client: str, via: str = "", token: str = "", kind: SessionKind = SessionKind.API
    ) -> Iterator[StoresWork]:
        work = self._work(grant, client, via, token)
        work.kind = kind
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

    def turn(self, job: str) -> AbstractContextManager[runners.Held]:
        return runners.turn(self.iredadmin, job)

    def last_runs(self) -> dict[str, LastRun]:
        return runners.last_runs(self.iredadmin)

    def stores(self) -> dict[str, bool]:
        return {name: name in _NEEDED for name in self.databases}

    def is_answering(self, store: str) -> bool:
        return self.databases[store].is_answering()

    def pools(self) -> dict[str, Pool]:
        return {name: database.use() for name, database in self.databases.items()}

    def finish_pending(self) -> tuple[int, int]:
        return self.following.finish_all()

    def site(self, session: Session | None = None) -> Settings:
        """Return the settings as the table `iredadmin.settings` overrides them, a second old at most."""
        read_at, settings = self._site
        now = time.monotonic()
        if now - read_at < self.site_seconds:
            return settings
        if session is None:
            with Session(self.iredadmin, is_autocommit=True) as own:
                return self.site(own)
        values = site_settings.found(session)
        session.rest()
        settings = overridden(self.settings, values)
        self._site = (now, settings)
        return settings

    def renew_site(self) -> None:
        """Wait until no server process goes by settings that were read before now."""
        time.sleep(self.site_seconds)
        self._site = (0.0, self.settings)

    def _list_server(self) -> ListServer | None:
        settings = self.settings
        match settings.mlmmj:
            case "native":
                return native_lists(settings)
            case "remote":
                return remote_lists(settings, self._turn)
        return None

    def _turn(self, mail: str) -> AbstractContextManager[None]:
        """Keep other processes away from a list: mlmmjadmin takes no locks."""
        return claims.held(self.iredadmin, {f"mlmmj:{mail}"})

    def close(self) -> None:
        """Close all connections."""
        if self.lists:
            self.lists.close()
        for database in self.databases.values():
            database.close()


def remote_lists(settings: Settings, serialised: Serialised = lambda _mail: nullcontext()) -> RemoteLists:
    """Return mlmmj behind an HTTP API."""
    remote = Remote(
        settings.mlmmjadmin_url, read_tokens(Path(settings.mlmmjadmin_token_file))[0],
        header=settings.mlmmjadmin_header, is_verified=settings.mlmmjadmin_verify_tls,
    )  # fmt: skip
    return RemoteLists(remote, CONTROLS, serialised)


def native_lists(settings: Settings) -> NativeLists:
    """Return mlmmj on this host."""
    port = str(settings.mlmmj_smtp_port) if settings.mlmmj_smtp_port else ""
    controls = (("relayhost", settings.mlmmj_relay_host), ("smtpport", port))
    host = Host(
        spool=Path(settings.mlmmj_spool), archive=Path(settings.mlmmj_archive),
        programs=Path(settings.mlmmj_programs), texts=Path(settings.mlmmj_texts),
        controls=tuple((name, value) for name, value in controls if value),
    )  # fmt: skip
    return NativeLists(host, CONTROLS)
