"""Postfix and Dovecot, with the files that we write, read rows as iRedMail's programs do.

The rows are literal SQL here, so that what is tested is the reading alone.
"""

import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from postreeve.app import settings_of
from postreeve.mail_config import MailSystem, write
from postreeve.mail_config.connections import dovecot_connect, postfix_lines
from postreeve.settings import Settings, SettingsError, Store
from tests.mail_system import Dovecot, PostfixMaps
from tests.readers.readers import Readers
from tests.site import Site

pytestmark = [pytest.mark.slow, pytest.mark.sql]

MailPrograms = tuple[PostfixMaps, Dovecot]

DOMAINS = """
    INSERT INTO domain (domain, transport) VALUES ('home.test', 'dovecot'), ('quiet.test', 'dovecot');
    INSERT INTO domain (domain, transport, backupmx) VALUES ('backup.test', 'relay:[192.0.2.1]:25', 1);
    INSERT INTO domain (domain, active) VALUES ('closed.test', 0);
    INSERT INTO alias_domain (alias_domain, target_domain) VALUES
        ('also.test', 'home.test'), ('backup-also.test', 'backup.test'), ('closed-also.test', 'closed.test');
    INSERT INTO alias_domain (alias_domain, target_domain, active) VALUES ('off.test', 'home.test', 0)
"""
MAILBOXES = """
    INSERT INTO mailbox (username, domain, password, storagebasedirectory, storagenode, maildir, quota) VALUES
        ('ann@home.test', 'home.test', '{PLAIN}secret', '/Mail', 'v1', 'home.test/ann/', 5),
        ('bob@home.test', 'home.test', '{PLAIN}secret', '/Mail', 'v1', 'home.test/bob/', 0),
        ('away@home.test', 'home.test', '{PLAIN}secret', '/Mail', 'v1', 'home.test/away/', 0),
        ('bare@home.test', 'home.test', '{PLAIN}secret', '/Mail', 'v1', 'home.test/bare/', 0),
        ('far@backup.test', 'backup.test', '{PLAIN}secret', '/Mail', 'v1', 'backup.test/far/', 0),
        ('old@closed.test', 'closed.test', '{PLAIN}secret', '/Mail', 'v1', 'closed.test/old/', 0);
    INSERT INTO mailbox (username, domain, password, active) VALUES
        ('gone@home.test', 'home.test', '{PLAIN}secret', 0), ('gone@quiet.test', 'quiet.test', '{PLAIN}x', 0);
    INSERT INTO mailbox (username, domain, password, transport, enablesmtp) VALUES
        ('mute@home.test', 'home.test', '{PLAIN}secret', 'smtp:[192.0.2.9]:26', 0);
    INSERT INTO mailbox (username, domain, password, enabledeliver, transport) VALUES
        ('deaf@home.test', 'home.test', '{PLAIN}secret', 0, 'smtp:[192.0.2.9]:26');
    INSERT INTO mailbox (username, domain, password, allow_nets) VALUES
        ('near@home.test', 'home.test', '{PLAIN}secret', '192.0.2.0/24,198.51.100.7');
    INSERT INTO mailbox (username, domain, password, enableimaptls, enablelmtp, mailboxformat, mailboxfolder)
        VALUES ('plain@home.test', 'home.test', '{PLAIN}secret', 0, 0, 'mdbox', 'Box')
"""
FORWARDINGS = """
    INSERT INTO forwardings (address, forwarding, domain, is_forwarding, active) VALUES
        ('ann@home.test', 'ann@home.test', 'home.test', 1, 1),
        ('ann@home.test', 'ann@elsewhere.test', 'home.test', 1, 1),
        ('bob@home.test', 'bob@home.test', 'home.test', 1, 1),
        ('away@home.test', 'away@elsewhere.test', 'home.test', 1, 1),
        ('gone@home.test', 'gone@home.test', 'home.test', 1, 0),
        ('gone@quiet.test', 'gone@quiet.test', 'quiet.test', 1, 0),
        ('far@backup.test', 'far@backup.test', 'backup.test', 1, 1),
        ('old@closed.test', 'old@closed.test', 'closed.test', 1, 1);
    INSERT INTO forwardings (address, forwarding, domain) VALUES ('home.test', 'bob@home.test', 'home.test');
    INSERT INTO forwardings (address, forwarding, domain, is_alias) VALUES
        ('info@also.test', 'ann@home.test', 'home.test', 1),
        ('wrong@also.test', 'ann@home.test', 'also.test', 1),
        ('mute.too@home.test', 'mute@home.test', 'home.test', 1);
    INSERT INTO forwardings (address, forwarding, domain, is_maillist) VALUES
        ('list@home.test', 'list@home.test', 'home.test', 1);
    INSERT INTO maillists (address, domain, transport, mlid) VALUES
        ('list@home.test', 'home.test', 'mlmmj:home.test/list', '1');
    INSERT INTO maillists (address, domain, transport, mlid, active) VALUES
        ('rest@home.test', 'home.test', 'mlmmj:home.test/rest', '2', 0)
"""
COPIES_AND_RELAYS = """
    INSERT INTO sender_bcc_user (username, domain, bcc_address) VALUES
        ('ann@home.test', 'home.test', 'copy@home.test');
    INSERT INTO recipient_bcc_user (username, domain, bcc_address, active) VALUES
        ('ann@home.test', 'home.test', 'copy@home.test', 0),
        ('bob@home.test', 'home.test', 'in@home.test', 1);
    INSERT INTO sender_bcc_domain (domain, bcc_address, active) VALUES ('home.test', 'all@home.test', 0);
    INSERT INTO recipient_bcc_domain (domain, bcc_address) VALUES ('closed.test', 'all@home.test');
    INSERT INTO sender_relayhost (account, relayhost) VALUES
        ('@home.test', '[192.0.2.2]:587'), ('ann@home.test', '[192.0.2.3]:587')
"""

