"""Users in OpenLDAP: an entry each, which holds their forwardings, alias addresses and memberships as well."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from postreeve.domains.store import Removal
from postreeve.errors import Code, refuse
from postreeve.fields import Changes, SetChange
from postreeve.permissions import Rank
from postreeve.settings import Settings
from postreeve.shapes import Attribute
from postreeve.storage import sql
from postreeve.storage.directory import accounts, filters, groups, mailboxes, names, rights, traces
from postreeve.storage.directory.entries import Entry, Values
from postreeve.storage.directory.filters import Filter
from postreeve.storage.directory.mailboxes import HOME, Use, home_of
from postreeve.storage.directory.passwords import bindable
from postreeve.storage.directory.session import NAME_ONLY, Scope, Session
from postreeve.users import services
from postreeve.users.fields import (
    ALIASES,
    FORWARDING,
    IS_GLOBAL_ADMIN,
    MAILDIR,
    MOBILE,
    QUOTA,
    RECIPIENT_BCC,
    SENDER_BCC,
    SERVICES,
    TELEPHONE_NUMBER,
)
from postreeve.users.maildir import Home
from postreeve.users.store import NewUser, User
from postreeve.values import Address, DomainName
from postreeve.work import Profile, Remarks

MEGABYTE = 2**20
USERS, QUOTAS = "domainCurrentUserNumber", "domainCurrentQuotaSize"
"""What a domain's entry says of its users: their number, and the sum of their quotas in bytes."""
_CLASSES = ("inetOrgPerson", "mailUser", "shadowAccount", "amavisAccount")
_IS_USER = filters.both(filters.is_("mailUser"), filters.unless(filters.starting("mail", "@")))
"""Whoever has a mailbox; a domain's catch-all is an entry of the same class."""
_IS_ACTIVE = filters.equal("accountStatus", "active")
_IS_GLOBAL = filters.equal("domainGlobalAdmin", "yes")
_READ = ("objectClass", "accountStatus", "domainGlobalAdmin", "mailQuota", "userPassword")
_WRITTEN = (*_READ, "mailForwardingAddress", "shadowAddress", "enabledService", "disabledService", *HOME)
_SERVICE_OF = {
    "mailForwardingAddress": "forward", "userSenderBccAddress": "senderbcc", "userRecipientBccAddress": "recipientbcc",
    "shadowAddress": "shadowaddress", "domainGlobalAdmin": "domainadmin",
}  # fmt: skip
"""The services without which Postfix, Dovecot or the panel do not look at an attribute."""
_PRINTABLE = re.compile(r"[A-Za-z0-9 '()+,./:=?-]*")
"""What slapd takes for a telephone number."""


