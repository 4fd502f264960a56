"""What is read of users in a directory, of others' entries too."""

from collections.abc import Callable, Mapping

import pytest

from postreeve.domains.store import Removal
from postreeve.errors import Refused
from postreeve.permissions import Rank
from postreeve.storage import sql
from postreeve.storage.directory import names
from postreeve.storage.directory.entries import Values
from postreeve.storage.directory.session import Session
from postreeve.users.ldap import LdapUsers
from postreeve.users.store import User
from postreeve.values import Address, DomainName
from postreeve.work import ConflictError
from tests.directory.test_names import HOSTILE
from tests.users.entries import ANN, BOB, HASH, MEGABYTE, ROOT, TABLES, World, catch_all, change, given, new_user


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
