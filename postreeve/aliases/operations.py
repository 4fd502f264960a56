"""What can be done with mail aliases."""

from collections.abc import Iterator

from postreeve.addresses.rules import require_free, require_reachable
from postreeve.aliases.fields import ALIAS, MEMBERS
from postreeve.errors import Code, refuse
from postreeve.fields import Changes
from postreeve.limits import room_for_alias
from postreeve.listings import ACCOUNT_LISTING, DISABLED_ONLY, EMAIL_ONLY
from postreeve.operations import operation
from postreeve.permissions import admin_of_its_domain
from postreeve.values import Address, DomainName
from postreeve.work import Profile, Work

CHAPTER = "Mail Alias"


@operation("GET /api/alias/<mail>", CHAPTER, allow=admin_of_its_domain, shows=ALIAS)
def get_alias(work: Work, mail: Address) -> Profile:
    """Get the profile of a mail alias."""
    return next(work.aliases.profiles([mail]), None) or refuse(Code.NO_SUCH_ACCOUNT, hint=mail)


@operation(
    "POST /api/alias/<mail>", CHAPTER,
    allow=admin_of_its_domain, fields=ALIAS, event="create", claims=("mail",), is_account=False,
)  # fmt: skip
def create_alias(work: Work, mail: Address, changes: Changes) -> None:
    """Add a mail alias."""
    mail.require_own()
    domain = work.domains.lock(mail.domain)
    require_free(work, [mail])
    _check_members(work, mail, changes)
    room_for_alias(work, domain)
    work.aliases.create(mail, changes)


@operation(
    "PUT /api/alias/<mail>",
    CHAPTER,
    allow=admin_of_its_domain,
    fields=ALIAS,
    event="update",
    is_account=False,
)
def update_alias(work: Work, mail: Address, changes: Changes) -> None:
    """Update the profile of a mail alias."""
    work.aliases.lock(mail)
    _check_members(work, mail, changes)
    if changes:
        work.aliases.update(mail, changes)


@operation(
    "DELETE /api/alias/<mail>", CHAPTER,
    allow=admin_of_its_domain, event="delete", frees=("mail",), is_account=False,
)  # fmt: skip
def delete_alias(work: Work, mail: Address) -> None:
    """Delete a mail alias."""
    work.aliases.lock(mail)
    work.pending.forget(mail)
    work.aliases.delete(mail)


@operation(
    "POST /api/alias/<mail>/change_email/<new_mail>", CHAPTER,
    allow=admin_of_its_domain, event="update", claims=("new_mail",), frees=("mail",), is_account=False,
)  # fmt: skip
def rename_alias(work: Work, mail: Address, new: Address) -> None:
    """Change the address of a mail alias."""
    new.require_own()
    locked = {name: work.domains.lock(name) for name in sorted({mail.domain, new.domain})}
    work.aliases.lock(mail)
    require_free(work, [new])
    if new.domain != mail.domain:
        room_for_alias(work, locked[new.domain])
    work.pending.rename(mail, new)
    work.aliases.rename(mail, new)


@operation("GET /api/aliases/<domain>", CHAPTER, allow=admin_of_its_domain, fields=ACCOUNT_LISTING, shows=ALIAS)
def list_aliases(work: Work, domain: DomainName, changes: Changes) -> Iterator[Profile] | list[str]:
    """Get the profiles of all mail aliases of a domain."""
    work.domains.require(domain)
    mails = work.aliases.addresses(domain, only_disabled=bool(changes.get(DISABLED_ONLY)))
    return mails if changes.get(EMAIL_ONLY) else work.aliases.profiles(mails)


def _check_members(work: Work, mail: Address, changes: Changes) -> None:
    if change := changes.of(MEMBERS):
        if mail in change.named():
            refuse(Code.INVALID_VALUE, hint="members: an alias is no member of itself.")
        require_reachable(work, change.named(), work.grant.admin)
