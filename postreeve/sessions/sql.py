"""Who may log in, from the SQL database `vmail`; sessions and failures in `iredadmin`."""

import hashlib
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import sqlalchemy as sa

from postreeve.permissions import MAIL_LOG, QUARANTINE, Actor, Allowance, plain_user
from postreeve.sessions.store import (
    REMEMBERED_SECONDS,
    SELF_SERVICE,
    Failures,
    Login,
    Logins,
    Session,
    SessionKind,
    known_time_zone,
    stamp,
)
from postreeve.storage import settings_text, sql
from postreeve.storage.conditions import parameter
from postreeve.storage.rights import GLOBAL
from postreeve.storage.sql import Statement
from postreeve.storage.tables import vmail
from postreeve.storage.tables.postreeve import known_networks, login_failures, sessions
from postreeve.values import Address, DomainName
from postreeve.work import DuplicateError

_WITHHELD = {"disable_viewing_mail_log": MAIL_LOG, "disable_managing_quarantined_mails": QUARANTINE}
"""The keys of an admin's settings that keep something from the admin."""

_TEXT = sa.String(255)
_NO_TEXT: sa.ColumnElement[str] = sa.literal_column("''")
_NO_FLAG: sa.ColumnElement[int] = sa.literal_column("0")


def _kind(name: str) -> sa.ColumnElement[str]:
    return sa.literal_column(f"'{name}'")


_MAILBOX, _ADMIN, _ADMINS = vmail.mailbox.c, vmail.admin.c, vmail.domain_admins.c
LOGIN = Statement(
    lambda _: sa.union_all(
        sa.select(_kind("admin"), _ADMIN.password, _ADMIN.active, _NO_FLAG, _ADMIN.settings, _ADMIN.language)
        .where(_ADMIN.username == parameter("account")),
        sa.select(_kind("user"), _MAILBOX.password, _MAILBOX.active, _MAILBOX.isglobaladmin, _MAILBOX.settings,
                  _MAILBOX.language)
        .where(_MAILBOX.username == parameter("account")),
        sa.select(_kind("domain"), sa.cast(_ADMINS.domain, _TEXT), _ADMINS.active, _NO_FLAG, _NO_TEXT, _NO_TEXT)
        .where(_ADMINS.username == parameter("account")),
    )
)  # fmt: skip
_DOMAIN = vmail.domain.c
USER_LOGIN = Statement(
    lambda _: sa.select(_MAILBOX.password, _MAILBOX.active, _MAILBOX.settings, _MAILBOX.language,
                        _DOMAIN.active, _DOMAIN.settings)
    .join(vmail.domain, _DOMAIN.domain == _MAILBOX.domain)
    .where(_MAILBOX.username == parameter("account"))
)  # fmt: skip
FIND = Statement(
    lambda _: sa.select(sessions.c.account, sessions.c.kind, sessions.c.used, sessions.c.stamp)
    .where(sessions.c.id_hash == parameter("id_hash"))
)  # fmt: skip
_FAILED = login_failures.c
_KNOWN = sa.select(known_networks.c.network).where(known_networks.c.account == parameter("account"))


def _failures(*conditions: Callable[[], sa.ColumnElement[bool]]) -> Statement:
    return Statement(
        lambda _: sa.select(sa.func.count(), sa.func.min(_FAILED.at))
        .where(_FAILED.at > parameter("since"), *(condition() for condition in conditions))
    )  # fmt: skip


OF_ACCOUNT = _failures(lambda: _FAILED.account == parameter("account"), lambda: _FAILED.network.not_in(_KNOWN))
OF_ACCOUNT_HERE = _failures(
    lambda: _FAILED.account == parameter("account"), lambda: _FAILED.network == parameter("network")
)
OF_NETWORK = _failures(lambda: _FAILED.network == parameter("network"))
FORGET_FAILURES = Statement(lambda _: sa.delete(login_failures).where(_FAILED.at < parameter("before")))
FORGET_SESSIONS = Statement(lambda _: sa.delete(sessions).where(sessions.c.used < parameter("before")))
IS_KNOWN = Statement(lambda _: _KNOWN.where(known_networks.c.network == parameter("network")))