class LdapUsers:
    """The users, as entries of a domain's container `Users`."""

    def __init__(self, session: Session, iredadmin: sql.Session, settings: Settings, remarks: Remarks) -> None:
        self.session = session
        self.iredadmin = iredadmin
        self.settings = settings
        self.remarks = remarks
        self._tallies: dict[str, tuple[int, int]] = {}

    def find(self, mail: str) -> User | None:
        return _user(mail, self.session.find(self.session.tree.user(mail), _READ))

    def require(self, mail: str) -> User:
        return self.find(mail) or refuse(Code.NO_SUCH_ACCOUNT, hint=mail)

    def lock(self, mail: str) -> User:
        entry = self.session.lock(self.session.tree.user(mail), _READ)
        return _user(mail, entry) or refuse(Code.NO_SUCH_ACCOUNT, hint=mail)

    def rank(self, mail: str) -> Rank:
        user = self.find(mail)
        domains = rights.administered(self.session, [mail])[mail.lower()]
        return Rank(bool(user and user.is_global_admin), frozenset(map(DomainName, domains)))

    def count(self, domains: Collection[str] | None) -> int:
        return sum(users for users, _ in self._tallied(domains))

    def allocated_quota(self, domains: Collection[str] | None) -> int:
        return sum(_megabytes(octets) for _, octets in self._tallied(domains))

    def aliases(self, mail: str) -> set[str]:
        entry = self.session.find(self.session.tree.user(mail), ["shadowAddress"])
        return _aliases(entry, self._by_domain(Address(mail))) if entry else set()

    def addresses(self, domain: str, *, only_disabled: bool = False) -> list[str]:
        condition = filters.both(_IS_USER, filters.unless(_IS_ACTIVE)) if only_disabled else _IS_USER
        return self._mails(domain, condition)

    def global_admins(self, domain: str) -> set[str]:
        return set(self._mails(domain, filters.both(_IS_USER, _IS_GLOBAL)))

    def outranking(self, domain: str, managed: Collection[str]) -> set[str]:
        condition = filters.both(filters.is_("mailDomain"), filters.ending("domainAdmin", f"@{domain}"))
        administering = {
            account.lower()
            for entry in self.session.search(self.session.tree.domains, condition, ["domainAdmin"])
            for account in entry.texts("domainAdmin")
            if names.value(entry.dn).lower() not in managed and account.lower().endswith(f"@{domain}")
        }
        return self.global_admins(domain) | {account for account in administering if self.find(account)}

    def profiles(self, mails: Iterable[str]) -> Iterator[Profile]:
        for batch in accounts.batches(mails):
            profiles = self._profiles(batch)
            self.session.rest()
            self.iredadmin.rest()
            yield from profiles

    def create(self, user: NewUser, changes: Changes) -> None:
        mail, tree = user.mail, self.session.tree
        known = [name for name in _CLASSES if self.session.schema.has(name)]
        entry: dict[str, Values] = {
            "objectClass": known, "mail": mail, "uid": mail.local_part, "cn": mail.local_part, "sn": mail.local_part,
            **accounts.new_password(bindable(user.password)),
            "homeDirectory": Home.of_new_user(mail, self.settings, datetime.now(UTC)).path,
            "mailboxFormat": self.settings.mailbox_format, "mailboxFolder": self.settings.mailbox_folder,
            "accountStatus": "active", "preferredLanguage": user.language, "amavisLocal": "TRUE",
            **accounts.by_domain(self.session, mail), **self._attributes(mail, None, changes, self._standard(user)),
            "mailQuota": user.quota * MEGABYTE or None,
        }  # fmt: skip
        if not self.settings.set_password_change_date_for_new_user:
            del entry["shadowLastChange"]
        rights.withdraw(self.session, mail)  # what somebody else left under this name is not inherited
        self._recount(mail.domain, 1, user.quota * MEGABYTE)
        entry["memberOfGroup"] = self._joined(user)
        self._need_container(mail.domain)
        self.session.add(tree.user(mail), entry)

    def update(self, mail: Address, password: str | None, changes: Changes) -> None:
        entry = self._entry(mail)
        new = self._attributes(mail, entry, changes, entry.texts("enabledService"))
        if password is not None:
            new |= _new_password(entry, bindable(password))
        edit = self.session.edit(entry.dn)
        for name, values in new.items():
            edit.replace(name, values)
        if (quota := changes.get(QUOTA)) is not None:
            self._recount(mail.domain, 0, quota * MEGABYTE - entry.number("mailQuota"))

    def update_all(self, domain: DomainName, spared: Collection[str], password: str | None, changes: Changes) -> None:
        new = self._known(accounts.attributes(None, changes), changes)
        stored = None if password is None else bindable(password)
        for entry in self.session.search(self.session.tree.users(domain), _IS_USER, ["objectClass"]):
            if _mail(entry) not in spared:
                edit = self.session.edit(entry.dn)
                for name, values in {**new, **(_new_password(entry, stored) if stored else {})}.items():
                    edit.replace(name, values)

    def rename(self, mail: Address, new: Address) -> None:
        entry = self._entry(mail)
        before, after = self._by_domain(mail), accounts.by_domain(self.session, new)
        aliases = _aliases(entry, before) - {mail, new}
        traces.rename(self.session, mail, new)
        edit = self.session.edit(entry.dn)
        edit.replace("uid", new.local_part).replace("domainStatus", after["domainStatus"])
        edit.replace("shadowAddress", sorted({*aliases, *after["shadowAddress"]}))
        if new.domain != mail.domain:
            octets = entry.number("mailQuota")
            self._recount(mail.domain, -1, -octets)
            self._recount(new.domain, 1, octets)
            self._need_container(new.domain)
        self.session.rename(entry.dn, self.session.tree.user(new))
        mailboxes.readdress(self.session, self.iredadmin, mail, new)

    def delete(self, mail: Address, removal: Removal) -> None:
        entry = self._entry(mail)
        domain = self.session.tree.domain(mail.domain)
        if not self.session.is_locked(domain):
            self.session.lock(domain, NAME_ONLY)
        traces.forget(self.session, mail)
        self._recount(mail.domain, -1, -entry.number("mailQuota"))
        self.session.delete(entry.dn)
        mailboxes.keep(self.session, self.iredadmin, removal, {mail: home_of(entry)})
        mailboxes.forget(self.session, self.iredadmin, [mail])

    # What an entry holds

    def _attributes(
        self, mail: Address, entry: Entry | None, changes: Changes, enabled: list[str]
    ) -> dict[str, Values]:
        """Return the attributes that change, with all their values; `entry` is what is there, nothing of a new one."""
        new = self._known(accounts.attributes(entry, changes), changes)
        for name in ("cn", "sn"):  # an entry is none without them
            if name in new:
                new[name] = new[name] or mail.local_part
        for of in (TELEPHONE_NUMBER, MOBILE):
            if not _PRINTABLE.fullmatch(changes.get(of) or ""):
                refuse(Code.INVALID_VALUE, hint=f"{of.name}: digits, letters and '()+,-./:=? alone.")
        if (quota := changes.get(QUOTA)) is not None:
            new["mailQuota"] = quota * MEGABYTE or None
        if path := changes.get(MAILDIR):
            new["homeDirectory"] = self._free_home(mail, path)
        if (is_global := changes.get(IS_GLOBAL_ADMIN)) is not None:
            new["domainGlobalAdmin"] = "yes" if is_global else None
        new |= self._addresses(mail, entry, changes)
        after = self._services(mail, entry, changes, new, enabled)
        if entry is None or after != enabled:
            new["enabledService"] = after
        return new

    def _addresses(self, mail: Address, entry: Entry | None, changes: Changes) -> dict[str, Values]:
        """Return where mail goes, and to which addresses the mailbox answers."""
        new: dict[str, Values] = {}
        for of, name in ((SENDER_BCC, "userSenderBccAddress"), (RECIPIENT_BCC, "userRecipientBccAddress")):
            if (copy := changes.get(of)) is not None:
                new[name] = copy
        if forwarding := changes.of(FORWARDING):
            after = forwarding.applied(_forwardings(mail, entry))
            new["mailForwardingAddress"] = sorted(after) if after != {mail} else None  # mail stays without any
        if aliases := changes.of(ALIASES):
            by_domain = self._by_domain(mail)
            own = aliases.applied(_aliases(entry, by_domain) if entry else ()) - {mail}
            new["shadowAddress"] = sorted(own.union(by_domain))
        return new

    def _services(
        self, mail: Address, entry: Entry | None, changes: Changes, new: Mapping[str, Values], enabled: list[str]
    ) -> list[str]:
        """Return the services, with those that the new values need; what is said to be off stays off."""
        needed = {service for name, service in _SERVICE_OF.items() if new.get(name)}
        gone: set[str] = set()
        if changes.get(IS_GLOBAL_ADMIN) is False and not self.rank(mail).domains:
            gone.add("domainadmin")
        if change := changes.of(SERVICES):
            enabled = services.listed(change, enabled)
            needed = set() if change.reset is not None else needed - {word.lower() for word in change.remove}
        off = {word.lower() for word in entry.texts("disabledService")} if entry else set()
        return services.listed(SetChange(add=frozenset(needed - off), remove=frozenset(gone)), enabled)

    def _known(self, new: dict[str, list[str]], changes: Changes) -> dict[str, Values]:
        """Return the attributes that change; parameters for which this server's schema has none are named."""
        for changed in changes:
            if isinstance(changed.ldap, Attribute) and not self.session.schema.knows(changed.ldap.name):
                self.remarks.ignored += changes.sent_names(changed)
        return dict(new)

    def _standard(self, user: NewUser) -> list[str]:
        settings = self.settings
        return services.of_new_user(
            user.without_services, settings.additional_disabled_user_services, settings.additional_enabled_user_services
        )

    def _by_domain(self, mail: Address) -> list[str]:
        """Return a user's names in the alias domains, which are no alias addresses of the user's own."""
        return accounts.by_domain(self.session, mail)["shadowAddress"]

    def _free_home(self, mail: Address, path: str) -> str:
        """Return a path as it is stored, or refuse when it is, holds or lies in another user's."""
        home = Home.at(path, self.settings).path
        for entry in self.session.search(self.session.tree.domains, _IS_USER, HOME, scope="sub"):
            other = re.sub("/+", "/", f"{home_of(entry)}/").lower()
            if other != "/" and _mail(entry) != mail and (other.startswith(home) or home.startswith(other)):
                refuse(Code.ALREADY_EXISTS, hint="maildir: the path belongs to another user.")
        return home

    def _joined(self, user: NewUser) -> list[str]:
        """Make a new user a member of the domain's default aliases and lists; return what the entry says of that."""
        tree, found = self.session.tree, []
        for address in map(Address, sorted(user.memberships)):
            if self.session.find(tree.alias(address), NAME_ONLY):
                self.session.edit(tree.alias(address)).insert("mailForwardingAddress", user.mail)
            entry = self.session.find(tree.list(address), ["mail", "shadowAddress", "enabledService"])
            if entry is None or entry.has("enabledService", "mlmmj"):  # mlmmj keeps its subscribers itself
                continue
            of_list = groups.addresses_of(entry)
            if address.domain == user.mail.domain:
                found += of_list
                self.session.edit(entry.dn).insert("member", tree.user(user.mail))
            else:
                members = groups.members(self.session, address) | {user.mail}
                groups.write(self.session, of_list, groups.placed(self.session, of_list, members))
        return found

    # The domain

    def _tallied(self, domains: Collection[str] | None) -> Iterator[tuple[int, int]]:
        """Yield the number of users and the sum of their quotas in bytes, for each domain or for all together."""
        if domains is None:
            yield self._tally(self.session.tree.domains, "sub")
            return
        for domain in domains:
            if domain not in self._tallies:
                tally = self._tally(self.session.tree.users(domain), "one")
                if not self.session.is_locked(self.session.tree.domain(domain)):
                    yield tally
                    continue
                self._tallies[domain] = tally  # it stays so as long as the domain is locked
            yield self._tallies[domain]

    def _tally(self, base: str, scope: Scope) -> tuple[int, int]:
        users = octets = 0
        for entry in self.session.search(base, _IS_USER, ["mailQuota"], scope=scope):
            users += 1
            octets += max(entry.number("mailQuota"), 0)
        return users, octets

    def _recount(self, domain: DomainName, users: int, octets: int) -> None:
        """Say in a domain's entry how many users it will have and how much quota they: so much more than now.

        Other panels show these numbers; no limit goes by them. So what the entry says is believed, unless a limit has
        made this work count: to count ten thousand users takes a second. The domain is locked, and nobody else writes.
        """
        now_users, now_octets = self._tallies.get(domain) or self._told(domain) or next(self._tallied([domain]))
        edit = self.session.edit(self.session.tree.domain(domain))
        edit.replace(USERS, max(now_users + users, 0)).replace(QUOTAS, max(now_octets + octets, 0))

    def _told(self, domain: str) -> tuple[int, int] | None:
        entry = self.session.find(self.session.tree.domain(domain), [USERS, QUOTAS])
        told = [entry.text(name) for name in (USERS, QUOTAS)] if entry else []
        return (int(told[0]), int(told[1])) if told and all(text.isdecimal() for text in told) else None

    def _need_container(self, domain: DomainName) -> None:
        """Let the domain have its container of users: other programs may have left a domain half made."""
        dn = self.session.tree.users(domain)
        if not self.session.find(dn, NAME_ONLY):
            self.session.add(dn, {"objectClass": "organizationalUnit", "ou": "Users"})

    # Reading

    def _entry(self, mail: Address) -> Entry:
        entry = self.session.find(self.session.tree.user(mail), _WRITTEN)
        return entry if entry and _is_user(entry) else refuse(Code.NO_SUCH_ACCOUNT, hint=mail)

    def _mails(self, domain: str, condition: Filter) -> list[str]:
        return sorted(map(_mail, self.session.search(self.session.tree.users(domain), condition, NAME_ONLY)))

    def _profiles(self, mails: Sequence[str]) -> list[Profile]:
        """Return the profiles of some users, with what else the directory and the database know of them."""
        looked_up = (
            self.session.find(self.session.tree.user(mail)) for mail in mails
        )  # faster than one search for all
        found = {_mail(entry): entry for entry in looked_up if entry and _is_user(entry)}
        managed = rights.administered(self.session, mails)
        members = self._memberships(found)
        used = mailboxes.uses(self.iredadmin, mails)
        alias_domains = {domain: self._alias_domains(domain) for domain in {Address(mail).domain for mail in found}}
        profiles = []
        for mail in mails:
            if not (entry := found.get(mail.lower())):
                continue
            address, use = Address(mail.lower()), used.get(mail.lower(), Use())
            by_domain = [f"{address.local_part}@{alias}" for alias in alias_domains[address.domain]]
            mailing_aliases, mailing_lists = members[address]
            profile = accounts.shown(
                entry,
                forwardings=sorted(_forwardings(address, entry)), aliases=sorted(_aliases(entry, by_domain)),
                mailing_aliases=sorted(mailing_aliases), mailing_lists=sorted(mailing_lists),
                managed_domains=managed[address], stored_bytes=use.octets, stored_messages=use.messages,
                last_login=use.last_login,
            )  # fmt: skip
            profile["mail"] = [address, *(text for text in profile.get("mail", ()) if text.lower() != address)]
            profiles.append(profile)
        return profiles

    def _memberships(self, users: Mapping[str, Entry]) -> Mapping[str, tuple[set[str], set[str]]]:
        """Return the mail aliases and the unsubscribable lists of which users are members."""
        found: dict[str, tuple[set[str], set[str]]] = {mail: (set(), set()) for mail in users}
        for entry in self._anywhere("mailAlias", "mailForwardingAddress", users):
            for mail in {text.lower() for text in entry.texts("mailForwardingAddress")} & found.keys():
                found[mail][0].add(_mail(entry))
        for entry in self._anywhere("mailExternalUser", "mail", users):
            for mail in {text.lower() for text in entry.texts("mail")} & found.keys():
                found[mail][1].add(_mail(entry))
        named = {mail: {text.lower() for text in entry.texts(groups.MEMBERSHIP)} for mail, entry in users.items()}
        wanted = sorted(set().union(*named.values()))
        lists = {
            _mail(entry) for batch in accounts.batches(wanted) for entry in self._anywhere("mailList", "mail", batch)
        }
        for mail, addresses in named.items():
            found[mail][1].update(addresses & lists)
        return found

    def _anywhere(self, object_class: str, attribute: str, values: Collection[str]) -> Iterator[Entry]:
        condition = filters.both(filters.is_(object_class), filters.among(attribute, values))
        yield from self.session.search(self.session.tree.domains, condition, [attribute], scope="sub")

    def _alias_domains(self, domain: str) -> list[str]:
        entry = self.session.find(self.session.tree.domain(domain), ["domainAliasName"])
        return [alias.lower() for alias in entry.texts("domainAliasName")] if entry else []


