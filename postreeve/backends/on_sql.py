"""Accounts in iRedMail's SQL database `vmail`."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

from postreeve.activity.sql import SqlChangedAt
from postreeve.addresses.sql import SqlAddresses
from postreeve.admins.sql import SqlAdmins
from postreeve.aliases.sql import SqlAliases
from postreeve.backends.common import Stores, StoresWork
from postreeve.dashboard.sql import SqlFigures
from postreeve.deleted_mailboxes.sql import SqlHomes
from postreeve.doctor.sql import SqlInspection
from postreeve.domains.sql import SqlDomains
from postreeve.newsletter.sql import SqlNewsletters
from postreeve.overviews.sql import SqlOverviews
from postreeve.pending.sql import SqlWitnesses
from postreeve.pending.store import Step
from postreeve.permissions import Grant
from postreeve.sessions.sql import SqlLogins
from postreeve.settings import Settings
from postreeve.storage.sql import Session
from postreeve.subscribable_lists import following
from postreeve.subscribable_lists.sql import SqlSubscribableLists
from postreeve.users.sql import SqlUsers
from postreeve.work import Remarks


class SqlWork(StoresWork):
    """The stores of one request whose accounts are in SQL."""

    def __init__(self, storage: "SqlStorage", grant: Grant, client: str, via: str, token: str) -> None:
        super().__init__(storage, grant, client, via, token)
        self.vmail = Session(storage.vmail)

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
    def overviews(self) -> SqlOverviews:
        return SqlOverviews(self.vmail)

    @cached_property
    def inspection(self) -> SqlInspection:
        return SqlInspection(self.vmail)

    @cached_property
    def figures(self) -> SqlFigures:
        return SqlFigures(self.vmail, self._stores.recent)

    @cached_property
    def _accounts_of_lists(self) -> SqlSubscribableLists:
        return SqlSubscribableLists(self.vmail, self.settings.mlmmj_transport)

    @property
    def _accounts_of_newsletters(self) -> SqlNewsletters:
        return SqlNewsletters(self.vmail)

    @property
    def _logins(self) -> SqlLogins:
        return SqlLogins(self.vmail)

    @property
    def _changed_at(self) -> SqlChangedAt:
        return SqlChangedAt(self.vmail)

    @property
    def _witnesses(self) -> SqlWitnesses:
        return SqlWitnesses(self.vmail)

    @cached_property
    def _homes(self) -> SqlHomes:
        return SqlHomes(self.vmail)

    @property
    def _records_of_mailboxes(self) -> Session:
        return self.vmail

    def _commit_accounts(self) -> None:
        self.vmail.commit()

    def _close_accounts(self) -> None:
        self.vmail.close()


class SqlStorage(Stores):
    """An installation whose accounts are in SQL."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.vmail = self.databases["vmail"]

    def _work(self, grant: Grant, client: str, via: str, token: str) -> SqlWork:
        return SqlWork(self, grant, client, via, token)

    @contextmanager
    def accounts_of_steps(self) -> Iterator[SqlWitnesses]:
        with Session(self.vmail) as session:
            yield SqlWitnesses(session)

    def _follow_in_lists(self, step: Step) -> None:
        if self.lists:
            with Session(self.vmail) as session:
                domains = SqlDomains(session, self.settings, Remarks())
                following.follow(self.lists, SqlSubscribableLists(session, ""), domains.alias_domains, step)
