"""What can be done with throttles."""

from postreeve.errors import Code, refuse
from postreeve.fields import Changes
from postreeve.operations import operation
from postreeve.permissions import admin_of_its_scope
from postreeve.policies.rules import lock_scope, require_scope
from postreeve.throttle.fields import PERIOD, THROTTLE
from postreeve.throttle.store import Throttle
from postreeve.values import Scope
from postreeve.work import Work

CHAPTER = "Throttling"
SECTION = "throttle"


@operation("GET /api/throttle/<scope>/<direction>", CHAPTER, allow=admin_of_its_scope, section=SECTION)
def get_throttle(work: Work, scope: Scope, direction: str) -> Throttle:
    """Get the throttle of everybody, a domain or a user in one direction."""
    require_scope(work, scope)
    return work.throttles.find(scope, direction) or {}


@operation(
    "POST /api/throttle/<scope>/<direction>", CHAPTER,
    allow=admin_of_its_scope, fields=THROTTLE, event="throttle", claims=("scope",), section=SECTION,
)  # fmt: skip
def set_throttle(work: Work, scope: Scope, direction: str, changes: Changes) -> None:
    """Set a throttle, of everybody, a domain or a user, in one direction; what is not given is not limited here."""
    if PERIOD not in changes:
        refuse(Code.MISSING_PARAMETER, hint=PERIOD.name)
    lock_scope(work, scope)
    work.throttles.write(scope, direction, changes)