def _mail(entry: Entry) -> str:
    """Return the address that an entry is named after; a further value of `mail` is somebody's mistake."""
    return names.value(entry.dn).lower()


def _is_user(entry: Entry) -> bool:
    return entry.has("objectClass", "mailUser")


def _user(mail: str, entry: Entry | None) -> User | None:
    if entry is None or not _is_user(entry):
        return None
    return User(
        mail=Address(mail.lower()),
        is_active=entry.has("accountStatus", "active"),
        is_global_admin=entry.has("domainGlobalAdmin", "yes"),
        quota=_megabytes(entry.number("mailQuota")),
        password=accounts.password(entry),
    )


def _megabytes(octets: int) -> int:
    """Return a quota in megabytes, rounded up: less than one is not unlimited."""
    return -(-max(octets, 0) // MEGABYTE)


def _forwardings(mail: str, entry: Entry | None) -> set[str]:
    """Return where a user's mail goes: to the mailbox, if nothing else is said."""
    found = {text.lower() for text in entry.texts("mailForwardingAddress")} if entry else set()
    return found or {mail}


def _aliases(entry: Entry, by_domain: Collection[str]) -> set[str]:
    """Return a user's own alias addresses, without the names in the alias domains."""
    return {text.lower() for text in entry.texts("shadowAddress")}.difference(by_domain)


def _new_password(entry: Entry, stored: str) -> dict[str, Values]:
    """Return the attributes of a new password; when it was changed is noted where the entry's classes have it."""
    new = accounts.new_password(stored)
    return new if entry.has("objectClass", "shadowAccount") else {"userPassword": new["userPassword"]}
