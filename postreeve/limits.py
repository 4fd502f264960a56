"""How much a domain may hold and an admin may create; the one home of every limit.

Each check locks what it counts against, and touches it, so that two works that would both fit alone are seen to
clash: by row lock on one database, by certification on a cluster.
"""

from collections.abc import Callable, Collection

from postreeve.domains.store import Domain
from postreeve.errors import Code, refuse
from postreeve.permissions import Actor
from postreeve.work import Rehearsal, Work

NONE = -1
Count = Callable[[], int]


def room_for_user(work: Work, domain: Domain, quota: int) -> None:
    """Refuse a further user of a locked domain, with this quota, where a limit says so."""
    ahead = work.rehearsal or Rehearsal()
    name = domain.name
    _room_in_domain(work, domain, domain.most_users, lambda: work.users.count([name]) + ahead.users[name])
    actor = work.grant.admin
    if not actor.is_global:
        _room_for_admin(
            actor.allowance.users,
            lambda: work.users.count(actor.domains) + ahead.users.total(),
            Code.EXCEED_LIMIT_USERS,
            work,
        )
    room_for_quota(work, domain, quota, 0)
    ahead.add(ahead.users, name, 1)
    ahead.add(ahead.quota, name, quota)


def room_for_alias(work: Work, domain: Domain) -> None:
    """Refuse a further mail alias of a locked domain where a limit says so."""
    ahead = work.rehearsal or Rehearsal()
    name = domain.name
    _room_in_domain(work, domain, domain.most_aliases, lambda: work.aliases.count([name]) + ahead.aliases[name])
    actor = work.grant.admin
    if not actor.is_global:
        _room_for_admin(
            actor.allowance.aliases,
            lambda: work.aliases.count(actor.domains) + ahead.aliases.total(),
            Code.EXCEED_LIMIT_ALIASES,
            work,
        )
    ahead.add(ahead.aliases, name, 1)


def room_for_list(work: Work, domain: Domain, count: Callable[[Collection[str]], int]) -> None:
    """Refuse a further mailing list of a locked domain where a limit says so; `count` counts those of some domains."""
    _room_in_domain(work, domain, domain.most_lists, lambda: count([domain.name]))
    actor = work.grant.admin
    if not actor.is_global:
        _room_for_admin(actor.allowance.lists, lambda: count(actor.domains), Code.EXCEED_LIMIT_LISTS, work)


def room_for_domain(work: Work) -> None:
    """Refuse a further domain where the admin's limit says so."""
    actor = work.grant.admin
    if not actor.is_global:
        _room_for_admin(actor.allowance.domains, lambda: len(_managed(work, actor)), Code.EXCEED_LIMIT_DOMAIN, work)


def room_for_quota(work: Work, domain: Domain, quota: int, before: int) -> None:
    """Refuse a mailbox quota (megabytes, 0 is unlimited) that a domain or the admin has no room for.

    `before` is what the mailbox has now; nobody is refused for giving back.
    """
    if domain.largest_quota and not 0 < quota <= domain.largest_quota:
        refuse(Code.EXCEEDED_DOMAIN_QUOTA_SIZE, hint=f"One user may have {domain.largest_quota} MB.")
    ahead = work.rehearsal or Rehearsal()
    if domain.quota:
        work.domains.touch(domain.name)
        allocated = work.users.allocated_quota([domain.name]) + ahead.quota[domain.name] - before
        if not quota or allocated + quota > domain.quota:
            refuse(Code.EXCEEDED_DOMAIN_QUOTA_SIZE, hint=_left(domain.quota - allocated, quota))
    actor = work.grant.admin
    if not actor.is_global and actor.allowance.quota:
        work.admins.touch(actor.account)
        allocated = work.users.allocated_quota(actor.domains) + ahead.quota.total() - before
        if not quota or allocated + quota > actor.allowance.quota:
            refuse(Code.EXCEED_LIMIT_QUOTA, hint=_left(actor.allowance.quota - allocated, quota))


def _left(room: int, quota: int) -> str:
    """Say how much of a quota is left, to somebody who wants this much of it."""
    unlimited = "" if quota else "; without a quota, or with 0, the mailbox would be unlimited"
    return f"{max(room, 0)} MB are left{unlimited}."


def _room_in_domain(work: Work, domain: Domain, most: int, count: Count) -> None:
    if most == NONE:
        refuse(Code.NOT_ALLOWED)
    if most > 0:
        work.domains.touch(domain.name)
        if count() >= most:
            refuse(Code.EXCEEDED_DOMAIN_ACCOUNT_LIMIT)


def _room_for_admin(most: int, count: Count, code: Code, work: Work) -> None:
    if most == NONE:
        refuse(code)
    if most > 0:
        work.admins.touch(work.grant.admin.account)
        if count() >= most:
            refuse(code)


def _managed(work: Work, actor: Actor) -> frozenset[str]:
    """Return the domains that the admin has by now: what the session knew may be old."""
    return frozenset(work.domains.managed(actor.account))
