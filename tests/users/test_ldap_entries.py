"""What users are in a directory: the entries that each parameter leaves, and what of others' entries can be read."""

import hashlib
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from postreeve.backends.on_ldap import LdapStorage
from postreeve.domains.store import Removal
from postreeve.errors import Refused
from postreeve.fields import Changes
from postreeve.passwords import hash_password, verify_password
from postreeve.permissions import Rank
from postreeve.settings import Ldap, Settings, SettingsError, Store
from postreeve.storage import sql
from postreeve.storage.directory import filters, names
from postreeve.storage.directory.connections import Connection, Directory, Schema
from postreeve.storage.directory.entries import Entry, Values
from postreeve.storage.directory.names import CONTAINERS
from postreeve.storage.directory.session import Session
from postreeve.storage.tables import ddl, vmail
from postreeve.users.fields import EVERY_USER, USER
from postreeve.users.ldap import LdapUsers
from postreeve.users.store import NewUser, User
from postreeve.values import Address, DomainName
from postreeve.work import ConflictError, Remarks
from tests.directory.conftest import directory_name, filled  # noqa: F401 - fixtures
from tests.directory.test_names import HOSTILE
from tests.site import PASSWORD

HASH = "{SSHA}Vw3Wc/aK8QW7ppwMMzIAiHOcOtjR7fdo"
OTHER_HASH = "{SSHA}DwdDEs6c6DA8sXbVR5koiSgxkmw9HF+m8Iq3MOg="
ANN, BOB = Address("ann@a.test"), Address("bob@a.test")
ROOT = Address("root@admins.test")
MEGABYTE = 2**20
TABLES = (vmail.used_quota, vmail.last_login, vmail.share_folder, vmail.anyone_shares, vmail.deleted_mailboxes)

Snapshot = dict[str, tuple[str, set[str]]]
"""Names and lines of entries, by their lasting identity."""


@dataclass
class World:
    """A directory with users, and the database beside it."""

    directory: Directory
    database: sql.Database
    settings: Settings
    remarks: Remarks = field(default_factory=Remarks)

    def do(self, deed: Callable[[LdapUsers], object]) -> str:
        """Do something in a work of its own, and return what that changed in the directory, as LDIF."""
        before = self.entries()
        with Session(self.directory) as session, sql.Session(self.database, is_autocommit=True) as iredadmin:
            deed(LdapUsers(session, iredadmin, self.settings, self.remarks))
            session.commit()
        return _difference(before, self.entries())

    def create(self, mail: str, quota: int = 0, **parameters: str) -> str:
        return self.do(lambda users: users.create(new_user(Address(mail), quota), given(**parameters)))

    def update(self, mail: str, **parameters: str) -> str:
        def update(users: LdapUsers) -> None:
            users.lock(mail)
            users.update(Address(mail), None, given(**parameters))

        return self.do(update)

    def rename(self, mail: str, new: str) -> str:
        return self.do(lambda users: users.rename(Address(mail), Address(new)))

    def delete(self, mail: str, days: int = 0) -> str:
        return self.do(lambda users: users.delete(Address(mail), Removal(ROOT, days)))

    def find(self, mail: str) -> User | None:
        found: User | None = self.read(lambda users: users.find(mail))
        return found

    def count(self, domains: Collection[str] | None) -> tuple[int, int]:
        """Return the number of users, and the sum of their quotas."""
        return self.read(lambda users: users.count(domains)), self.read(lambda users: users.allocated_quota(domains))

    def read(self, question: Callable[[LdapUsers], Any]) -> Any:
        """Return an answer, without a change."""
        with Session(self.directory) as session, sql.Session(self.database, is_autocommit=True) as iredadmin:
            return question(LdapUsers(session, iredadmin, self.settings, self.remarks))

    def add(self, dn: str, **attributes: Values) -> None:
        """Add an entry, as another program would."""
        with Session(self.directory) as session:
            session.add(dn, attributes)
            session.commit()

    def edit(self, dn: str, **attributes: Values) -> None:
        """Let attributes of an entry hold other values, as another program would."""
        with Session(self.directory) as session:
            for name, values in attributes.items():
                session.edit(dn).replace(name, values)
            session.commit()

    def user(self, mail: str) -> Entry:
        with Session(self.directory) as session:
            entry = session.find(session.tree.user(mail))
            assert entry
            return entry

    def entries(self) -> Snapshot:
        with Session(self.directory) as session:
            above = f",{session.tree.domains}"
            found = session.search(session.tree.domains, filters.ANYTHING, ["*", "entryUUID"], scope="sub")
            return {
                entry.text("entryUUID"): (
                    entry.dn.removesuffix(above),
                    {line.removesuffix(above) for line in _lines(entry) if not line.startswith("entryUUID")},
                )
                for entry in found
            }

    def rows(self, table: str) -> list[dict[str, Any]]:
        with sql.Session(self.database) as session:
            return session.mappings(sql.Statement(lambda _: vmail.VMAIL.tables[table].select()))

    def domain(self, name: str, **attributes: Values) -> None:
        tree = self.directory.tree
        self.add(tree.domain(name), objectClass="mailDomain", domainName=name, accountStatus="active", **attributes)
        for container in CONTAINERS:
            self.add(tree.container(container, name), objectClass="organizationalUnit", ou=container)


