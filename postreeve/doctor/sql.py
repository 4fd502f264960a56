"""The doctor's look at accounts in the SQL database `vmail`."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from postreeve.doctor.store import Amiss, Holder, Right
from postreeve.storage import accounts, settings_text, traces
from postreeve.storage.conditions import among, parameter
from postreeve.storage.rights import GLOBAL
from postreeve.storage.sql import Row, Schema, Session, Statement, batches
from postreeve.storage.tables import vmail
from postreeve.values import Address, DomainName

_Select = sa.Select[*tuple[Any, ...]]
BATCH = 2000
"""Users that are read at once."""
BCRYPT, CRYPT = "{BCRYPT}", "{CRYPT}"

_BOX, _LINK, _ADMIN, _RIGHT = vmail.mailbox.c, vmail.forwardings.c, vmail.admin.c, vmail.domain_admins.c
_DOMAIN, _ALIAS_DOMAIN = vmail.domain.c, vmail.alias_domain.c

USERS = Statement(
    lambda _: sa.select(_BOX.username, _BOX.active)
    .where(_BOX.username > parameter("after")).order_by(_BOX.username).limit(BATCH)
)  # fmt: skip
FORWARDINGS = Statement(
    lambda _: sa.select(_LINK.address, _LINK.forwarding, _LINK.is_forwarding, _LINK.active)
    .where(among(_LINK.address, "mails"))
)  # fmt: skip
LOCKED = Statement(
    lambda _: sa.select(_BOX.username, _BOX.active).where(_BOX.username == parameter("mail")).with_for_update(),
    is_locking=True,
)
ADMINS_WITHOUT_DOMAINS = Statement(
    lambda _: sa.union_all(
        sa.select(_ADMIN.username, _ADMIN.settings).where(~_has_rights(_ADMIN.username)),
        sa.select(_BOX.username, _BOX.settings).where(
            sa.or_(_BOX.isadmin == 1, _BOX.isglobaladmin == 1), ~_has_rights(_BOX.username)
        ),
    )
)
RIGHTS_OF_NOBODY = Statement(
    lambda _: (
        sa.select(_RIGHT.username, _RIGHT.domain, _ADMIN.username, _BOX.username, _DOMAIN.domain)
        .outerjoin(vmail.admin, _ADMIN.username == _RIGHT.username)
        .outerjoin(vmail.mailbox, _BOX.username == _RIGHT.username)
        .outerjoin(vmail.domain, _DOMAIN.domain == _RIGHT.domain)
        .where(
            sa.or_(
                sa.and_(_ADMIN.username.is_(None), _BOX.username.is_(None)),
                sa.and_(_DOMAIN.domain.is_(None), _RIGHT.domain != GLOBAL),
            )
        )
        .order_by(_RIGHT.username, _RIGHT.domain)
    )
)


def _has_rights(account: sa.Column[str]) -> sa.Exists:
    return sa.exists().where(_RIGHT.username == account)


def _passwords(table: sa.Table) -> Statement:
    row = table.c
    return Statement(
        lambda _: sa.select(row.username, row.password)
        .where(row.username > parameter("after")).order_by(row.username).limit(BATCH)
    )  # fmt: skip


PASSWORDS = (_passwords(vmail.admin), _passwords(vmail.mailbox))


def _holders(schema: Schema) -> sa.CompoundSelect[Any]:
    """Select who has which address or domain name, in lower case."""
    places: tuple[tuple[sa.Column[str], str, sa.Column[str] | None], ...] = (
        (_BOX.username, "user", None),
        (vmail.alias.c.address, "alias", None),
        (vmail.maillists.c.address, "mailing list", None),
        (_ADMIN.username, "admin", None),
        (_LINK.address, "alias address", _LINK.forwarding),
        (_DOMAIN.domain, "domain", None),
        (_ALIAS_DOMAIN.alias_domain, "alias domain", _ALIAS_DOMAIN.target_domain),
    )
    return sa.union_all(
        *(_holder(name, kind, account) for name, kind, account in places if schema.has(name.table.name))
    )


def _holder(name: sa.Column[str], kind: str, account: sa.Column[str] | None) -> _Select:
    owner = sa.literal_column("''") if account is None else sa.cast(account, _TEXT)
    selected: _Select = sa.select(
        sa.cast(sa.func.lower(name), _TEXT).label("name"),
        sa.literal_column(f"'{kind}'").label("kind"),
        owner.label("account"),
    )
    return selected.where(_LINK.is_alias == 1, _LINK.address != _LINK.forwarding) if name is _LINK.address else selected


_TEXT = sa.Text().with_variant(sa.CHAR(255), "mysql", "mariadb")


def _twice(schema: Schema) -> sa.Executable:
    every = _holders(schema).subquery("every")
    return sa.select(every.c.name).group_by(every.c.name).having(sa.func.count() > 1).order_by(every.c.name)


def _colliding(schema: Schema) -> sa.Executable:
    every = _holders(schema).subquery("every")
    return (
        sa.select(every.c.name, every.c.kind, every.c.account)
        .where(among(every.c.name, "names"))
        .order_by(every.c.name, every.c.kind, every.c.account)
    )


TWICE = Statement(_twice)
COLLIDING = Statement(_colliding)


def _strays(schema: Schema) -> sa.Executable:
    """Select what belongs to something that is not there, with what that is in words."""
    is_user = sa.exists().where(_BOX.username == _LINK.forwarding)
    is_list = [sa.exists().where(vmail.maillists.c.address == _LINK.forwarding)] if schema.has("maillists") else []
    parts: list[_Select] = [
        _stray(_LINK.address, "forwards mail, and is no user", _LINK.is_forwarding == 1,
               ~sa.exists().where(_BOX.username == _LINK.address)),
        _stray(_LINK.address, "is an alias address of nobody", _LINK.is_alias == 1,
               ~sa.or_(is_user, *is_list)),
        _stray(_LINK.address, "has members, and is no alias", _LINK.is_list == 1,
               ~sa.exists().where(vmail.alias.c.address == _LINK.address)),
        *(
            _stray(name, f"is {kind} in a domain that is not there",
                   ~sa.exists().where(_DOMAIN.domain == name.table.c.domain))
            for name, kind in ((_BOX.username, "a user"), (vmail.alias.c.address, "an alias"),
                               (vmail.maillists.c.address, "a mailing list"))
            if schema.has(name.table.name)
        ),
        _stray(_ALIAS_DOMAIN.alias_domain, "is an alias domain of a domain that is not there",
               ~sa.exists().where(_DOMAIN.domain == _ALIAS_DOMAIN.target_domain)),
    ]  # fmt: skip
    if schema.has("forwardings", "is_maillist") and is_list:
        parts.append(
            _stray(_LINK.address, "takes mail for a mailing list that is not there", _LINK.is_maillist == 1,
                   ~sa.exists().where(vmail.maillists.c.address == _LINK.address))
        )  # fmt: skip
    return sa.union(*parts).order_by(sa.literal_column("1"), sa.literal_column("2"))


def _stray(name: sa.Column[str], words: str, *where: sa.ColumnElement[bool]) -> _Select:
    said: sa.Label[str] = sa.literal_column(f"'{words}'").label("words")
    return sa.select(sa.cast(name, _TEXT).label("name"), said).where(*where)


STRAYS = Statement(_strays)

_OF_USERS = (
    vmail.used_quota.c.username, vmail.last_login.c.username,
    vmail.share_folder.c.from_user, vmail.share_folder.c.to_user, vmail.anyone_shares.c.from_user,
)  # fmt: skip
_OF_ADDRESSES = (vmail.sender_bcc_user.c.username, vmail.recipient_bcc_user.c.username)
"""Copies of mail: Postfix asks for whatever address it has, of a user or not."""
_OF_DOMAINS = (vmail.sender_bcc_domain.c.domain, vmail.recipient_bcc_domain.c.domain)
_OF_LISTS = (vmail.moderators.c.address, vmail.maillist_owners.c.address)
_KEPT: tuple[tuple[tuple[sa.Column[str], ...], tuple[sa.Column[str], ...]], ...] = (
    (_OF_USERS, (_BOX.username,)),
    (_OF_ADDRESSES, (_BOX.username, vmail.alias.c.address, vmail.maillists.c.address, _LINK.address)),
    (_OF_DOMAINS, (_DOMAIN.domain,)),
    (_OF_LISTS, (vmail.alias.c.address, vmail.maillists.c.address)),
)
"""What is kept of somebody or something, and whose it is."""


def _is_caught(domain: sa.ColumnElement[str]) -> sa.Exists:
    """Whether a domain has a catch-all, so that all its addresses have mail."""
    return sa.exists().where(_LINK.address == domain)


def _left_behind(schema: Schema) -> sa.Executable:
    parts: list[_Select] = [
        sa.select(sa.cast(column, _TEXT).label("name"), sa.literal_column(f"'{column.table.name}'").label("place"))
        .where(*(~sa.exists().where(owner == column) for owner in owners if schema.has(owner.table.name)))
        .where(~_is_caught(column.table.c.domain) if columns is _OF_ADDRESSES else sa.true())
        for columns, owners in _KEPT
        for column in columns
        if schema.has(column.table.name)
    ]  # fmt: skip
    return sa.union(*parts).order_by(sa.literal_column("1"), sa.literal_column("2"))


LEFT_BEHIND = Statement(_left_behind)


def _unreachable(schema: Schema) -> sa.Executable:
    """Select what is there, and the mail programs do not find."""
    names = (_BOX.username, vmail.alias.c.address, vmail.maillists.c.address, _DOMAIN.domain, _LINK.address)
    capitals = "has capital letters, and Postfix and Dovecot look for small ones"
    return sa.union(
        *(_stray(name, capitals, sa.func.lower(name) != name) for name in names if schema.has(name.table.name)),
        _stray(_BOX.username, "may log in from nowhere: its allow_nets is an empty text", _BOX.allow_nets == ""),
        _stray(_LINK.address, "has a row in forwardings whose domain is none of ours: Postfix does not see it",
               ~sa.exists().where(_DOMAIN.domain == _LINK.domain)),
    ).order_by(sa.literal_column("1"), sa.literal_column("2"))  # fmt: skip


UNREACHABLE = Statement(_unreachable)


class _Row(NamedTuple):
    """One of a user's rows of `forwardings`."""

    is_own: bool
    is_forwarding: bool
    is_active: bool


