"""Postfix and Dovecot, with the files that we write, read entries of a directory as iRedMail's programs do.

The entries are written as they are here, so that what is tested is the reading alone.
"""

import stat
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from postreeve.mail_config import MailSystem, write
from postreeve.mail_config.directory import postfix_maps, reader_of
from postreeve.settings import Ldap, Settings, Store
from tests.mail_system import Dovecot, PostfixMaps, configure, private_directory
from tests.readers.readers import Readers
from tests.servers import OpenldapServer

pytestmark = pytest.mark.slow

MailPrograms = tuple[PostfixMaps, Dovecot]

SERVICES = "mail deliver forward smtp smtpsecured imap imapsecured pop3 lmtp lda quota-status doveadm shadowaddress"
HASH = "{SSHA}ZWDnkw5sI5ChWfOh4RtC7IWQCaJF90Q5or4Kkw=="
"""Of the password `secret`."""

ENTRIES = """
domainName=home.test
objectClass: mailDomain
mtaTransport: dovecot
accountStatus: active
enabledService: mail domainalias senderbcc
domainAliasName: also.test
domainSenderBccAddress: all@home.test
domainRecipientBccAddress: unused@home.test
senderRelayHost: [192.0.2.2]:587

domainName=bare.test
objectClass: mailDomain
mtaTransport: lmtp:[192.0.2.1]:24
accountStatus: active
enabledService: mail recipientbcc
domainAliasName: bare-also.test
domainRecipientBccAddress: all@home.test

domainName=backup.test
objectClass: mailDomain
mtaTransport: relay:[192.0.2.1]:25
accountStatus: active
domainBackupMX: yes
enabledService: mail domainalias
domainAliasName: backup-also.test

domainName=closed.test
objectClass: mailDomain
mtaTransport: dovecot
accountStatus: disabled
enabledService: mail recipientbcc
domainRecipientBccAddress: all@home.test

mail=ann@home.test
enabledService: *
mailQuota: 5242880
homeDirectory: /Mail/v1/home.test/ann/
shadowAddress: info@home.test ann@also.test
mailForwardingAddress: ann@home.test ann@elsewhere.test
userSenderBccAddress: copy@home.test
userRecipientBccAddress: in@home.test
senderRelayHost: [192.0.2.3]:587
memberOfGroup: group@home.test

mail=bob@home.test
enabledService: * senderbcc recipientbcc
mtaTransport: smtp:[192.0.2.9]:26
userSenderBccAddress: copy@home.test
userRecipientBccAddress: in@home.test

mail=mute@home.test
enabledService: mail deliver imap
shadowAddress: mute.too@home.test

mail=deaf@home.test
enabledService: mail imap

mail=gone@home.test
accountStatus: disabled
enabledService: *
shadowAddress: gone.too@home.test

mail=near@home.test
enabledService: *
allowNets: 192.0.2.0/24,198.51.100.7

mail=plain@home.test
enabledService: mail deliver imap imapsecured
mailboxFormat: mdbox
mailboxFolder: Box

mail=@home.test
mailForwardingAddress: bob@home.test
shadowAddress: @also.test

mail=old@closed.test
domainStatus: disabled
enabledService: *

mail=team@home.test,ou=Aliases
objectClass: mailAlias
enabledService: mail deliver
mailForwardingAddress: ann@home.test bob@elsewhere.test
shadowAddress: team@also.test

mail=group@home.test,ou=Groups
objectClass: mailList
enabledService: mail deliver

memberOfGroup=group@home.test,ou=Externals
objectClass: mailExternalUser
mail: x@far.test y@far.test
enabledService: mail deliver

mail=news@home.test,ou=Groups
objectClass: mailList
enabledService: mail deliver mlmmj
mtaTransport: mlmmj:home.test/news
shadowAddress: news@also.test

mail=rest@home.test,ou=Groups
objectClass: mailList
accountStatus: disabled
enabledService: mail deliver mlmmj
mtaTransport: mlmmj:home.test/rest
"""