MAPS = [
    ("virtual_mailbox_domains", "home.test", {"home.test"}),
    ("virtual_mailbox_domains", "HOME.test", {"home.test"}),
    ("virtual_mailbox_domains", "also.test", {"also.test"}),
    ("virtual_mailbox_domains", "off.test", set()),
    ("virtual_mailbox_domains", "backup.test", set()),
    ("virtual_mailbox_domains", "backup-also.test", set()),
    ("virtual_mailbox_domains", "closed.test", set()),
    ("virtual_mailbox_domains", "closed-also.test", set()),
    ("virtual_mailbox_domains", "elsewhere.test", set()),
    ("relay_domains", "backup.test", {"backup.test"}),
    ("relay_domains", "home.test", set()),
    ("virtual_mailbox_maps", "ann@home.test", {"v1/home.test/ann//Maildir/"}),
    ("virtual_mailbox_maps", "Ann@Home.Test", {"v1/home.test/ann//Maildir/"}),
    ("virtual_mailbox_maps", "bare@home.test", {"v1/home.test/bare//Maildir/"}),
    ("virtual_mailbox_maps", "far@backup.test", {"v1/backup.test/far//Maildir/"}),
    ("virtual_mailbox_maps", "gone@home.test", set()),
    ("virtual_mailbox_maps", "deaf@home.test", set()),
    ("virtual_mailbox_maps", "old@closed.test", set()),
    ("virtual_alias_maps", "ann@home.test", {"ann@home.test", "ann@elsewhere.test"}),
    ("virtual_alias_maps", "away@home.test", {"away@elsewhere.test"}),
    ("virtual_alias_maps", "gone@home.test", set()),
    ("virtual_alias_maps", "bare@home.test", set()),
    ("virtual_alias_maps", "info@also.test", {"ann@home.test"}),
    ("virtual_alias_maps", "wrong@also.test", set()),
    ("virtual_alias_maps", "list@home.test", {"list@home.test"}),
    ("virtual_alias_maps", "list+subscribe@home.test", set()),
    ("virtual_alias_maps", "home.test", {"bob@home.test"}),
    ("virtual_alias_maps", "far@backup.test", set()),
    ("virtual_alias_maps", "old@closed.test", set()),
    ("virtual_alias_maps", "o'neill@home.test", set()),
    ("domain_alias_maps", "ann@also.test", {"ann@home.test", "ann@elsewhere.test"}),
    ("domain_alias_maps", "ann@off.test", set()),
    ("domain_alias_maps", "gone@also.test", set()),
    ("domain_alias_maps", "far@backup-also.test", set()),
    ("domain_alias_maps", "old@closed-also.test", {"old@closed.test"}),
    ("catchall_maps", "gone@home.test", {"bob@home.test"}),
    ("catchall_maps", "nobody@home.test", {"bob@home.test"}),
    ("catchall_maps", "nobody+at-all@home.test", set()),
    ("catchall_maps", "gone@quiet.test", set()),
    ("catchall_maps", "@home.test", set()),
    ("domain_alias_catchall_maps", "nobody@also.test", {"bob@home.test"}),
    ("domain_alias_catchall_maps", "nobody+at-all@also.test", {"bob@home.test"}),
    ("domain_alias_catchall_maps", "@also.test", {"bob@home.test"}),
    ("domain_alias_catchall_maps", "nobody@off.test", set()),
    ("transport_maps_user", "mute@home.test", {"smtp:[192.0.2.9]:26"}),
    ("transport_maps_user", "ann@home.test", set()),
    ("transport_maps_user", "deaf@home.test", set()),
    ("transport_maps_maillist", "list@home.test", {"mlmmj:home.test/list"}),
    ("transport_maps_maillist", "rest@home.test", set()),
    ("transport_maps_domain", "home.test", {"dovecot"}),
    ("transport_maps_domain", "backup.test", {"relay:[192.0.2.1]:25"}),
    ("transport_maps_domain", "also.test", set()),
    ("transport_maps_domain", "closed.test", set()),
    ("sender_login_maps", "ann@home.test", {"ann@home.test"}),
    ("sender_login_maps", "gone@home.test", set()),
    ("sender_login_maps", "mute@home.test", set()),
    ("sender_login_maps", "far@backup.test", set()),
    ("sender_login_maps", "info@also.test", set()),
    ("sender_login_maps", "ann@also.test", set()),
    ("sender_login_alias_maps", "info@also.test", {"ann@home.test"}),
    ("sender_login_alias_maps", "ann@also.test", {"ann@home.test"}),
    ("sender_login_alias_maps", "ann@off.test", set()),
    ("sender_login_alias_maps", "mute.too@home.test", set()),
    ("sender_login_alias_maps", "ann@home.test", set()),
    ("sender_dependent_relayhost_maps", "ann@home.test", {"[192.0.2.3]:587"}),
    ("sender_dependent_relayhost_maps", "@home.test", {"[192.0.2.2]:587"}),
    ("sender_dependent_relayhost_maps", "bob@home.test", set()),
    ("sender_bcc_maps_user", "ann@home.test", {"copy@home.test"}),
    ("recipient_bcc_maps_user", "ann@home.test", set()),
    ("recipient_bcc_maps_user", "bob@home.test", {"in@home.test"}),
    ("sender_bcc_maps_domain", "bob@home.test", {"all@home.test"}),
    ("recipient_bcc_maps_domain", "old@closed.test", set()),
]


