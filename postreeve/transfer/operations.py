"""What can be done with tables of accounts."""

import io
from collections.abc import Iterator

from postreeve.errors import Code, refuse
from postreeve.fields import Changes
from postreeve.operations import Caller, operation
from postreeve.permissions import admin_of_its_domain, any_admin
from postreeve.transfer.exporting import exported
from postreeve.transfer.fields import CSV, DRY_RUN, TABLE
from postreeve.transfer.importing import ImportResult, imported
from postreeve.transfer.kinds import ALIASES, USERS, AccountKind
from postreeve.values import DomainName
from postreeve.work import LongText

CHAPTER = "Panel"
MOST_LINES = 10_000


@operation("POST /api/panel/import/users", CHAPTER, allow=any_admin, fields=TABLE, is_made_of_others=True)
def import_users(caller: Caller, changes: Changes) -> Iterator[ImportResult]:
    """Add users from a table; each row is an operation of its own, and what is there already stays as it is."""
    return _results(caller, USERS, changes)


@operation("POST /api/panel/import/aliases", CHAPTER, allow=any_admin, fields=TABLE, is_made_of_others=True)
def import_aliases(caller: Caller, changes: Changes) -> Iterator[ImportResult]:
    """Add mail aliases from a table; each row is an operation of its own, and what is there already stays as it is."""
    return _results(caller, ALIASES, changes)


@operation("GET /api/panel/export/users/<domain>", CHAPTER, allow=admin_of_its_domain, is_made_of_others=True)
def export_users(caller: Caller, domain: DomainName) -> LongText:
    """Export the users of a domain as a table in CSV, without passwords."""
    return LongText(exported(caller, USERS, domain))


@operation("GET /api/panel/export/aliases/<domain>", CHAPTER, allow=admin_of_its_domain, is_made_of_others=True)
def export_aliases(caller: Caller, domain: DomainName) -> LongText:
    """Export the mail aliases of a domain as a table in CSV."""
    return LongText(exported(caller, ALIASES, domain))


def _results(caller: Caller, kind: AccountKind, changes: Changes) -> Iterator[ImportResult]:
    text = changes.get(CSV)
    if not text:
        refuse(Code.MISSING_PARAMETER, hint=CSV.name)
    if max(text.count("\n"), text.count("\r")) > MOST_LINES:
        refuse(Code.REQUEST_TOO_LARGE, hint=f"{MOST_LINES} lines are the most.")
    return imported(caller, kind, io.StringIO(text, newline=""), is_rehearsal=bool(changes.get(DRY_RUN)))
