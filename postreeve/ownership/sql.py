"""Proofs of ownership in the SQL database `iredadmin`."""

import secrets
import time

import sqlalchemy as sa

from postreeve.settings import Settings
from postreeve.storage.sql import Session, Statement, parameter
from postreeve.storage.tables.iredadmin import domain_ownership
from postreeve.values import Address, DomainName

DAY_SECONDS = 86400

FIND = Statement(
    lambda _: sa.select(domain_ownership.c.verify_code, domain_ownership.c.verified).where(
        domain_ownership.c.admin == parameter("admin"),
        domain_ownership.c.domain == parameter("domain"),
        domain_ownership.c.alias_domain == parameter("alias"),
    )
)


class SqlOwnership:
    """The proofs, as rows of `domain_ownership`."""

    def __init__(self, iredadmin_session: Session, settings: Settings) -> None:
        self.session = iredadmin_session
        self.settings = settings

    def is_proved(self, name: DomainName, alias: str, by: Address) -> bool:
        row = self.session.row(FIND, admin=by, domain=name, alias=alias)
        return row is not None and bool(row[1])

    def ask(self, name: DomainName, alias: str, by: Address) -> str:
        if row := self.session.row(FIND, admin=by, domain=name, alias=alias):
            return str(row[0])
        code = self.settings.domain_ownership_verify_code_prefix + secrets.token_hex(10)
        expires = int(time.time()) + self.settings.domain_ownership_expire_days * DAY_SECONDS
        awaited = {"admin": by, "domain": name, "alias_domain": alias, "verify_code": code, "verified": 0}
        self.session.insert(domain_ownership, {**awaited, "expire": expires})
        return code
