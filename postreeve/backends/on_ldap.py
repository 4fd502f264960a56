"""Accounts in iRedMail's OpenLDAP directory; everything else is in SQL, as with the other back ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

from postreeve.activity.ldap import LdapChangedAt
from postreeve.addresses.ldap import LdapAddresses
from postreeve.admins.ldap import LdapAdmins
from postreeve.aliases.ldap import LdapAliases
from postreeve.backends.common import Stores, StoresWork
from postreeve.dashboard.ldap import LdapFigures
from postreeve.deleted_mailboxes.ldap import LdapHomes
from postreeve.doctor.ldap import LdapInspection
from postreeve.domains.ldap import LdapDomains
from postreeve.ldif.ldap import LdapLdif
from postreeve.newsletter.ldap import LdapNewsletters
from postreeve.overviews.ldap import LdapOverviews
from postreeve.pending.ldap import LdapWitnesses
from postreeve.pending.store import DIRECTORY, Step
from postreeve.permissions import Grant
from postreeve.sessions.ldap import LdapLogins
from postreeve.settings import Settings, SettingsError
from postreeve.storage import sql
from postreeve.storage.claims import Locks
from postreeve.storage.directory import passwords, sweeps
from postreeve.storage.directory.connections import Directory
from postreeve.storage.directory.session import Session
from postreeve.subscribable_lists import following
from postreeve.subscribable_lists.ldap import LdapSubscribableLists
from postreeve.unsubscribable_lists.ldap import LdapUnsubscribableLists
from postreeve.users.ldap import LdapUsers
from postreeve.work import ConflictError, Pool, Remarks


class LdapWork(StoresWork):
    """The stores of one request whose accounts are in a directory."""

    def __init__(self, storage: "LdapStorage", grant: Grant, client: str, via: str, token: str) -> None:
        super().__init__(storage, grant, client, via, token)
        self.locks = Locks(storage.iredadmin)
        self.directory = Session(storage.directory, self.locks)

    @cached_property
    def domains(self) -> LdapDomains:
        return LdapDomains(self.directory, self.iredadmin, self.settings, self.remarks)

    @cached_property
    def admins(self) -> LdapAdmins:
        return LdapAdmins(self.directory)

    @cached_property
    def users(self) -> LdapUsers:
        return LdapUsers(self.directory, self.iredadmin, self.settings, self.remarks)

    @cached_property
    def aliases(self) -> LdapAliases:
        return LdapAliases(self.directory, self.remarks)

    @cached_property
    def addresses(self) -> LdapAddresses:
        return LdapAddresses(self.directory)

    @cached_property
    def overviews(self) -> LdapOverviews:
        return LdapOverviews(self.directory, self.iredadmin)

    @cached_property
    def ldif(self) -> LdapLdif:
        return LdapLdif(self.directory)

    @cached_property
    def unsubscribable_lists(self) -> LdapUnsubscribableLists:
        return LdapUnsubscribableLists(self.directory)

    @cached_property
    def inspection(self) -> LdapInspection:
        return LdapInspection(self.directory, self.iredadmin)

    @cached_property
    def figures(self) -> LdapFigures:
        return LdapFigures(self.directory, self.iredadmin, self._stores.recent)

    @cached_property
    def _accounts_of_lists(self) -> LdapSubscribableLists:
        return LdapSubscribableLists(self.directory, self.settings.mlmmj_transport)

    @property
    def _accounts_of_newsletters(self) -> LdapNewsletters:
        return LdapNewsletters(self.directory)

    @property
    def _logins(self) -> LdapLogins:
        return LdapLogins(self.directory)

    @property
    def _changed_at(self) -> LdapChangedAt:
        return LdapChangedAt(self.directory)

    @property
    def _witnesses(self) -> LdapWitnesses:
        return LdapWitnesses(self.directory)

    @cached_property
    def _homes(self) -> LdapHomes:
        return LdapHomes(self.directory)

    @property
    def _records_of_mailboxes(self) -> sql.Session:
        return self.iredadmin

    def _commit_accounts(self) -> None:
        self.directory.commit()

    def _close_accounts(self) -> None:
        self.directory.close()
        self.locks.release()


class LdapStorage(Stores):
    """An installation whose accounts are in a directory."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        if settings.ldap is None:
            raise SettingsError("The settings name no directory.")
        if settings.default_password_scheme not in passwords.SCHEMES:
            raise SettingsError(
                f"Beside a directory default_password_scheme has to be one of {', '.join(passwords.SCHEMES)}: slapd"
                " compares the passwords."
            )
        self.directory = Directory(settings.ldap, settings.pool_size)
        self.following.others[DIRECTORY] = self._follow_in_accounts

    def _work(self, grant: Grant, client: str, via: str, token: str) -> LdapWork:
        return LdapWork(self, grant, client, via, token)

    @contextmanager
    def accounts_of_steps(self) -> Iterator[LdapWitnesses]:
        with Session(self.directory, Locks(self.iredadmin)) as session:  # a look may wait for whoever has a lock
            yield LdapWitnesses(session)

    def _follow_in_accounts(self, step: Step) -> None:
        with Session(self.directory) as session:
            match step.deed:
                case "align":
                    sweeps.align(session, step.name)
                case "unalias":
                    sweeps.forget_alias_domain(session, step.name, step.new)
                case unknown:
                    raise ConflictError(f"This release does not know how to {unknown}.")

    def _follow_in_lists(self, step: Step) -> None:
        if self.lists:
            with Session(self.directory) as session, sql.Session(self.iredadmin, is_autocommit=True) as own:
                domains = LdapDomains(session, own, self.settings, Remarks())
                following.follow(self.lists, LdapSubscribableLists(session, ""), domains.alias_domains, step)

    def stores(self) -> dict[str, bool]:
        return {DIRECTORY: True, **super().stores()}

    def is_answering(self, store: str) -> bool:
        return self.directory.is_answering() if store == DIRECTORY else super().is_answering(store)

    def pools(self) -> dict[str, Pool]:
        return {DIRECTORY: self.directory.use(), **super().pools()}

    def close(self) -> None:
        super().close()
        self.directory.close()
