"""What can be done with unsubscribable mailing lists."""

from collections.abc import Collection

from postreeve.addresses.rules import require_free, require_reachable
from postreeve.errors import Code, refuse
from postreeve.fields import Changes
from postreeve.limits import room_for_list
from postreeve.operations import operation
from postreeve.permissions import admin_of_its_domain
from postreeve.unsubscribable_lists.fields import MAILLIST, MAILLIST_REMOVAL, MEMBERS
from postreeve.values import Address
from postreeve.work import Profile, Work

CHAPTER = "Mailing List (Unsubscribable)"


@operation("GET /api/maillist/<mail>", CHAPTER, allow=admin_of_its_domain, shows=MAILLIST)
def get_unsubscribable_list(work: Work, mail: Address) -> Profile:
    """Get the profile of an unsubscribable mailing list."""
    return next(work.unsubscribable_lists.profiles([mail]), None) or refuse(Code.NO_SUCH_ACCOUNT, hint=mail)


@operation(
    "POST /api/maillist/<mail>", CHAPTER,
    allow=admin_of_its_domain, fields=MAILLIST, event="create", claims=("mail",), is_account=False,
)  # fmt: skip
def create_unsubscribable_list(work: Work, mail: Address, changes: Changes) -> None:
    """Add an unsubscribable mailing list."""
    lists = work.unsubscribable_lists
    mail.require_own()
    domain = work.domains.lock(mail.domain)
    require_free(work, [mail])
    own = {f"{mail.local_part}@{name}" for name in work.domains.alias_domains(domain.name)}
    _check_members(work, {mail, *own}, changes)
    room_for_list(work, domain, lists.count)
    lists.create(mail, changes)


@operation(
    "PUT /api/maillist/<mail>", CHAPTER,
    allow=admin_of_its_domain, fields=MAILLIST, event="update", is_account=False,
)  # fmt: skip
def update_unsubscribable_list(work: Work, mail: Address, changes: Changes) -> None:
    """Update the profile of an unsubscribable mailing list."""
    lists = work.unsubscribable_lists
    _check_members(work, lists.lock(mail), changes)
    if changes:
        lists.update(mail, changes)


@operation(
    "DELETE /api/maillist/<mail>", CHAPTER,
    allow=admin_of_its_domain, fields=MAILLIST_REMOVAL, event="delete", frees=("mail",), is_account=False,
)  # fmt: skip
def delete_unsubscribable_list(work: Work, mail: Address, _changes: Changes) -> None:
    """Delete an unsubscribable mailing list."""
    lists = work.unsubscribable_lists
    lists.lock(mail)
    work.pending.forget(mail)
    lists.delete(mail)


def _check_members(work: Work, own: Collection[str], changes: Changes) -> None:
    """Refuse members that an admin may not name, and the list's own addresses: its mail would go round."""
    if change := changes.of(MEMBERS):
        if change.named().intersection(own):
            refuse(Code.INVALID_VALUE, hint="members: a list is no member of itself.")
        require_reachable(work, change.named(), work.grant.admin)
