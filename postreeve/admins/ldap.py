"""Standalone admins as entries of a directory."""

from collections.abc import Collection, Iterable, Iterator

from postreeve.admins.fields import (
    DISABLE_MANAGING_QUARANTINED_MAILS,
    DISABLE_VIEWING_MAIL_LOG,
    MAX_DOMAINS,
    MAX_QUOTA,
    QUOTA_UNIT,
)
from postreeve.admins.store import Admin
from postreeve.errors import Code, refuse
from postreeve.fields import Changes
from postreeve.storage.directory import accounts, filters, rights
from postreeve.storage.directory.entries import Entry, Values
from postreeve.storage.directory.session import NAME_ONLY, Session
from postreeve.values import Address
from postreeve.work import Profile

_READ = ("mail", "accountStatus", "domainGlobalAdmin", "userPassword")
_GLOBAL = filters.both(filters.equal("accountStatus", "active"), filters.equal("domainGlobalAdmin", "yes"))
_WITHHELD = {
    "view_mail_log": DISABLE_VIEWING_MAIL_LOG,
    "manage_quarantined_mails": DISABLE_MANAGING_QUARANTINED_MAILS,
}
"""The values of `disabledService` that keep something from an admin."""


class LdapAdmins:
    """The standalone admins, as entries of the class `mailAdmin`."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def find(self, account: str) -> Admin | None:
        entry = self.session.find(self._dn(account), _READ)
        return _admin(entry) if entry else None

    def require(self, account: str) -> Admin:
        return self.find(account) or refuse(Code.NO_SUCH_ACCOUNT, hint=account)

    def lock(self, account: str) -> Admin:
        entry = self.session.lock(self._dn(account), _READ)
        return _admin(entry) if entry else refuse(Code.NO_SUCH_ACCOUNT, hint=account)

    def touch(self, account: str) -> None:
        tree = self.session.tree
        for dn in (tree.admin(account), tree.user(account)):
            if not self.session.is_locked(dn):
                self.session.lock(dn, NAME_ONLY)

    def other_global_admins(self, than: Collection[str]) -> list[str]:
        tree = self.session.tree
        self.session.lock(tree.admins, NAME_ONLY)  # whoever takes such rights away comes here first
        standalone = self.session.search(tree.admins, filters.both(filters.is_("mailAdmin"), _GLOBAL), ["mail"])
        found = {entry.text("mail").lower() for entry in standalone}
        users = filters.both(filters.is_("mailUser"), _GLOBAL)
        found |= {
            entry.text("mail").lower() for entry in self.session.search(tree.domains, users, ["mail"], scope="sub")
        }
        return sorted(found.difference(than))

    def addresses(self, *, only_disabled: bool = False) -> list[str]:
        condition = filters.is_("mailAdmin")
        if only_disabled:
            condition = filters.both(condition, filters.unless(filters.equal("accountStatus", "active")))
        found = self.session.search(self.session.tree.admins, condition, ["mail"])
        return sorted(entry.text("mail").lower() for entry in found)

    def profiles(self, wanted: Iterable[str]) -> Iterator[Profile]:
        for batch in accounts.batches(wanted):
            managed = rights.administered(self.session, batch)
            condition = filters.both(filters.is_("mailAdmin"), filters.among("mail", batch))
            found = {
                entry.text("mail").lower(): entry for entry in self.session.search(self.session.tree.admins, condition)
            }
            self.session.rest()
            for account in batch:
                if entry := found.get(account.lower()):
                    yield accounts.shown(entry, managed_domains=managed[account.lower()])

    def create(self, account: Address, password: str, changes: Changes) -> None:
        rights.withdraw(self.session, account)  # what somebody left under this name
        entry: dict[str, Values] = {
            "objectClass": "mailAdmin", "mail": account, "accountStatus": "active", **accounts.new_password(password),
        }  # fmt: skip
        self.session.add(self._dn(account), {**entry, **_attributes(None, changes)})

    def update(self, account: Address, password: str | None, changes: Changes) -> None:
        dn = self._dn(account)
        edit = self.session.edit(dn)
        new = _attributes(self.session.find(dn), changes)
        for name, values in {**new, **(accounts.new_password(password) if password is not None else {})}.items():
            edit.replace(name, values)

    def delete(self, account: Address) -> None:
        rights.withdraw(self.session, account)
        self.session.delete(self._dn(account))

    def _dn(self, account: str) -> str:
        return self.session.tree.admin(account)


def _attributes(entry: Entry | None, changes: Changes) -> dict[str, Values]:
    """Return what changes, with the limits that are more than one setting and what is kept from the admin."""
    written = accounts.attributes(entry, changes)
    found: dict[str, Values] = {**written}
    several: dict[str, int] = {}
    if (most := changes.get(MAX_DOMAINS)) is not None:
        several |= {"create_new_domains": most >= 0, "create_max_domains": most}
    if (quota := changes.get(MAX_QUOTA)) is not None:
        several["create_max_quota"] = quota * (changes.get(QUOTA_UNIT) or 1)
    if several:
        texts = written.get(accounts.SETTINGS, entry.texts(accounts.SETTINGS) if entry else [])
        found[accounts.SETTINGS] = accounts.changed(texts, several)
    withheld = {word: changes.get(of) for word, of in _WITHHELD.items() if of in changes}
    if withheld:
        before = entry.texts("disabledService") if entry else []
        kept = [word for word in before if word.lower() not in withheld]
        found["disabledService"] = [*kept, *(word for word, is_withheld in withheld.items() if is_withheld)]
    return found


def _admin(entry: Entry) -> Admin:
    return Admin(
        account=Address(entry.text("mail").lower()),
        is_active=entry.has("accountStatus", "active"),
        is_global=entry.has("domainGlobalAdmin", "yes"),
        password=accounts.password(entry),
    )
