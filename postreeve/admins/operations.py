"""What can be done with standalone admins; all of it is for global admins."""

from collections.abc import Iterator

from postreeve import credentials
from postreeve.addresses.rules import require_free
from postreeve.admins.fields import (
    ACCOUNT_STATUS,
    ADMIN,
    IS_GLOBAL_ADMIN,
    LIMITS,
    NEW_PASSWORD,
)
from postreeve.admins.rules import protect
from postreeve.errors import Code, refuse
from postreeve.fields import Changes
from postreeve.listings import ACCOUNT_LISTING, DISABLED_ONLY, EMAIL_ONLY
from postreeve.operations import operation
from postreeve.permissions import global_admin
from postreeve.values import Address
from postreeve.work import Profile, Work

CHAPTER = "Domain Admin"


@operation("GET /api/admins", CHAPTER, allow=global_admin, fields=ACCOUNT_LISTING, shows=ADMIN)
def list_admins(work: Work, changes: Changes) -> Iterator[Profile] | list[str]:
    """Get the profiles of all standalone admins."""
    accounts = work.admins.addresses(only_disabled=bool(changes.get(DISABLED_ONLY)))
    return accounts if changes.get(EMAIL_ONLY) else work.admins.profiles(accounts)


@operation("GET /api/admin/<mail>", CHAPTER, allow=global_admin, shows=ADMIN)
def get_admin(work: Work, account: Address) -> Profile:
    """Get the profile of a standalone admin."""
    return next(work.admins.profiles([account]), None) or refuse(Code.NO_SUCH_ACCOUNT, hint=account)


@operation("POST /api/admin/<mail>", CHAPTER, allow=global_admin, fields=ADMIN, event="create", claims=("mail",))
def create_admin(work: Work, account: Address, changes: Changes) -> None:
    """Add a standalone admin."""
    account.require_login()
    if work.addresses.hosted([account.domain]):
        refuse(Code.CAN_NOT_BE_LOCAL_DOMAIN, hint=account)
    password = credentials.required(credentials.new_hash(work.settings, None, changes.get(NEW_PASSWORD)))
    require_free(work, [account])
    _discard_limits(work, changes)
    work.admins.create(account, password, changes)


@operation("PUT /api/admin/<mail>", CHAPTER, allow=global_admin, fields=ADMIN, event="update")
def update_admin(work: Work, account: Address, changes: Changes) -> None:
    """Update the profile of a standalone admin."""
    password = credentials.new_hash(work.settings, None, changes.get(NEW_PASSWORD))
    admin = work.admins.lock(account)
    if False in (changes.get(ACCOUNT_STATUS), changes.get(IS_GLOBAL_ADMIN)):
        protect(work, account, is_global=admin.is_global)
    _discard_limits(work, changes)
    if changes:
        work.admins.update(account, password, changes)


@operation("DELETE /api/admin/<mail>", CHAPTER, allow=global_admin, event="delete")
def delete_admin(work: Work, account: Address) -> None:
    """Delete a standalone admin."""
    admin = work.admins.lock(account)
    protect(work, account, is_global=admin.is_global)
    work.admins.delete(account)


@operation(
    "POST /api/verify_password/admin/<mail>", CHAPTER, allow=global_admin, fields=credentials.TRIAL, is_secretive=True
)
def verify_admin_password(work: Work, account: Address, changes: Changes) -> None:
    """Verify a plain password against the one stored for a standalone admin."""
    admin = work.admins.find(account)
    if not credentials.is_right(
        work.settings, changes.get(credentials.PLAIN_PASSWORD), admin.password if admin else None, account
    ):
        refuse(Code.INVALID_CREDENTIALS)


def _discard_limits(work: Work, changes: Changes) -> None:
    """Leave out the limits of somebody who becomes a global admin, as documented."""
    if changes.get(IS_GLOBAL_ADMIN):
        discarded = [limit.name for limit in LIMITS if limit in changes]
        changes.drop(discarded)
        work.remarks.discarded += discarded
