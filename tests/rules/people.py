"""The people who ask, for tests of who may do what."""

from tests.site import PASSWORD, Client, Site

NOBODY, USER, FOREIGN, ADMIN, USER_ADMIN, USER_GLOBAL, GLOBAL = PERSONAS = (
    "nobody",
    "mail user",
    "admin of another domain",
    "admin of the domain",
    "user, admin of the domain",
    "user, global admin",
    "global admin",
)


def people(site: Site) -> dict[str, Client]:
    """Create the domains `a.test` and `b.test` with their admins, and return a client for each of the personas."""
    root = site.root()
    for domain in ("a.test", "b.test"):
        root.ok("POST", f"domain/{domain}")
    root.ok("PUT", "domain/a.test", addService="self-service")
    root.ok("POST", "user/una@a.test", password=PASSWORD)
    root.ok("POST", "user/ua@a.test", password=PASSWORD)
    root.ok("POST", "user/boss@a.test", password=PASSWORD, isGlobalAdmin="yes")
    root.ok("PUT", "domain/admins/a.test", addAdmin="ua@a.test")
    return {
        NOBODY: site.client(),
        USER: site.client().login_user("una@a.test"),
        FOREIGN: site.admin("bob@admins.test", "b.test"),
        ADMIN: site.admin("al@admins.test", "a.test"),
        USER_ADMIN: site.client().login("ua@a.test"),
        USER_GLOBAL: site.client().login("boss@a.test"),
        GLOBAL: root,
    }
