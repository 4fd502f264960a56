"""Who administers which domain: the values of `domainAdmin` in the entries of the domains."""

from collections.abc import Collection

from postreeve.storage.directory import filters
from postreeve.storage.directory.session import Session

SERVICE = "domainadmin"
"""The service of users who are admins."""


def administered(session: Session, accounts: Collection[str]) -> dict[str, list[str]]:
    """Return the domains that each of some accounts administers, sorted, by account in lower case."""
    found: dict[str, list[str]] = {account.lower(): [] for account in accounts}
    condition = filters.both(filters.is_("mailDomain"), filters.among("domainAdmin", accounts))
    for entry in session.search(session.tree.domains, condition, ["domainName", "domainAdmin"]):
        for account in {text.lower() for text in entry.texts("domainAdmin")} & found.keys():
            found[account].append(entry.text("domainName").lower())
    return {account: sorted(domains) for account, domains in found.items()}


def withdraw(session: Session, account: str) -> None:
    """Let an account administer no domain any more."""
    for domain in administered(session, [account])[account.lower()]:
        session.edit(session.tree.domain(domain)).remove("domainAdmin", account)


def demote(session: Session, accounts: Collection[str], domain: str) -> None:
    """Take the service from users who administered a domain, and nothing besides it."""
    for account, domains in administered(session, accounts).items():
        user = session.find(session.tree.user(account), ["domainGlobalAdmin"])
        if user and not user.has("domainGlobalAdmin", "yes") and not set(domains) - {domain}:
            session.edit(user.dn).remove("enabledService", SERVICE)
