"""The laws about examples and profiles where accounts are in a directory: there every operation is available."""

from collections.abc import Iterator

import pytest

from postreeve.web.openapi import ENTRIES, document
from tests import servers
from tests.house import test_registry as in_sql
from tests.house.world import example_world
from tests.servers import OpenldapServer
from tests.site import Site, running


@pytest.fixture(scope="session")
def installation(slapd: OpenldapServer) -> Iterator[Site]:
    """An installation whose accounts are in OpenLDAP."""
    with running(servers.reached("openldap", slapd.folder.parent)) as site:
        yield site


test_the_example_of_an_operation_works = in_sql.test_the_example_of_an_operation_works
test_the_example_of_every_parameter_is_accepted = in_sql.test_the_example_of_every_parameter_is_accepted


def test_profiles_hold_every_key_that_the_document_declares(site: Site) -> None:
    root = example_world(site)
    root.ok("PUT", "maillist/all@example.com", members="ann@example.com", accessPolicy="domain", name="All of us")
    shown = {
        "domain": "domain/example.com", "admin": "admin/jane@example.org", "user": "user/ann@example.com",
        "alias": "alias/team@example.com", "maillist": "maillist/all@example.com", "list": "ml/news@example.com",
        "panel": "panel/profile", "own": "self-service/profile",
    }  # fmt: skip
    ann = site.client().login_user("ann@example.com")
    schemas = document()["components"]["schemas"]
    assert set(shown) == set(ENTRIES)
    for kind, path in shown.items():
        declared = schemas[f"{kind.capitalize()}ProfileInLdap"]
        assert set(ENTRIES[kind]) <= set((ann if kind == "own" else root).data(path)), kind
        assert set(declared["required"]) <= set(ENTRIES[kind]), kind
    of_maillist = schemas["MaillistProfileInLdap"]
    assert set(of_maillist["properties"]) <= set(root.data(shown["maillist"]))
