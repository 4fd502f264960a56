"""Who may log in, from entries of a directory."""

import hashlib

from postreeve.permissions import Actor, Allowance
from postreeve.sessions.store import Login
from postreeve.storage.directory import accounts, filters
from postreeve.storage.directory.entries import Entry
from postreeve.storage.directory.session import Session
from postreeve.values import Address, DomainName

_READ = ("userPassword", "accountStatus", "domainGlobalAdmin", accounts.SETTINGS)


class LdapLogins:
    """The admins: standalone ones, users who are global admins, and users whom a domain names in `domainAdmin`."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def login(self, account: str) -> Login | None:
        kind, entry = "admin", self.session.find(self.session.tree.admin(account), _READ)
        if entry is None:
            kind, entry = "user", self.session.find(self.session.tree.user(account), _READ)
        if entry is None or not entry.has("accountStatus", "active"):
            return None
        is_global = entry.has("domainGlobalAdmin", "yes")
        is_domain_of = filters.both(filters.is_("mailDomain"), filters.equal("domainAdmin", account))
        found = self.session.search(self.session.tree.domains, is_domain_of, ["domainName"])
        domains = sorted(each.text("domainName").lower() for each in found)
        if kind == "user" and not is_global and not domains:
            return None
        managed = frozenset(map(DomainName, domains))
        actor = Actor(Address(account), is_global, kind == "user", managed, _allowance(entry))
        password = accounts.password(entry)
        stamp = hashlib.sha256("\n".join([kind, password, str(is_global), *domains]).encode()).hexdigest()
        return Login(actor, password, stamp)


def _allowance(entry: Entry) -> Allowance:
    """Return an admin's limits; the right to add domains at all is a key of its own."""
    most_domains = accounts.number(entry, "create_max_domains")
    may_add = accounts.setting(entry, "create_new_domains") == "yes" or most_domains > 0
    return Allowance(
        domains=most_domains if may_add else -1,
        users=accounts.number(entry, "create_max_users"),
        aliases=accounts.number(entry, "create_max_aliases"),
        lists=accounts.number(entry, "create_max_lists"),
        quota=accounts.number(entry, "create_max_quota"),
    )
