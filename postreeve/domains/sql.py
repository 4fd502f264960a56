"""Domains in the SQL database `vmail`."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from postreeve.domains.fields import (
    ALIAS_DOMAINS,
    CATCHALL,
    IS_BACKUP_MX,
    OUTBOUND_RELAY,
    PRIMARY_MX,
    SERVICES,
)
from postreeve.domains.store import Domain, Removal
from postreeve.errors import Code, refuse
from postreeve.fields import Changes, SetChange
from postreeve.settings import Settings
from postreeve.shapes import Row, Rows
from postreeve.storage import accounts, removed, settings_text, traces
from postreeve.storage.conditions import among, parameter
from postreeve.storage.rights import GLOBAL
from postreeve.storage.sql import Schema, Session, Statement, batches
from postreeve.storage.tables import vmail
from postreeve.values import DomainName
from postreeve.work import Profile, Remarks

_CATCHALL = Rows("forwardings", "address", "forwarding")
_ALIAS_DOMAINS = Rows("alias_domain", "target_domain", "alias_domain")
_RELAY = Row("sender_relayhost", "account", "relayhost")
_CLOSING = {
    "domain": "disabled_domain_profiles", "user": "disabled_user_profiles", "preference": "disabled_user_preferences",
}  # fmt: skip
_UNMARKED = {"is_list": 0, "is_maillist": 0, "is_forwarding": 0, "is_alias": 0}

_COLUMNS = sa.select(
    vmail.domain.c.domain, vmail.domain.c.active, vmail.domain.c.backupmx, vmail.domain.c.mailboxes,
    vmail.domain.c.aliases, vmail.domain.c.maillists, vmail.domain.c.maxquota, vmail.domain.c.settings,
).where(vmail.domain.c.domain == parameter("name"))  # fmt: skip
FIND = Statement(lambda _: _COLUMNS)
LOCK = Statement(lambda _: _COLUMNS.with_for_update(), is_locking=True)
NAMES = Statement(lambda _: sa.select(vmail.domain.c.domain).order_by(vmail.domain.c.domain))
DISABLED_NAMES = Statement(
    lambda _: sa.select(vmail.domain.c.domain).where(vmail.domain.c.active == 0).order_by(vmail.domain.c.domain)
)
PROFILES = Statement(
    lambda _: sa.select(sa.literal_column("*")).select_from(vmail.domain)
    .where(among(vmail.domain.c.domain, "names")).order_by(vmail.domain.c.domain)
)  # fmt: skip
CLOSED = Statement(lambda _: sa.select(vmail.domain.c.settings).where(among(vmail.domain.c.domain, "names")))
ALIAS_DOMAINS_OF = Statement(
    lambda _: sa.select(vmail.alias_domain.c.alias_domain).where(
        vmail.alias_domain.c.target_domain == parameter("name")
    )
)
ADMINS_OF = Statement(
    lambda _: sa.select(vmail.domain_admins.c.username).where(vmail.domain_admins.c.domain == parameter("name"))
)
MANAGED_BY = Statement(
    lambda _: sa.select(vmail.domain_admins.c.domain).where(
        vmail.domain_admins.c.username == parameter("account"), vmail.domain_admins.c.domain != GLOBAL
    )
)
CATCHALL_OF = Statement(
    lambda _: sa.select(vmail.forwardings.c.forwarding).where(
        vmail.forwardings.c.address == parameter("name"), vmail.forwardings.c.is_forwarding == 0
    )
)
EXTRAS = accounts.links({
    "catchall": (vmail.forwardings, "address", "forwarding", _UNMARKED),
    "alias_domains": (vmail.alias_domain, "target_domain", "alias_domain", {}),
    "admins": (vmail.domain_admins, "domain", "username", {}),
    "senderBcc": (vmail.sender_bcc_domain, "domain", "bcc_address", {}),
    "recipientBcc": (vmail.recipient_bcc_domain, "domain", "bcc_address", {}),
})  # fmt: skip
RELAYS = Statement(
    lambda _: sa.select(vmail.sender_relayhost.c.account, vmail.sender_relayhost.c.relayhost)
    .where(among(vmail.sender_relayhost.c.account, "accounts"))
)  # fmt: skip
STILL_ADMINS = Statement(
    lambda _: sa.select(vmail.domain_admins.c.username).where(among(vmail.domain_admins.c.username, "accounts"))
)
DEMOTE = Statement(
    lambda _: sa.update(vmail.mailbox).values(isadmin=0).where(among(vmail.mailbox.c.username, "accounts"))
)


def _counts(schema: Schema) -> sa.Executable:
    """Count what lies in some domains: rows of kind, domain, number."""
    counted = {
        "num_existing_users": vmail.mailbox,
        "num_existing_aliases": vmail.alias,
        "num_existing_maillists": vmail.maillists,
    }
    parts = [
        sa.select(sa.literal_column(f"'{kind}'"), table.c.domain, sa.cast(sa.func.count(), sa.BigInteger))
        .where(among(table.c.domain, "names")).group_by(table.c.domain)
        for kind, table in counted.items() if schema.has(table.name)
    ]  # fmt: skip
    quota = (
        sa.select(sa.literal_column("'allocated_quota'"), vmail.mailbox.c.domain,
                  sa.cast(sa.func.sum(vmail.mailbox.c.quota), sa.BigInteger))
        .where(among(vmail.mailbox.c.domain, "names")).group_by(vmail.mailbox.c.domain)
    )  # fmt: skip
    return sa.union_all(*parts, quota)


COUNTS = Statement(_counts)


class SqlDomains:
    """The domains, as rows of `domain` and what belongs to them."""

    def __init__(self, session: Session, settings: Settings, remarks: Remarks) -> None:
        self.session = session
        self.settings = settings
        self.remarks = remarks

    def find(self, name: str) -> Domain | None:
        row = self.session.row(FIND, name=name)
        return _domain(row) if row else None

    def require(self, name: str) -> Domain:
        return self.find(name) or refuse(Code.NO_SUCH_DOMAIN, hint=name)

    def lock(self, name: str) -> Domain:
        row = self.session.row(LOCK, name=name)
        return _domain(row) if row else refuse(Code.NO_SUCH_DOMAIN, hint=name)

    def touch(self, name: str) -> None:
        accounts.touch(self.session, vmail.domain, domain=name)

    def names(self, within: Collection[str] | None, *, only_disabled: bool = False) -> list[str]:
        found = [name for (name,) in self.session.rows(DISABLED_NAMES if only_disabled else NAMES)]
        return found if within is None else [name for name in found if name in within]

    def profiles(self, names: Iterable[str]) -> Iterator[Profile]:
        for batch in batches(names):
            extras = self._extras(batch)
            rows = self.session.mappings(PROFILES, names=batch)
            self.session.rest()
            for row in rows:
                yield {**accounts.as_stored(row), **extras[row["domain"].lower()]}

    def _extras(self, names: list[str]) -> dict[str, dict[str, Any]]:
        extras: dict[str, dict[str, Any]] = {
            name.lower(): {  # MariaDB finds what other programs wrote in any spelling
                "catchall": [], "alias_domains": [], "admins": [], "senderBcc": "", "recipientBcc": "",
                "outboundRelay": "", "num_existing_users": 0, "num_existing_aliases": 0,
                "num_existing_maillists": 0, "allocated_quota": 0,
            }
            for name in names
        }  # fmt: skip
        for kind, domain, value in self.session.rows(EXTRAS, owners=names):
            of = extras[domain.lower()]
            if isinstance(of[kind], list):
                of[kind].append(value)
            else:
                of[kind] = value
        for kind, domain, number in self.session.rows(COUNTS, names=names):
            extras[domain.lower()][kind] = int(number or 0)
        for account, host in self.session.rows(RELAYS, accounts=[f"@{name}" for name in names]):
            extras[account[1:].lower()]["outboundRelay"] = host
        return extras

    def closed_sections(self, profile: str, domains: Collection[str]) -> frozenset[str]:
        key = _CLOSING.get(profile)
        if not key or not domains:
            return frozenset()
        texts = self.session.rows(CLOSED, names=list(domains))
        return frozenset(section for (text,) in texts for section in settings_text.words(text, key))

    def alias_domains(self, name: str) -> set[str]:
        return {alias for (alias,) in self.session.rows(ALIAS_DOMAINS_OF, name=name)}

    def admins(self, name: str) -> set[str]:
        return {account for (account,) in self.session.rows(ADMINS_OF, name=name)}

    def managed(self, account: str) -> frozenset[DomainName]:
        return frozenset(DomainName(name) for (name,) in self.session.rows(MANAGED_BY, account=account))

    def create(self, name: DomainName, changes: Changes, waiting: Collection[str] = ()) -> None:
        stamps = {"created": accounts.now(), "modified": accounts.now()}
        row = {
            "domain": name,
            "transport": self.settings.default_mta_transport,
            "active": int("" not in waiting),
            **stamps,
        }
        changes = self._without_foreign_services(changes)
        self.session.insert(
            vmail.domain,
            {**row, "settings": "", **self._columns(name, changes), **accounts.settings(changes, "")},
        )
        self._write_rows(name, changes, waiting)

    def update(self, name: DomainName, changes: Changes, waiting: Collection[str] = ()) -> None:
        row = self.session.row(LOCK, name=name)
        text, is_backup_mx = (row[7], bool(row[2])) if row else ("", False)
        changes = self._without_foreign_services(changes)
        columns = self._columns(name, changes, is_backup_mx=is_backup_mx)
        self.session.update(
            vmail.domain,
            {**columns, **accounts.settings(changes, text), "modified": accounts.now()},
            domain=name,
        )
        self._write_rows(name, changes, waiting)

    def accept_alias_domain(self, name: DomainName, alias: str) -> None:
        woken = {"active": 1, "modified": accounts.now()}
        self.session.update(vmail.alias_domain, woken, alias_domain=alias, target_domain=name, active=0)
        self.touch(name)

    def _columns(self, name: DomainName, changes: Changes, *, is_backup_mx: bool = False) -> dict[str, Any]:
        """Return the columns that change; only who leaves backup MX gets the usual transport back."""
        columns = accounts.columns(changes)
        wanted = changes.get(IS_BACKUP_MX)
        if wanted is not None:
            columns["backupmx"] = int(wanted)
        if wanted:
            columns["transport"] = f"relay:{changes.get(PRIMARY_MX) or name}"
        elif wanted is False and is_backup_mx:
            columns["transport"] = self.settings.default_mta_transport
        return columns

    def _write_rows(self, name: DomainName, changes: Changes, waiting: Collection[str]) -> None:
        accounts.write_satellites(self.session, changes, name, {})
        relay = changes.get(OUTBOUND_RELAY)
        if relay is not None:
            accounts.write_satellite(self.session, _RELAY, f"@{name}", relay, {})
        if catchall := changes.of(CATCHALL):
            before = {address for (address,) in self.session.rows(CATCHALL_OF, name=name)}
            accounts.write_members(self.session, _CATCHALL, name, before, catchall.applied(before), {"domain": name})
        if aliases := changes.of(ALIAS_DOMAINS):
            before = self.alias_domains(name)
            after = aliases.applied(before)
            new = after - before
            stamps = {"created": accounts.now(), "modified": accounts.now()}
            accounts.write_members(self.session, _ALIAS_DOMAINS, name, before - after, (), {})
            for part, active in ((new.difference(waiting), 1), (new.intersection(waiting), 0)):
                accounts.write_members(self.session, _ALIAS_DOMAINS, name, (), part, {**stamps, "active": active})
            for gone in before - after:  # whoever hosts that name next must not lose mail to users here
                traces.forget_alias_domain(self.session, name, gone)

    def _without_foreign_services(self, changes: Changes) -> Changes:
        """Leave out, and name, the services that only an LDAP directory keeps."""
        change = changes.of(SERVICES)
        foreign = change.named() - {"self-service"} if change else frozenset()
        if change is None or not foreign:
            return changes
        self.remarks.ignored += changes.sent_values(SERVICES, {word.lower() for word in foreign})
        reset = change.reset - foreign if change.reset is not None else None
        kept = SetChange(reset, change.add - foreign, change.remove)
        return replace(changes, values={**changes.values, SERVICES.name: kept})

    def set_admins(self, name: DomainName, accounts_: Collection[str]) -> None:
        before = self.admins(name)
        for gone in sorted(before - set(accounts_)):
            self.session.delete(vmail.domain_admins, username=gone, domain=name)
        for new in sorted(set(accounts_) - before):
            stamps = {"created": accounts.now(), "modified": accounts.now(), "active": 1}
            self.session.insert(vmail.domain_admins, {"username": new, "domain": name, **stamps})
            self.session.update(vmail.mailbox, {"isadmin": 1, "modified": accounts.now()}, username=new)
        self._demote(before - set(accounts_))

    def _demote(self, candidates: Collection[str]) -> None:
        """Take the flag from mail users who administer nothing any more."""
        for batch in batches(sorted(candidates)):
            still = {account for (account,) in self.session.rows(STILL_ADMINS, accounts=batch)}
            self.session.execute(DEMOTE, accounts=[account for account in batch if account not in still])

    def delete(self, name: DomainName, removal: Removal) -> None:
        removed.keep_mailboxes(self.session, removal, vmail.mailbox.c.domain, name)
        former_admins = self.admins(name)
        traces.forget_domain(self.session, name)
        self.session.delete(vmail.alias_domain, target_domain=name)
        self.session.delete(vmail.domain, domain=name)
        self._demote(former_admins)


def _domain(row: tuple[Any, ...]) -> Domain:
    name, active, backupmx, mailboxes, aliases, maillists, maxquota, settings = row
    return Domain(
        name=DomainName(name),
        is_active=bool(active),
        is_backup_mx=bool(backupmx),
        most_users=mailboxes,
        most_aliases=aliases,
        most_lists=maillists,
        quota=maxquota,
        default_quota=settings_text.number(settings, "default_user_quota"),
        largest_quota=settings_text.number(settings, "max_user_quota"),
        default_language=settings_text.pieces(settings).get("default_language") or "",
        shortest_password=settings_text.number(settings, "min_passwd_length"),
        longest_password=settings_text.number(settings, "max_passwd_length"),
        disabled_services=tuple(settings_text.words(settings, "disabled_mail_services")),
        default_aliases=tuple(settings_text.words(settings, "default_groups")),
    )
