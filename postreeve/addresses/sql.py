"""Addresses in use in the SQL database `vmail`."""

from collections.abc import Collection

import sqlalchemy as sa

from postreeve.storage.conditions import among
from postreeve.storage.sql import Schema, Session, Statement, batches
from postreeve.storage.tables import vmail
from postreeve.values import DomainName


def _taken(schema: Schema) -> sa.Executable:
    """Select addresses with the account behind them, over every table that makes an address exist."""
    places = {
        vmail.mailbox: ("username", "username"),
        vmail.alias: ("address", "address"),
        vmail.maillists: ("address", "address"),
        vmail.admin: ("username", "username"),
        vmail.forwardings: ("address", "forwarding"),
    }
    return sa.union_all(
        *(
            sa.select(table.c[address], table.c[account]).where(among(table.c[address], "addresses"))
            for table, (address, account) in places.items()
            if schema.has(table.name)
        )
    )


TAKEN = Statement(_taken)
HOSTED = Statement(
    lambda _: sa.union_all(
        sa.select(vmail.domain.c.domain, vmail.domain.c.domain, vmail.domain.c.active)
        .where(among(vmail.domain.c.domain, "domains")),
        sa.select(vmail.alias_domain.c.alias_domain, vmail.alias_domain.c.target_domain, vmail.alias_domain.c.active)
        .where(among(vmail.alias_domain.c.alias_domain, "domains")),
    )
)  # fmt: skip

_DOMAIN, _ALIAS_DOMAIN = vmail.domain.c, vmail.alias_domain.c
NAMES_OF = Statement(
    lambda _: sa.union_all(
        sa.select(_DOMAIN.domain).where(among(_DOMAIN.domain, "domains"), _DOMAIN.active == 1),
        sa.select(_ALIAS_DOMAIN.alias_domain).join(vmail.domain, _DOMAIN.domain == _ALIAS_DOMAIN.target_domain)
        .where(among(_DOMAIN.domain, "domains"), _DOMAIN.active == 1, _ALIAS_DOMAIN.active == 1),
    )
)  # fmt: skip


class SqlAddresses:
    """The addresses of all accounts, over the tables that hold them."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def taken(self, addresses: Collection[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for batch in batches(sorted(addresses)):
            for address, account in self.session.rows(TAKEN, addresses=batch):
                found.setdefault(address, account)
        return found

    def hosted(self, domains: Collection[str], *, only_active: bool = False) -> dict[str, DomainName]:
        return {
            name: DomainName(primary)
            for batch in batches(sorted(domains))
            for name, primary, active in self.session.rows(HOSTED, domains=batch)
            if active or not only_active
        }

    def names_of(self, domains: Collection[str]) -> frozenset[str]:
        return frozenset(
            name for batch in batches(sorted(domains)) for (name,) in self.session.rows(NAMES_OF, domains=batch)
        )
