"""Who may log in, from entries of a directory."""

from postreeve.permissions import MAIL_LOG, QUARANTINE, Actor, Allowance, plain_user
from postreeve.sessions.store import SELF_SERVICE, Login, known_time_zone, stamp
from postreeve.storage.directory import accounts, filters
from postreeve.storage.directory.entries import Entry
from postreeve.storage.directory.session import Session
from postreeve.values import Address, DomainName

_READ = (
    "userPassword", "accountStatus", "domainGlobalAdmin", "preferredLanguage", "disabledService", accounts.SETTINGS,
)  # fmt: skip
_WITHHELD = {"view_mail_log": MAIL_LOG, "manage_quarantined_mails": QUARANTINE}
"""The values of `disabledService` that keep something from an admin."""


class LdapLogins:
    """The admins: standalone ones, users who are global admins, and users whom a domain names in `domainAdmin`.

    The users of domains with the service are those who log in for self-service.
    """

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
        withheld = frozenset(what for word, what in _WITHHELD.items() if entry.has("disabledService", word))
        actor = Actor(
            Address(account), is_global, kind == "user", managed, _allowance(entry), **_ways(entry), withheld=withheld
        )
        password = accounts.password(entry)
        return Login(actor, password, stamp(kind, password, str(is_global), *domains))

    def user_login(self, account: str) -> Login | None:
        mail, tree = Address(account), self.session.tree
        user = self.session.find(tree.user(mail), _READ)
        if user is None or not user.has("accountStatus", "active"):
            return None
        domain = self.session.find(tree.domain(mail.domain), ("accountStatus", "enabledService"))
        if domain is None or not (domain.has("accountStatus", "active") and domain.has("enabledService", SELF_SERVICE)):
            return None
        password = accounts.password(user)
        return Login(plain_user(mail, **_ways(user)), password, stamp(SELF_SERVICE, password))


def _ways(entry: Entry) -> dict[str, str]:
    """Return the language and the time zone of an account."""
    return {
        "language": entry.text("preferredLanguage"),
        "time_zone": known_time_zone(accounts.setting(entry, "timezone")),
    }


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
