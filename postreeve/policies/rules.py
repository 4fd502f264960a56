"""What all policies ask of a scope."""

from postreeve.values import Address, DomainName, Scope
from postreeve.work import Work


def require_scope(work: Work, scope: Scope) -> None:
    """Refuse a scope that is no account or domain of ours."""
    match scope.place:
        case Address() as mail if not work.users.find(mail):
            work.aliases.require(mail)
        case DomainName() as name:
            work.domains.require(name)


def lock_scope(work: Work, scope: Scope) -> None:
    """Like `require_scope`, and keep the account or domain from being deleted until the work ends."""
    match scope.place:
        case Address() as mail if work.users.find(mail):
            work.users.lock(mail)
        case Address() as mail:
            work.aliases.lock(mail)
        case DomainName() as name:
            work.domains.lock(name)
