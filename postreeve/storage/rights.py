"""Global admins as `vmail` knows them: a row of `domain_admins` for the domain `ALL`."""

from postreeve.storage import accounts
from postreeve.storage.sql import Session
from postreeve.storage.tables.vmail import domain_admins

GLOBAL = "ALL"


def set_global(session: Session, account: str, *, is_global: bool) -> None:
    """Write or delete the row that makes a global admin."""
    session.delete(domain_admins, username=account, domain=GLOBAL)
    if is_global:
        stamps = {"created": accounts.now(), "modified": accounts.now(), "active": 1}
        session.insert(domain_admins, {"username": account, "domain": GLOBAL, **stamps})