def _judged(mail: str, rows: Sequence[_Row], *, is_active: bool) -> Amiss | None:
    if not any(row.is_own or row.is_forwarding for row in rows):
        return Amiss(mail, is_active, has_own=False)
    if is_active and any(row.is_forwarding and row.is_active and not row.is_own for row in rows):
        return None  # the own row may be off so that the mail goes to the others alone
    if any(row.is_own and row.is_active != is_active for row in rows):
        return Amiss(mail, is_active, has_own=True)
    return None


class SqlInspection:
    """Looks at the rows of `vmail`."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def forwardings_amiss(self) -> Iterator[Amiss]:
        for users in self._parts(USERS):
            yield from self._amiss(users)  # a statement over all of both takes some servers half an hour

    def _amiss(self, users: Sequence[Row]) -> Iterator[Amiss]:
        found: dict[str, list[_Row]] = {}
        for address, forwarding, is_forwarding, active in self.session.rows(
            FORWARDINGS, mails=[mail for mail, _ in users]
        ):
            row = _Row(address.lower() == forwarding.lower(), bool(is_forwarding), bool(active))
            found.setdefault(address.lower(), []).append(row)
        for mail, active in users:
            if amiss := _judged(mail, found.get(mail.lower(), []), is_active=bool(active)):
                yield amiss

    def _parts(self, statement: Statement) -> Iterator[list[Row]]:
        """Yield the rows of a statement that goes on after a name, some at a time."""
        after = ""
        while rows := self.session.rows(statement, after=after):
            yield rows
            after = rows[-1][0]

    def admins_without_domains(self) -> Iterator[str]:
        for account, settings in sorted(self.session.rows(ADMINS_WITHOUT_DOMAINS)):
            if "create_new_domains" not in settings_text.pieces(settings):
                yield account

    def rights_of_nobody(self) -> Iterator[Right]:
        for account, domain, admin, user, hosted in self.session.rows(RIGHTS_OF_NOBODY):
            yield Right(account, domain, bool(admin or user), domain == GLOBAL or bool(hosted))

    def colliding(self) -> Iterator[Holder]:
        for names in batches(name for (name,) in self.session.rows(TWICE)):
            yield from (Holder(*row) for row in self.session.rows(COLLIDING, names=names))

    def passwords(self) -> Iterator[tuple[str, str]]:
        for statement in PASSWORDS:
            for rows in self._parts(statement):
                yield from rows

    def strays(self) -> Iterator[tuple[str, str]]:
        return ((name, words) for name, words in self.session.rows(STRAYS))

    def left_behind(self) -> Iterator[tuple[str, str]]:
        return ((name, table) for name, table in self.session.rows(LEFT_BEHIND))

    def unreachable(self) -> Iterator[tuple[str, str]]:
        return ((name, words) for name, words in self.session.rows(UNREACHABLE))

    def out_of_step(self) -> Iterator[str]:
        return iter(())

    def give_own_forwarding(self, mail: Address, *, may_switch_off: bool) -> None:
        for _, active, has_own in self._amiss(self.session.rows(LOCKED, mail=mail)):
            if has_own and not (active or may_switch_off):
                continue
            own = {"address": mail, "forwarding": mail}
            if not self.session.update(vmail.forwardings, {"is_forwarding": 1, "active": int(active)}, **own):
                traces.keep_own_mail(self.session, {mail})
            self.session.update(vmail.mailbox, {"modified": accounts.now()}, username=mail)

    def withdraw_rights(self, account: Address) -> None:
        self.session.begin()
        for right in list(self.rights_of_nobody()):
            if right.account == account:
                self.session.delete(vmail.domain_admins, username=account, domain=right.domain)

    def rename_bcrypt(self, account: Address) -> None:
        for table in (vmail.admin, vmail.mailbox):
            for (password,) in self.session.rows(_PASSWORD[table.name], account=account):
                if password[: len(BCRYPT)].upper() == BCRYPT:
                    self.session.update(table, {"password": CRYPT + password[len(BCRYPT) :]}, username=account)

    def forget_left_behind(self, name: Address | DomainName) -> None:
        for columns, owners in _KEPT:
            if columns is _OF_ADDRESSES and isinstance(name, Address) and self._is_there(_LINK.address, name.domain):
                continue
            if not any(self._is_there(owner, name) for owner in owners):
                for column in columns:
                    self.session.delete(column.table, **{column.name: name})

    def _is_there(self, owner: sa.Column[str], name: str) -> bool:
        place = owner.table.name
        return self.session.schema.has(place) and bool(self.session.rows(_OWNER[place], name=name))


def _owner(column: sa.Column[str]) -> Statement:
    return Statement(lambda _: sa.select(column).where(column == parameter("name")).with_for_update(), is_locking=True)


_OWNER = {owner.table.name: _owner(owner) for _, owners in _KEPT for owner in owners}


def _password(table: sa.Table) -> Statement:
    return Statement(
        lambda _: sa.select(table.c.password).where(table.c.username == parameter("account")).with_for_update(),
        is_locking=True,
    )


_PASSWORD = {table.name: _password(table) for table in (vmail.admin, vmail.mailbox)}
