"""What can be done with domains."""

from collections.abc import Collection, Iterator

from postreeve import credentials
from postreeve.addresses.rules import require_free_domains, require_reachable
from postreeve.admins.rules import require_none_within
from postreeve.domains.fields import (
    ACCOUNT_STATUS,
    ADMINS,
    ALIAS_DOMAINS,
    CATCHALL,
    DEFAULT_QUOTA,
    DOMAIN_ADMINS,
    DOMAIN_PROFILE,
    MAX_PASSWORD_LENGTH,
    MAX_USER_QUOTA,
    MIN_PASSWORD_LENGTH,
    RECIPIENT_BCC,
    SENDER_BCC,
)
from postreeve.domains.store import Domain, Removal
from postreeve.errors import Code, refuse
from postreeve.fields import Changes, Field
from postreeve.limits import room_for_domain
from postreeve.listings import DISABLED_ONLY, DOMAIN_LISTING, NAME_ONLY
from postreeve.operations import operation
from postreeve.permissions import admin_of_its_domain, any_admin, global_admin, may_create_domains, outranks
from postreeve.values import Address, DomainName
from postreeve.work import Profile, Work

CHAPTER = "Domain"


@operation("GET /api/domains", CHAPTER, allow=any_admin, fields=DOMAIN_LISTING, shows=DOMAIN_PROFILE)
def list_domains(work: Work, changes: Changes) -> Iterator[Profile] | list[str]:
    """Get the profiles of all domains that one administers."""
    names = work.domains.names(work.grant.domains, only_disabled=bool(changes.get(DISABLED_ONLY)))
    return names if changes.get(NAME_ONLY) else work.domains.profiles(names)


@operation("GET /api/domain/<domain>", CHAPTER, allow=admin_of_its_domain, shows=DOMAIN_PROFILE)
def get_domain(work: Work, name: DomainName) -> Profile:
    """Get the profile of a domain."""
    return next(work.domains.profiles([name]), None) or refuse(Code.NO_SUCH_DOMAIN, hint=name)


@operation(
    "POST /api/domain/<domain>", CHAPTER,
    allow=may_create_domains, fields=DOMAIN_PROFILE, event="create", claims=("domain",),
)  # fmt: skip
def create_domain(work: Work, name: DomainName, changes: Changes) -> None:
    """Add a domain; a domain admin's waits until its ownership is verified."""
    actor = work.grant.admin
    room_for_domain(work)
    aliases = _new_alias_domains(changes, set())
    require_free_domains(work, {name, *aliases})
    require_none_within(work, {name, *aliases})
    if name in aliases:
        refuse(Code.INVALID_VALUE, hint="aliasDomains: a domain is no alias of itself.")
    _check_bounds(work, changes, None)
    _check_destinations(work, changes, name)
    is_active = _is_proved(work, name, {""} | aliases)
    work.domains.create(name, changes, is_active=is_active)
    if not actor.is_global:
        work.admins.touch(actor.account)  # of two new domains at once, the later one sees the rights by the earlier one
        before = work.sessions.login(actor.account)
        work.domains.set_admins(name, {actor.account})
        if before:
            work.sessions.follow(actor.account, before.stamp)


@operation(
    "PUT /api/domain/<domain>", CHAPTER,
    allow=admin_of_its_domain, fields=DOMAIN_PROFILE, event="update", frees=("domain",),
)  # fmt: skip
def update_domain(work: Work, name: DomainName, changes: Changes) -> None:
    """Update the profile of a domain."""
    domain = work.domains.lock(name)
    _check_bounds(work, changes, domain)
    before = work.domains.alias_domains(name) if ALIAS_DOMAINS in changes else set()
    new = _new_alias_domains(changes, before)
    require_free_domains(work, new)
    require_none_within(work, new)
    _check_destinations(work, changes, name)
    if change := changes.of(ALIAS_DOMAINS):
        work.pending.readdress_lists(name)
        work.pending.align(name, before - change.applied(before))
    elif ACCOUNT_STATUS in changes:
        work.pending.align(name)
    if changes:
        work.domains.update(name, changes, are_active=_is_proved(work, name, new))


@operation("DELETE /api/domain/<domain>", CHAPTER, allow=global_admin, event="delete", frees=("domain",))
def delete_domain(work: Work, name: DomainName) -> None:
    """Delete a domain with all its accounts; the mailboxes' files are kept for ever."""
    _delete(work, name, 0)


@operation(
    "DELETE /api/domain/<domain>/keep_mailbox_days/<number>", CHAPTER,
    allow=global_admin, event="delete", frees=("domain",),
)  # fmt: skip
def delete_domain_keeping(work: Work, name: DomainName, days: int) -> None:
    """Delete a domain with all its accounts, and keep the mailboxes' files for some days; 0 is for ever."""
    _delete(work, name, days)


