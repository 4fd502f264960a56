"""What can be done with spam policies."""

from postreeve.fields import Changes
from postreeve.operations import operation
from postreeve.permissions import admin_of_its_domain, global_admin
from postreeve.policies.rules import lock_scope, require_scope
from postreeve.spam_policy.fields import SPAM_POLICY
from postreeve.spam_policy.store import SpamPolicy
from postreeve.values import Address, DomainName, Scope
from postreeve.work import Work

CHAPTER = "Spam Policy"
SECTION = EVENT = "spampolicy"


@operation("GET /api/spampolicy/global", CHAPTER, allow=global_admin)
def get_global_spam_policy(work: Work) -> SpamPolicy:
    """Get the spam policy of everybody; what it leaves to Amavisd's configuration is missing."""
    return _policy(work, Scope.of(None))


@operation("GET /api/spampolicy/domain/<domain>", CHAPTER, allow=admin_of_its_domain, section=SECTION)
def get_domain_spam_policy(work: Work, name: DomainName) -> SpamPolicy:
    """Get the spam policy of a domain; what it leaves to everybody's is missing."""
    return _policy(work, Scope.of(name))


@operation("GET /api/spampolicy/user/<mail>", CHAPTER, allow=admin_of_its_domain, section=SECTION)
def get_user_spam_policy(work: Work, mail: Address) -> SpamPolicy:
    """Get the spam policy of a user; what it leaves to the domain's is missing."""
    return _policy(work, Scope.of(mail))


@operation("PUT /api/spampolicy/global", CHAPTER, allow=global_admin, fields=SPAM_POLICY, event=EVENT)
def set_global_spam_policy(work: Work, changes: Changes) -> None:
    """Set parts of the spam policy of everybody."""
    _set(work, Scope.of(None), changes)


@operation(
    "PUT /api/spampolicy/domain/<domain>", CHAPTER,
    allow=admin_of_its_domain, fields=SPAM_POLICY, event=EVENT, claims=("domain",), section=SECTION,
)  # fmt: skip
def set_domain_spam_policy(work: Work, name: DomainName, changes: Changes) -> None:
    """Set parts of the spam policy of a domain."""
    _set(work, Scope.of(name), changes)


@operation(
    "PUT /api/spampolicy/user/<mail>", CHAPTER,
    allow=admin_of_its_domain, fields=SPAM_POLICY, event=EVENT, claims=("mail",), section=SECTION,
)  # fmt: skip
def set_user_spam_policy(work: Work, mail: Address, changes: Changes) -> None:
    """Set parts of the spam policy of a user."""
    _set(work, Scope.of(mail), changes)


@operation("DELETE /api/spampolicy/global", CHAPTER, allow=global_admin, event=EVENT)
def delete_global_spam_policy(work: Work) -> None:
    """Delete the spam policy of everybody; Amavisd's configuration remains, which keeps back all unwanted mail."""
    _delete(work, Scope.of(None))


@operation(
    "DELETE /api/spampolicy/domain/<domain>", CHAPTER,
    allow=admin_of_its_domain, event=EVENT, claims=("domain",), section=SECTION,
)  # fmt: skip
def delete_domain_spam_policy(work: Work, name: DomainName) -> None:
    """Delete the spam policy of a domain; everybody's remains."""
    _delete(work, Scope.of(name))


@operation(
    "DELETE /api/spampolicy/user/<mail>", CHAPTER,
    allow=admin_of_its_domain, event=EVENT, claims=("mail",), section=SECTION,
)  # fmt: skip
def delete_user_spam_policy(work: Work, mail: Address) -> None:
    """Delete the spam policy of a user; the domain's remains."""
    _delete(work, Scope.of(mail))


def _policy(work: Work, scope: Scope) -> SpamPolicy:
    require_scope(work, scope)
    return work.spam_policies.find(scope)


def _set(work: Work, scope: Scope, changes: Changes) -> None:
    lock_scope(work, scope)
    if changes:
        work.spam_policies.write(scope, changes)


def _delete(work: Work, scope: Scope) -> None:
    lock_scope(work, scope)
    work.spam_policies.remove(scope)
