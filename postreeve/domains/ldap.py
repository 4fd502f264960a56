"""Domains as entries of a directory."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from postreeve.domains.fields import (
    ACCOUNT_STATUS,
    ALIAS_DOMAINS,
    CATCHALL,
    DEFAULT_LANGUAGE,
    IS_BACKUP_MX,
    PRIMARY_MX,
    QUOTA,
    RECIPIENT_BCC,
    SENDER_BCC,
    SERVICES,
    TRANSPORT_PROGRAM,
)
from postreeve.domains.store import Domain, Removal
from postreeve.errors import Code, refuse
from postreeve.fields import Changes, Field, SetChange
from postreeve.settings import Settings
from postreeve.storage import sql
from postreeve.storage.directory import accounts, filters, mailboxes, rights, traces
from postreeve.storage.directory.entries import Entry
from postreeve.storage.directory.names import CONTAINERS
from postreeve.storage.directory.session import NAME_ONLY, Session
from postreeve.values import Address, DomainName
from postreeve.work import Profile, Remarks

_READ = (
    "domainName", "accountStatus", "domainBackupMX", "preferredLanguage", "domainAliasName", "domainPendingAliasName",
    "enabledService", "mtaTransport", accounts.SETTINGS,
)  # fmt: skip
_ALIAS, _PENDING = "domainAliasName", "domainPendingAliasName"
_COPIES: dict[str, Field[str]] = {"senderbcc": SENDER_BCC, "recipientbcc": RECIPIENT_BCC}
"""The services without which Postfix does not ask for a domain's copies."""
_UNITS = {"MB": 1, "GB": 2**10, "TB": 2**20}
_COUNTED = {
    "mailUser": "num_existing_users", "mailAlias": "num_existing_aliases", "mailList": "num_existing_maillists",
}  # fmt: skip
_CATCH_ALL = {"objectClass": ("inetOrgPerson", "mailUser"), "uid": "catchall", "cn": "Catch-all account",
              "sn": "Catch-all account", "accountStatus": "active"}  # fmt: skip
"""A catch-all has no services: with `mail` and `deliver` Postfix would find it to be a mailbox."""