MAPS = [
    ("virtual_mailbox_domains", "home.test", {"home.test"}),
    ("virtual_mailbox_domains", "HOME.test", {"home.test"}),
    ("virtual_mailbox_domains", "also.test", {"home.test"}),
    ("virtual_mailbox_domains", "bare-also.test", set()),
    ("virtual_mailbox_domains", "backup.test", set()),
    ("virtual_mailbox_domains", "closed.test", set()),
    ("virtual_mailbox_domains", "elsewhere.test", set()),
    ("relay_domains", "backup.test", {"backup.test"}),
    ("relay_domains", "backup-also.test", {"backup.test"}),
    ("relay_domains", "home.test", set()),
    ("virtual_mailbox_maps", "ann@home.test", {"/Mail/v1/home.test/ann//Maildir/"}),
    ("virtual_mailbox_maps", "Info@Home.Test", {"/Mail/v1/home.test/ann//Maildir/"}),
    ("virtual_mailbox_maps", "ann@also.test", {"/Mail/v1/home.test/ann//Maildir/"}),
    ("virtual_mailbox_maps", "deaf@home.test", set()),
    ("virtual_mailbox_maps", "gone@home.test", set()),
    ("virtual_mailbox_maps", "old@closed.test", set()),
    ("virtual_mailbox_maps", "team@home.test", set()),
    ("virtual_mailbox_maps", "@home.test", set()),
    ("virtual_alias_maps", "ann@home.test", {"ann@home.test", "ann@elsewhere.test"}),
    ("virtual_alias_maps", "info@home.test", {"ann@home.test", "ann@elsewhere.test"}),
    ("virtual_alias_maps", "bob@home.test", set()),
    ("virtual_alias_maps", "team@home.test", {"ann@home.test", "bob@elsewhere.test"}),
    ("virtual_alias_maps", "team@also.test", {"ann@home.test", "bob@elsewhere.test"}),
    ("virtual_alias_maps", "team+x@home.test", set()),
    ("virtual_alias_maps", "*@home.test", set()),
    ("virtual_alias_maps", "o'neill)(mail=*@home.test", set()),
    ("virtual_group_maps", "group@home.test", {"ann@home.test", "x@far.test", "y@far.test"}),
    ("virtual_group_maps", "news@home.test", {"news@home.test"}),
    ("virtual_group_maps", "news@also.test", {"news@home.test"}),
    ("virtual_group_maps", "rest@home.test", set()),
    ("virtual_group_maps", "mute.too@home.test", {"mute@home.test"}),
    ("virtual_group_maps", "gone.too@home.test", set()),
    ("virtual_group_maps", "news+subscribe@home.test", set()),
    ("virtual_group_members_maps", "bob@home.test", {"bob@home.test"}),
    ("virtual_group_members_maps", "mute.too@home.test", {"mute@home.test"}),
    ("virtual_group_members_maps", "gone@home.test", set()),
    ("virtual_group_members_maps", "@home.test", set()),
    ("catchall_maps", "@home.test", {"bob@home.test"}),
    ("catchall_maps", "@also.test", {"bob@home.test"}),
    ("catchall_maps", "@bare.test", set()),
    ("catchall_maps", "nobody@home.test", set()),
    ("transport_maps_user", "bob@home.test", {"smtp:[192.0.2.9]:26"}),
    ("transport_maps_user", "ann@home.test", set()),
    ("transport_maps_user", "news@home.test", {"mlmmj:home.test/news"}),
    ("transport_maps_user", "rest@home.test", set()),
    ("transport_maps_user", "nobody@nowhere.test", set()),
    ("transport_maps_domain", "home.test", {"dovecot"}),
    ("transport_maps_domain", "also.test", {"dovecot"}),
    ("transport_maps_domain", "bare-also.test", {"lmtp:[192.0.2.1]:24"}),
    ("transport_maps_domain", "backup.test", {"relay:[192.0.2.1]:25"}),
    ("transport_maps_domain", "closed.test", set()),
    ("sender_login_maps", "ann@home.test", {"ann@home.test"}),
    ("sender_login_maps", "info@home.test", {"ann@home.test"}),
    ("sender_login_maps", "ann@also.test", {"ann@home.test"}),
    ("sender_login_maps", "mute@home.test", set()),
    ("sender_login_maps", "gone@home.test", set()),
    ("sender_login_maps", "team@home.test", set()),
    ("sender_dependent_relayhost_maps_user", "ann@home.test", {"[192.0.2.3]:587"}),
    ("sender_dependent_relayhost_maps_user", "bob@home.test", set()),
    ("sender_dependent_relayhost_maps_domain", "bob@home.test", {"[192.0.2.2]:587"}),
    ("sender_dependent_relayhost_maps_domain", "@also.test", {"[192.0.2.2]:587"}),
    ("sender_dependent_relayhost_maps_domain", "@bare.test", set()),
    ("sender_bcc_maps_user", "bob@home.test", {"copy@home.test"}),
    ("sender_bcc_maps_user", "ann@home.test", set()),
    ("sender_bcc_maps_domain", "bob@home.test", {"all@home.test"}),
    ("sender_bcc_maps_domain", "bob@also.test", {"all@home.test"}),
    ("recipient_bcc_maps_user", "bob@home.test", {"in@home.test"}),
    ("recipient_bcc_maps_user", "ann@home.test", set()),
    ("recipient_bcc_maps_domain", "nobody@bare-also.test", {"all@home.test"}),
    ("recipient_bcc_maps_domain", "bob@home.test", set()),
    ("recipient_bcc_maps_domain", "old@closed.test", set()),
]


