"""What can be done with users."""

from collections.abc import Iterator

from postreeve import credentials
from postreeve.addresses.rules import require_free, require_own_domains, require_reachable
from postreeve.admins.rules import protect
from postreeve.domains.store import Domain, Removal
from postreeve.errors import Code, refuse
from postreeve.fields import Changes
from postreeve.limits import room_for_quota, room_for_user
from postreeve.listings import ACCOUNT_LISTING, DISABLED_ONLY, EMAIL_ONLY
from postreeve.operations import operation
from postreeve.permissions import admin_of_its_domain, global_admin
from postreeve.subscribable_lists.memberships import all_with_lists, with_lists
from postreeve.users.fields import (
    ACCOUNT_STATUS,
    ALIASES,
    EVERY_USER,
    FORWARDING,
    IS_GLOBAL_ADMIN,
    NEW_PASSWORD,
    PASSWORD_HASH,
    QUOTA,
    RECIPIENT_BCC,
    SENDER_BCC,
    USER,
    USER_LANGUAGE,
)
from postreeve.users.store import NewUser
from postreeve.values import Address, DomainName
from postreeve.work import Profile, Work

CHAPTER = "Mail User"


@operation("GET /api/user/<mail>", CHAPTER, allow=admin_of_its_domain, shows=USER)
def get_user(work: Work, mail: Address) -> Profile:
    """Get the profile of a user."""
    profile = next(work.users.profiles([mail]), None) or refuse(Code.NO_SUCH_ACCOUNT, hint=mail)
    return with_lists(work, profile)


@operation("POST /api/user/<mail>", CHAPTER, allow=admin_of_its_domain, fields=USER, event="create", claims=("mail",))
def create_user(work: Work, mail: Address, changes: Changes) -> None:
    """Add a user."""
    mail.require_login()
    password = credentials.required(_password(work, work.domains.require(mail.domain), changes))
    domain = work.domains.lock(mail.domain)
    aliases = changes.of(ALIASES)
    new = aliases.named() if aliases else frozenset()
    require_free(work, [mail])
    require_free(work, new, mail)
    _check_addresses(work, mail, changes, new)
    quota = changes.get(QUOTA)
    quota = domain.default_quota if quota is None else quota
    room_for_user(work, domain, quota)
    language = changes.get(USER_LANGUAGE)
    work.users.create(
        NewUser(
            mail, password, quota, domain.default_language if language is None else language,
            domain.disabled_services, domain.default_aliases,
        ),
        changes,
    )  # fmt: skip


@operation("PUT /api/user/<mail>", CHAPTER, allow=admin_of_its_domain, fields=USER, event="update")
def update_user(work: Work, mail: Address, changes: Changes) -> None:
    """Update the profile of a user."""
    password = _password(work, None, changes)
    if QUOTA in changes:
        domain = work.domains.lock(mail.domain)
    user = work.users.lock(mail)
    if False in (changes.get(ACCOUNT_STATUS), changes.get(IS_GLOBAL_ADMIN)):
        protect(work, mail, is_global=user.is_global_admin)
    if aliases := changes.of(ALIASES):
        new = aliases.named() - work.users.aliases(mail)
        require_free(work, new, mail)
        _check_addresses(work, mail, changes, new)
    else:
        _check_addresses(work, mail, changes, frozenset())
    if (quota := changes.get(QUOTA)) is not None and quota != user.quota:
        room_for_quota(work, domain, quota, user.quota)
    if changes:
        work.users.update(mail, password, changes)


@operation("DELETE /api/user/<mail>", CHAPTER, allow=admin_of_its_domain, event="delete", frees=("mail",))
def delete_user(work: Work, mail: Address) -> None:
    """Delete a user; the mailbox's files are kept for ever."""
    _delete(work, mail, 0)


@operation(
    "DELETE /api/user/<mail>/keep_mailbox_days/<number>", CHAPTER,
    allow=admin_of_its_domain, event="delete", frees=("mail",),
)  # fmt: skip
def delete_user_keeping(work: Work, mail: Address, days: int) -> None:
    """Delete a user, and keep the mailbox's files for some days; 0 is for ever."""
    _delete(work, mail, days)


