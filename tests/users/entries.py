"""A directory with users, and what a work changes in it, as LDIF."""

import re
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from postreeve.domains.store import Removal
from postreeve.fields import Changes
from postreeve.settings import Ldap, Settings, Store
from postreeve.storage import sql
from postreeve.storage.directory import filters
from postreeve.storage.directory.connections import Directory
from postreeve.storage.directory.entries import Entry, Values
from postreeve.storage.directory.names import CONTAINERS
from postreeve.storage.directory.session import Session
from postreeve.storage.tables import ddl, vmail
from postreeve.users.fields import USER
from postreeve.users.ldap import LdapUsers
from postreeve.users.store import NewUser, User
from postreeve.values import Address
from postreeve.work import Remarks

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
        return difference(before, self.entries())

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


def difference(before: Snapshot, after: Snapshot) -> str:
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
def world(filled: Ldap, tmp_path: Path) -> Iterator[World]:
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


def catch_all(world: World, domain: str) -> None:
    world.add(
        world.directory.tree.catch_all(domain), objectClass=("inetOrgPerson", "mailUser"), mail=f"@{domain}",
        uid="catchall", cn="Catch-all account", sn="Catch-all account", accountStatus="active",
        mailForwardingAddress="ann@a.test",
    )  # fmt: skip


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