@pytest.fixture(scope="module")
def mail_programs_with_rows(installation: Site, mail_programs: MailPrograms) -> Iterator[MailPrograms]:
    """Give both programs, which find the rows above."""
    for rows in (DOMAINS, MAILBOXES, FORWARDINGS, COPIES_AND_RELAYS):
        for statement in rows.split(";"):
            installation.execute("vmail", statement)
    yield mail_programs
    installation.wipe()


@pytest.fixture
def maps(mail_programs_with_rows: MailPrograms) -> PostfixMaps:
    return mail_programs_with_rows[0]


@pytest.fixture
def dovecot(mail_programs_with_rows: MailPrograms) -> Dovecot:
    return mail_programs_with_rows[1]


def test_postfix_knows_all_that_its_files_say(maps: PostfixMaps) -> None:
    assert maps.complaints() == ""


def test_postfix_finds_what_iredmail_s_postfix_would_find(maps: PostfixMaps) -> None:
    answers = [(name, key, maps.destinations(name, key)) for name, key, _ in MAPS]
    assert answers == MAPS


def test_the_rows_ask_every_map_for_something_that_is_there(maps: PostfixMaps) -> None:
    found = {name for name, _, answer in MAPS if answer}
    assert found | {"recipient_bcc_maps_domain"} == maps.names


def test_dovecot_lets_active_users_of_hosted_domains_in(maps: PostfixMaps, dovecot: Dovecot) -> None:
    users = ["ann@home.test", "ANN@Home.Test"]
    refused = ["gone@home.test", "far@backup.test", "old@closed.test", "nobody@home.test", "o'neill@home.test"]
    readers = Readers(maps, dovecot.doveadm)
    assert readers.logins(*users, *refused, password="secret", service="") == set(users)
    assert readers.logins("ann@home.test", password="Secret", service="") == set()


def test_each_service_has_its_own_switch(dovecot: Dovecot) -> None:
    test = dovecot.doveadm.auth_test
    assert test("plain@home.test", "secret", service="imap")
    assert test("plain@home.test", "secret", service="imap", protection="secured")
    assert not test("plain@home.test", "secret", service="imap", protection="tls")
    assert test("ann@home.test", "secret", service="smtp")
    assert not test("mute@home.test", "secret", service="smtp")
    assert test("ann@home.test", "secret", service="quota-status")


def test_a_service_without_a_switch_is_not_a_wrong_password(dovecot: Dovecot) -> None:
    with pytest.raises(AssertionError, match="temp_fail"):
        dovecot.doveadm.auth_test("ann@home.test", "secret", service="nothing")


