"""An address wherever it stands in `vmail`, as destination, member, moderator, owner or copy: renamed, forgotten."""

from collections.abc import Collection
from typing import NamedTuple

import sqlalchemy as sa

from postreeve.storage.conditions import among, ending, parameter
from postreeve.storage.sql import Schema, Session, Statement, batches
from postreeve.storage.tables import vmail
from postreeve.values import Address, DomainName


class _Place(NamedTuple):
    table: sa.Table
    owner: str
    value: str


_MEMBERS = (
    _Place(vmail.forwardings, "address", "forwarding"),
    _Place(vmail.moderators, "address", "moderator"),
    _Place(vmail.maillist_owners, "address", "owner"),
)
_BCC_TABLES = (
    vmail.sender_bcc_domain,
    vmail.recipient_bcc_domain,
    vmail.sender_bcc_user,
    vmail.recipient_bcc_user,
)


def _twins(place: _Place) -> Statement:
    """Select the owners that name both of two addresses: only one of the two rows can be kept."""
    value, owner = place.table.c[place.value], place.table.c[place.owner]
    return Statement(
        lambda _: sa.select(owner).where(among(value, "addresses")).group_by(owner).having(sa.func.count() > 1)
    )


_TWINS = {place.table.name: _twins(place) for place in _MEMBERS}
_LINK, _BOX = vmail.forwardings.c, vmail.mailbox.c
FORWARDERS = Statement(
    lambda _: sa.select(_LINK.address).where(
        _LINK.forwarding == parameter("address"),
        _LINK.address != parameter("address"),
        _LINK.is_forwarding == 1,
    )
)
FORWARDERS_TO_DOMAIN = Statement(
    lambda _: sa.select(_LINK.address).where(
        _LINK.dest_domain == parameter("domain"),
        _LINK.domain != parameter("domain"),
        _LINK.is_forwarding == 1,
    )
)
FORWARDING = Statement(
    lambda _: sa.select(_LINK.address).where(among(_LINK.address, "mails"), _LINK.is_forwarding == 1)
)
ACTIVE = Statement(lambda _: sa.select(_BOX.username, _BOX.active).where(among(_BOX.username, "mails")))


FORGET_ALIASES = Statement(
    lambda _: sa.delete(vmail.forwardings).where(
        _LINK.domain == parameter("name"), _LINK.is_alias == 1, _LINK.address.like(parameter("below"), escape="/")
    )
)
_IN_DOMAIN = (
    vmail.alias, vmail.domain_admins, vmail.recipient_bcc_domain, vmail.recipient_bcc_user, vmail.sender_bcc_domain,
    vmail.sender_bcc_user, vmail.forwardings, vmail.moderators, vmail.used_quota, vmail.maillists,
    vmail.maillist_owners, vmail.last_login, vmail.mailbox,
)  # fmt: skip
"""Tables with a column `domain` for what lies in one."""
_NAMING = (
    *(table.c.bcc_address for table in _BCC_TABLES),
    vmail.domain_admins.c.username, vmail.sender_relayhost.c.account,
    vmail.share_folder.c.from_user, vmail.share_folder.c.to_user, vmail.anyone_shares.c.from_user,
)  # fmt: skip
"""Columns that hold addresses without their domain beside them."""


def _forget_below(column: sa.Column[str]) -> Statement:
    return Statement(lambda _: sa.delete(column.table).where(column.like(parameter("below"), escape="/")))


_FORGET_BELOW = [(column.table.name, _forget_below(column)) for column in _NAMING]


def rename(session: Session, old: Address, new: Address) -> None:
    """Put a new address in an old one's place, as owner and as value."""
    for table, owner, value in _present(session.schema):
        for (twin,) in session.rows(_TWINS[table.name], addresses=[old, new]):
            session.delete(table, **{owner: twin, value: old})
        session.update(table, {owner: new, "domain": new.domain}, **{owner: old})
        session.update(table, {value: new, "dest_domain": new.domain}, **{value: old})
    for table in _BCC_TABLES:
        session.update(table, {"bcc_address": new}, bcc_address=old)


def forget(session: Session, address: Address) -> None:
    """Remove an address that is no more; who forwarded to nobody else gets the own mail again."""
    forwarders = {mail for (mail,) in session.rows(FORWARDERS, address=address)}
    for table, owner, value in _present(session.schema):
        session.delete(table, **{owner: address})
        session.delete(table, **{value: address})
    for table in _BCC_TABLES:
        session.delete(table, bcc_address=address)
    keep_own_mail(session, forwarders)


def forget_domain(session: Session, name: DomainName) -> None:
    """Remove everything that lies in a domain, and its addresses wherever they stand."""
    forwarders = {mail for (mail,) in session.rows(FORWARDERS_TO_DOMAIN, domain=name)}
    for named, statement in _FORGET_BELOW:
        if session.schema.has(named):
            session.execute(statement, below=ending(f"@{name}"))
    for table in _IN_DOMAIN:
        session.delete(table, domain=name)
    for place in _MEMBERS:
        session.delete(place.table, dest_domain=name)
    keep_own_mail(session, forwarders)


def forget_alias_domain(session: Session, name: DomainName, alias: str) -> None:
    """Remove the alias addresses in an alias domain that goes: whoever hosts that name next must not lose mail."""
    session.execute(FORGET_ALIASES, name=name, below=ending(f"@{alias}"))


def keep_own_mail(session: Session, mails: Collection[str]) -> None:
    """Give users whose last forwarding has gone their own row back: without it they fall to the catch-all."""
    for batch in batches(sorted(mails)):
        forwarding = {mail for (mail,) in session.rows(FORWARDING, mails=batch)}
        for mail, active in session.rows(ACTIVE, mails=batch):
            if mail not in forwarding:
                domain = Address(mail).domain
                row = {"address": mail, "forwarding": mail, "domain": domain, "dest_domain": domain}
                session.insert(vmail.forwardings, {**row, "is_forwarding": 1, "active": active})


def _present(schema: Schema) -> list[_Place]:
    return [place for place in _MEMBERS if schema.has(place.table.name)]
