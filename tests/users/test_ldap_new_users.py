"""What a new user is in a directory."""

import re

import msgspec

from postreeve.users.store import NewUser
from postreeve.values import Address
from tests.users.entries import ANN, BOB, HASH, World, given, lines, new_user


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
