"""Standalone admins in the SQL database `vmail`."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import sqlalchemy as sa

from postreeve.admins.fields import IS_GLOBAL_ADMIN, MAX_DOMAINS, MAX_QUOTA, QUOTA_UNIT
from postreeve.admins.store import Admin
from postreeve.errors import Code, refuse
from postreeve.fields import Changes
from postreeve.storage import accounts, settings_text
from postreeve.storage.conditions import among, parameter
from postreeve.storage.rights import GLOBAL, set_global
from postreeve.storage.sql import Session, Statement, batches
from postreeve.storage.tables.vmail import admin, domain_admins, mailbox
from postreeve.values import Address
from postreeve.work import Profile

_COLUMNS = (
    sa.select(admin.c.username, admin.c.active, admin.c.password, admin.c.settings, domain_admins.c.domain)
    .outerjoin(domain_admins, (domain_admins.c.username == admin.c.username) & (domain_admins.c.domain == GLOBAL))
    .where(admin.c.username == parameter("account"))
)
FIND = Statement(lambda _: _COLUMNS)
LOCK = Statement(lambda _: _COLUMNS.with_for_update(of=admin), is_locking=True)
ADDRESSES = Statement(lambda _: sa.select(admin.c.username).order_by(admin.c.username))
DISABLED_ADDRESSES = Statement(
    lambda _: sa.select(admin.c.username).where(admin.c.active == 0).order_by(admin.c.username)
)
PROFILES = Statement(
    lambda _: sa.select(sa.literal_column("*")).select_from(admin)
    .where(among(admin.c.username, "accounts")).order_by(admin.c.username)
)  # fmt: skip
MANAGED = accounts.links({"managed_domains": (domain_admins, "username", "domain", {})})
GLOBAL_ADMINS = Statement(
    lambda _: sa.select(domain_admins.c.username).where(domain_admins.c.domain == GLOBAL).with_for_update(),
    is_locking=True,
)
ACTIVE = Statement(
    lambda _: sa.union_all(
        sa.select(admin.c.username).where(among(admin.c.username, "accounts"), admin.c.active == 1),
        sa.select(mailbox.c.username).where(
            among(mailbox.c.username, "accounts"),
            mailbox.c.active == 1,
            mailbox.c.isglobaladmin == 1,
        ),
    )
)


class SqlAdmins:
    """The standalone admins, as rows of `admin` and `domain_admins`."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def find(self, account: str) -> Admin | None:
        row = self.session.row(FIND, account=account)
        return _admin(row) if row else None

    def require(self, account: str) -> Admin:
        return self.find(account) or refuse(Code.NO_SUCH_ACCOUNT, hint=account)

    def lock(self, account: str) -> Admin:
        row = self.session.row(LOCK, account=account)
        return _admin(row) if row else refuse(Code.NO_SUCH_ACCOUNT, hint=account)

    def touch(self, account: str) -> None:
        for table in (admin, mailbox):
            accounts.touch(self.session, table, username=account)

    def other_global_admins(self, than: Collection[str]) -> list[str]:
        named = [account for (account,) in self.session.rows(GLOBAL_ADMINS) if account not in than]
        return sorted({account for (account,) in self.session.rows(ACTIVE, accounts=named)})

    def addresses(self, *, only_disabled: bool = False) -> list[str]:
        return [account for (account,) in self.session.rows(DISABLED_ADDRESSES if only_disabled else ADDRESSES)]

    def profiles(self, wanted: Iterable[str]) -> Iterator[Profile]:
        for batch in batches(wanted):
            managed: dict[str, list[str]] = {account.lower(): [] for account in batch}
            for _, account, domain in self.session.rows(MANAGED, owners=batch):
                managed[account.lower()].append(domain)
            for row in self.session.mappings(PROFILES, accounts=batch):
                domains = managed[row["username"].lower()]
                yield {
                    **accounts.as_stored(row),
                    "managed_domains": [domain for domain in domains if domain != GLOBAL],
                    "isglobaladmin": int(GLOBAL in domains),
                }

    def create(self, account: Address, password: str, changes: Changes) -> None:
        stamps = dict.fromkeys(("created", "modified", "passwordlastchange"), accounts.now())
        row = {"username": account, "password": password, "active": 1, "settings": "", **stamps}
        self.session.insert(admin, {**row, **accounts.columns(changes), **_settings(changes, "")})
        self.session.delete(domain_admins, username=account)  # rights that somebody left under this name
        self._promote(account, changes)

    def update(self, account: Address, password: str | None, changes: Changes) -> None:
        row = self.session.row(LOCK, account=account)
        values = {
            **accounts.columns(changes),
            **_settings(changes, row[3] if row else ""),
            "modified": accounts.now(),
        }
        if password is not None:
            values |= {"password": password, "passwordlastchange": accounts.now()}
        self.session.update(admin, values, username=account)
        self._promote(account, changes)

    def _promote(self, account: Address, changes: Changes) -> None:
        if (is_global := changes.get(IS_GLOBAL_ADMIN)) is not None:
            set_global(self.session, account, is_global=is_global)

    def delete(self, account: Address) -> None:
        self.session.delete(admin, username=account)
        self.session.delete(domain_admins, username=account)


def _settings(changes: Changes, text: str | None) -> dict[str, str]:
    """Return the settings with the limits that are more than one key."""
    written = accounts.settings(changes, text)
    text = written.get("settings", text)
    extra: dict[str, Any] = {}
    if (most := changes.get(MAX_DOMAINS)) is not None:
        extra |= {"create_new_domains": most >= 0, "create_max_domains": most}
    if (quota := changes.get(MAX_QUOTA)) is not None:
        extra["create_max_quota"] = quota * (changes.get(QUOTA_UNIT) or 1)
    return {"settings": settings_text.changed(text, extra)} if extra else written


def _admin(row: tuple[Any, ...]) -> Admin:
    account, active, password, _, all_domains = row
    return Admin(Address(account), bool(active), all_domains == GLOBAL, password)