class SqlLogins:
    """The admins, as rows of `admin`, `mailbox` and `domain_admins`; the users, as rows of `mailbox`."""

    def __init__(self, session: sql.Session) -> None:
        self.session = session

    def login(self, account: str) -> Login | None:
        rows = self.session.rows(LOGIN, account=account)
        domains = sorted(text for kind, text, active, *_ in rows if kind == "domain" and active)
        holders = [row for row in rows if row[0] != "domain"]
        if not holders:
            return None
        kind, password, active, is_global_user, settings, language = min(holders)  # a standalone admin before a user
        is_global = GLOBAL in domains if kind == "admin" else bool(is_global_user)
        managed = frozenset(DomainName(domain) for domain in domains if domain != GLOBAL)
        if not active or (kind == "user" and not is_global and not managed):
            return None
        actor = Actor(
            Address(account), is_global, kind == "user", managed, _allowance(settings),
            language or "", _time_zone(settings), _withheld(settings),
        )  # fmt: skip
        return Login(actor, password, stamp(kind, password, str(is_global), *domains))

    def user_login(self, account: str) -> Login | None:
        row = self.session.row(USER_LOGIN, account=account)
        if row is None:
            return None
        password, is_active, settings, language, is_domain_active, of_domain = row
        if not (is_active and is_domain_active and SELF_SERVICE in settings_text.words(of_domain, "enabled_services")):
            return None
        actor = plain_user(Address(account), language or "", _time_zone(settings))
        return Login(actor, password, stamp(SELF_SERVICE, password))


class SqlSessions:
    """Sessions and failed logins, as rows."""

    def __init__(self, iredadmin_session: sql.Session, logins: Logins) -> None:
        self.iredadmin = iredadmin_session
        self.logins = logins
        self._followed: list[tuple[str, str, SessionKind, str | None]] = []

    def login(self, account: str, kind: SessionKind = SessionKind.API) -> Login | None:
        return self.logins.user_login(account) if kind.is_of_user else self.logins.login(account)

    def start(self, account: str, kind: SessionKind, stamp: str) -> str:
        token, now = secrets.token_urlsafe(32), int(time.time())
        self.iredadmin.execute(FORGET_SESSIONS, before=now - REMEMBERED_SECONDS)
        row = {
            "id_hash": _hashed(token),
            "account": account,
            "kind": kind.value,
            "created": now,
            "used": now,
            "stamp": stamp,
        }
        self.iredadmin.insert(sessions, row)
        return token

    def find(self, token: str) -> Session | None:
        row = self.iredadmin.row(FIND, id_hash=_hashed(token))
        return Session(*row) if row else None

    def use(self, token: str) -> None:
        self.iredadmin.update(sessions, {"used": int(time.time())}, id_hash=_hashed(token))

    def end(self, token: str) -> None:
        self.iredadmin.delete(sessions, id_hash=_hashed(token))

    def follow(
        self, account: str, before: str, kind: SessionKind = SessionKind.API, *, only: str | None = None
    ) -> None:
        self._followed.append((account, before, kind, only))

    def settle(self) -> None:
        """Do what was said about following, now that the work is committed."""
        for account, before, kind, only in self._followed:
            known = before
            which = {"account": account} if only is None else {"id_hash": _hashed(only)}
            while (login := self.login(account, kind)) and login.stamp != known:  # it may change once more meanwhile
                self.iredadmin.update(sessions, {"stamp": login.stamp}, **which, stamp=known)
                known = login.stamp

    def failures(self, account: str, network: str, since: int) -> Failures:
        is_known = self.iredadmin.row(IS_KNOWN, account=account, network=network)
        if is_known:
            of_account = self.iredadmin.row(OF_ACCOUNT_HERE, account=account, network=network, since=since)
        else:
            of_account = self.iredadmin.row(OF_ACCOUNT, account=account, since=since)
        of_network = self.iredadmin.row(OF_NETWORK, network=network, since=since)
        return Failures(*_counted(of_account), *_counted(of_network))

    def note_failure(self, account: str, network: str) -> None:
        self.iredadmin.execute(FORGET_FAILURES, before=int(time.time()) - REMEMBERED_SECONDS)
        self.iredadmin.insert(login_failures, {"account": account, "network": network, "at": int(time.time())})

    def note_success(self, account: str, network: str) -> None:
        values = {"at": int(time.time())}
        if not self.iredadmin.update(known_networks, values, account=account, network=network):
            with suppress(DuplicateError):  # another login was faster
                self.iredadmin.insert(known_networks, {"account": account, "network": network, **values})


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _counted(row: tuple[Any, ...] | None) -> tuple[int, int]:
    return (int(row[0]), int(row[1] or 0)) if row else (0, 0)


def _time_zone(settings: str | None) -> str:
    return known_time_zone(settings_text.pieces(settings).get("timezone") or "")


def _withheld(settings: str | None) -> frozenset[str]:
    found = settings_text.pieces(settings)
    return frozenset(what for key, what in _WITHHELD.items() if found.get(key) == "yes")


def _allowance(settings: str | None) -> Allowance:
    """Return an admin's limits; the right to add domains at all is a key of its own."""
    most_domains = settings_text.number(settings, "create_max_domains")
    may_add = "create_new_domains" in settings_text.pieces(settings) or most_domains > 0
    return Allowance(
        domains=most_domains if may_add else -1,
        users=settings_text.number(settings, "create_max_users"),
        aliases=settings_text.number(settings, "create_max_aliases"),
        lists=settings_text.number(settings, "create_max_lists"),
        quota=settings_text.number(settings, "create_max_quota"),
    )
