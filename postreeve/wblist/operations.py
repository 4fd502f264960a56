"""What can be done with white and black lists."""

from postreeve.fields import Changes
from postreeve.operations import operation
from postreeve.patterns import Form
from postreeve.permissions import admin_of_its_scope
from postreeve.policies.rules import lock_scope, require_scope
from postreeve.values import Scope
from postreeve.wblist.fields import FORMER_ADDRESSES, FORMER_ENTRIES, NEW_ADDRESSES, NEW_ENTRIES
from postreeve.work import Work

CHAPTER = "Whitelisting and Blacklisting"
SECTION = EVENT = "wblist"
ROUTE = "/api/wblist/<direction>/<list>/<scope>"


@operation(f"GET {ROUTE}", CHAPTER, allow=admin_of_its_scope, section=SECTION)
def get_list(work: Work, direction: str, verdict: str, scope: Scope) -> list[str]:
    """Get the white or black list of everybody, a domain or a user in one direction."""
    require_scope(work, scope)
    return work.wblists.addresses(scope, direction, verdict)


@operation(
    f"POST {ROUTE}", CHAPTER,
    allow=admin_of_its_scope, fields=NEW_ENTRIES, event=EVENT, claims=("scope",), section=SECTION,
)  # fmt: skip
def add_to_list(work: Work, direction: str, verdict: str, scope: Scope, changes: Changes) -> None:
    """Add addresses to a white or black list; from the other of the two they are removed."""
    lock_scope(work, scope)
    change = changes.of(NEW_ADDRESSES)
    addresses = change.add if change else frozenset()
    if direction == "outbound":  # iRedAPD looks for it among senders only
        unread = {address for address in addresses if address.form is Form.ANY_DOMAIN}
        work.remarks.discarded += sorted(unread)
        addresses -= unread
    if addresses:
        work.wblists.add(scope, direction, verdict, addresses)


@operation(
    f"PUT {ROUTE}", CHAPTER,
    allow=admin_of_its_scope, fields=FORMER_ENTRIES, event=EVENT, claims=("scope",), section=SECTION,
)  # fmt: skip
def remove_from_list(work: Work, direction: str, verdict: str, scope: Scope, changes: Changes) -> None:
    """Remove addresses from a white or black list."""
    lock_scope(work, scope)
    if change := changes.of(FORMER_ADDRESSES):
        work.wblists.remove(scope, direction, verdict, change.remove)


@operation(f"DELETE {ROUTE}", CHAPTER, allow=admin_of_its_scope, event=EVENT, claims=("scope",), section=SECTION)
def clear_list(work: Work, direction: str, verdict: str, scope: Scope) -> None:
    """Remove all addresses from a white or black list."""
    lock_scope(work, scope)
    work.wblists.clear(scope, direction, verdict)