def test_a_user_with_networks_logs_in_from_them_only(dovecot: Dovecot) -> None:
    test = dovecot.doveadm.auth_test
    assert test("near@home.test", "secret", remote="192.0.2.7")
    assert test("near@home.test", "secret", remote="198.51.100.7")
    assert not test("near@home.test", "secret", remote="203.0.113.7")
    assert not test("near@home.test", "secret")
    assert test("ann@home.test", "secret", remote="203.0.113.7")


def test_dovecot_finds_the_mailbox(dovecot: Dovecot) -> None:
    ann = dovecot.doveadm.user("Ann@home.test")
    assert ann
    assert ann["home"] == "/mail/v1/home.test/ann/"
    assert ann["mail"] == "maildir:~/Maildir"
    assert ann["quota_rule"] == "*:bytes=5242880"
    assert ann["master_user"] == "ann@home.test"


def test_dovecot_delivers_where_delivery_is_on(dovecot: Dovecot) -> None:
    user = dovecot.doveadm.user
    assert user("ann@home.test", service="lmtp")
    assert user("plain@home.test", service="lmtp") is None
    assert (user("plain@home.test") or {})["mail"] == "mdbox:~/Box"
    assert user("gone@home.test") is None
    assert user("far@backup.test") is None


def test_dovecot_counts_every_mailbox(dovecot: Dovecot) -> None:
    assert {"ann@home.test", "gone@home.test", "far@backup.test"} < dovecot.doveadm.users()


def test_files_with_a_password_are_closed_to_others(tmp_path: Path) -> None:
    store = Store(engine="mariadb", database="vmail", user="vmail", password="hidden")
    for file in write(Settings(vmail=store), tmp_path, tmp_path / "config"):
        is_open = stat.S_IMODE(file.stat().st_mode) == 0o644
        assert is_open != ("hidden" in file.read_text()), file


def test_the_look_ups_may_have_a_role_of_their_own(tmp_path: Path) -> None:
    store = Store(engine="postgresql", database="vmail", user="vmailadmin", password="mighty")
    system = MailSystem(look_up_user="vmail", look_up_password="weak")
    files = write(Settings(vmail=store), tmp_path, tmp_path / "config", system)
    with_all_rights = {file.name for file in files if "mighty" in file.read_text()}
    assert with_all_rights == {"dovecot-used-quota.conf.ext", "dovecot-last-login.conf.ext"}
    assert "password='weak'" in (tmp_path / "config/dovecot/dovecot-sql.conf.ext").read_text()


def test_the_command_writes_what_the_tests_use(tmp_path: Path) -> None:
    (tmp_path / "vmail.db").touch()  # only its owner counts here
    (tmp_path / "password").write_text("weak\n")
    names = ["--hostname=mail.home.test", "--mail-user=box", "--mail-group=boxes", "--user=reader"]
    names.append(f"--password-file={tmp_path / 'password'}")
    command = [str(Path(sys.executable).with_name("postreeve")), "mail-config", str(tmp_path / "by-command"), *names]
    subprocess.run([*command, f"--data={tmp_path}"], check=True, capture_output=True)
    system = MailSystem(
        hostname="mail.home.test", mail_user="box", mail_group="boxes", look_up_user="reader", look_up_password="weak"
    )
    for file in write(settings_of(tmp_path, None), tmp_path, tmp_path / "by-us", system):
        path = file.relative_to(tmp_path / "by-us")
        assert (tmp_path / "by-command" / path).read_text() == file.read_text()


def test_writing_again_replaces_the_files(tmp_path: Path) -> None:
    (tmp_path / "vmail.db").touch()  # only its owner counts here
    first = {file: file.read_text() for file in write(Settings(), tmp_path, tmp_path / "config")}
    again = {file: file.read_text() for file in write(Settings(), tmp_path, tmp_path / "config")}
    assert again == first


def test_signs_in_a_password_neither_end_nor_change_it() -> None:
    password = r"""p#q"r's\t"""
    postgresql = Store(engine="postgresql", database="vmail", password=password)
    mariadb = Store(engine="mariadb", database="vmail", password=password)
    assert r"""password='p#q\"r\\'s\\\\t'""" in dovecot_connect(postgresql, Path())
    assert r"""password=p#q\"r's\\t""" in dovecot_connect(mariadb, Path())
    assert postfix_lines(mariadb, Path())["password"] == password


def test_a_login_that_dovecot_can_not_be_told_is_refused(tmp_path: Path) -> None:
    store = Store(engine="mariadb", database="vmail", user="vmail", password="two words")
    with pytest.raises(SettingsError, match="blank"):
        write(Settings(vmail=store), tmp_path, tmp_path / "config")