@operation(
    "PUT /api/domain/admins/<domain>",
    CHAPTER,
    allow=admin_of_its_domain,
    fields=DOMAIN_ADMINS,
    event="update",
)
def update_domain_admins(work: Work, name: DomainName, changes: Changes) -> None:
    """Add and remove admins of a domain; a domain admin can promote users of managed domains only."""
    work.domains.lock(name)
    if change := changes.of(ADMINS):
        before = work.domains.admins(name)
        after = change.applied(before)
        for account in sorted(after - before):
            _check_new_admin(work, Address(account))
        for account in sorted(before - after):
            _check_former_admin(work, account)
        work.domains.set_admins(name, after)
        work.domains.touch(name)


def _delete(work: Work, name: DomainName, days: int) -> None:
    work.domains.lock(name)
    actor = work.grant.admin
    if actor.account.domain == name:
        refuse(Code.PROTECTED_ACCOUNT, hint=actor.account)
    gone = work.users.global_admins(name)
    if gone and not work.admins.other_global_admins(gone):
        refuse(Code.PROTECTED_ACCOUNT, hint="The last global admin is a user of this domain.")
    work.pending.forget(name)
    for mail in work.subscribable_lists.addresses(name) if work.settings.mlmmj else ():
        work.pending.remove_list(mail, is_kept=True)
    work.domains.delete(name, Removal(actor.account, days))


def _new_alias_domains(changes: Changes, before: Collection[str]) -> set[DomainName]:
    change = changes.of(ALIAS_DOMAINS)
    return set(change.named()) - set(before) if change else set()


def _check_bounds(work: Work, changes: Changes, domain: Domain | None) -> None:
    """Refuse bounds that no password or quota could satisfy, whether both are new or one is there already."""
    shortest = _wanted(changes, MIN_PASSWORD_LENGTH, domain.shortest_password if domain else 0)
    longest = _wanted(changes, MAX_PASSWORD_LENGTH, domain.longest_password if domain else 0)
    if MIN_PASSWORD_LENGTH in changes or MAX_PASSWORD_LENGTH in changes:
        policy = credentials.policy(work.settings, shortest, longest)
        if 0 < policy.max_length < policy.min_length:
            refuse(
                Code.INVALID_VALUE,
                hint=f"Passwords would need at least {policy.min_length} and at most {policy.max_length} characters.",
            )
    default = _wanted(changes, DEFAULT_QUOTA, domain.default_quota if domain else 0)
    largest = _wanted(changes, MAX_USER_QUOTA, domain.largest_quota if domain else 0)
    if (DEFAULT_QUOTA in changes or MAX_USER_QUOTA in changes) and 0 < largest < default:
        refuse(
            Code.INVALID_VALUE, hint=f"New users would get {default} MB by defaultQuota; maxUserQuota is {largest} MB."
        )


def _wanted(changes: Changes, of: Field[int], stored: int) -> int:
    value = changes.get(of)
    return stored if value is None else value


def _check_destinations(work: Work, changes: Changes, name: DomainName) -> None:
    """Refuse local destinations that do not exist; a catch-all that leads nowhere would lose mail for everybody."""
    catchall = changes.of(CATCHALL)
    if catchall and (new := catchall.named()):
        require_reachable(work, new)
    copies = {Address(copy) for of in (SENDER_BCC, RECIPIENT_BCC) if (copy := changes.get(of))}
    require_reachable(
        work, {copy for copy in copies if copy.domain != name or work.domains.find(name)}, work.grant.admin
    )


def _is_proved(work: Work, name: DomainName, new: Collection[str]) -> bool:
    """Tell whether what a domain admin adds may be active at once; if not, say what proves the ownership.

    `new` are the alias domains, with an empty text for the domain itself.
    """
    actor = work.grant.admin
    if actor.is_global or not new or not work.settings.require_domain_ownership_verification:
        return True
    unproved = [alias for alias in sorted(new) if not work.ownership.is_proved(name, alias, actor.account)]
    for alias in unproved:
        code = work.ownership.ask(name, alias, actor.account)
        waits = f"{alias or name} waits for the verification of its ownership, by the code {code}."
        work.remarks.hint = f"{work.remarks.hint} {waits}".lstrip()
    return not unproved


def _check_new_admin(work: Work, account: Address) -> None:
    actor = work.grant.admin
    if work.users.find(account):
        if not actor.administers(account.domain):
            refuse(Code.PERMISSION_DENIED, hint=account)
    elif not work.admins.find(account):
        refuse(Code.NO_SUCH_ACCOUNT, hint=account)
    elif not actor.is_global:
        refuse(Code.PERMISSION_DENIED, hint=account)


def _check_former_admin(work: Work, account: str) -> None:
    actor = work.grant.admin
    if account == actor.account:
        refuse(Code.PROTECTED_ACCOUNT, hint=account)
    if not outranks(actor, work.users.rank(account)):
        refuse(Code.PERMISSION_DENIED, hint=account)
