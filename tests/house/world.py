"""The accounts that the examples of the documents are about."""

from postreeve.operations import REGISTRY
from postreeve.web.descriptions import Description, described
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
    root.ok("POST", "user/ann@example.com", password=PASSWORD)
    root.ok("POST", "alias/team@example.com")
    root.ok("POST", "ml/news@example.com")
    if site.directory:
        root.ok("POST", "maillist/all@example.com")
        root.ok("PUT", "domain/example.com", catchall="ann@example.com")
    return root


def make_room(root: Client, description: Description) -> None:
    """Delete what an operation is about to create."""
    is_creation = description.operation.method == "POST"
    if is_creation and f"DELETE {description.operation.template}" in REGISTRY:
        root.delete(description.example_path)


def expected(site: Site, description: Description) -> dict[str, object]:
    """Return what the example of an operation is answered, besides data."""
    if description.operation.chapter in OF_DIRECTORIES and not site.directory:
        return {"_success": False, "_msg": "NOT_AVAILABLE", "_hint": "The accounts are in no directory."}
    return {"_success": True}
