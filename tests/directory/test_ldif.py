"""What is exported as LDIF makes the same entries in another directory."""

import subprocess
from collections.abc import Iterator

import pytest

from postreeve.ldif.ldap import LdapLdif
from postreeve.ldif.records import Record
from postreeve.settings import Ldap
from postreeve.storage.directory import filters, names
from postreeve.storage.directory.connections import Directory
from postreeve.storage.directory.entries import Values
from postreeve.storage.directory.names import CONTAINERS, Tree
from postreeve.storage.directory.session import PAGE, Session
from tests import servers
from tests.directory.conftest import fill
from tests.ldif.reader import read
from tests.servers import MANAGER_PASSWORD, OpenldapServer

SERVICES = ("mail", "deliver", "forward")


@pytest.fixture
def session(filled: Ldap) -> Iterator[Session]:
    """A directory with two domains and an admin."""
    directory = Directory(filled, 2)
    with Session(directory) as session:
        for dn, attributes in world(directory.tree).items():
            session.add(dn, attributes)
        session.commit()
        yield session
    directory.close()


def world(tree: Tree) -> dict[str, dict[str, Values]]:
    """Return what is in the directory, parents first."""
    found: dict[str, dict[str, Values]] = {
        tree.admin("boss@admins.test"): {
            "objectClass": "mailAdmin", "mail": "boss@admins.test", "userPassword": "{SSHA}x", "cn": "Böss",
        }
    }  # fmt: skip
    for domain in ("a.test", "b.test"):
        found[tree.domain(domain)] = {
            "objectClass": "mailDomain", "domainName": domain, "cn": " Ä ", "accountSetting": "defaultQuota:5",
        }  # fmt: skip
        for container in CONTAINERS:
            found[tree.container(container, domain)] = {"objectClass": "organizationalUnit", "ou": container}
    for mail in ("ann@a.test", "#a&b@a.test", "a+b=c,d@a.test", "@a.test", "bob@b.test"):
        found[tree.user(mail)] = {
            "objectClass": ("inetOrgPerson", "mailUser"), "mail": mail, "uid": "x", "cn": "x", "sn": ": <x> ",
            "userPassword": ("{SSHA}y", "{CRYPT}$6$ß"), "jpegPhoto": bytes(range(256)), "enabledService": SERVICES,
            "description": "two\nlines\n" * 20,
        }  # fmt: skip
    found[tree.alias("team@a.test")] = {"objectClass": "mailAlias", "mail": "team@a.test"}
    found[tree.list("list@a.test")] = {"objectClass": "mailList", "mail": "list@a.test"}
    found[tree.external("list@a.test")] = {
        "objectClass": "mailExternalUser", "memberOfGroup": "list@a.test",
        "mail": [f"x{number}@far.test" for number in range(99)],
    }  # fmt: skip
    return found


def contents(session: Session) -> dict[str, dict[str, set[bytes]]]:
    """Return everything that is not a topmost entry, in a comparable form."""
    return {
        names.key(entry.dn): {name: set(values) for name, values in entry.attributes.items()}
        for container in (session.tree.domains, session.tree.admins)
        for entry in session.search(container, filters.ANYTHING, scope="sub")
        if names.key(entry.dn) != names.key(container)
    }


def exported(records: Iterator[Record]) -> dict[str, dict[str, set[bytes]]]:
    """Return what the text of some records says."""
    found = read("".join(map(str, records)))
    return {names.key(dn): {name: set(values) for name, values in attributes.items()} for dn, attributes in found}


def test_everything_is_added_to_an_empty_directory(
    session: Session, own_slapd: OpenldapServer, directory_name: str
) -> None:
    text = "".join(map(str, LdapLdif(session).everything()))
    manager = own_slapd.create_directory(directory_name)
    fill(manager)
    words = [servers._program("ldapadd"), "-x", "-H", own_slapd.local, "-D", manager.account, "-w", MANAGER_PASSWORD]
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    other = Directory(manager, 1)
    with Session(other) as restored:
        assert contents(restored) == contents(session)
        assert len(contents(restored)) == len(world(session.tree))
    other.close()


def test_each_account_is_what_the_directory_has(session: Session) -> None:
    ldif, tree, there = LdapLdif(session), session.tree, contents(session)
    exports = {
        (tree.user("ann@a.test"),): ldif.user("ann@a.test"),
        (tree.user("#a&b@a.test"),): ldif.user("#a&b@a.test"),
        (tree.catch_all("a.test"),): ldif.catch_all("a.test"),
        (tree.alias("team@a.test"),): ldif.alias("team@a.test"),
        (tree.admin("boss@admins.test"),): ldif.admin("boss@admins.test"),
        (tree.list("list@a.test"), tree.external("list@a.test")): ldif.maillist("list@a.test"),
        (tree.domain("a.test"), *(tree.container(name, "a.test") for name in CONTAINERS)): ldif.domain("a.test"),
    }
    for dns, records in exports.items():
        assert exported(records) == {names.key(dn): there[names.key(dn)] for dn in dns}


def test_a_domain_with_its_accounts_is_all_that_is_below_it(session: Session) -> None:
    records = list(LdapLdif(session).domain("a.test", with_accounts=True))
    top = names.key(session.tree.domain("a.test"))
    assert exported(iter(records)) == {dn: entry for dn, entry in contents(session).items() if dn.endswith(top)}
    written = [names.key(record.dn) for record in records]
    for place, dn in enumerate(written[1:], 1):
        assert names.key(names.parent(dn)) in written[:place]


def test_what_is_not_there_has_no_records(session: Session) -> None:
    ldif, mail = LdapLdif(session), "nobody@a.test"
    for records in (
        ldif.domain("c.test"), ldif.domain("c.test", with_accounts=True), ldif.catch_all("b.test"), ldif.admin(mail),
        ldif.user(mail), ldif.maillist(mail), ldif.alias(mail), ldif.user("ann@c.test"),
    ):  # fmt: skip
        assert list(records) == []


def test_many_entries_are_read_page_by_page(session: Session) -> None:
    many = 2 * PAGE
    mails = {f"a{number}@b.test" for number in range(many)}
    for mail in mails:
        session.add(session.tree.alias(mail), {"objectClass": "mailAlias", "mail": mail})
    session.commit()
    records = LdapLdif(session).domain("b.test", with_accounts=True)
    first = next(records)
    assert session.find(first.dn)  # other reading goes on meanwhile
    assert mails < {record.values("mail")[0].decode() for record in records if record.values("mail")}
