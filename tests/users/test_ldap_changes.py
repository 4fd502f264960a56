"""What each parameter leaves in the entries of a directory, passwords and changes of all users of a domain too."""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from postreeve.backends.on_ldap import LdapStorage
from postreeve.errors import Refused
from postreeve.passwords import hash_password, verify_password
from postreeve.permissions import Rank
from postreeve.settings import Ldap, Settings, SettingsError
from postreeve.storage.directory.connections import Connection, Schema
from postreeve.users.fields import EVERY_USER
from postreeve.users.store import NewUser
from postreeve.values import DomainName
from tests.site import PASSWORD
from tests.users.entries import ANN, BOB, HASH, OTHER_HASH, World, catch_all, change, difference, given, lines


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
        assert difference(before, world.entries()) == ""
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
    strange: dict[str, Any] = {
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
    assert difference(before, world.entries()) == ""


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
    assert difference(before, world.entries()) == ""


def test_an_installation_does_not_start_with_such_a_scheme(filled: Ldap) -> None:
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
