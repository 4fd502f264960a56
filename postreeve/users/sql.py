"""Users in the SQL database `vmail`."""

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from postreeve.domains.store import Removal
from postreeve.errors import Code, refuse
from postreeve.fields import Changes
from postreeve.permissions import Rank
from postreeve.settings import Settings
from postreeve.shapes import Column, Rows, Setting
from postreeve.storage import accounts, removed, traces
from postreeve.storage.conditions import among, parameter
from postreeve.storage.rights import GLOBAL, set_global
from postreeve.storage.sql import Schema, Session, Statement, batches
from postreeve.storage.tables import vmail
from postreeve.users import services
from postreeve.users.fields import ACCOUNT_STATUS, ALIASES, FORWARDING, IS_GLOBAL_ADMIN, MAILDIR, SERVICES
from postreeve.users.maildir import Home
from postreeve.users.store import NewUser, User
from postreeve.values import Address, DomainName
from postreeve.work import Profile, Remarks

_FORWARDINGS = Rows("forwardings", "address", "forwarding", {"is_forwarding": 1})
_ALIASES = Rows("forwardings", "forwarding", "address", {"is_alias": 1})

_BOX, _LINK = vmail.mailbox.c, vmail.forwardings.c
_COLUMNS = sa.select(_BOX.username, _BOX.active, _BOX.isglobaladmin, _BOX.quota, _BOX.password, _BOX.settings).where(
    _BOX.username == parameter("mail")
)
FIND = Statement(lambda _: _COLUMNS)
LOCK = Statement(lambda _: _COLUMNS.with_for_update(), is_locking=True)
COUNT = Statement(lambda _: sa.select(sa.func.count()).select_from(vmail.mailbox).where(among(_BOX.domain, "domains")))
COUNT_ALL = Statement(lambda _: sa.select(sa.func.count()).select_from(vmail.mailbox))
QUOTA = Statement(lambda _: sa.select(sa.func.sum(_BOX.quota)).where(among(_BOX.domain, "domains")))
QUOTA_ALL = Statement(lambda _: sa.select(sa.func.sum(_BOX.quota)))
ADDRESSES = Statement(
    lambda _: sa.select(_BOX.username).where(_BOX.domain == parameter("domain")).order_by(_BOX.username)
)
DISABLED_ADDRESSES = Statement(
    lambda _: sa.select(_BOX.username)
    .where(_BOX.domain == parameter("domain"), _BOX.active == 0).order_by(_BOX.username)
)  # fmt: skip
FORWARDINGS_OF = Statement(
    lambda _: sa.select(_LINK.forwarding).where(_LINK.address == parameter("mail"), _LINK.is_forwarding == 1)
)
ALIASES_OF = Statement(
    lambda _: sa.select(_LINK.address).where(_LINK.forwarding == parameter("mail"), _LINK.is_alias == 1)
)
PRIMARY_DOMAINS = Statement(
    lambda _: sa.select(vmail.alias_domain.c.alias_domain, vmail.alias_domain.c.target_domain)
    .where(among(vmail.alias_domain.c.alias_domain, "domains"))
)  # fmt: skip
MEMBER_OF = Statement(lambda _: sa.select(_LINK.address).where(_LINK.forwarding == parameter("mail")))
MEMBERSHIPS = Statement(
    lambda _: sa.select(vmail.alias.c.address, vmail.alias.c.domain, vmail.alias.c.active)
    .where(among(vmail.alias.c.address, "mails")).order_by(vmail.alias.c.address)
)  # fmt: skip
RANK = Statement(
    lambda _: sa.union_all(
        sa.select(sa.cast(vmail.domain_admins.c.domain, sa.String(255)))
        .where(vmail.domain_admins.c.username == parameter("mail")),
        sa.select(sa.literal_column(f"'{GLOBAL}'")).where(_BOX.username == parameter("mail"), _BOX.isglobaladmin == 1),
    )
)  # fmt: skip
GLOBAL_ADMINS = Statement(
    lambda _: sa.select(_BOX.username).where(_BOX.domain == parameter("domain"), _BOX.isglobaladmin == 1)
)
ADMINISTERING = Statement(
    lambda _: sa.select(vmail.domain_admins.c.username, vmail.domain_admins.c.domain)
    .join(vmail.mailbox, _BOX.username == vmail.domain_admins.c.username).where(_BOX.domain == parameter("domain"))
)  # fmt: skip
HOMES = Statement(
    lambda _: sa.select(_BOX.username).where(
        _BOX.username != parameter("mail"),
        sa.or_(
            _path() == parameter("path"),
            _path().like(parameter("below"), escape="|"),
            sa.func.substr(parameter("path"), 1, sa.func.length(_path())) == _path(),
        ),
    )
)
EXTRAS = accounts.links({
    "forwardings": (vmail.forwardings, "address", "forwarding", {"is_forwarding": 1}),
    "aliases": (vmail.forwardings, "forwarding", "address", {"is_alias": 1}),
    "mailing_aliases": (vmail.forwardings, "forwarding", "address", {"is_list": 1}),
    "managed_domains": (vmail.domain_admins, "username", "domain", {}),
})  # fmt: skip
SWITCH_FORWARDINGS = Statement(
    lambda _: (
        sa.update(vmail.forwardings)
        .values(active=parameter("active"))
        .where(
            sa.or_(
                among(_LINK.address, "mails"),
                among(_LINK.forwarding, "mails") & (_LINK.is_alias == 1),
            )
        )
    )
)


