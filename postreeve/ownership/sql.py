"""Proofs of ownership in the SQL database `iredadmin`."""

import secrets
import time
from collections.abc import Collection

import sqlalchemy as sa

from postreeve.ownership.store import Proof
from postreeve.settings import Settings
from postreeve.storage import accounts
from postreeve.storage.conditions import among, parameter
from postreeve.storage.sql import Session, Statement, batches
from postreeve.storage.tables.iredadmin import domain_ownership
from postreeve.values import Address, DomainName

DAY_SECONDS = 86400
NO_TIME = 0
"""`expire` of a proof that is awaited: iRedAdmin's own hourly job drops all rows that have another one."""

_PROOF = domain_ownership.c
_UNREAD = {"verified": 0, "expire": NO_TIME, "message": "", "last_verify": None}
FIND = Statement(
    lambda _: sa.select(_PROOF.verify_code, _PROOF.verified, _PROOF.expire).where(
        _PROOF.admin == parameter("admin"), _PROOF.domain == parameter("domain"),
        _PROOF.alias_domain == parameter("alias"),
    )
)  # fmt: skip
_AWAITED = (
    sa.select(
        _PROOF.domain, _PROOF.alias_domain, _PROOF.admin, _PROOF.verify_code,
        sa.func.coalesce(_PROOF.message, ""), sa.func.coalesce(sa.cast(_PROOF.last_verify, sa.String(19)), ""),
    ).where(_PROOF.verified == 0).order_by(_PROOF.domain, _PROOF.alias_domain, _PROOF.admin)
)  # fmt: skip
ALL_AWAITED = Statement(lambda _: _AWAITED)
AWAITED = Statement(lambda _: _AWAITED.where(among(_PROOF.domain, "domains")))
_HAS_EXPIRED = sa.and_(_PROOF.verified == 1, _PROOF.expire <= parameter("now"))
COUNT_EXPIRED = Statement(lambda _: sa.select(sa.func.count()).select_from(domain_ownership).where(_HAS_EXPIRED))
DROP_EXPIRED = Statement(lambda _: sa.delete(domain_ownership).where(_HAS_EXPIRED))


class SqlOwnership:
    """The proofs, as rows of `domain_ownership`."""

    def __init__(self, iredadmin_session: Session, settings: Settings) -> None:
        self.session = iredadmin_session
        self.settings = settings
        self._accepted: list[Proof] = []
        self._forgotten: list[dict[str, str]] = []

    def is_proved(self, name: DomainName, alias: str, by: Address) -> bool:
        row = self.session.row(FIND, admin=by, domain=name, alias=alias)
        return row is not None and _is_valid(row[1], row[2])

    def ask(self, name: DomainName, alias: str, by: Address) -> str:
        place = {"admin": by, "domain": name, "alias_domain": alias}
        row = self.session.row(FIND, admin=by, domain=name, alias=alias)
        if row and not row[1]:
            return str(row[0])
        code = self.settings.domain_ownership_verify_code_prefix + secrets.token_hex(10)
        if row:  # the proof that was given is too old
            self.session.update(domain_ownership, {"verify_code": code, **_UNREAD}, **place)
        else:
            self.session.insert(domain_ownership, {**place, "verify_code": code, "verified": 0, "expire": NO_TIME})
        return code

    def awaited(self, domains: Collection[str] | None) -> list[Proof]:
        if domains is None:
            rows = self.session.rows(ALL_AWAITED)
        else:
            parts = batches(sorted(domains))
            rows = [row for part in parts for row in self.session.rows(AWAITED, domains=part)]
        return [Proof(DomainName(domain), *others) for domain, *others in rows]

    def note_failure(self, proofs: Collection[Proof], message: str) -> None:
        for proof in proofs:
            looked = {"message": message, "last_verify": accounts.now()}
            self.session.update(domain_ownership, looked, **_place(proof), verified=0)

    def accept(self, proof: Proof) -> None:
        self._accepted.append(proof)

    def forget(self, name: DomainName, aliases: Collection[str] | None = None) -> None:
        if aliases is None:
            self._forgotten.append({"domain": name})
        else:
            self._forgotten += [{"domain": name, "alias_domain": alias} for alias in sorted(aliases)]

    def settle(self) -> None:
        """Write what was found, now that the work is committed; where that fails, the next look finds it again."""
        for proof in self._accepted:
            expires = int(time.time()) + self.settings.domain_ownership_expire_days * DAY_SECONDS
            given = {"verified": 1, "expire": expires, "message": "", "last_verify": accounts.now()}
            self.session.update(domain_ownership, given, **_place(proof))
            self.session.delete(domain_ownership, domain=proof.domain, alias_domain=proof.alias, verified=0)
        for place in self._forgotten:
            self.session.delete(domain_ownership, **place, verified=0)

    def count_expired(self, now: int) -> int:
        return int(self.session.rows(COUNT_EXPIRED, now=now)[0][0])

    def drop_expired(self, now: int) -> int:
        return self.session.execute(DROP_EXPIRED, now=now)


def _is_valid(verified: int, expire: int | None) -> bool:
    """Tell whether a proof has been given, and lately."""
    return bool(verified) and (expire or NO_TIME) > time.time()


def _place(proof: Proof) -> dict[str, str]:
    return {"admin": proof.admin, "domain": proof.domain, "alias_domain": proof.alias}
