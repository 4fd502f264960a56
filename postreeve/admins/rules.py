"""Whose rights nobody may take away."""

from postreeve.errors import Code, refuse
from postreeve.values import Address
from postreeve.work import Work


def has_global_admin(work: Work) -> bool:
    """Tell whether somebody, standalone admin or user, administers everything."""
    return work.admins.other_global_admins(()) > 0


def protect(work: Work, account: Address, *, is_global: bool) -> None:
    """Refuse to take rights away from oneself, or from the last global admin."""
    if account == work.grant.admin.account:
        refuse(Code.PROTECTED_ACCOUNT, hint=account)
    if is_global and not work.admins.other_global_admins({account}):
        refuse(Code.PROTECTED_ACCOUNT, hint=account)