@operation(
    "POST /api/user/<mail>/change_email/<new_mail>", CHAPTER,
    allow=admin_of_its_domain, event="update", claims=("new_mail",), frees=("mail",),
)  # fmt: skip
def rename_user(work: Work, mail: Address, new: Address) -> None:
    """Change a user's address; the mailbox stays where it is on disk."""
    new.require_login()
    if new.domain == mail.domain:
        work.domains.lock(mail.domain)
        user = work.users.lock(mail)
    else:
        locked = {name: work.domains.lock(name) for name in sorted({mail.domain, new.domain})}
        user = work.users.lock(mail)
        room_for_user(work, locked[new.domain], user.quota)
    require_free(work, [new])
    if mail == work.grant.admin.account:
        refuse(Code.PROTECTED_ACCOUNT, hint=mail)
    work.pending.rename(mail, new)
    work.users.rename(mail, new)


@operation("GET /api/users/<domain>", CHAPTER, allow=admin_of_its_domain, fields=ACCOUNT_LISTING, shows=USER)
def list_users(work: Work, domain: DomainName, changes: Changes) -> Iterator[Profile] | list[str]:
    """Get the profiles of all users of a domain."""
    work.domains.require(domain)
    mails = work.users.addresses(domain, only_disabled=bool(changes.get(DISABLED_ONLY)))
    return mails if changes.get(EMAIL_ONLY) else all_with_lists(work, domain, work.users.profiles(mails))


@operation("PUT /api/users/<domain>", CHAPTER, allow=admin_of_its_domain, fields=EVERY_USER, event="update")
def update_users(work: Work, name: DomainName, changes: Changes) -> None:
    """Update the profiles of all users of a domain, but for those who outrank the admin; they are named."""
    password = credentials.new_hash(work.settings, work.domains.require(name), changes.get(NEW_PASSWORD))
    work.domains.lock(name)
    actor = work.grant.admin
    spared = set() if actor.is_global else work.users.outranking(name, actor.domains)
    if changes.get(ACCOUNT_STATUS) is False:
        spared |= {str(actor.account)} | work.users.global_admins(name)
    spared &= set(work.users.addresses(name))
    work.remarks.discarded += sorted(spared)
    if changes:
        work.users.update_all(name, spared, password, changes)
        work.domains.touch(name)


@operation(
    "POST /api/verify_password/user/<mail>", CHAPTER, allow=global_admin, fields=credentials.TRIAL, is_secretive=True
)
def verify_user_password(work: Work, mail: Address, changes: Changes) -> None:
    """Verify a plain password against the one stored for a user."""
    user = work.users.find(mail)
    if not credentials.is_right(
        work.settings, changes.get(credentials.PLAIN_PASSWORD), user.password if user else None, mail
    ):
        refuse(Code.INVALID_CREDENTIALS)


def _password(work: Work, domain: Domain | None, changes: Changes) -> str | None:
    plain, given = changes.get(NEW_PASSWORD), changes.get(PASSWORD_HASH)
    if plain is not None and domain is None:
        domain = work.domains.find(work.grant.target.domains[0])
    return credentials.new_hash(work.settings, domain, plain, given, work.hashed)


def _check_addresses(work: Work, mail: Address, changes: Changes, new_aliases: frozenset[Address]) -> None:
    """Refuse alias addresses that may not be this user's, and destinations that an admin may not name."""
    if mail in new_aliases:
        refuse(Code.ALREADY_EXISTS, hint=f"{mail} is the user's own address; alias addresses are further ones.")
    require_own_domains(work, mail.domain, new_aliases)
    forwarding = changes.of(FORWARDING)
    named = set(forwarding.named()) if forwarding else set()
    named |= {Address(copy) for of in (SENDER_BCC, RECIPIENT_BCC) if (copy := changes.get(of))}
    require_reachable(work, named - {mail}, work.grant.admin)


def _delete(work: Work, mail: Address, days: int) -> None:
    actor = work.grant.admin
    user = work.users.lock(mail)
    protect(work, mail, is_global=user.is_global_admin)
    work.pending.forget(mail)
    most = work.settings.days_to_keep_removed_mailbox
    work.users.delete(mail, Removal(actor.account, days if actor.is_global else min(days, most)))