def _path() -> sa.ColumnElement[str]:
    """Return a user's home with single slashes and one at its end, however it is split and written."""
    path = _BOX.storagebasedirectory + "/" + _BOX.storagenode + "/" + _BOX.maildir + "/"
    return sa.func.lower(sa.func.replace(sa.func.replace(path, "//", "/"), "//", "/"))


def _profiles(schema: Schema) -> sa.Executable:
    """Select users' rows with what other tables hold once for each of them."""
    used, sender, recipient = vmail.used_quota.c, vmail.sender_bcc_user.c, vmail.recipient_bcc_user.c
    tables = (
        vmail.mailbox.outerjoin(vmail.used_quota, used.username == _BOX.username)
        .outerjoin(vmail.sender_bcc_user, sender.username == _BOX.username)
        .outerjoin(vmail.recipient_bcc_user, recipient.username == _BOX.username)
    )
    extras: list[sa.ColumnElement[Any]] = [
        used.bytes.label("stored_bytes"), used.messages.label("stored_messages"),
        sender.bcc_address.label("senderBcc"), recipient.bcc_address.label("recipientBcc"),
    ]  # fmt: skip
    if schema.has("last_login"):
        login = vmail.last_login.c
        tables = tables.outerjoin(vmail.last_login, (login.username == _BOX.username) & (login.domain == _BOX.domain))
        extras += [login.imap.label("_imap"), login.pop3.label("_pop3")]
    return (
        sa.select(sa.literal_column("mailbox.*"), *extras).select_from(tables)
        .where(among(_BOX.username, "mails")).order_by(_BOX.username)
    )  # fmt: skip


PROFILES = Statement(_profiles)


@lru_cache
def _update_some(columns: tuple[str, ...]) -> Statement:
    """Return the statement that sets some columns of a list of users."""
    values = {name: parameter(f"v{index}") for index, name in enumerate(columns)}
    return Statement(lambda _: sa.update(vmail.mailbox).values(values).where(among(_BOX.username, "mails")))


