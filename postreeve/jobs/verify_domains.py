"""Looks for the proofs of ownership that are awaited, and lets the domains be active whose owners show them."""

from concurrent.futures import ThreadPoolExecutor

from postreeve import operations
from postreeve.errors import Refused
from postreeve.jobs.running import LOCALHOST, VIA, Outcome, Run
from postreeve.operations import REGISTRY, Call
from postreeve.ownership.operations import MOST_AT_ONCE
from postreeve.permissions import Actor
from postreeve.work import ConflictError, Storage, StoreUnavailableError

Name = tuple[str, str]
"""A domain, and an alias domain of it or an empty text for itself."""


def run(storage: Storage, actor: Actor) -> tuple[int, int]:
    """Look for all proofs that are awaited; return how many names are verified, and how many still wait."""
    awaited = operations.run(REGISTRY["GET /api/domains/ownership"], Call(actor, (), {}, LOCALHOST, VIA), storage)
    names = sorted({(proof["domain"], proof["alias_domain"]) for proof in awaited.data})
    with ThreadPoolExecutor(MOST_AT_ONCE) as threads:
        verified = sum(threads.map(lambda name: _is_verified(storage, actor, name), names))
    return verified, len(names) - verified


def _is_verified(storage: Storage, actor: Actor, name: Name) -> bool:
    domain, alias = name
    call = Call(actor, (domain,), {"aliasDomain": [alias]} if alias else {}, LOCALHOST, VIA)
    try:
        operations.run(REGISTRY["POST /api/domain/ownership/<domain>"], call, storage)
    except (Refused, ConflictError, StoreUnavailableError):  # it waits for the next run
        return False
    return True


def job(of: Run) -> Outcome:
    """Look for them as a job."""
    verified, waiting = run(of.storage, of.actor)
    return Outcome(f"{verified} verified, {waiting} waiting.", {"verified": verified, "waiting": waiting})
