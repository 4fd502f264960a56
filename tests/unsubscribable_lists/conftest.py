"""Two domains with people, the first one with an alias domain."""

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from tests.site import PASSWORD, Client, Site

Delivered = Callable[[str], set[str]]
POSTFIX = (
    "(&(accountStatus=active)(!(domainStatus=disabled))(enabledService=mail)(enabledService=deliver)"
    "(|(&(|(memberOfGroup=%s)(shadowAddress=%s))(|(objectClass=mailUser)(objectClass=mailExternalUser)))"
    "(&(memberOfGroup=%s)(!(shadowAddress=%s))(|(objectClass=mailAlias)(objectClass=mailList)))"
    "(&(objectClass=mailList)(enabledService=mlmmj)(|(mail=%s)(shadowAddress=%s)))))"
)
"""iRedMail's virtual_group_maps.cf."""


@pytest.fixture
def root(site: Site) -> Client:
    root = site.root()
    root.ok("POST", "domain/ex.com", aliasDomains="alias.com")
    root.ok("POST", "domain/far.com")
    for mail in ("ann@ex.com", "bob@ex.com", "far@far.com"):
        root.ok("POST", f"user/{mail}", password=PASSWORD)
    root.ok("POST", "alias/all@ex.com", members="ann@ex.com")
    return root


@pytest.fixture
def delivered(site: Site) -> Iterator[Delivered]:
    """To whom Postfix sends on what is for an address of a list."""
    from postreeve.storage.directory.connections import Directory
    from postreeve.storage.directory.filters import Filter
    from postreeve.storage.directory.session import Session

    assert site.directory
    with closing(Directory(site.directory.ours, 1)) as directory:

        def ask(address: str) -> set[str]:
            query = Filter(POSTFIX.replace("%s", address))
            with Session(directory) as session:
                found = session.search(directory.tree.domains, query, ["mail"], scope="sub")
                return {mail for entry in found for mail in entry.texts("mail")}

        yield ask
