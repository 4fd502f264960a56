"""What can be done about the ownership of domains that domain admins have added."""

import time
from collections.abc import Collection
from datetime import UTC, datetime
from threading import BoundedSemaphore
from typing import TypedDict

from postreeve.domains.fields import DOMAIN_PROFILE
from postreeve.errors import Code, refuse
from postreeve.fields import Changes
from postreeve.operations import operation
from postreeve.ownership import look
from postreeve.ownership.fields import ALIAS_DOMAIN, VERIFICATION, WITHOUT_PROOF
from postreeve.ownership.store import Proof
from postreeve.permissions import admin_of_its_domain, any_admin
from postreeve.settings import Settings
from postreeve.values import DomainName
from postreeve.work import Work

CHAPTER = "Domain ownership"
PAUSE_SECONDS = 60
"""Between two looks for the proof of one name."""
MOST_AT_ONCE = 2
"""Looks of one process: each may have to wait for somebody else's servers."""
RETRY_SECONDS = 5
_turns = BoundedSemaphore(MOST_AT_ONCE)


class AwaitedProof(TypedDict):
    """A proof of ownership that is awaited: where the code has to be shown, and how the last look went."""

    domain: str
    alias_domain: str
    """Empty if it is about the domain itself."""
    admin: str
    """Who added it."""
    code: str
    """A TXT record of the domain or alias domain that is the code is a proof, and so is a file with the code."""
    urls: list[str]
    """Where the file may be."""
    message: str
    last_verify: str


@operation("GET /api/domains/ownership", CHAPTER, allow=any_admin)
def list_awaited_proofs(work: Work) -> list[AwaitedProof]:
    """Get the proofs of ownership that are awaited for the domains that one administers."""
    return list(map(_shown, work.ownership.awaited(work.grant.domains)))


@operation("GET /api/domain/ownership/<domain>", CHAPTER, allow=admin_of_its_domain)
def get_awaited_proofs(work: Work, name: DomainName) -> list[AwaitedProof]:
    """Get the proofs of ownership that are awaited for a domain and its alias domains."""
    work.domains.require(name)
    return list(map(_shown, work.ownership.awaited([name])))


@operation(
    "POST /api/domain/ownership/<domain>", CHAPTER,
    allow=admin_of_its_domain, fields=VERIFICATION, event="active", frees=("domain",),
)  # fmt: skip
def verify_ownership(work: Work, name: DomainName, changes: Changes) -> None:
    """Verify the ownership of a domain or alias domain that waits for it; from then on it is active."""
    alias = changes.get(ALIAS_DOMAIN) or ""
    work.domains.require(name)
    awaited = [proof for proof in work.ownership.awaited([name]) if proof.alias == alias]
    if not awaited:
        return
    given = awaited[0] if changes.get(WITHOUT_PROOF) else _given(work, awaited)
    _wake(work, name, alias)
    work.ownership.accept(given)


def drop_expired(work: Work) -> int:
    """Drop the proofs that are too old to count, and return how many there were."""
    return work.ownership.drop_expired(int(time.time()))


def count_expired(work: Work) -> int:
    """Count the proofs that would be dropped."""
    return work.ownership.count_expired(int(time.time()))


def _given(work: Work, awaited: Collection[Proof]) -> Proof:
    """Return the proof whose code the owner shows, or refuse and remember why."""
    by_code = {proof.code: proof for proof in awaited}
    name = next(iter(awaited)).name
    if (seconds := PAUSE_SECONDS - min(map(_age, awaited))) > 0:
        refuse(Code.TOO_MANY_ATTEMPTS, hint=f"{name} has just been looked at.", retry_after=seconds)
    if not _turns.acquire(blocking=False):
        refuse(Code.SERVICE_UNAVAILABLE, hint="Other domains are being looked at.", retry_after=RETRY_SECONDS)
    try:
        return by_code[look.code_among(by_code, name, _bounds(work.settings))]
    except look.NotFoundError as no:
        work.ownership.note_failure(awaited, str(no))
        refuse(Code.OWNERSHIP_NOT_PROVED, hint=str(no))
    finally:
        _turns.release()


def _wake(work: Work, name: DomainName, alias: str) -> None:
    """Let what has waited be active, unless it has gone meanwhile."""
    domain = work.domains.lock(name)
    if alias:
        if alias not in work.domains.alias_domains(name):
            refuse(Code.NO_SUCH_DOMAIN, hint=alias)
        work.pending.align(name)
        work.domains.accept_alias_domain(name, alias)
    elif not domain.is_active:
        work.pending.align(name)
        work.domains.update(name, DOMAIN_PROFILE.read({"accountStatus": ["active"]}))


def _age(proof: Proof) -> int:
    """Return how many seconds ago somebody looked for a proof; of none, more than matters."""
    if not proof.looked_at:
        return PAUSE_SECONDS
    looked_at = datetime.strptime(proof.looked_at, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    return int((datetime.now(UTC) - looked_at).total_seconds())


def _bounds(settings: Settings) -> look.Bounds:
    return look.Bounds(
        settings.dns_servers, settings.domain_ownership_verify_timeout, settings.domain_ownership_reachable_networks
    )


def _shown(proof: Proof) -> AwaitedProof:
    return AwaitedProof(
        domain=proof.domain, alias_domain=proof.alias, admin=proof.admin, code=proof.code,
        urls=look.urls(proof.name, proof.code), message=proof.message, last_verify=proof.looked_at,
    )  # fmt: skip
