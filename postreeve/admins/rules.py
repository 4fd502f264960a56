"""Whose rights nobody may take away, and where standalone admins must not lie."""

from collections.abc import Collection

from postreeve.errors import Code, refuse
from postreeve.values import Address, DomainName
from postreeve.work import Work


def global_admins(work: Work) -> list[str]:
    """Return who administers everything now, standalone admin or user."""
    return work.admins.other_global_admins(())


def is_admin(work: Work, account: Address) -> bool:
    """Tell whether an account, standalone admin or user, administers anything."""
    rank = work.users.rank(account)
    return work.admins.find(account) is not None or rank.is_global or bool(rank.domains)


def require_none_within(work: Work, domains: Collection[DomainName]) -> None:
    """Refuse to host domains in which a standalone admin's address lies; only a global admin is told whose."""
    within = [account for account in work.admins.addresses() if Address(account.lower()).domain in domains]
    if within:
        named = within[0] if work.grant.admin.is_global else Address(within[0]).domain
        refuse(Code.CAN_NOT_BE_LOCAL_DOMAIN, hint=named)


def protect(work: Work, account: Address, *, is_global: bool) -> None:
    """Refuse to take rights away from oneself, or from the last global admin."""
    if account == work.grant.admin.account:
        refuse(Code.PROTECTED_ACCOUNT, hint=account)
    if is_global and not work.admins.other_global_admins({account}):
        refuse(Code.PROTECTED_ACCOUNT, hint=account)
