"""Addresses wherever they stand in a directory."""

from collections.abc import Iterator

import pytest

from postreeve.settings import Ldap
from postreeve.storage.directory import filters, traces
from postreeve.storage.directory.connections import Directory
from postreeve.storage.directory.entries import Values
from postreeve.storage.directory.names import Tree
from postreeve.storage.directory.session import Session
from postreeve.values import Address, DomainName
from tests.directory.test_session import add_domain, alias

GONE = DomainName("gone.test")


def world(tree: Tree) -> dict[str, dict[str, Values]]:
    """Return accounts of two domains, with addresses of one of them in every place of the other."""
    return {
        tree.alias("all@a.test"): alias(
            "all@a.test", mailForwardingAddress=["Ann@gone.test", "x@notgone.test"], listModerator="ann@gone.test",
            memberOfGroup="list@gone.test", shadowAddress="all@gone.test",
        ),
        tree.list("list@a.test"): {
            "objectClass": "mailList", "mail": "list@a.test", "listOwner": ["ann@gone.test", "bob@a.test"],
            "listAllowedUser": ["*@gone.test", "ann@gone.test"], "listModerator": "bob@gone.test",
        },
        tree.external("list@a.test"): {
            "objectClass": "mailExternalUser", "memberOfGroup": "list@a.test", "mail": ["ann@gone.test", "x@x.test"],
        },
        tree.alias("all@gone.test"): alias("all@gone.test", mailForwardingAddress="ann@gone.test"),
    }  # fmt: skip


@pytest.fixture
def session(filled: Ldap) -> Iterator[Session]:
    """Two domains; one names addresses of the other."""
    directory = Directory(filled, 2)
    tree = directory.tree
    with Session(directory) as session:
        add_domain(session, "a.test")
        add_domain(session, GONE)
        session.commit()
        for dn, attributes in world(tree).items():
            session.add(dn, attributes)
        session.edit(tree.domain("a.test")).replace("domainAdmin", ["ann@gone.test", "bob@a.test"]).replace(
            "domainSenderBccAddress", "copy@gone.test"
        )
        session.commit()
        yield session
    directory.close()


def values(session: Session, domain: str) -> set[str]:
    """Return all values with the name of the domain that goes, in a domain."""
    return {
        f"{name}: {text}"
        for entry in session.search(session.tree.domain(domain), filters.ANYTHING, scope="sub")
        for name, texts in entry.shown().items()
        for text in texts
        if "gone" in text
    }


def test_a_domain_that_goes_leaves_none_of_its_addresses_in_others(session: Session) -> None:
    inside = values(session, GONE)
    for _ in range(2):
        traces.forget_domain(session, GONE)
        session.commit()
        assert values(session, "a.test") == {"mailForwardingAddress: x@notgone.test", "listAllowedUser: *@gone.test"}
        assert values(session, GONE) == inside


def test_a_sweep_that_is_repeated_finds_what_is_left(session: Session) -> None:
    old, new = Address("ann@gone.test"), Address("ann@new.test")
    before = values(session, "a.test")
    traces.rename(session, old, new)
    session.commit()
    assert [text for text in values(session, "a.test") if "ann@" in text.lower()] == []
    moved = entries(session)
    tree = session.tree
    session.edit(tree.alias("all@a.test")).insert("mailForwardingAddress", old).remove("mailForwardingAddress", new)
    session.edit(tree.external("list@a.test")).insert("mail", old)
    session.commit()
    traces.rename(session, old, new)
    session.edit(tree.domain("a.test")).insert("domainAdmin", new)  # rights of the new address are not inherited
    session.commit()
    assert entries(session) == moved
    traces.rename(session, new, old)
    session.commit()
    assert {text.lower() for text in values(session, "a.test")} == {text.lower() for text in before}


def entries(session: Session) -> dict[str, dict[str, list[str]]]:
    return {
        entry.dn: {name: sorted(texts) for name, texts in entry.shown().items()}
        for entry in session.search(session.tree.domains, filters.ANYTHING, scope="sub")
    }


def test_where_both_addresses_stand_one_is_left(session: Session) -> None:
    traces.rename(session, Address("ann@gone.test"), Address("bob@a.test"))
    session.commit()
    entry = session.find(session.tree.list("list@a.test"))
    assert entry
    assert entry.texts("listOwner") == ["bob@a.test"]


def test_a_lists_entry_for_members_elsewhere_keeps_its_name(session: Session) -> None:
    traces.rename(session, Address("list@a.test"), Address("x@a.test"))
    session.commit()
    traces.forget(session, Address("list@a.test"))
    session.commit()
    entry = session.find(session.tree.external("list@a.test"))
    assert entry
    assert entry.texts("memberOfGroup") == ["list@a.test"]