def _lines(entry: Entry) -> set[str]:
    lines = {f"{name}: {text}" for name, texts in entry.shown().items() for text in texts}
    today = str(int(time.time()) // 86400)
    lines = {re.sub(r"-\d{4}(\.\d\d){5}/$", "-NOW/", line) for line in lines}
    return {line.replace(today, "TODAY") if line.startswith("shadowLastChange") else line for line in lines}


def _difference(before: Snapshot, after: Snapshot) -> str:
    """Return entries that are new, changed and gone; the values that went and those that came."""
    found: dict[str, list[str]] = {}
    for identity in {*before, *after}:
        (name, old), (new_name, new) = before.get(identity, ("", set())), after.get(identity, ("", set()))
        change = [*(f"-{line}" for line in sorted(old - new)), *(f"+{line}" for line in sorted(new - old))]
        if not new:
            found[name] = [f"delete {name}"]
        elif not old:
            found[new_name] = [f"add {new_name}", *change]
        elif name != new_name:
            found[name] = [f"rename {name}", f"to {new_name}", *change]
        elif change:
            found[name] = [f"modify {name}", *change]
    return "\n".join(line for name in sorted(found) for line in found[name])


@pytest.fixture
def world(filled: Ldap, tmp_path: Path) -> Iterator[World]:  # noqa: F811 - the fixture
    """Ann, in a domain with an alias domain."""
    file = tmp_path / "iredadmin.db"
    file.touch()
    database = sql.Database(Store(engine="sqlite", path=str(file)), 2)
    with sql.Session(database) as session:
        for table in TABLES:
            for statement in ddl.table_statements(table, "sqlite"):
                session.text_execute(statement)
    database.forget_schema()
    with closing(Directory(filled, 2)) as directory:
        world = World(directory, database, Settings())
        world.domain("a.test", domainAliasName="z.test")
        world.domain("b.test")
        world.do(lambda users: users.create(new_user(ANN, quota=10), given()))
        yield world
    database.pool.dispose()


def given(**parameters: str) -> Changes:
    return USER.read({name: [value] for name, value in parameters.items()})


def new_user(mail: Address, quota: int = 0, **values: Any) -> NewUser:
    return NewUser(mail, HASH, quota, "", **values)


def change(world: World, **parameters: str) -> str:
    """Change Ann, and return how her entry is another."""
    return world.update(ANN, **parameters)


def lines(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines())


# New users


def test_a_new_user_is_what_iredmail_makes_of_one(world: World) -> None:
    made = world.do(
        lambda users: users.create(
            NewUser(BOB, HASH, 10, "de_DE"), given(name="Bob Jørn", gn="Bob", sn="Jørn", employeeid="7", mobile="1,2")
        )
    )
    assert made == lines(
        """
        modify domainName=a.test
        -domainCurrentQuotaSize: 10485760
        -domainCurrentUserNumber: 1
        +domainCurrentQuotaSize: 20971520
        +domainCurrentUserNumber: 2
        add mail=bob@a.test,ou=Users,domainName=a.test
        +accountStatus: active
        +amavisLocal: TRUE
        +cn: Bob Jørn
        +employeeNumber: 7
        +enabledService: deliver
        +enabledService: displayedInGlobalAddressBook
        +enabledService: doveadm
        +enabledService: dsync
        +enabledService: forward
        +enabledService: imap
        +enabledService: imapsecured
        +enabledService: imaptls
        +enabledService: indexer-worker
        +enabledService: internal
        +enabledService: lda
        +enabledService: lib-storage
        +enabledService: lmtp
        +enabledService: mail
        +enabledService: managesieve
        +enabledService: managesievesecured
        +enabledService: managesievetls
        +enabledService: pop3
        +enabledService: pop3secured
        +enabledService: pop3tls
        +enabledService: quota-status
        +enabledService: recipientbcc
        +enabledService: senderbcc
        +enabledService: shadowaddress
        +enabledService: sieve
        +enabledService: sievesecured
        +enabledService: sievetls
        +enabledService: smtp
        +enabledService: smtpsecured
        +enabledService: smtptls
        +enabledService: sogo
        +enabledService: sogoactivesync
        +enabledService: sogocalendar
        +enabledService: sogowebmail
        +givenName: Bob
        +homeDirectory: /var/vmail/vmail1/a.test/b/o/b/bob-NOW/
        +mail: bob@a.test
        +mailQuota: 10485760
        +mailboxFolder: Maildir
        +mailboxFormat: maildir
        +mobile: 1
        +mobile: 2
        +objectClass: amavisAccount
        +objectClass: inetOrgPerson
        +objectClass: mailUser
        +objectClass: shadowAccount
        +preferredLanguage: de_DE
        +shadowAddress: bob@z.test
        +shadowLastChange: TODAY
        +sn: Jørn
        +uid: bob
        +userPassword: {SSHA}Vw3Wc/aK8QW7ppwMMzIAiHOcOtjR7fdo
        """
    )


def test_a_user_without_any_parameter_is_called_by_the_local_part_and_has_no_quota(world: World) -> None:
    world.settings = msgspec.structs.replace(world.settings, set_password_change_date_for_new_user=False)
    world.create(BOB)
    bob = world.user("bob@a.test")
    assert (bob.text("cn"), bob.text("sn"), bob.text("uid")) == ("bob", "bob", "bob")
    absent = ("givenName", "mailQuota", "preferredLanguage", "shadowLastChange", "domainStatus", "domainGlobalAdmin")
    assert [name for name in absent if name in bob] == []


def test_a_user_of_a_disabled_domain_is_marked(world: World) -> None:
    world.edit(world.directory.tree.domain("a.test"), accountStatus="disabled")
    world.create(BOB, accountStatus="disabled")
    bob = world.user("bob@a.test")
    assert (bob.texts("domainStatus"), bob.texts("accountStatus")) == (["disabled"], ["disabled"])


def test_a_new_user_lacks_what_the_domain_withholds_and_the_site_switches_off(world: World) -> None:
    world.settings = msgspec.structs.replace(
        world.settings,
        additional_disabled_user_services=["smtp", "deliver", "pop3"],
        additional_enabled_user_services=["pop3"],
    )
    user = new_user(BOB, without_services=["imapsecured", "managesieve"])
    world.do(lambda users: users.create(user, given(addService="vpn", removeService="sogo")))
    ann, bob = (set(world.user(mail).texts("enabledService")) for mail in (ANN, BOB))
    assert ann - bob == {
        "imapsecured", "imaptls", "managesieve", "sieve", "smtp", "deliver", "lda", "lmtp", "sogo"
    }  # fmt: skip
    assert bob - ann == {"vpn"}


def test_a_new_user_becomes_a_member_of_the_default_aliases_and_lists(world: World) -> None:
    tree = world.directory.tree
    for mail in ("all@a.test", "far@b.test"):
        world.add(tree.alias(mail), objectClass="mailAlias", mail=mail)
    for mail, service in (("list@a.test", "mail"), ("list@b.test", "mail"), ("news@a.test", "mlmmj")):
        world.add(
            tree.list(mail), objectClass="mailList", mail=mail, enabledService=service,
            shadowAddress=f"{mail.partition('@')[0]}@z.test",
        )  # fmt: skip
    names = ("all@a.test", "far@b.test", "list@a.test", "list@b.test", "news@a.test", "none@a.test", "ann@a.test")
    made = world.do(lambda users: users.create(new_user(BOB, memberships=names), given()))
    parts = re.split(r"\n(?=add|modify)", made)
    assert "+memberOfGroup: list@a.test\n+memberOfGroup: list@z.test\n+objectClass" in made
    assert "modify mail=all@a.test,ou=Aliases,domainName=a.test\n+mailForwardingAddress: bob@a.test" in parts
    assert "modify mail=far@b.test,ou=Aliases,domainName=b.test\n+mailForwardingAddress: bob@a.test" in parts
    assert [part.partition("\n")[0] for part in parts] == [
        "modify domainName=a.test",
        "modify mail=all@a.test,ou=Aliases,domainName=a.test",
        "add mail=bob@a.test,ou=Users,domainName=a.test",
        "modify mail=far@b.test,ou=Aliases,domainName=b.test",
        "modify mail=list@a.test,ou=Groups,domainName=a.test",
        "add memberOfGroup=list@b.test,ou=Externals,domainName=b.test",
    ]
    assert parts[-2].endswith("+member: mail=bob@a.test,ou=Users,domainName=a.test")
    assert "\n+mail: bob@a.test\n" in parts[-1]


def test_rights_left_under_a_new_users_name_are_not_inherited(world: World) -> None:
    world.edit(world.directory.tree.domain("b.test"), domainAdmin=["bob@a.test", "other@x.test"])
    made = world.create(BOB)
    assert "modify domainName=b.test\n-domainAdmin: bob@a.test\nadd" in made


def test_a_domain_without_its_container_gets_it_with_the_first_user(world: World) -> None:
    tree = world.directory.tree
    world.add(tree.domain("half.test"), objectClass="mailDomain", domainName="half.test", accountStatus="active")
    mail = Address("ann@half.test")
    world.create(mail)
    world.delete(mail, 0)
    assert world.user(ANN)


# Parameters


@pytest.mark.parametrize(
    ("parameters", "came", "clearing", "went"),
    [
        ({"name": "Ann"}, "-cn: ann\n+cn: Ann", {"name": ""}, "-cn: Ann\n+cn: ann"),
        ({"cn": "Äpfel, +Birnen"}, "-cn: ann\n+cn: Äpfel, +Birnen", {"name": ""}, None),
        ({"gn": "Ann"}, "+givenName: Ann", {"gn": ""}, "-givenName: Ann"),
        ({"sn": "Nuß"}, "-sn: ann\n+sn: Nuß", {"sn": ""}, "-sn: Nuß\n+sn: ann"),
        ({"quota": "20"}, "-mailQuota: 10485760\n+mailQuota: 20971520", {"quota": "0"}, "-mailQuota: 20971520"),
        ({"language": "de_DE"}, "+preferredLanguage: de_DE", {"language": ""}, "-preferredLanguage: de_DE"),
        ({"employeeid": "ä 7"}, "+employeeNumber: ä 7", {"employeeid": ""}, "-employeeNumber: ä 7"),
        ({"transport": "lmtp:x"}, "+mtaTransport: lmtp:x", {"transport": ""}, "-mtaTransport: lmtp:x"),
        (
            {"accountStatus": "disabled"}, "-accountStatus: active\n+accountStatus: disabled",
            {"accountStatus": "active"}, "-accountStatus: disabled\n+accountStatus: active",
        ),
        (
            {"isGlobalAdmin": "yes"}, "+domainGlobalAdmin: yes\n+enabledService: domainadmin",
            {"isGlobalAdmin": "no"}, "-domainGlobalAdmin: yes\n-enabledService: domainadmin",
        ),
        (
            {"forwarding": "X@x.test,ann@a.test"},
            "+mailForwardingAddress: ann@a.test\n+mailForwardingAddress: x@x.test",
            {"forwarding": ""}, "-mailForwardingAddress: ann@a.test\n-mailForwardingAddress: x@x.test",
        ),
        (
            {"addForwarding": "x@x.test"}, "+mailForwardingAddress: ann@a.test\n+mailForwardingAddress: x@x.test",
            {"removeForwarding": "ann@a.test"}, "-mailForwardingAddress: ann@a.test",
        ),
        (
            {"forwarding": "x@x.test"}, "+mailForwardingAddress: x@x.test",
            {"removeForwarding": "x@x.test"}, "-mailForwardingAddress: x@x.test",
        ),
        ({"senderBcc": "x@x.test"}, "+userSenderBccAddress: x@x.test", {"senderBcc": ""}, None),
        (
            {"recipientBcc": "x@x.test"}, "+userRecipientBccAddress: x@x.test",
            {"recipientBcc": ""}, "-userRecipientBccAddress: x@x.test",
        ),
        (
            {"aliases": "s@a.test,t@z.test"}, "+shadowAddress: s@a.test\n+shadowAddress: t@z.test",
            {"aliases": ""}, "-shadowAddress: s@a.test\n-shadowAddress: t@z.test",
        ),
        ({"addAlias": "s@a.test"}, "+shadowAddress: s@a.test", {"removeAlias": "s@a.test"}, "-shadowAddress: s@a.test"),
        ({"addService": "vpn,VPN"}, "+enabledService: vpn", {"removeService": "Vpn"}, "-enabledService: vpn"),
        (
            {"removeService": "managesieve"}, "-enabledService: managesieve\n-enabledService: sieve",
            {"addService": "managesieve"}, "+enabledService: managesieve\n+enabledService: sieve",
        ),
        (
            {"removeService": "deliver"},
            "-enabledService: deliver\n-enabledService: lda\n-enabledService: lmtp",
            {"addService": "deliver"}, None,
        ),
        (
            {"mailboxFormat": "mdbox"}, "-mailboxFormat: maildir\n+mailboxFormat: mdbox",
            {"mailboxFormat": "maildir"}, None,
        ),
        (
            {"mailboxFolder": "Mail"}, "-mailboxFolder: Maildir\n+mailboxFolder: Mail",
            {"mailboxFolder": "Maildir"}, None,
        ),
        (
            {"maildir": "/var/vmail/vmail1/Old/Ann"},
            "-homeDirectory: /var/vmail/vmail1/a.test/a/n/n/ann-NOW/\n+homeDirectory: /var/vmail/vmail1/old/ann/",
            {"maildir": ""}, None,
        ),
        (
            {"telephoneNumber": "+49 (1) 2/3-4, 88"}, "+telephoneNumber: +49 (1) 2/3-4\n+telephoneNumber: 88",
            {"telephoneNumber": "88"}, "-telephoneNumber: +49 (1) 2/3-4",
        ),
        ({"mobile": "12345678,88888888"}, "+mobile: 12345678\n+mobile: 88888888", {"mobile": ""}, None),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)  # fmt: skip
def test_each_parameter_is_written_and_cleared(
    world: World, parameters: Mapping[str, str], came: str, clearing: Mapping[str, str], went: str | None
) -> None:
    before = world.entries()
    changed = change(world, **parameters)
    assert _of_ann(changed) == came
    assert change(world, **parameters) == ""
    if clearing == {"maildir": ""}:
        return
    cleared = change(world, **clearing)
    if went is None:
        assert _difference(before, world.entries()) == ""
    else:
        assert _of_ann(cleared) == went


def _of_ann(text: str) -> str:
    """Return the lines about Ann's entry; a quota changes the domain's sum as well."""
    return "\n".join(line for line in text.splitlines() if line[0] in "+-" and "domainCurrentQuotaSize" not in line)


def test_a_reset_of_services_leaves_dovecots_own_and_an_admins_login(world: World) -> None:
    change(world, isGlobalAdmin="yes")
    change(world, services="mail,imap,deliver,sogo,vpn")
    assert sorted(world.user(ANN).texts("enabledService")) == [
        "deliver", "domainadmin", "doveadm", "dsync", "imap", "indexer-worker", "internal", "lda", "lib-storage",
        "lmtp", "mail", "quota-status", "sogo", "sogoactivesync", "sogocalendar", "sogowebmail", "vpn",
    ]  # fmt: skip
    change(world, services="", isGlobalAdmin="no")
    kept = ["doveadm", "dsync", "indexer-worker", "internal", "lib-storage", "quota-status"]
    assert sorted(world.user(ANN).texts("enabledService")) == kept


@pytest.mark.parametrize(
    ("parameter", "service"),
    [
        ("addForwarding", "forward"), ("senderBcc", "senderbcc"), ("recipientBcc", "recipientbcc"),
        ("addAlias", "shadowaddress"),
    ],
)  # fmt: skip
def test_a_value_brings_the_service_that_it_needs_unless_that_is_off(
    world: World, parameter: str, service: str
) -> None:
    change(world, services="mail")
    assert f"+enabledService: {service}" in change(world, **{parameter: "x@a.test"})
    change(world, removeService=service)
    assert "enabledService" not in change(world, removeService=service, **{parameter: "y@a.test"})
    assert "enabledService" not in change(world, services="mail", **{parameter: "y@a.test"})
    world.edit(world.directory.tree.user(ANN), disabledService=service.upper())
    assert "enabledService" not in change(world, **{parameter: "z@a.test"})


def test_who_still_administers_a_domain_keeps_the_login(world: World) -> None:
    change(world, isGlobalAdmin="yes")
    world.edit(world.directory.tree.domain("b.test"), domainAdmin="Ann@a.test")
    assert _of_ann(change(world, isGlobalAdmin="no")) == "-domainGlobalAdmin: yes"
    assert world.read(lambda users: users.rank(ANN)) == Rank(False, frozenset({DomainName("b.test")}))
    assert world.read(lambda users: users.rank(BOB)) == Rank()


def test_own_names_in_alias_domains_are_no_alias_addresses(world: World) -> None:
    assert world.read(lambda users: users.aliases(ANN)) == set()
    change(world, aliases="s@a.test,ann@z.test")
    assert world.read(lambda users: users.aliases(ANN)) == {"s@a.test"}
    change(world, aliases="")
    assert world.user(ANN).texts("shadowAddress") == ["ann@z.test"]


def test_an_update_touches_nothing_that_other_programs_keep_in_the_entry(world: World) -> None:
    strange: dict[str, Values] = {
        "jpegPhoto": bytes(range(256)), "accountSetting": ["timezone:GMT+08:00", "strange:a:b"], "title": ["a", "b"],
        "memberOfGroup": "list@a.test", "description": "kept", "allowNets": "192.0.2.1",
    }  # fmt: skip
    world.edit(world.directory.tree.user(ANN), **strange)
    every = {
        "name": "Ann", "gn": "A", "sn": "N", "quota": "9", "language": "de_DE", "employeeid": "1", "mobile": "1",
        "telephoneNumber": "1", "transport": "x:", "forwarding": "x@x.test", "senderBcc": "x@x.test",
        "recipientBcc": "x@x.test", "aliases": "s@a.test", "services": "mail", "mailboxFormat": "sdbox",
        "mailboxFolder": "M", "maildir": "/var/vmail/vmail1/x", "isGlobalAdmin": "yes", "accountStatus": "disabled",
    }  # fmt: skip
    change(world, **every)
    ann = world.user(ANN)
    assert {name: sorted(ann.octets(name)) for name in strange} == {
        "jpegPhoto": [bytes(range(256))], "accountSetting": [b"strange:a:b", b"timezone:GMT+08:00"],
        "title": [b"a", b"b"], "memberOfGroup": [b"list@a.test"], "description": [b"kept"],
        "allowNets": [b"192.0.2.1"],
    }  # fmt: skip


@pytest.mark.parametrize("parameter", ["telephoneNumber", "mobile"])
def test_a_telephone_number_that_slapd_does_not_take_is_refused(world: World, parameter: str) -> None:
    before = world.entries()
    for number in ("Ä1", "1;2", "*7"):
        with pytest.raises(Refused, match="INVALID_VALUE"):
            change(world, **{parameter: number})
    assert _difference(before, world.entries()) == ""


def test_a_path_that_is_holds_or_lies_in_anothers_is_refused(world: World) -> None:
    change(world, maildir="/var/vmail/vmail1/old/ann")
    world.create(BOB)
    world.add(
        world.directory.tree.user("older@b.test"), objectClass=("inetOrgPerson", "mailUser"), mail="older@b.test",
        uid="x", cn="x", sn="x", storageBaseDirectory="/var/vmail/vmail1", mailMessageStore="B.test/Older/",
    )  # fmt: skip
    for path in ("old/ann", "old", "old/ann/x", "b.test/older", "b.test"):
        with pytest.raises(Refused, match="ALREADY_EXISTS"):
            world.update(BOB, maildir=f"/var/vmail/vmail1/{path}")
    with pytest.raises(Refused, match="INVALID_VALUE"):
        world.update(BOB, maildir="/etc/passwd")
    world.update(BOB, maildir="/var/vmail/vmail1/old/anna")
    assert world.user(BOB).texts("homeDirectory") == ["/var/vmail/vmail1/old/anna/"]


def test_what_an_older_server_has_no_attribute_for_is_ignored_and_named(world: World) -> None:
    known = world.directory.schema
    lacking = {"mailboxfolder", "mailboxformat"}
    world.directory.__dict__["schema"] = Schema(known.attributes - lacking, known.classes, known.exact)
    assert _of_ann(change(world, mailboxFolder="M", mailboxFormat="sdbox", name="A")) == "-cn: ann\n+cn: A"
    assert world.remarks.ignored == ["mailboxFormat", "mailboxFolder"]
    world.create(BOB)
    assert "mailboxFolder" not in world.user(BOB)


# Passwords


def test_a_new_password_replaces_all_others_and_is_dated(world: World) -> None:
    world.edit(world.directory.tree.user(ANN), userPassword=[HASH, "second"], shadowLastChange=1)
    assert world.do(lambda users: users.update(ANN, OTHER_HASH, given())) == lines(
        f"""
        modify mail=ann@a.test,ou=Users,domainName=a.test
        -shadowLastChange: 1
        -userPassword: second
        -userPassword: {HASH}
        +shadowLastChange: TODAY
        +userPassword: {OTHER_HASH}
        """
    )


@pytest.mark.parametrize(
    ("scheme", "prefix", "stored_prefix"),
    [
        ("SSHA512", "{SSHA512}", "{SSHA512}"), ("SSHA", "{SSHA}", "{SSHA}"), ("BCRYPT", "{CRYPT}", "{CRYPT}$2b$"),
        ("BCRYPT", "{BLF-CRYPT}", "{CRYPT}$2b$"), ("SHA512-CRYPT", "{SHA512-CRYPT}", "{CRYPT}$6$"),
        ("SHA512-CRYPT", "{CRYPT}", "{CRYPT}$6$"), ("PLAIN", "{PLAIN}", "{SSHA}"), ("MD5", "{PLAIN-MD5}", "{MD5}"),
        ("SHA1", "{SHA1.HEX}", "{SHA}"),
    ],
)  # fmt: skip
def test_whoever_has_a_hash_can_log_in_to_the_directory(
    world: World, scheme: Any, prefix: str, stored_prefix: str
) -> None:
    own = {
        "PLAIN": PASSWORD, "MD5": hashlib.md5(PASSWORD.encode()).hexdigest(),  # noqa: S324 - as it is
        "SHA1": hashlib.sha1(PASSWORD.encode()).hexdigest(),  # noqa: S324
    }  # fmt: skip
    hashed = own.get(scheme) or hash_password(PASSWORD, scheme).partition("}")[2]
    world.do(lambda users: users.update(ANN, prefix + hashed, given()))
    assert world.user(ANN).text("userPassword").startswith(stored_prefix)
    stored = world.read(lambda users: users.require(ANN)).password
    assert (verify_password(PASSWORD, stored), verify_password("secret", stored)) == (True, False)
    log_in(world, ANN)


def log_in(world: World, mail: str) -> None:
    """Log in to the directory as a user, as Dovecot and Roundcube do."""
    settings = world.directory.settings
    Connection(msgspec.structs.replace(settings, bind_dn=world.directory.tree.user(mail), password=PASSWORD)).close()


@pytest.mark.parametrize("scheme", ["ARGON2ID", "PBKDF2"])
def test_a_hash_with_which_nobody_could_log_in_is_refused(world: World, scheme: Any) -> None:
    hashed = hash_password(PASSWORD, scheme)
    before = world.entries()
    for deed in (
        lambda users: users.update(ANN, hashed, given()),
        lambda users: users.update_all(DomainName("a.test"), (), hashed, given()),
        lambda users: users.create(NewUser(BOB, hashed, 0, ""), given()),
    ):
        with pytest.raises(Refused, match="INVALID_PASSWORD_SCHEME"):
            world.do(deed)
    assert _difference(before, world.entries()) == ""


def test_an_installation_does_not_start_with_such_a_scheme(filled: Ldap) -> None:  # noqa: F811 - the fixture
    with pytest.raises(SettingsError, match="one of SSHA512, SSHA, BCRYPT, SHA512-CRYPT"):
        LdapStorage(Settings(ldap=filled, default_password_scheme="ARGON2ID"))


# All users of a domain


def test_all_users_of_a_domain_change_but_those_that_are_spared(world: World) -> None:
    for local in ("bob", "cat"):
        world.create(f"{local}@a.test")
    world.create("far@b.test")
    world.edit(world.directory.tree.user("ann@a.test"), shadowLastChange=1)
    catch_all(world, "a.test")
    changes = EVERY_USER.read({"accountStatus": ["disabled"], "language": ["de_DE"], "transport": ["x:"]})
    domain = DomainName("a.test")
    assert world.do(lambda users: users.update_all(domain, ["bob@a.test"], OTHER_HASH, changes)) == lines(
        f"""
        modify mail=ann@a.test,ou=Users,domainName=a.test
        -accountStatus: active
        -shadowLastChange: 1
        -userPassword: {HASH}
        +accountStatus: disabled
        +mtaTransport: x:
        +preferredLanguage: de_DE
        +shadowLastChange: TODAY
        +userPassword: {OTHER_HASH}
        modify mail=cat@a.test,ou=Users,domainName=a.test
        -accountStatus: active
        -userPassword: {HASH}
        +accountStatus: disabled
        +mtaTransport: x:
        +preferredLanguage: de_DE
        +userPassword: {OTHER_HASH}
        """
    )
    assert world.read(lambda users: users.addresses("a.test", only_disabled=True)) == ["ann@a.test", "cat@a.test"]
    assert world.read(lambda users: users.addresses("a.test")) == ["ann@a.test", "bob@a.test", "cat@a.test"]


def catch_all(world: World, domain: str) -> None:
    world.add(
        world.directory.tree.catch_all(domain), objectClass=("inetOrgPerson", "mailUser"), mail=f"@{domain}",
        uid="catchall", cn="Catch-all account", sn="Catch-all account", accountStatus="active",
        mailForwardingAddress="ann@a.test",
    )  # fmt: skip


# Renaming and deleting


@pytest.fixture
def named(world: World) -> World:
    """Ann stands in every place where an address may stand."""
    tree = world.directory.tree
    change(world, forwarding="ann@a.test,x@x.test", aliases="s@a.test,anna@a.test")
    world.edit(
        tree.domain("b.test"), domainAdmin=["ann@a.test", "anna@a.test"], domainSenderBccAddress="Ann@a.test",
        domainRecipientBccAddress="ann@a.test",
    )  # fmt: skip
    world.create(BOB, senderBcc="ann@a.test", recipientBcc="ann@a.test")
    world.update(BOB, forwarding="ann@a.test,bann@a.test")
    catch_all(world, "a.test")
    world.add(
        tree.alias("all@b.test"), objectClass="mailAlias", mail="all@b.test",
        mailForwardingAddress=["ann@a.test", "x@x.test"], listModerator="ann@a.test",
    )  # fmt: skip
    world.add(
        tree.list("list@a.test"), objectClass="mailList", mail="list@a.test", listOwner="ann@a.test",
        listModerator=["ann@a.test", "x@x.test"], listAllowedUser=["ann@a.test", "*@a.test"],
        member=[tree.user("ann@a.test"), tree.user("bob@a.test")],
    )  # fmt: skip
    world.add(
        tree.external("list@b.test"), objectClass="mailExternalUser", memberOfGroup="list@b.test",
        mail=["ann@a.test", "x@x.test"],
    )  # fmt: skip
    for table, values in (
        (vmail.used_quota, {"username": "ann@a.test", "bytes": 4096, "messages": 3, "domain": "a.test"}),
        (vmail.last_login, {"username": "ann@a.test", "domain": "a.test", "imap": 86400, "pop3": 3600}),
        (vmail.share_folder, {"from_user": "ann@a.test", "to_user": "bob@a.test"}),
        (vmail.share_folder, {"from_user": "bob@a.test", "to_user": "ann@a.test"}),
        (vmail.anyone_shares, {"from_user": "ann@a.test"}),
    ):
        with sql.Session(world.database, is_autocommit=True) as session:
            session.insert(table, values)
    return world


def test_a_renamed_user_is_renamed_wherever_the_address_stands(named: World) -> None:
    assert named.rename(ANN, Address("anna@a.test")) == lines(
        """
        modify domainName=b.test
        -domainAdmin: ann@a.test
        -domainRecipientBccAddress: ann@a.test
        -domainSenderBccAddress: Ann@a.test
        +domainRecipientBccAddress: anna@a.test
        +domainSenderBccAddress: anna@a.test
        modify mail=@a.test,ou=Users,domainName=a.test
        -mailForwardingAddress: ann@a.test
        +mailForwardingAddress: anna@a.test
        modify mail=all@b.test,ou=Aliases,domainName=b.test
        -listModerator: ann@a.test
        -mailForwardingAddress: ann@a.test
        +listModerator: anna@a.test
        +mailForwardingAddress: anna@a.test
        rename mail=ann@a.test,ou=Users,domainName=a.test
        to mail=anna@a.test,ou=Users,domainName=a.test
        -mail: ann@a.test
        -mailForwardingAddress: ann@a.test
        -shadowAddress: ann@z.test
        -shadowAddress: anna@a.test
        -uid: ann
        +mail: anna@a.test
        +mailForwardingAddress: anna@a.test
        +shadowAddress: anna@z.test
        +uid: anna
        modify mail=bob@a.test,ou=Users,domainName=a.test
        -mailForwardingAddress: ann@a.test
        -userRecipientBccAddress: ann@a.test
        -userSenderBccAddress: ann@a.test
        +mailForwardingAddress: anna@a.test
        +userRecipientBccAddress: anna@a.test
        +userSenderBccAddress: anna@a.test
        modify mail=list@a.test,ou=Groups,domainName=a.test
        -listAllowedUser: ann@a.test
        -listModerator: ann@a.test
        -listOwner: ann@a.test
        -member: mail=ann@a.test,ou=Users,domainName=a.test
        +listAllowedUser: anna@a.test
        +listModerator: anna@a.test
        +listOwner: anna@a.test
        +member: mail=anna@a.test,ou=Users,domainName=a.test
        modify memberOfGroup=list@b.test,ou=Externals,domainName=b.test
        -mail: ann@a.test
        +mail: anna@a.test
        """
    )
    assert named.rows("used_quota") == [
        {"username": "anna@a.test", "bytes": 4096, "messages": 3, "domain": "a.test"}
    ]  # fmt: skip
    [login] = named.rows("last_login")
    assert (login["username"], login["domain"], login["imap"]) == ("anna@a.test", "a.test", 86400)
    assert {(row["from_user"], row["to_user"]) for row in named.rows("share_folder")} == {
        ("anna@a.test", "bob@a.test"), ("bob@a.test", "anna@a.test"),
    }  # fmt: skip
    assert [row["from_user"] for row in named.rows("anyone_shares")] == ["anna@a.test"]


def test_a_user_moves_to_another_domain_with_what_depends_on_it(world: World) -> None:
    change(world, aliases="s@a.test", forwarding="ann@a.test,x@x.test")
    world.edit(world.directory.tree.domain("b.test"), accountStatus="disabled", domainAliasName=["y.test", "w.test"])
    assert world.rename(ANN, Address("ann@b.test")) == lines(
        """
        modify domainName=a.test
        -domainCurrentQuotaSize: 10485760
        -domainCurrentUserNumber: 1
        +domainCurrentQuotaSize: 0
        +domainCurrentUserNumber: 0
        modify domainName=b.test
        +domainCurrentQuotaSize: 10485760
        +domainCurrentUserNumber: 1
        rename mail=ann@a.test,ou=Users,domainName=a.test
        to mail=ann@b.test,ou=Users,domainName=b.test
        -mail: ann@a.test
        -mailForwardingAddress: ann@a.test
        -shadowAddress: ann@z.test
        +domainStatus: disabled
        +mail: ann@b.test
        +mailForwardingAddress: ann@b.test
        +shadowAddress: ann@w.test
        +shadowAddress: ann@y.test
        """
    )
    before = world.entries()
    world.edit(world.directory.tree.domain("b.test"), accountStatus="active")
    world.rename("ann@b.test", ANN)
    assert "-domainStatus: disabled" in _difference(before, world.entries())


def test_a_deleted_user_is_forgotten_wherever_the_address_stands(named: World) -> None:
    assert named.delete(ANN, 7) == lines(
        """
        modify domainName=a.test
        -domainCurrentQuotaSize: 10485760
        -domainCurrentUserNumber: 2
        +domainCurrentQuotaSize: 0
        +domainCurrentUserNumber: 1
        modify domainName=b.test
        -domainAdmin: ann@a.test
        -domainRecipientBccAddress: ann@a.test
        -domainSenderBccAddress: Ann@a.test
        modify mail=@a.test,ou=Users,domainName=a.test
        -mailForwardingAddress: ann@a.test
        modify mail=all@b.test,ou=Aliases,domainName=b.test
        -listModerator: ann@a.test
        -mailForwardingAddress: ann@a.test
        delete mail=ann@a.test,ou=Users,domainName=a.test
        modify mail=bob@a.test,ou=Users,domainName=a.test
        -mailForwardingAddress: ann@a.test
        -userRecipientBccAddress: ann@a.test
        -userSenderBccAddress: ann@a.test
        modify mail=list@a.test,ou=Groups,domainName=a.test
        -listAllowedUser: ann@a.test
        -listModerator: ann@a.test
        -listOwner: ann@a.test
        -member: mail=ann@a.test,ou=Users,domainName=a.test
        modify memberOfGroup=list@b.test,ou=Externals,domainName=b.test
        -mail: ann@a.test
        """
    )
    [row] = named.rows("deleted_mailboxes")
    assert re.fullmatch(r"/var/vmail/vmail1/a.test/a/n/n/ann-[\d.]{19}/", row.pop("maildir"))
    del row["id"], row["timestamp"]
    assert row == {
        "username": "ann@a.test", "domain": "a.test", "bytes": 4096, "messages": 3, "admin": "root@admins.test",
        "delete_date": f"{datetime.now(UTC) + timedelta(days=7):%Y-%m-%d}",
    }  # fmt: skip
    assert [named.rows(table) for table in ("used_quota", "last_login", "share_folder", "anyone_shares")] == [[]] * 4


def test_a_mailbox_that_is_kept_for_ever_has_no_date_and_an_old_path_counts(world: World) -> None:
    world.edit(
        world.directory.tree.user(ANN), homeDirectory=None, storageBaseDirectory="/var/vmail", mailMessageStore="a/ann/"
    )
    world.delete(ANN, 0)
    [row] = world.rows("deleted_mailboxes")
    assert (row["maildir"], row["delete_date"], row["bytes"]) == ("/var/vmail/a/ann/", None, 0)


@pytest.mark.parametrize("deed", ["delete", "rename"])
def test_where_a_user_is_gone_before_the_end_nothing_is_changed_and_nothing_recorded(named: World, deed: str) -> None:
    """Another program deletes the entry between the reading and the end of the work."""
    with Session(named.directory) as session, sql.Session(named.database, is_autocommit=True) as iredadmin:
        users = LdapUsers(session, iredadmin, named.settings, named.remarks)
        if deed == "delete":
            users.delete(ANN, Removal(ROOT, 7))
        else:
            users.rename(ANN, Address("anna@a.test"))
        with Session(named.directory) as other:
            other.delete(other.tree.user(ANN))
            other.commit()
        before, rows = named.entries(), named.rows("used_quota")
        with pytest.raises(ConflictError):
            session.commit()
    assert _difference(before, named.entries()) == ""
    assert (named.rows("deleted_mailboxes"), named.rows("used_quota")) == ([], rows)


def test_what_fails_after_the_deletion_takes_the_record_back(named: World) -> None:
    before = named.entries()
    with Session(named.directory) as session, sql.Session(named.database, is_autocommit=True) as iredadmin:
        LdapUsers(session, iredadmin, named.settings, named.remarks).delete(ANN, Removal(ROOT, 7))
        session.delete(session.tree.user("nobody@a.test"))
        with pytest.raises(ConflictError):
            session.commit()
    assert named.rows("deleted_mailboxes") == []
    assert dict(named.entries().values()) == dict(before.values())


# Reading


def test_a_profile_is_the_entry_with_lists_and_what_else_is_known(named: World) -> None:
    tree = named.directory.tree
    world = named
    world.add(tree.list("team@a.test"), objectClass="mailList", mail="team@a.test", enabledService="mail")
    world.edit(
        tree.user(ANN), memberOfGroup=["team@a.test", "team@z.test", "gone@a.test"],
        accountSetting=["create_max_domains:5", "timezone:GMT+08:00", "strange:a:b", "word"],
    )  # fmt: skip
    [profile] = world.read(lambda users: list(users.profiles(["ann@a.test", "nobody@a.test"])))
    assert {name: profile[name] for name in ("mail", "uid", "mailQuota", "accountStatus", "objectClass")} == {
        "mail": ["ann@a.test"], "uid": ["ann"], "mailQuota": ["10485760"], "accountStatus": ["active"],
        "objectClass": ["inetOrgPerson", "mailUser", "shadowAccount", "amavisAccount"],
    }  # fmt: skip
    assert profile["accountSetting"] == {
        "create_max_domains": 5, "timezone": "GMT+08:00", "strange": "a:b", "word": "",
    }  # fmt: skip
    extras = (
        "forwardings", "aliases", "mailing_aliases", "mailing_lists", "managed_domains", "stored_bytes",
        "stored_messages", "last_login",
    )  # fmt: skip
    assert {name: profile[name] for name in extras} == {
        "forwardings": ["ann@a.test", "x@x.test"], "aliases": ["anna@a.test", "s@a.test"],
        "mailing_aliases": ["all@b.test"], "mailing_lists": ["list@b.test", "team@a.test"],
        "managed_domains": ["b.test"], "stored_bytes": 4096, "stored_messages": 3,
        "last_login": "1970-01-02 00:00:00",
    }  # fmt: skip
    attributes = [value for name, value in profile.items() if name not in {*extras, "accountSetting"}]
    assert all(isinstance(text, str) for texts in attributes for text in texts)


def test_profiles_come_in_the_order_in_which_they_are_wanted(world: World) -> None:
    for mail in ("bob@a.test", "cat@b.test"):
        world.create(mail)
    wanted = ["cat@b.test", "ann@a.test", "bob@a.test"]
    found = world.read(lambda users: list(users.profiles(wanted)))
    assert [profile["mail"] for profile in found] == [[mail] for mail in wanted]
    assert found[0] | {"mail": [], "stored_bytes": 0} == found[0] | {"mail": []}
    assert [(each["forwardings"], each["last_login"]) for each in found] == [([mail], "") for mail in wanted]


def test_a_profile_does_without_tables_that_are_not_there(named: World) -> None:
    with sql.Session(named.database) as session:
        for table in TABLES:
            session.text_execute(f"DROP TABLE {table.name}")
    named.database.forget_schema()
    [profile] = named.read(lambda users: list(users.profiles(["ann@a.test"])))
    assert (profile["stored_bytes"], profile["stored_messages"], profile["last_login"]) == (0, 0, "")
    named.rename(ANN, Address("anna@a.test"))
    named.delete(Address("anna@a.test"), 1)
    assert named.read(lambda users: users.addresses("a.test")) == ["bob@a.test"]


def test_entries_that_other_programs_left_half_finished_are_read_as_far_as_they_can_be(world: World) -> None:
    tree = world.directory.tree
    bare = {"objectClass": ("inetOrgPerson", "mailUser"), "cn": "x", "sn": "x", "uid": "x"}
    world.add(tree.user("bare@a.test"), **bare, mail=["bare@a.test"])
    world.add(
        tree.user("Odd@a.test"), **bare, mail=["second@b.test", "Odd@a.test"], accountStatus="ACTIVE",
        userPassword=["{NOTHING}x", "plain", HASH], mailQuota=-1, domainGlobalAdmin="YES",
        shadowAddress=["ODD@Z.test", "S@a.test"], mailForwardingAddress="ODD@a.test",
    )  # fmt: skip
    world.add(tree.user("small@a.test"), **bare, mail="small@a.test", mailQuota=1)
    world.add(tree.user("person@a.test"), objectClass="inetOrgPerson", mail="person@a.test", cn="x", sn="x")
    assert {mail: world.find(f"{mail}@a.test") for mail in ("bare", "odd", "small", "person")} == {
        "bare": User(Address("bare@a.test"), False, False, 0, ""),
        "odd": User(Address("odd@a.test"), True, True, 0, "{PLAIN}plain"),
        "small": User(Address("small@a.test"), False, False, 1, ""),
        "person": None,
    }
    mails = ["ann@a.test", "bare@a.test", "odd@a.test", "small@a.test"]
    assert world.read(lambda users: users.addresses("a.test")) == mails
    assert world.read(lambda users: users.global_admins("a.test")) == {"odd@a.test"}
    assert world.read(lambda users: users.aliases("odd@a.test")) == {"s@a.test"}
    found = world.read(lambda users: list(users.profiles(mails)))
    assert [profile["mail"] for profile in found] == [
        [*mails[:1]],
        ["bare@a.test"],
        ["odd@a.test", "second@b.test"],
        mails[3:],
    ]
    assert (found[2]["forwardings"], found[2]["aliases"]) == (["odd@a.test"], ["s@a.test"])
    for mail in mails:
        world.update(mail, name="A", quota="1", aliases="")
        world.rename(mail, f"new{mail}")
        world.delete(f"new{mail}")
    assert world.read(lambda users: users.addresses("a.test")) == []


def test_what_is_no_user_is_refused(world: World) -> None:
    catch_all(world, "a.test")
    nobody = Address("nobody@a.test")
    deeds: list[Callable[[LdapUsers], object]] = [
        lambda users: users.require(nobody),
        lambda users: users.lock(nobody),
        lambda users: users.update(nobody, None, given(name="x")),
        lambda users: users.rename(nobody, BOB),
        lambda users: users.delete(nobody, Removal(ROOT, 0)),
        lambda users: users.require("nobody@nowhere.test"),
    ]
    for deed in deeds:
        with pytest.raises(Refused, match="NO_SUCH_ACCOUNT"):
            world.do(deed)
    assert world.read(lambda users: users.find("nobody@nowhere.test")) is None
    assert world.read(lambda users: users.addresses("nowhere.test")) == []


@pytest.mark.parametrize(
    "text", [*(text for text in HOSTILE if text.isascii() and text.strip()), ',+"\\<>;#*()=', "#a&b", "a\\2ab"]
)
def test_odd_names_are_like_all_others(world: World, text: str) -> None:
    odd, other = Address(f"{text}@a.test".lower()), Address(f"new{text}@b.test".lower())
    world.add(
        world.directory.tree.list("list@a.test"), objectClass="mailList", mail="list@a.test", listOwner=odd,
        member=world.directory.tree.user(odd),
    )  # fmt: skip
    world.create(odd, 1, forwarding="x@x.test")
    world.update(odd, name="Odd", addForwarding="y@x.test")
    assert world.read(lambda users: users.addresses("a.test")) == sorted(["ann@a.test", odd])
    world.edit(world.directory.tree.user(ANN), mailForwardingAddress=odd)
    [profile] = world.read(lambda users: list(users.profiles([odd])))
    assert (profile["cn"], profile["mail"], profile["forwardings"]) == (["Odd"], [odd], ["x@x.test", "y@x.test"])
    world.rename(odd, other)
    assert world.user(ANN).texts("mailForwardingAddress") == [other]
    with Session(world.directory) as session:
        entry = session.find(session.tree.list("list@a.test"))
        assert entry
        assert (entry.texts("listOwner"), list(map(names.key, entry.texts("member")))) == (
            [other], [names.key(session.tree.user(other))],
        )  # fmt: skip
    world.delete(other, 0)
    assert world.user(ANN).texts("mailForwardingAddress") == []
    assert [row["username"] for row in world.rows("deleted_mailboxes")] == [other]


def test_users_and_quotas_are_counted_without_catch_alls(world: World) -> None:
    catch_all(world, "a.test")
    for mail, quota in (("bob@a.test", 5), ("cat@b.test", 0), ("dan@b.test", 7)):
        world.create(mail, quota)
    counted = {
        name: world.count(name) for name in [("a.test",), ("b.test",), ("a.test", "b.test"), (), ("x.test",), None]
    }
    assert counted == {
        ("a.test",): (2, 15), ("b.test",): (2, 7), ("a.test", "b.test"): (4, 22), (): (0, 0),
        ("x.test",): (0, 0), None: (4, 22),
    }  # fmt: skip


@pytest.mark.parametrize("told", [{}, {"domainCurrentUserNumber": 99}, {"domainCurrentQuotaSize": "nonsense"}])
def test_counters_that_tell_nothing_are_counted_again(world: World, told: Mapping[str, Values]) -> None:
    world.edit(
        world.directory.tree.domain("a.test"),
        **{"domainCurrentUserNumber": None, "domainCurrentQuotaSize": None, **told},
    )
    change(world, quota="3")
    assert counters(world) == (1, 3 * MEGABYTE)


def test_a_work_that_counts_for_a_limit_rights_the_counters(world: World) -> None:
    dn = world.directory.tree.domain("a.test")
    world.edit(dn, domainCurrentUserNumber=99, domainCurrentQuotaSize="7")
    world.create(BOB, 1)
    assert counters(world) == (100, 7 + MEGABYTE)

    def count_and_delete(users: LdapUsers) -> None:
        users.session.lock(dn)
        assert (users.count(["a.test"]), users.allocated_quota(["a.test"])) == (2, 11)
        users.delete(BOB, Removal(ROOT, 0))

    world.do(count_and_delete)
    assert counters(world) == (1, 10 * MEGABYTE)


def test_two_works_that_both_fit_alone_do_not_both_add_a_user(world: World) -> None:
    """Without claims the later one notices that the domain has changed; with them it waits."""
    dn = world.directory.tree.domain("a.test")
    with Session(world.directory) as one, Session(world.directory) as other:
        for session, mail in ((one, "one@a.test"), (other, "two@a.test")):
            with sql.Session(world.database, is_autocommit=True) as iredadmin:
                session.lock(dn)
                users = LdapUsers(session, iredadmin, world.settings, world.remarks)
                assert users.count(["a.test"]) == 1
                users.create(new_user(Address(mail)), given())
        one.commit()
        with pytest.raises(ConflictError):
            other.commit()
    assert world.read(lambda users: users.addresses("a.test")) == ["ann@a.test", "one@a.test"]
    assert counters(world) == (2, 10 * MEGABYTE)


def counters(world: World) -> tuple[int, int]:
    with Session(world.directory) as session:
        entry = session.find(session.tree.domain("a.test"))
        assert entry
        return entry.number("domainCurrentUserNumber"), entry.number("domainCurrentQuotaSize")


def test_who_outranks_whom(world: World) -> None:
    for local in ("bob", "cat", "dan"):
        world.create(f"{local}@a.test")
    world.update(BOB, isGlobalAdmin="yes")
    tree = world.directory.tree
    world.edit(tree.domain("a.test"), domainAdmin=["Cat@a.test", "dan@a.test", "x@x.test"])
    world.edit(tree.domain("b.test"), domainAdmin=["dan@A.test", "gone@a.test", "cat@aa.test"])
    assert world.read(lambda users: users.global_admins("a.test")) == {"bob@a.test"}
    assert world.read(lambda users: users.outranking("a.test", {"a.test", "b.test"})) == {"bob@a.test"}
    assert world.read(lambda users: users.outranking("a.test", {"a.test"})) == {"bob@a.test", "dan@a.test"}
    assert world.read(lambda users: users.outranking("a.test", ())) == {"bob@a.test", "cat@a.test", "dan@a.test"}
    assert world.read(lambda users: users.rank(BOB)) == Rank(True, frozenset())
    both = frozenset({DomainName("a.test"), DomainName("b.test")})
    assert world.read(lambda users: users.rank("dan@a.test")) == Rank(False, both)