class SqlUsers:
    """The users, as rows of `mailbox` and `forwardings` and what belongs to them."""

    def __init__(self, session: Session, settings: Settings, remarks: Remarks) -> None:
        self.session = session
        self.settings = settings
        self.remarks = remarks

    def find(self, mail: str) -> User | None:
        row = self.session.row(FIND, mail=mail)
        return _user(row) if row else None

    def require(self, mail: str) -> User:
        return self.find(mail) or refuse(Code.NO_SUCH_ACCOUNT, hint=mail)

    def lock(self, mail: str) -> User:
        row = self.session.row(LOCK, mail=mail)
        return _user(row) if row else refuse(Code.NO_SUCH_ACCOUNT, hint=mail)

    def rank(self, mail: str) -> Rank:
        domains = {domain for (domain,) in self.session.rows(RANK, mail=mail)}
        return Rank(GLOBAL in domains, frozenset(map(DomainName, domains - {GLOBAL})))

    def count(self, domains: Collection[str] | None) -> int:
        row = self.session.row(COUNT_ALL) if domains is None else self.session.row(COUNT, domains=list(domains))
        return int(row[0]) if row else 0

    def allocated_quota(self, domains: Collection[str] | None) -> int:
        row = self.session.row(QUOTA_ALL) if domains is None else self.session.row(QUOTA, domains=list(domains))
        return int(row[0] or 0) if row else 0

    def aliases(self, mail: str) -> set[str]:
        return {alias for (alias,) in self.session.rows(ALIASES_OF, mail=mail)}

    def addresses(self, domain: str, *, only_disabled: bool = False) -> list[str]:
        statement = DISABLED_ADDRESSES if only_disabled else ADDRESSES
        return [mail for (mail,) in self.session.rows(statement, domain=domain)]

    def profiles(self, mails: Iterable[str]) -> Iterator[Profile]:
        for batch in batches(mails):
            rows = self.session.mappings(PROFILES, mails=batch)
            extras: dict[str, tuple[list[str], ...]] = {mail.lower(): ([], [], [], []) for mail in batch}
            for kind, owner, value in self.session.rows(EXTRAS, owners=batch):
                extras[owner.lower()][_EXTRA_LISTS[kind]].append(value)
            self.session.rest()
            for row in rows:
                yield _profile(row, extras[row["username"].lower()])

    def global_admins(self, domain: str) -> set[str]:
        return {mail for (mail,) in self.session.rows(GLOBAL_ADMINS, domain=domain)}

    def outranking(self, domain: str, managed: Collection[str]) -> set[str]:
        administering = self.session.rows(ADMINISTERING, domain=domain)
        return self.global_admins(domain) | {mail for mail, other in administering if other not in managed}

    def create(self, user: NewUser, changes: Changes) -> None:
        mail, moment = user.mail, datetime.now(UTC)
        stamp = accounts.now()
        row = {
            "username": mail, "domain": mail.domain, "password": user.password, "quota": user.quota,
            "language": user.language, "active": 1, "created": stamp, "modified": stamp,
            "passwordlastchange": stamp if self.settings.set_password_change_date_for_new_user else accounts.NEVER,
            "mailboxformat": self.settings.mailbox_format, "mailboxfolder": self.settings.mailbox_folder,
            "settings": "", **Home.of_new_user(mail, self.settings, moment).columns(),
        }  # fmt: skip
        self.session.insert(
            vmail.mailbox,
            {**row, **self._standard_services(user), **self._columns(mail, changes), "quota": user.quota},
        )
        # Rights that somebody else left under this name are not inherited.
        self.session.delete(vmail.domain_admins, username=mail)
        is_active = int(changes.get(ACCOUNT_STATUS) is not False)
        self._write_forwardings(mail, changes, set(), is_active)
        self._write_rows(mail, changes, is_active)
        if user.memberships:
            self._join(user)

    def _join(self, user: NewUser) -> None:
        """Make the new user a member of the domain's default aliases."""
        known = {alias for (alias,) in self.session.rows(MEMBER_OF, mail=user.mail)}
        for alias, domain, is_active in self.session.rows(MEMBERSHIPS, mails=list(user.memberships)):
            if alias not in known:
                row = {"address": alias, "forwarding": user.mail, "domain": domain, "dest_domain": user.mail.domain}
                self.session.insert(vmail.forwardings, {**row, "is_list": 1, "active": is_active})

    def update(self, mail: Address, password: str | None, changes: Changes) -> None:
        values = {**self._columns(mail, changes), "modified": accounts.now()}
        if password is not None:
            values |= {"password": password, "passwordlastchange": accounts.now()}
        self.session.update(vmail.mailbox, values, username=mail)
        if (status := changes.get(ACCOUNT_STATUS)) is not None:
            self.session.execute(SWITCH_FORWARDINGS, active=int(status), mails=[mail])
        is_active = int(self.require(mail).is_active) if FORWARDING in changes or ALIASES in changes else 1
        if FORWARDING in changes:
            before = {address for (address,) in self.session.rows(FORWARDINGS_OF, mail=mail)}
            self._write_forwardings(mail, changes, before, is_active)
        self._write_rows(mail, changes, is_active)

    def _columns(self, mail: Address, changes: Changes) -> dict[str, Any]:
        columns = accounts.columns(changes) | self._settings(mail, changes)
        known = self.session.schema.columns["mailbox"]
        for changed in changes:
            if isinstance(changed.sql, Column) and changed.sql.name not in known:
                self.remarks.ignored += changes.sent_names(changed)
        if change := changes.of(SERVICES):
            set_columns, unknown = services.flags(change, known)
            columns |= set_columns
            self.remarks.ignored += changes.sent_values(SERVICES, unknown)
        if path := changes.get(MAILDIR):
            columns |= self._free_home(mail, path).columns()
        if (is_global := changes.get(IS_GLOBAL_ADMIN)) is not None:
            columns["isglobaladmin"] = int(is_global)
        return columns

    def _settings(self, mail: Address, changes: Changes) -> dict[str, str]:
        row = self.session.row(FIND, mail=mail) if any(changes.of_shape(Setting)) else None
        return accounts.settings(changes, row[5] if row else "")

    def _free_home(self, mail: Address, path: str) -> Home:
        """Return the parts of a path, or refuse when it is, holds or lies in another user's."""
        home = Home.at(path, self.settings)
        escaped = home.path.replace("|", "||").replace("_", "|_").replace("%", "|%")
        if self.session.row(HOMES, mail=mail, path=home.path, below=f"{escaped}%"):
            refuse(Code.ALREADY_EXISTS, hint="maildir: the path belongs to another user.")
        return home

    def _standard_services(self, user: NewUser) -> dict[str, Any]:
        off = dict.fromkeys([*user.without_services, *self.settings.additional_disabled_user_services], False)
        on = dict.fromkeys(self.settings.additional_enabled_user_services, True)
        return services.switched({**off, **on}, self.session.schema.columns["mailbox"])[0]

    def _write_forwardings(self, mail: Address, changes: Changes, before: set[str], is_active: int) -> None:
        """Write where mail goes; without any forwarding the user's own row stays or comes back."""
        change = changes.of(FORWARDING)
        after = (change.applied(before or {mail}) if change else {mail}) or {mail}
        common = {"domain": mail.domain, "active": is_active}
        accounts.write_members(self.session, _FORWARDINGS, mail, before, after, common)

    def _write_rows(self, mail: Address, changes: Changes, is_active: int) -> None:
        accounts.write_satellites(self.session, changes, mail, {"domain": mail.domain})
        if (is_global := changes.get(IS_GLOBAL_ADMIN)) is not None:
            set_global(self.session, mail, is_global=is_global)
        if change := changes.of(ALIASES):
            before = self.aliases(mail)
            after = change.applied(before)
            names = [Address(alias).domain for alias in after]
            primary: dict[str, str] = dict(self.session.rows(PRIMARY_DOMAINS, domains=names))
            for gone in sorted(before - after):
                self.session.delete(vmail.forwardings, address=gone, forwarding=mail)
            for new in sorted(after - before):
                domain = Address(new).domain
                accounts.write_members(
                    self.session, _ALIASES, mail, (), {new},
                    {"domain": primary.get(domain, domain), "dest_domain": mail.domain, "active": is_active},
                )  # fmt: skip

    def update_all(self, domain: DomainName, spared: Collection[str], password: str | None, changes: Changes) -> None:
        values = {**accounts.columns(changes), "modified": accounts.now()}
        if password is not None:
            values |= {"password": password, "passwordlastchange": accounts.now()}
        statement = _update_some(tuple(values))
        numbered = {f"v{index}": value for index, value in enumerate(values.values())}
        for batch in batches(mail for mail in self.addresses(domain) if mail not in spared):
            self.session.execute(statement, mails=batch, **numbered)
            if (status := changes.get(ACCOUNT_STATUS)) is not None:
                self.session.execute(SWITCH_FORWARDINGS, active=int(status), mails=batch)

    def rename(self, mail: Address, new: Address) -> None:
        stamp = {"modified": accounts.now()}
        self.session.update(vmail.mailbox, {"username": new, "domain": new.domain, **stamp}, username=mail)
        traces.rename(self.session, mail, new)
        # What stands there of the new address was left by other programs: it would be this user's from now on.
        for table in (vmail.sender_bcc_user, vmail.recipient_bcc_user, vmail.used_quota, vmail.last_login):
            self.session.delete(table, username=new)
            self.session.update(table, {"username": new, "domain": new.domain}, username=mail)
        for table, column in _NAMING:
            self.session.delete(table, **{column: new})
            self.session.update(table, {column: new}, **{column: mail})

    def delete(self, mail: Address, removal: Removal) -> None:
        removed.keep_mailboxes(self.session, removal, _BOX.username, mail)
        for table in (
            vmail.mailbox, vmail.sender_bcc_user, vmail.recipient_bcc_user, vmail.used_quota, vmail.last_login,
        ):  # fmt: skip
            self.session.delete(table, username=mail)
        traces.forget(self.session, mail)
        for table, column in _NAMING:
            self.session.delete(table, **{column: mail})