def entries(suffix: str) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Yield what is in the directory; users have what every user has, and `*` is most services."""
    from postreeve.storage.directory.names import CONTAINERS, Tree

    tree = Tree(suffix)
    for block in ENTRIES.strip().split("\n\n"):
        name, *lines = block.splitlines()
        own, _, container = name.partition(",ou=")
        attribute, _, value = own.partition("=")
        given = {key: text.split() for key, text in (line.split(": ", 1) for line in lines)}
        given = {key: [word for text in texts for word in _services(text)] for key, texts in given.items()}
        given = {attribute: [value]} | given
        if attribute == "domainName":
            yield tree.domain(value), given
            for each in CONTAINERS:
                yield tree.container(each, value), {"objectClass": ["organizationalUnit"], "ou": [each]}
            continue
        given = {"accountStatus": ["active"]} | given
        if not container:
            given |= {"objectClass": ["inetOrgPerson", "mailUser"], "uid": ["x"], "cn": ["x"], "sn": ["x"]}
            given = {"userPassword": [HASH], "homeDirectory": [f"/Mail/{value}"]} | given
        yield f"{own},{tree.container(container or 'Users', value.rpartition('@')[2])}", given


def _services(text: str) -> list[str]:
    return SERVICES.split() if text == "*" else [text]


@pytest.fixture(scope="module")
def mail_programs_with_entries(slapd: OpenldapServer) -> Iterator[MailPrograms]:
    """Give both programs, which find the entries above."""
    from postreeve.storage.directory.connections import Directory
    from postreeve.storage.directory.session import Session
    from tests.directory.conftest import READER_PASSWORD, fill

    manager = slapd.create_directory(f"r{uuid4().hex[:12]}")
    fill(manager)
    directory = Directory(manager, 1)
    with Session(directory) as session:
        for dn, attributes in entries(manager.suffix):
            session.add(dn, attributes)
        session.commit()
    directory.close()
    with private_directory() as home:
        (home / "iredadmin.db").touch()
        reader = Ldap(url=slapd.local, suffix=manager.suffix, bind_dn=directory.tree.reader, password=READER_PASSWORD)
        settings = Settings(ldap=reader, iredadmin=Store(engine="sqlite", path="iredadmin.db"))
        system = configure(settings, home, home)
        with Dovecot(home / "config", system) as dovecot:
            yield PostfixMaps(home / "config"), dovecot


@pytest.fixture
def maps(mail_programs_with_entries: MailPrograms) -> PostfixMaps:
    return mail_programs_with_entries[0]


@pytest.fixture
def dovecot(mail_programs_with_entries: MailPrograms) -> Dovecot:
    return mail_programs_with_entries[1]


def test_postfix_knows_all_that_its_files_say(maps: PostfixMaps) -> None:
    assert maps.complaints() == ""


def test_postfix_finds_what_iredmail_s_postfix_would_find(maps: PostfixMaps) -> None:
    answers = [(name, key, maps.destinations(name, key)) for name, key, _ in MAPS]
    assert answers == MAPS


def test_the_entries_ask_every_map_for_something_that_is_there(maps: PostfixMaps) -> None:
    assert {name for name, _, answer in MAPS if answer} == maps.names


def test_main_cf_names_every_map_and_no_other(maps: PostfixMaps, tmp_path: Path) -> None:
    (tmp_path / "iredadmin.db").touch()
    there = Ldap(suffix="dc=ex,dc=com", password="secret")
    write(Settings(ldap=there), tmp_path, tmp_path)
    words = (tmp_path / "postfix/main.cf").read_text().replace("$config_directory/ldap/", " ").replace(".cf", " ")
    named = {word for word in words.split() if "_maps" in word or "_domains" in word} & maps.names
    assert named == maps.names == {file.stem for file in (tmp_path / "postfix/ldap").iterdir()}
    assert "domain_alias_maps" not in words


def test_dovecot_lets_active_users_in(maps: PostfixMaps, dovecot: Dovecot) -> None:
    users = ["ann@home.test", "ANN@Home.Test", "info@home.test"]
    refused = ["gone@home.test", "old@closed.test", "nobody@home.test", "@home.test", "mute.too@home.test"]
    readers = Readers(maps, dovecot.doveadm)
    assert readers.logins(*users, *refused, password="secret") == set(users)
    assert readers.logins("ann@home.test", password="Secret") == set()


def test_each_service_has_its_own_switch(dovecot: Dovecot) -> None:
    test = dovecot.doveadm.auth_test
    assert test("plain@home.test", "secret", service="imap")
    assert test("plain@home.test", "secret", service="imap", protection="secured")
    assert not test("plain@home.test", "secret", service="imap", protection="tls")
    assert test("ann@home.test", "secret", service="smtp")
    assert not test("mute@home.test", "secret", service="smtp")
    assert not test("ann@home.test", "secret", service="nothing")


def test_a_user_with_networks_logs_in_from_them_only(dovecot: Dovecot) -> None:
    test = dovecot.doveadm.auth_test
    assert test("near@home.test", "secret", service="imap", remote="192.0.2.7")
    assert not test("near@home.test", "secret", service="imap", remote="203.0.113.7")
    assert not test("near@home.test", "secret", service="imap")
    assert test("ann@home.test", "secret", service="imap", remote="203.0.113.7")


def test_dovecot_finds_the_mailbox(dovecot: Dovecot) -> None:
    for name in ("Ann@home.test", "info@home.test"):
        ann = dovecot.doveadm.user(name)
        assert ann
        assert ann["home"] == "/mail/v1/home.test/ann/"
        assert ann["mail"] == "maildir:~/Maildir"
        assert ann["quota_rule"] == "*:bytes=5242880"
        assert ann["master_user"] == "ann@home.test"
    assert (dovecot.doveadm.user("near@home.test") or {})["quota_rule"] == "*:bytes=0"


def test_dovecot_delivers_where_delivery_is_on(dovecot: Dovecot) -> None:
    user = dovecot.doveadm.user
    assert user("ann@home.test", service="lmtp")
    assert user("plain@home.test", service="lmtp") is None
    assert (user("plain@home.test", service="imap") or {})["mail"] == "mdbox:~/Box"
    assert user("gone@home.test") is None


def test_dovecot_counts_every_mailbox_that_is_in_use(dovecot: Dovecot) -> None:
    names = ("ann", "bob", "mute", "deaf", "near", "plain")
    assert dovecot.doveadm.users() == {f"{name}@home.test" for name in names}


# The files


def test_files_with_a_password_are_closed_to_others(tmp_path: Path) -> None:
    (tmp_path / "iredadmin.db").touch()
    there = Ldap(suffix="dc=ex,dc=com", password="hidden")
    files = write(Settings(ldap=there), tmp_path, tmp_path / "config")
    assert {file.name for file in files if "hidden" in file.read_text()} == {
        "dovecot-ldap.conf.ext", *(f"{name}.cf" for name in postfix_maps("")),
    }  # fmt: skip
    for file in files:
        is_open = stat.S_IMODE(file.stat().st_mode) == 0o644
        assert is_open == (file.suffix not in {".ext", ".cf"} or file.parent.name == "postfix"), file


def test_the_look_ups_may_have_an_account_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "iredadmin.db").touch()
    there = Ldap(suffix="dc=ex,dc=com", password="mighty")
    assert reader_of(there, "", "") == ("cn=vmailadmin,dc=ex,dc=com", "mighty")
    assert reader_of(there, "uid=a,dc=b", "weak") == ("uid=a,dc=b", "weak")
    system = MailSystem(look_up_user="vmail", look_up_password='we"ak#')
    files = write(Settings(ldap=there), tmp_path, tmp_path / "config", system)
    assert [file for file in files if "mighty" in file.read_text()] == []
    map_file = (tmp_path / "config/postfix/ldap/relay_domains.cf").read_text()
    assert 'bind_dn = cn=vmail,dc=ex,dc=com\nbind_pw = we"ak#\n' in map_file
    assert 'dnpass = "we\\"ak#"\n' in (tmp_path / "config/dovecot/dovecot-ldap.conf.ext").read_text()


def test_connections_are_encrypted_as_the_settings_say(tmp_path: Path) -> None:
    (tmp_path / "iredadmin.db").touch()
    there = Ldap(
        url="ldap://a.test ldap://b.test", suffix="dc=ex,dc=com", password="x", start_tls=True, ca_file="/ca.pem"
    )
    write(Settings(ldap=there), tmp_path, tmp_path)
    lines = (tmp_path / "postfix/ldap/relay_domains.cf").read_text().splitlines()
    assert {"start_tls = yes", "tls_require_cert = yes", "tls_ca_cert_file = /ca.pem"} < set(lines)
    assert "server_host = ldap://a.test ldap://b.test" in lines
    lines = (tmp_path / "dovecot/dovecot-ldap.conf.ext").read_text().splitlines()
    assert {"uris = ldap://a.test ldap://b.test", "tls = yes", "tls_ca_cert_file = /ca.pem"} < set(lines)


def test_a_percent_sign_in_the_suffix_is_one(tmp_path: Path) -> None:
    (tmp_path / "iredadmin.db").touch()
    write(Settings(ldap=Ldap(suffix="o=5% ex", password="x")), tmp_path, tmp_path)
    assert "search_base = o=domains,o=5%% ex\n" in (tmp_path / "postfix/ldap/relay_domains.cf").read_text()
    assert "base = o=domains,o=5%% ex\n" in (tmp_path / "dovecot/dovecot-ldap.conf.ext").read_text()
