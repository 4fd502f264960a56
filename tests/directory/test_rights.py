"""Who may do what in a directory with the rights that we give the administrator."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import msgspec
import pytest

from postreeve.settings import Ldap
from postreeve.storage.directory import filters
from postreeve.storage.directory.connections import Directory
from postreeve.storage.directory.entries import Values
from postreeve.storage.directory.names import Tree
from postreeve.storage.directory.session import Session
from postreeve.work import StoreUnavailableError
from tests.directory.conftest import READER_PASSWORD
from tests.directory.test_session import add_domain, add_many

PASSWORD = "Secret1"
SERVICES = (
    "mail", "deliver", "lda", "lmtp", "smtp", "smtpsecured", "smtptls", "pop3", "pop3secured", "pop3tls", "imap",
    "imapsecured", "imaptls", "managesieve", "managesievesecured", "managesievetls", "sieve", "sievesecured",
    "sievetls", "internal", "doveadm", "lib-storage", "indexer-worker", "dsync", "quota-status", "forward", "senderbcc",
    "recipientbcc", "shadowaddress", "displayedInGlobalAddressBook", "sogo", "sogowebmail", "sogocalendar",
    "sogoactivesync",
)  # fmt: skip


def user(mail: str, **values: Values) -> dict[str, Values]:
    local = mail.partition("@")[0]
    return {
        "objectClass": ("inetOrgPerson", "mailUser", "shadowAccount", "amavisAccount"), "mail": mail, "uid": local,
        "cn": "Jörn Åslund", "sn": local, "userPassword": PASSWORD, "mailQuota": 1073741824, "accountStatus": "active",
        "homeDirectory": f"/var/vmail/vmail1/a.test/u/1/_/{local}-2026.01.02.03.04.05/", "enabledService": SERVICES,
        "preferredLanguage": "en_US", "shadowLastChange": 20777, "amavisLocal": "TRUE", "mailboxFormat": "maildir",
        "mailboxFolder": "Maildir", "shadowAddress": f"{local}@alias.test", "memberOfGroup": "list@a.test",
        "mailForwardingAddress": mail, "recoveryEmail": "me@b.test", "birthday": "2000-01-31", **values,
    }  # fmt: skip


@pytest.fixture
def populated(filled: Ldap) -> Iterator[Directory]:
    """Two domains with every kind of entry that iRedMail makes."""
    with closing(Directory(filled, 2)) as directory, Session(directory) as session:
        for name in ("a.test", "b.test"):
            add_domain(session, name)
        session.commit()
        for dn, attributes in iredmail_entries(directory.tree).items():
            session.add(dn, attributes)
        session.edit(directory.tree.domain("a.test")).replace("mtaTransport", "dovecot").insert(
            "enabledService", ["domainalias", "senderbcc"]
        ).replace("cn", "Société Test").replace("domainAliasName", "alias.test").replace(
            "accountSetting", ["defaultQuota:1024", "numberOfUsers:20", "disabledUserProfile:bcc"]
        ).replace("domainAdmin", "ann@a.test").replace("domainSenderBccAddress", "copy@a.test")
        session.commit()
        yield directory


def iredmail_entries(tree: Tree) -> dict[str, dict[str, Values]]:
    lists: dict[str, Values] = {"accountStatus": "active", "enabledService": ("mail", "deliver")}
    return {
        tree.user("ann@a.test"): user("ann@a.test", accountSetting="create_new_domains:yes", title="Dr."),
        tree.user("bob@a.test"): user("bob@a.test", domainGlobalAdmin="yes", disabledService="view_mail_log"),
        tree.user("cid@b.test"): user("cid@b.test"),
        tree.catch_all("a.test"): {
            "objectClass": ("inetOrgPerson", "mailUser"), "mail": "@a.test", "accountStatus": "active",
            "cn": "Catch-all account", "sn": "Catch-all account", "uid": "catchall",
            "mailForwardingAddress": "ann@a.test",
        },
        tree.alias("info@a.test"): {
            "objectClass": "mailAlias", "mail": "info@a.test", **lists, "mailForwardingAddress": "ann@a.test",
            "listModerator": "ann@a.test", "accessPolicy": "public",
        },
        tree.list("list@a.test"): {
            "objectClass": "mailList", "mail": "list@a.test", "cn": "list", **lists, "accessPolicy": "public",
            "member": tree.user("ann@a.test"),
        },
        tree.external("list@a.test"): {
            "objectClass": "mailExternalUser", "memberOfGroup": "list@a.test", **lists,
            "mail": ("x@c.test", "y@c.test"),
        },
        tree.list("news@a.test"): {
            "objectClass": "mailList", "mail": "news@a.test", **lists, "mtaTransport": "mlmmj:a.test/news",
            "mailingListID": "4f2b9a34-1111-2222-3333-444455556666", "listOwner": "ann@a.test", "maxMessageSize": 1024,
        },
        tree.admin("boss@c.test"): {
            "objectClass": "mailAdmin", "mail": "boss@c.test", "userPassword": PASSWORD, "accountStatus": "active",
            "shadowLastChange": 20777, "cn": "Boss", "accountSetting": "create_max_domains:5",
        },
    }  # fmt: skip


@contextmanager
def session_as(directory: Directory, dn: str, password: str = PASSWORD) -> Iterator[Session]:
    settings = msgspec.structs.replace(directory.settings, bind_dn=dn, password=password)
    with closing(Directory(settings, 1)) as other, Session(other) as session:
        yield session


def may_write(session: Session, dn: str, **values: Values) -> bool:
    edit = session.edit(dn)
    for name, value in values.items():
        edit.replace(name, value)
    found: Any = session.modifications(edit)
    session.rollback()
    try:
        session.ask(lambda driver: driver.modify_s(dn, found))
    except StoreUnavailableError as error:
        if "Insufficient access" not in str(error):
            raise
        return False
    return True


def test_entries_as_iredmail_makes_them_are_taken(populated: Directory) -> None:
    with Session(populated) as session:
        for dn, attributes in iredmail_entries(populated.tree).items():
            entry = session.find(dn)
            assert entry
            assert {name.lower() for name in entry.attributes} == {name.lower() for name in attributes}


@pytest.mark.parametrize(
    "values",
    [
        {"domainGlobalAdmin": "yes"}, {"accountSetting": "create_new_domains:yes"}, {"disabledService": None},
        {"enabledService": (*SERVICES, "domainadmin")}, {"mailQuota": 0}, {"accountStatus": "disabled"},
        {"allowNets": "0.0.0.0/0"}, {"shadowAddress": "postmaster@a.test"}, {"memberOfGroup": "news@a.test"},
        {"mailForwardingAddress": "me@elsewhere.test"}, {"homeDirectory": "/root/"}, {"mtaTransport": "local"},
        {"userSenderBccAddress": "x@c.test"}, {"userRecipientBccAddress": "x@c.test"}, {"mail": "root@a.test"},
        {"domainStatus": "disabled"}, {"senderRelayHost": "[192.0.2.1]:25"}, {"uid": "root"}, {"title": "Admin"},
        {"objectClass": ("inetOrgPerson", "mailUser", "shadowAccount")}, {"maxMessageSize": 1}, {"employeeNumber": "1"},
    ],
    ids=lambda values: next(iter(values)),
)  # fmt: skip
def test_a_user_can_not_write_what_gives_rights(populated: Directory, values: dict[str, Values]) -> None:
    dn = populated.tree.user("ann@a.test")
    with session_as(populated, dn) as ann:
        assert not may_write(ann, dn, **values)


def test_a_user_writes_the_password_and_the_own_description(populated: Directory) -> None:
    dn = populated.tree.user("ann@a.test")
    with session_as(populated, dn) as ann:
        assert may_write(ann, dn, cn="Ann", sn="Smith", givenName="Ann", telephoneNumber="1")
        assert may_write(ann, dn, userPassword="Other1", shadowLastChange=20778)
    with session_as(populated, dn, "Other1") as ann:
        assert ann.find(dn)


def test_a_user_can_not_write_elsewhere(populated: Directory) -> None:
    tree = populated.tree
    with session_as(populated, tree.user("ann@a.test")) as ann:
        for dn in (tree.user("bob@a.test"), tree.user("cid@b.test"), tree.domain("a.test"), tree.alias("info@a.test")):
            assert not may_write(ann, dn, cn="Mine")
        assert not may_write(ann, tree.domain("a.test"), domainAdmin="ann@a.test")
        assert not may_write(ann, tree.user("bob@a.test"), userPassword="Mine1")
        assert not may_write(ann, tree.admin("boss@c.test"), userPassword="Mine1")
        assert not may_write(ann, tree.writer, userPassword="Mine1")
        changes: tuple[Callable[[], None], ...] = (
            lambda: ann.add(tree.admin("evil@c.test"), {"objectClass": "mailAdmin", "mail": "evil@c.test"}),
            lambda: ann.add(tree.user("evil@a.test"), user("evil@a.test")),
            lambda: ann.rename(tree.user("ann@a.test"), tree.user("root@a.test")),
            lambda: ann.delete(tree.user("bob@a.test")),
        )
        for change in changes:
            change()
            with pytest.raises(StoreUnavailableError, match="Insufficient access"):
                ann.commit()


def test_a_user_reads_the_own_domain_without_what_is_private(populated: Directory) -> None:
    tree = populated.tree
    with session_as(populated, tree.user("ann@a.test")) as ann:
        own = ann.find(tree.user("ann@a.test"))
        bob = ann.find(tree.user("bob@a.test"))
        domain = ann.find(tree.domain("a.test"))
        assert own
        assert bob
        assert domain
        assert "accountSetting" in own
        assert "userPassword" not in own
        assert (bob.text("mail"), bob.text("cn")) == ("bob@a.test", "Jörn Åslund")
        for private in ("userPassword", "domainGlobalAdmin", "disabledService", "mailForwardingAddress", "birthday"):
            assert private not in bob
        assert "domainAdmin" not in domain
        assert ann.count(tree.users("a.test"), filters.equal("domainGlobalAdmin", "yes")) == 0
        assert ann.find(tree.user("cid@b.test")) is None
        assert ann.find(tree.admin("boss@c.test")) is None
        assert ann.count(tree.suffix, filters.ANYTHING, scope="sub") == 0


def test_a_domain_of_a_similar_name_is_another_domain(populated: Directory) -> None:
    with Session(populated) as session:
        for name in ("x.a.test", "x-a.test"):
            add_domain(session, name)
        session.add(populated.tree.user("dot@x.a.test"), user("dot@x.a.test"))
        session.add(populated.tree.user("dash@x-a.test"), user("dash@x-a.test"))
        session.commit()
    with session_as(populated, populated.tree.user("dash@x-a.test")) as dash:
        assert dash.find(populated.tree.user("dash@x-a.test"))
        assert dash.find(populated.tree.user("dot@x.a.test")) is None
        assert dash.find(populated.tree.domain("a.test")) is None


def test_a_listing_that_the_server_cuts_off_is_no_listing(populated: Directory) -> None:
    many = 600  # slapd's own limit is 500
    with Session(populated) as session:
        session.ask(lambda driver: add_many(driver, populated, many))
        assert session.count(populated.tree.aliases("a.test"), filters.ANYTHING) > many
    with session_as(populated, populated.tree.reader, READER_PASSWORD) as reader:
        assert reader.count(populated.tree.aliases("a.test"), filters.ANYTHING) > many
    with (
        session_as(populated, populated.tree.user("ann@a.test")) as ann,
        pytest.raises(StoreUnavailableError, match="limit exceeded"),
    ):
        ann.count(populated.tree.aliases("a.test"), filters.ANYTHING)


def test_a_standalone_admin_writes_nothing_but_the_password(populated: Directory) -> None:
    dn = populated.tree.admin("boss@c.test")
    with session_as(populated, dn) as boss:
        assert boss.find(dn)
        assert not may_write(boss, dn, domainGlobalAdmin="yes")
        assert not may_write(boss, dn, accountSetting=None)
        assert not may_write(boss, populated.tree.domain("a.test"), domainAdmin="boss@c.test")
        assert boss.find(populated.tree.user("ann@a.test")) is None
        assert may_write(boss, dn, userPassword="Other1", shadowLastChange=20778)


def test_the_mail_programs_read_and_do_not_write(populated: Directory) -> None:
    tree = populated.tree
    with session_as(populated, tree.reader, READER_PASSWORD) as reader:
        found = reader.find(tree.user("ann@a.test"))
        assert found
        assert found.text("userPassword") == PASSWORD
        assert not may_write(reader, tree.user("ann@a.test"), cn="x")
        assert not may_write(reader, tree.writer, userPassword="x")


def test_nobody_reads_nothing(populated: Directory) -> None:
    tree = populated.tree
    with Session(populated) as session:
        session.ask(lambda driver: driver.simple_bind_s("", ""))
        for dn in (tree.suffix, tree.domains, tree.domain("a.test"), tree.user("ann@a.test"), tree.reader):
            assert session.find(dn) is None
        session.ask(lambda driver: driver.simple_bind_s(populated.settings.account, populated.settings.password))
