"""Installations that lack one of the databases of policies, or both."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import msgspec
import pytest

from postreeve import app as assembly
from postreeve.web.descriptions import Description, described
from tests.policies.world import World
from tests.site import PASSWORD, ROOT, Client, serving

pytestmark = pytest.mark.slow  # every operation of four chapters

CHAPTERS = {
    "amavisd": ("Spam Policy", "Whitelisting and Blacklisting"),
    "iredapd": ("Throttling", "Greylisting"),
}
U1 = "u1@local.test"
IN_WORLD = {"ann@example.com": U1, "example.com": "local.test"}
"""What the examples name, and who is there instead."""


@contextmanager
def without(world: World, *databases: str) -> Iterator[Client]:
    """Serve the world from an installation without some databases, and yield the global admin's client."""
    settings = msgspec.structs.replace(world.site.settings, **dict.fromkeys(databases))
    storage = assembly.storage_of(settings)
    with serving(assembly.App(storage, settings)) as base:
        yield Client(base).login(ROOT)
    storage.close()


@pytest.fixture(scope="session")
def lacking(inhabited: World) -> Iterator[dict[str, Client]]:
    """Clients of installations, by the name of the database that each lacks."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(without(inhabited, name)) for name in CHAPTERS}


def operations_of(name: str) -> list[Any]:
    """Return the operations that need a database, as parameters of a test."""
    chapters = dict(described())
    return [
        pytest.param(name, description, id=f"{name}-{description.id}")
        for chapter in CHAPTERS[name]
        for description in chapters[chapter]
    ]


def answer_to(client: Client, description: Description, form: dict[str, str]) -> dict[str, Any]:
    method, path = description.operation.method, description.example_path
    for example, ours in IN_WORLD.items():
        path = path.replace(example, ours)
    answer: dict[str, Any] = client.raw(method, path, **{"params" if method == "GET" else "data": form}).json()
    return answer


@pytest.mark.parametrize(("name", "description"), [*operations_of("amavisd"), *operations_of("iredapd")])
def test_what_needs_a_missing_database_is_not_available(
    lacking: dict[str, Client], name: str, description: Description
) -> None:
    answer = answer_to(lacking[name], description, description.example_form)
    assert answer == {
        "_success": False, "_msg": "NOT_AVAILABLE", "_hint": f"There is no database {name} here.",
    }  # fmt: skip


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(("name", "description"), [*operations_of("amavisd"), *operations_of("iredapd")])
def test_what_needs_another_database_is_available(
    lacking: dict[str, Client], name: str, description: Description
) -> None:
    (other,) = CHAPTERS.keys() - {name}
    assert answer_to(lacking[other], description, description.example_form)["_success"]


@pytest.mark.parametrize("missing", [("amavisd",), ("iredapd",), ("amavisd", "iredapd")])
def test_accounts_need_no_policies(world: World, missing: tuple[str, ...]) -> None:
    with without(world, *missing) as root:
        root.ok("POST", "domain/new.test", aliasDomains="new.example")
        root.ok("POST", "user/ann@new.test", password=PASSWORD, aliases="sales@new.test")
        root.ok("POST", "alias/team@new.test", members="ann@new.test")
        root.ok("PUT", "user/ann@new.test", name="Ann")
        root.ok("POST", "user/ann@new.test/change_email/anna@new.test")
        root.ok("POST", "alias/team@new.test/change_email/crew@new.test")
        assert root.data("user/anna@new.test")["name"] == "Ann"
        root.ok("DELETE", "alias/crew@new.test")
        root.ok("DELETE", "user/anna@new.test")
        root.ok("DELETE", "domain/new.test")
    assert not world.site.rows("postreeve_pending")


PARTS = {"amavisd": {"spam_policy", "wblist"}, "iredapd": {"throttle", "greylisting"}}
IN_VERDICTS = {"amavisd": {"wblist", "spam_check", "spam_points"}, "iredapd": {"throttle", "greylisting"}}


@pytest.mark.parametrize(("missing", "present"), [("amavisd", "iredapd"), ("iredapd", "amavisd")])
def test_the_policy_in_effect_tells_what_there_is(
    world: World, lacking: dict[str, Client], missing: str, present: str
) -> None:
    found = lacking[missing].data(f"policy/effective/{U1}", correspondent="ext@remote.test")
    assert found.keys() == {"account", "address", "verdicts", *PARTS[present]}
    assert found["verdicts"]["inbound"].keys() == IN_VERDICTS[present]
    whole = world.effective(U1)
    assert {part: found[part] for part in PARTS[present]} == {part: whole[part] for part in PARTS[present]}


def test_without_policies_there_is_none_in_effect(world: World) -> None:
    with without(world, "amavisd", "iredapd") as root:
        assert root.get(f"policy/effective/{U1}") == {
            "_success": False,
            "_msg": "NOT_AVAILABLE",
            "_hint": "There is neither a database amavisd nor iredapd here.",
        }
