"""The accounts that the examples of the documents are about."""

from postreeve.operations import REGISTRY
from postreeve.permissions import owner
from postreeve.web.descriptions import _PATH_EXAMPLES, Description, described
from tests.amavisd import agreeable
from tests.mails import quarantine_mail
from tests.newsletter.newsletters import publish_newsletter
from tests.site import PASSWORD, Client, Site

DESCRIPTIONS = [description for _, chapter in described() for description in chapter]
IDS = [description.id for description in DESCRIPTIONS]
OF_DIRECTORIES = ("LDIF (LDAP backend only)", "Mailing List (Unsubscribable)")
"""The chapters that are there only for accounts in a directory."""


def example_world(site: Site) -> Client:
    """Create what the examples name, and return the global admin's client."""
    root = site.root()
    root.ok("POST", "admin/postmaster@example.org", password=PASSWORD, isGlobalAdmin="yes")
    root.ok("POST", "admin/jane@example.org", password=PASSWORD)
    root.ok("POST", "domain/example.com")
    root.ok("PUT", "domain/example.com", addService="self-service")
    root.ok("POST", "user/ann@example.com", password=PASSWORD)
    root.ok("POST", "alias/team@example.com")
    root.ok("POST", "ml/news@example.com", is_newsletter="yes")
    publish_newsletter(site, "news@example.com", _PATH_EXAMPLES["<list_id>"], _PATH_EXAMPLES["<token>"])
    site.change_settings(amavisd_release_server=agreeable())
    if site.directory:
        root.ok("POST", "maillist/all@example.com")
        root.ok("PUT", "domain/example.com", catchall="ann@example.com")
    return root


def asker(site: Site, root: Client, description: Description) -> Client:
    """Return the client that may ask for an operation: the global admin's, or a mail user's."""
    return site.client().login_user("ann@example.com") if description.operation.allow is owner else root


def make_room(site: Site, root: Client, description: Description) -> None:
    """Delete what an operation is about to create, and put a mail into the quarantine that it is about to take away."""
    if "<mail_id>" in description.operation.parameters:
        for table in ("msgs", "msgrcpt", "quarantine"):
            site.execute("amavisd", f"DELETE FROM {table}")
        quarantine_mail(site, "someone@example.net", "ann@example.com", mail_id=_PATH_EXAMPLES["<mail_id>"])
    is_creation = description.operation.method == "POST"
    if is_creation and f"DELETE {description.operation.template}" in REGISTRY:
        root.delete(description.example_path)


def expected(site: Site, description: Description) -> dict[str, object]:
    """Return what the example of an operation is answered, besides data."""
    if description.operation.chapter in OF_DIRECTORIES and not site.directory:
        return {"_success": False, "_msg": "NOT_AVAILABLE", "_hint": "The accounts are in no directory."}
    return {"_success": True}