_NAMING = (
    (vmail.domain_admins, "username"), (vmail.sender_relayhost, "account"), (vmail.share_folder, "from_user"),
    (vmail.share_folder, "to_user"), (vmail.anyone_shares, "from_user"),
)  # fmt: skip
"""Where a user's address stands without the domain beside it."""
_EXTRA_LISTS = {"forwardings": 0, "aliases": 1, "mailing_aliases": 2, "managed_domains": 3}


def _profile(row: dict[str, Any], lists: tuple[list[str], ...]) -> Profile:
    """Return a user's row with the extras; each key always has the same type."""
    login = max(row.pop("_imap", None) or 0, row.pop("_pop3", None) or 0)
    profile = accounts.as_stored(row)
    forwardings, aliases, mailing_aliases, managed = lists
    profile["stored_bytes"] = profile["stored_bytes"] or 0
    profile["stored_messages"] = profile["stored_messages"] or 0
    profile["senderBcc"] = profile["senderBcc"] or ""
    profile["recipientBcc"] = profile["recipientBcc"] or ""
    profile["mail"] = profile["username"]
    profile["accountStatus"] = "active" if profile["active"] else "disabled"
    profile["forwardings"] = forwardings
    profile["aliases"] = aliases
    profile["mailing_aliases"] = mailing_aliases
    profile["managed_domains"] = [domain for domain in managed if domain != GLOBAL]
    profile["last_login"] = accounts.moment(login)
    return profile


def _user(row: tuple[Any, ...]) -> User:
    mail, active, is_global, quota, password, _ = row
    return User(Address(mail), bool(active), bool(is_global), quota, password)
