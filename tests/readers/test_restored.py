"""What `postreeve ldif` has exported and `ldapadd` has added to an empty server is the same to Postfix and Dovecot."""

import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import postreeve.app as assembly
from postreeve.cli import app
from postreeve.settings import Ldap, Settings
from tests import servers
from tests.mail_system import Dovecot, PostfixMaps, configure, private_directory
from tests.readers.conftest import look_ups
from tests.readers.readers import Readers
from tests.servers import MANAGER_PASSWORD
from tests.site import PASSWORD, Client, Site

pytestmark = [pytest.mark.slow, pytest.mark.ldap]

ANN, BOB = "ann@ex.com", "bob@ex.com"
KEYS = (
    "ex.com", "ex.net", "ex.org", "@ex.com", "@ex.net", ANN, BOB, "eve@ex.org", "info@ex.com", "ann@ex.net",
    "team@ex.com", "team@ex.net", "staff@ex.com", "news@ex.com", "news@ex.net", "nobody@ex.com", "ghost.test",
)  # fmt: skip


@pytest.fixture
def root(site: Site, readers: Readers) -> Client:  # noqa: ARG001 - it comes first, with its settings
    """The global admin, with accounts that answer in every map."""
    root = site.root()
    root.ok("POST", "domain/ex.com", senderBcc=BOB, outboundRelay="[192.0.2.1]:25")
    root.ok("POST", "domain/ex.org", is_backupmx="yes")
    for mail in (ANN, BOB, "eve@ex.org"):
        root.ok("POST", f"user/{mail}", password=PASSWORD)
    root.ok("PUT", f"user/{ANN}", aliases="info@ex.com", forwarding=f"{ANN},{BOB}", recipientBcc=BOB, name="Ännchen")
    root.ok("PUT", f"user/{BOB}", transport="smtp:[192.0.2.2]:26", accountStatus="active", quota="5")
    root.ok("POST", "alias/team@ex.com", members=f"{ANN},someone@far.test")
    root.ok("POST", "maillist/staff@ex.com", members=f"{BOB},someone@far.test")
    root.ok("POST", "ml/news@ex.com")
    root.ok("PUT", "domain/ex.com", aliasDomains="ex.net", catchall=BOB)
    return root


@pytest.fixture
def settings_file(site: Site, tmp_path: Path) -> Path:
    """A settings file for the directory of the site."""
    ldap = site.settings.ldap
    assert ldap
    file = tmp_path / "settings.toml"
    file.write_text(
        f'[ldap]\nurl = "{ldap.url}"\nsuffix = "{ldap.suffix}"\npassword = "{ldap.password}"\n'
        f'[iredadmin]\nengine = "sqlite"\npath = "{site.settings.iredadmin.path}"\n'
    )
    return file


@pytest.fixture
def empty(site: Site) -> Iterator[Ldap]:
    """Another server, with a directory of the same name in which there is nothing but what `postreeve init` adds."""
    assert site.directory
    with servers._folder() as folder, servers.openldap(folder / "openldap") as slapd:
        manager = slapd.create_directory(site.directory.name)
        ours = site.directory.ours
        there = Ldap(url=slapd.local, suffix=ours.suffix, password=ours.password)
        assembly.fill_directory(Settings(ldap=there), manager.bind_dn, MANAGER_PASSWORD, PASSWORD)
        yield there


def ldif(settings_file: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["ldif", *words, f"--settings={settings_file}"])


def test_what_was_restored_answers_the_same(
    site: Site, root: Client, readers: Readers, settings_file: Path, empty: Ldap, tmp_path: Path
) -> None:
    assert root.data("users/ex.com", email_only="yes") == [ANN, BOB]
    done = ldif(settings_file, "all", f"--output={tmp_path / 'all.ldif'}")
    assert (done.exit_code, done.output) == (0, "")
    assert stat.S_IMODE((tmp_path / "all.ldif").stat().st_mode) == 0o600
    words = [servers._program("ldapadd"), "-x", "-H", empty.url, "-D", empty.account, "-w", empty.password]
    added = subprocess.run([*words, "-f", tmp_path / "all.ldif"], capture_output=True, text=True, check=False)
    assert added.returncode == 0, added.stderr
    settings = Settings(ldap=empty, iredadmin=site.settings.iredadmin)
    with private_directory() as home:
        system = configure(settings, home, home, **look_ups(site))
        with Dovecot(home / "config", system) as dovecot:
            restored = Readers(PostfixMaps(home / "config"), dovecot.doveadm)
            expected = Readers(readers._maps, readers.doveadm).postfix(*KEYS)
            assert restored.postfix(*KEYS) == expected
            assert {name for answers in expected.values() for name in answers} > {"virtual_group_maps", "relay_domains"}
            for user in (ANN, BOB, "eve@ex.org", "info@ex.com"):
                assert restored.doveadm.user(user) == readers.doveadm.user(user)
                assert restored.doveadm.user(user)
            assert restored.logins(ANN, BOB, "eve@ex.org") == {ANN, BOB, "eve@ex.org"}


@pytest.mark.usefixtures("root")
def test_one_account_goes_to_standard_output(settings_file: Path) -> None:
    for kind, name, entry in (
        ("user", ANN, f"mail={ANN},ou=Users"), ("alias", "team@ex.com", "mail=team@ex.com,ou=Aliases"),
        ("catchall", "ex.com", "mail=@ex.com,ou=Users"), ("maillist", "staff@ex.com", "mail=staff@ex.com,ou=Groups"),
    ):  # fmt: skip
        done = ldif(settings_file, kind, name)
        assert (done.exit_code, done.stderr) == (0, "")
        assert done.stdout.startswith(f"dn: {entry},domainName=ex.com")
        assert done.stdout.endswith("\n\n")
    plain, whole = (ldif(settings_file, "domain", "ex.com", *more).stdout for more in ([], ["--with-accounts"]))
    assert (plain.count("dn: "), whole.startswith(plain[:500]), f"dn: mail={ANN}" in whole) == (5, True, True)


@pytest.mark.usefixtures("root")
def test_what_can_not_be_exported_is_said_in_a_sentence(settings_file: Path, tmp_path: Path) -> None:
    old = tmp_path / "old.ldif"
    old.write_text("precious")
    for words, sentence in (
        (["user", "no@ex.com", f"--output={old}"], "There is no export of user no@ex.com: There is no such account."),
        (["user"], "There is no export of user: This is not an e-mail address."),
        (["domain", "ghost.test"], "There is no export of domain ghost.test: There is no such domain."),
        (["user", ANN, f"--output={tmp_path}/none/x"], "can not be written: No such file or directory."),
    ):  # fmt: skip
        refused = ldif(settings_file, *words)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert sentence in refused.stderr
    assert old.read_text() == "precious"
    assert ldif(settings_file, "all", "ex.com").exit_code == 2
    assert ldif(settings_file, "everything").exit_code == 2