class LdapDomains:
    """The domains, as entries of the class `mailDomain` with four containers for what lies in them."""

    def __init__(self, session: Session, iredadmin: sql.Session, settings: Settings, remarks: Remarks) -> None:
        self.session = session
        self.iredadmin = iredadmin
        self.settings = settings
        self.remarks = remarks

    def find(self, name: str) -> Domain | None:
        entry = self.session.find(self._dn(name), _READ)
        return _domain(entry) if entry else None

    def require(self, name: str) -> Domain:
        return self.find(name) or refuse(Code.NO_SUCH_DOMAIN, hint=name)

    def lock(self, name: str) -> Domain:
        entry = self.session.lock(self._dn(name), _READ)
        return _domain(entry) if entry else refuse(Code.NO_SUCH_DOMAIN, hint=name)

    def touch(self, name: str) -> None:
        dn = self._dn(name)
        if self.session.is_locked(dn) or self.session.lock(dn, NAME_ONLY):
            self.session.edit(dn).replace("domainName", name)  # a new time stamp, and nothing else

    def names(self, within: Collection[str] | None, *, only_disabled: bool = False) -> list[str]:
        condition = filters.is_("mailDomain")
        if only_disabled:
            condition = filters.both(condition, filters.unless(filters.equal("accountStatus", "active")))
        found = self.session.search(self.session.tree.domains, condition, ["domainName"])
        names = sorted(entry.text("domainName").lower() for entry in found)
        return names if within is None else [name for name in names if name in within]

    def profiles(self, names: Iterable[str]) -> Iterator[Profile]:
        for batch in accounts.batches(names):
            found = {entry.text("domainName").lower(): entry for entry in self._named(batch)}
            for name in batch:
                if entry := found.get(name.lower()):
                    profile = self._profile(entry)
                    self.session.rest()
                    yield profile

    def _profile(self, entry: Entry) -> Profile:
        name = entry.text("domainName")
        return accounts.shown(
            entry,
            catchall=sorted(self._catchall(name)),
            alias_domains=sorted(_aliases(entry)),
            admins=sorted(account.lower() for account in entry.texts("domainAdmin")),
            senderBcc=entry.text("domainSenderBccAddress"),
            recipientBcc=entry.text("domainRecipientBccAddress"),
            outboundRelay=entry.text("senderRelayHost"),
            **self._counts(name),
        )

    def _counts(self, name: str) -> dict[str, int]:
        """Count what lies in a domain, and add up the quotas, in megabytes; other programs' counters may be old."""
        counts = dict.fromkeys(_COUNTED.values(), 0)
        octets = 0
        inside = filters.either(*map(filters.is_, _COUNTED))
        for entry in self.session.search(self._dn(name), inside, ["objectClass", "mail", "mailQuota"], scope="sub"):
            if not entry.text("mail").startswith("@"):
                octets += entry.number("mailQuota")
                for object_class, kind in _COUNTED.items():
                    counts[kind] += entry.has("objectClass", object_class)
        return {**counts, "allocated_quota": octets // 2**20}

    def closed_sections(self, profile: str, domains: Collection[str]) -> frozenset[str]:
        key = {"domain": "disabledDomainProfile", "user": "disabledUserProfile"}.get(profile)
        if not key:
            return frozenset()
        return frozenset(
            section.lower()
            for batch in accounts.batches(domains)
            for entry in self._named(batch, [accounts.SETTINGS])
            for section in accounts.settings_of(entry).get(key, [])
        )

    def alias_domains(self, name: str) -> set[str]:
        entry = self.session.find(self._dn(name), [_ALIAS, _PENDING])
        return _aliases(entry) if entry else set()

    def admins(self, name: str) -> set[str]:
        entry = self.session.find(self._dn(name), ["domainAdmin"])
        return {account.lower() for account in entry.texts("domainAdmin")} if entry else set()

    def managed(self, account: str) -> frozenset[DomainName]:
        return frozenset(map(DomainName, rights.administered(self.session, [account])[account.lower()]))

    def create(self, name: DomainName, changes: Changes, *, is_active: bool) -> None:
        """Add a domain that is off until it is complete."""
        attributes = self._attributes(name, None, changes, are_active=is_active)
        is_on = attributes.pop("accountStatus", ["active" if is_active else "disabled"]) == ["active"]
        entry = {"objectClass": "mailDomain", "domainName": name, "accountStatus": "disabled", **attributes}
        self.session.add(self._dn(name), entry)
        self._add_containers(name, CONTAINERS)
        if catchall := changes.of(CATCHALL):
            self._write_catchall(name, catchall, attributes.get(_ALIAS, []), is_on=is_on)
        if is_on:
            self.session.edit(self._dn(name)).replace("accountStatus", "active")

    def update(self, name: DomainName, changes: Changes, *, are_active: bool = True) -> None:
        entry = self.session.find(self._dn(name), _READ)
        if entry is None:
            return
        attributes = self._attributes(name, entry, changes, are_active=are_active)
        status = changes.get(ACCOUNT_STATUS)
        is_on = entry.has("accountStatus", "active") if status is None else status
        if status:
            self._mend(name)
        if catchall := changes.of(CATCHALL):
            self._write_catchall(name, catchall, attributes.get(_ALIAS, entry.texts(_ALIAS)), is_on=is_on)
        edit = self.session.edit(entry.dn)
        for attribute, values in attributes.items():
            edit.replace(attribute, values)
        self.touch(name)

    def _attributes(
        self, name: DomainName, entry: Entry | None, changes: Changes, *, are_active: bool
    ) -> dict[str, list[str]]:
        """Return the attributes that change, with all their values; of a new domain, all that it has."""
        found = accounts.attributes(entry, _without(_in_units(changes), SERVICES))
        if DEFAULT_LANGUAGE in changes and entry:  # where older panels keep it
            texts = found.get(accounts.SETTINGS, entry.texts(accounts.SETTINGS))
            found[accounts.SETTINGS] = accounts.changed(texts, {"defaultLanguage": ""})
        usual = self.settings.default_mta_transport
        wanted = changes.get(IS_BACKUP_MX)
        if wanted:
            found |= {"domainBackupMX": ["yes"], "mtaTransport": [f"relay:{changes.get(PRIMARY_MX) or name}"]}
        elif wanted is False and entry and entry.has("domainBackupMX", "yes"):
            found |= {"domainBackupMX": [], "mtaTransport": [usual]}
        if entry is None and not wanted:
            found.setdefault("mtaTransport", [usual])
        if TRANSPORT_PROGRAM in changes:
            found["mtaTransport"] = found["mtaTransport"] or [usual]
        if aliases := changes.of(ALIAS_DOMAINS):
            found |= _alias_names(entry, aliases, are_active=are_active)
        if (services := _services(entry, changes, found)) is not None:
            found["enabledService"] = services
        return found

    def _add_containers(self, name: str, wanted: Iterable[str]) -> None:
        for container in wanted:
            dn = self.session.tree.container(container, name)
            self.session.add(dn, {"objectClass": "organizationalUnit", "ou": container})

    def _mend(self, name: str) -> None:
        """Add the containers that a domain may lack whose creation was interrupted."""
        found = self.session.search(self._dn(name), filters.is_("organizationalUnit"), ["ou"])
        there = {text.lower() for entry in found for text in entry.texts("ou")}
        self._add_containers(name, [container for container in CONTAINERS if container.lower() not in there])

    def _catchall(self, name: str) -> set[str]:
        entry = self.session.find(self.session.tree.catch_all(name), ["mailForwardingAddress"])
        return {address.lower() for address in entry.texts("mailForwardingAddress")} if entry else set()

    def _write_catchall(self, name: str, change: SetChange[Address], aliases: Collection[str], *, is_on: bool) -> None:
        dn = self.session.tree.catch_all(name)
        entry = self.session.find(dn, ["mailForwardingAddress"])
        after = sorted(change.applied(self._catchall(name)))
        if entry and not after:
            self.session.delete(dn)
        elif entry:
            self.session.edit(dn).replace("mailForwardingAddress", after)
        elif after:
            self.session.add(
                dn,
                {
                    **_CATCH_ALL, "mail": f"@{name}", "mailForwardingAddress": after,
                    "shadowAddress": [f"@{alias}" for alias in aliases], "domainStatus": [] if is_on else "disabled",
                },
            )  # fmt: skip

    def set_admins(self, name: DomainName, accounts_: Collection[str]) -> None:
        before = self.admins(name)
        edit = self.session.edit(self._dn(name))
        for gone in sorted(before - set(accounts_)):
            edit.remove("domainAdmin", gone)
        for new in sorted(set(accounts_) - before):
            edit.insert("domainAdmin", new)
            if user := self.session.find(self.session.tree.user(new), NAME_ONLY):
                self.session.edit(user.dn).insert("enabledService", rights.SERVICE)
        rights.demote(self.session, before - set(accounts_), name)

    def delete(self, name: DomainName, removal: Removal) -> None:
        users = filters.both(filters.is_("mailUser"), filters.unless(filters.equal("mail", f"@{name}")))
        found = self.session.search(self.session.tree.users(name), users, ["mail", *mailboxes.HOME])
        homes = {entry.text("mail").lower(): mailboxes.home_of(entry) for entry in found}
        rights.demote(self.session, self.admins(name), name)
        traces.forget_domain(self.session, name)
        self.session.delete_tree(self._dn(name))
        mailboxes.keep(self.session, self.iredadmin, removal, homes)
        mailboxes.forget(self.session, self.iredadmin, homes)

    def _named(self, names: Collection[str], attributes: Collection[str] = ("*",)) -> list[Entry]:
        condition = filters.both(filters.is_("mailDomain"), filters.among("domainName", names))
        return list(self.session.search(self.session.tree.domains, condition, list(attributes)))

    def _dn(self, name: str) -> str:
        return self.session.tree.domain(name)


def _in_units(changes: Changes) -> Changes:
    """Say the domain's quota with its unit, as it is kept."""
    quota = changes.get(QUOTA)
    return replace(changes, values={**changes.values, QUOTA.name: f"{quota}:MB"}) if quota else changes


def _without(changes: Changes, unwanted: object) -> Changes:
    return replace(changes, fields=[of for of in changes.fields if of is not unwanted])


def _aliases(entry: Entry) -> set[str]:
    return {alias.lower() for alias in (*entry.texts(_ALIAS), *entry.texts(_PENDING))}


def _alias_names(entry: Entry | None, change: SetChange[DomainName], *, are_active: bool) -> dict[str, list[str]]:
    """Return the alias domains as they are afterwards: those that are there stay what they are."""
    there = {name: {text.lower() for text in entry.texts(name)} if entry else set() for name in (_ALIAS, _PENDING)}
    before = there[_ALIAS] | there[_PENDING]
    after = change.applied(before)
    there[_ALIAS if are_active else _PENDING] |= after - before
    return {name: sorted(aliases & after) for name, aliases in there.items()}


def _services(entry: Entry | None, changes: Changes, found: dict[str, list[str]]) -> list[str] | None:
    """Return the services as they are afterwards, or None if they stay: what is set needs its service to work."""
    before = entry.texts("enabledService") if entry else ["mail"]
    after = {service.lower(): service for service in before}
    if change := changes.of(SERVICES):
        wanted = {service.lower(): service for service in change.named()}
        gone = after.keys() if change.reset is not None else {service.lower() for service in change.remove}
        after = {key: service for key, service in after.items() if key not in gone or key in wanted}
        after = wanted | after
    for service, of in _COPIES.items():
        if (copy := changes.get(of)) is not None:
            after.pop(service, None)
            after |= {service: service} if copy else {}
    if ALIAS_DOMAINS in changes:
        after.pop("domainalias", None) if not found[_ALIAS] else after.setdefault("domainalias", "domainalias")
    services = sorted(after.values())
    return services if entry is None or services != sorted(before) else None


def _domain(entry: Entry) -> Domain:
    settings = accounts.settings_of(entry)
    default_lists = ",".join(settings.get("defaultList", []))
    return Domain(
        name=DomainName(entry.text("domainName").lower()),
        is_active=entry.has("accountStatus", "active"),
        is_backup_mx=entry.has("domainBackupMX", "yes"),
        most_users=accounts.number(entry, "numberOfUsers"),
        most_aliases=accounts.number(entry, "numberOfAliases"),
        most_lists=accounts.number(entry, "numberOfLists"),
        quota=_megabytes(accounts.setting(entry, "domainQuota")),
        default_quota=accounts.number(entry, "defaultQuota"),
        largest_quota=accounts.number(entry, "maxUserQuota"),
        default_language=entry.text("preferredLanguage") or accounts.setting(entry, "defaultLanguage"),
        shortest_password=accounts.number(entry, "minPasswordLength"),
        longest_password=accounts.number(entry, "maxPasswordLength"),
        disabled_services=tuple(settings.get("disabledMailService", [])),
        default_aliases=tuple(word for part in default_lists.split(",") if (word := part.strip())),
    )


def _megabytes(text: str) -> int:
    """Read a quota with its unit, such as `5:GB`; without one it is in megabytes."""
    number, _, unit = text.partition(":")
    return int(number) * _UNITS.get(unit.strip().upper(), 1) if number.strip().isdecimal() else 0
