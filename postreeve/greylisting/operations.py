"""What can be done with greylisting."""

import logging
from collections.abc import Iterable, Mapping

from postreeve.activity.store import Line
from postreeve.errors import Code, refuse
from postreeve.fields import Changes
from postreeve.greylisting.fields import (
    LONGEST,
    QUERY_NOW,
    SENDERS,
    SETTING,
    SPF_DOMAINS,
    SPF_WHITELIST,
    STATUS,
    WHITELIST,
)
from postreeve.greylisting.spf import LookUpFailedError, SenderLookUp
from postreeve.greylisting.store import Setting, StoredSetting
from postreeve.operations import operation
from postreeve.permissions import admin_of_its_scope, any_admin, global_admin
from postreeve.policies.rules import lock_scope, require_scope
from postreeve.resolvers import resolver_of
from postreeve.values import Address, DomainName, Scope
from postreeve.work import Work

CHAPTER = "Greylisting"
SECTION = EVENT = "greylisting"
SPF_CLAIM = "whitelist_spf_domains"
"""Claimed by who changes the domains that the DNS is asked for, or what it named for them."""
MOST_AT_ONCE = 20
"""Domains that one request asks the DNS for; more take longer than clients wait."""

log = logging.getLogger("postreeve.greylisting")


@operation("GET /api/greylisting/all", CHAPTER, allow=any_admin)
def list_greylisting(work: Work) -> list[StoredSetting]:
    """Get all greylisting settings that one administers."""
    settings = work.greylisting.settings(None)
    if work.grant.admin.is_global:
        return settings
    return [setting for setting in settings if _may_see(work, setting["account"])]


@operation("GET /api/greylisting/<scope>", CHAPTER, allow=admin_of_its_scope, section=SECTION)
def get_greylisting(work: Work, scope: Scope) -> Setting:
    """Get the greylisting setting of everybody, a domain or a user."""
    require_scope(work, scope)
    match work.greylisting.find(scope):
        case None:
            return {}
        case is_active:
            return {"status": "enable" if is_active else "disable"}


@operation(
    "POST /api/greylisting/<scope>", CHAPTER,
    allow=admin_of_its_scope, fields=SETTING, event=EVENT, claims=("scope",), section=SECTION,
)  # fmt: skip
def set_greylisting(work: Work, scope: Scope, changes: Changes) -> None:
    """Switch greylisting on or off, for everybody, a domain or a user."""
    status = changes.get(STATUS)
    if status is None:
        refuse(Code.MISSING_PARAMETER, hint=STATUS.name)
    _lock(work, scope)
    work.greylisting.write(scope, is_active=status)


@operation(
    "DELETE /api/greylisting/<scope>", CHAPTER,
    allow=admin_of_its_scope, event=EVENT, claims=("scope",), section=SECTION,
)  # fmt: skip
def delete_greylisting(work: Work, scope: Scope) -> None:
    """Delete a greylisting setting, of everybody, a domain or a user, which then inherits again."""
    _lock(work, scope)
    work.greylisting.remove(scope)


@operation("GET /api/greylisting/<scope>/whitelists", CHAPTER, allow=admin_of_its_scope, section=SECTION)
def get_greylisting_whitelist(work: Work, scope: Scope) -> list[str]:
    """Get the senders that are not greylisted for everybody, a domain or a user."""
    require_scope(work, scope)
    return sorted(work.greylisting.senders(scope))


@operation(
    "POST /api/greylisting/<scope>/whitelists", CHAPTER,
    allow=admin_of_its_scope, fields=WHITELIST, event=EVENT, claims=("scope",), section=SECTION,
)  # fmt: skip
def set_greylisting_whitelist(work: Work, scope: Scope, changes: Changes) -> None:
    """Change the senders that are not greylisted, for everybody, a domain or a user."""
    _lock(work, scope)
    if change := changes.of(SENDERS):
        work.greylisting.whitelist(scope, change)


@operation("GET /api/greylisting/whitelist_spf_domains", CHAPTER, allow=global_admin)
def get_spf_whitelist(work: Work) -> list[str]:
    """Get the domains whose mail servers are not greylisted."""
    return sorted(work.greylisting.spf_domains())


@operation(
    "POST /api/greylisting/whitelist_spf_domains", CHAPTER,
    allow=global_admin, fields=SPF_WHITELIST, event=EVENT, claims=(SPF_CLAIM,),
)  # fmt: skip
def set_spf_whitelist(work: Work, changes: Changes) -> None:
    """Change the domains whose mail servers are not greylisted; the DNS names these."""
    greylisting = work.greylisting  # where there is none, that is refused before the DNS is asked
    if not (change := changes.of(SPF_DOMAINS)):
        return
    found = _found(work, sorted(change.named())[:MOST_AT_ONCE]) if changes.get(QUERY_NOW) else {}
    greylisting.change_spf_domains(change)
    greylisting.write_spf_senders(found)
    if changes.get(QUERY_NOW) and (waiting := change.named() - found.keys()):
        work.remarks.hint = f"The job asks the DNS for {', '.join(sorted(waiting)[:MOST_AT_ONCE])} later."


def ask_for_spf_senders(work: Work) -> dict[str, frozenset[str] | None]:
    """Ask the DNS for all domains, and return the senders that it names; None stands for those known before."""
    domains = sorted(work.greylisting.spf_domains())
    return {**dict.fromkeys(domains), **_found(work, domains)}


def keep_spf_senders(work: Work, answers: Mapping[str, frozenset[str] | None]) -> tuple[int, int]:
    """Write what the DNS answered; return how many domains it was for, and for how many the former senders stay."""
    found = {name: senders for name, senders in answers.items() if senders is not None}
    listed = work.greylisting.spf_domains()  # some may have been removed while the DNS was asked
    work.greylisting.write_spf_senders({name: senders for name, senders in found.items() if name in listed})
    text = f"[job] Ask the DNS for the domains that are not greylisted: {len(found)} of {len(answers)}."
    work.commit(Line(event=EVENT, admin="", ip=work.client, msg=text) if answers else None)
    return len(found), len(answers) - len(found)


def _found(work: Work, domains: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return what the DNS names for some domains; one for which it does not answer keeps what it has.

    So do all of them if it names nobody for any, as in iRedAPD's job.
    """
    look_up = SenderLookUp(resolver_of(work.settings.dns_servers))
    found: dict[str, frozenset[str]] = {}
    for name in domains:
        try:
            senders = look_up.senders_of(name)
        except LookUpFailedError as error:
            log.warning("The DNS does not answer for %s: %s", name, error)
            continue
        if senders is not None:
            found[name] = senders
    return found if any(found.values()) else {}


def _lock(work: Work, scope: Scope) -> None:
    if len(scope) > LONGEST:
        refuse(Code.INVALID_ACCOUNT, hint=f"iRedAPD greylists for addresses of up to {LONGEST} characters.")
    lock_scope(work, scope)


def _may_see(work: Work, account: str) -> bool:
    """Tell whether a domain admin administers an account, and its section is open."""
    local, _, domain = account.rpartition("@")
    domain = domain.removeprefix(".")
    if not work.grant.admin.administers(domain):
        return False
    place = Address(account) if local else DomainName(domain)
    kind = "user" if isinstance(place, Address) else "domain"
    return SECTION not in work.domains.closed_sections(kind, (domain,))
