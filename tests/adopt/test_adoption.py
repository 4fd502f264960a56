"""A site of iRedMail is adopted by its panel's settings file: on its own databases, with its own roles' rights."""

import json
import re
import stat
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.adopt.sites import ADMIN, PASSWORD, IredmailSite, ldap_site, sql_site
from tests.mlmmjadmin import TOKEN, Mlmmjadmin
from tests.mlmmjadmin import serving as serving_lists
from tests.outages.processes import serving
from tests.servers import OpenldapServer, Server
from tests.test_command_line import ran, refusal

pytestmark = pytest.mark.served


@pytest.fixture
def iredmail(server: Server, tmp_path: Path) -> Iterator[IredmailSite]:
    with sql_site(server, tmp_path) as site:
        yield site


@pytest.fixture
def beside_directory(server: Server, slapd: OpenldapServer, tmp_path: Path) -> Iterator[IredmailSite]:
    with ldap_site(server, slapd, tmp_path) as site:
        yield site


def adopting(site: IredmailSite, *options: str) -> tuple[str, ...]:
    return ("adopt", str(site.folder / "settings.py"), f"--data={site.folder}/data", f"--root={site.folder}", *options)


def postreeve_tables(site: IredmailSite) -> set[str]:
    return {table for table in site.tables("iredadmin") if table.startswith("postreeve_")}


@contextmanager
def adopted(site: IredmailSite) -> Iterator[Path]:
    """Adopt a site, and yield the settings file."""
    site.settings_py()
    done = ran(*adopting(site))
    assert done.exit_code == 0, done.output
    file = site.folder / "data/postreeve.toml"
    assert f"Written: {file} (closed to others)." in done.stdout
    yield file


def works(file: Path) -> None:
    """Let the doctor look, serve, and change something that was there before."""
    assert ran("doctor", f"--settings={file}").output == "Nothing is wrong.\n"
    with serving(file) as process:
        root = process.client().login(ADMIN, PASSWORD)
        assert root.data("domains", name_only="yes") == ["ex.com"]
        root.ok("PUT", "user/ann@ex.com", name="Ann", password="An0ther@Password")
        root.ok("POST", "user/ben@ex.com", password=PASSWORD)
        root.ok("POST", "wblist/inbound/blacklist/ann@ex.com", addresses="@bad.test")
        root.ok("POST", "throttle/ann@ex.com/outbound", period="60", max_msgs="5")
        root.ok("DELETE", "user/ann@ex.com")
    assert ran("doctor", f"--settings={file}").output == "Nothing is wrong.\n"


def test_a_site_is_adopted_and_served(iredmail: IredmailSite) -> None:
    with adopted(iredmail) as file:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert postreeve_tables(iredmail) == set()
        works(file)


@pytest.mark.slow  # the doctor and the server once more
def test_a_site_with_a_directory_is_adopted_and_served(beside_directory: IredmailSite) -> None:
    with adopted(beside_directory) as file:
        assert "vmail" not in tomllib.loads(file.read_text())
        works(file)


def test_what_was_understood_and_what_answers_is_told_without_secrets(iredmail: IredmailSite) -> None:
    iredmail.settings_py(OUR_OWN=1)
    (iredmail.folder / "etc").mkdir()
    (iredmail.folder / "etc/crontab").write_text("1 * * * * root python3 /opt/www/iredadmin/tools/cleanup_db.py\n")
    done = ran(*adopting(iredmail))
    told = done.stdout
    assert "vmail_db_name → vmail.database = vmail_" in told
    assert "answers: tables of iRedMail 1.7.3 or later.\n" in told
    assert re.search(r"^  line \d+: OUR_OWN: the name is not known here\.$", told, re.MULTILINE)
    assert "  switch off: /opt/www/iredadmin/tools/cleanup_db.py in /etc/crontab line 1; " in told
    assert iredmail.values["vmail_db_password"] not in told
    assert done.exit_code == 0


def test_a_daemon_that_does_not_answer_is_told_and_the_settings_are_written(iredmail: IredmailSite) -> None:
    iredmail.settings_py(amavisd_quarantine_port="1")
    done = ran(*adopting(iredmail))
    assert done.exit_code == 3
    assert "Nobody answers for Amavisd's AM.PDP at 127.0.0.1:1: Connection refused." in done.stdout
    assert (iredmail.folder / "data/postreeve.toml").exists()


def test_everything_can_be_told_as_json_without_writing(iredmail: IredmailSite) -> None:
    iredmail.settings_py(OUR_OWN=1)
    told = json.loads(ran(*adopting(iredmail, "--json", "--dry-run")).stdout)
    assert told["written"] == []
    assert {store["name"] for store in told["stores"]} == {"vmail", "iredadmin", "amavisd", "iredapd"}
    assert [line["name"] for line in told["not_understood"]] == ["OUR_OWN"]
    assert not (iredmail.folder / "data").exists()


def test_settings_that_are_there_are_not_replaced_unless_that_is_forced(iredmail: IredmailSite) -> None:
    with adopted(iredmail) as file:
        file.write_text("# mine\n")
        assert "There is a file" in refusal(*adopting(iredmail))
        assert file.read_text() == "# mine\n"
        assert ran(*adopting(iredmail, "--force")).exit_code == 0
        assert "[vmail]" in file.read_text()


@pytest.mark.parametrize("table", ["maillist_settings", "maillist_subscribers"])
def test_enterprise_editions_newer_tables_are_recognised_before_anything_is_written(
    iredmail: IredmailSite, table: str
) -> None:
    with adopted(iredmail) as file:
        text = file.read_text()
    file.unlink()
    iredmail.execute("vmail", f"CREATE TABLE {table} (id INT)")
    iredmail.execute("iredapd", "DROP TABLE greylisting", "DROP TABLE greylisting_whitelists")
    words = f"belongs to iRedMail Enterprise Edition 1.7.0 or later: it has a table {table}."
    assert words in refusal(*adopting(iredmail))
    assert not file.exists()
    file.write_text(text)
    before = {name: iredmail.tables(name) for name in iredmail.stores}
    for command in (("init", "--admin=new@admins.test"), ("serve",), ("job", "pending")):
        assert words in refusal(*command, f"--settings={file}")
    done = ran("doctor", f"--settings={file}", "--fix")
    assert words in done.stdout
    assert done.exit_code == 1
    assert {name: iredmail.tables(name) for name in iredmail.stores} == before


def test_a_database_that_does_not_let_us_in_is_told_and_nothing_is_written(iredmail: IredmailSite) -> None:
    iredmail.settings_py(iredadmin_db_name="no_such_database")
    said = refusal(*adopting(iredmail))
    assert "database no_such_database at " in said
    assert said.endswith("Nothing was written.")
    assert not (iredmail.folder / "data").exists()
    done = ran(*adopting(iredmail, "--no-check"))
    assert done.exit_code == 0
    assert "no_such_database" in (iredmail.folder / "data/postreeve.toml").read_text()


def test_a_policy_database_that_does_not_answer_is_told_and_the_rest_is_written(iredmail: IredmailSite) -> None:
    iredmail.settings_py(iredapd_db_name="no_such_database")
    done = ran(*adopting(iredmail))
    assert done.exit_code == 3
    assert "no_such_database at " in done.stdout
    file = iredmail.folder / "data/postreeve.toml"
    seen = ran("doctor", f"--settings={file}")
    assert seen.exit_code == 3
    assert "no_such_database" in seen.stdout


def test_the_token_of_mlmmjadmin_gets_a_file_of_its_own(iredmail: IredmailSite) -> None:
    with serving_lists(Mlmmjadmin()) as base:
        iredmail.settings_py(mlmmjadmin_api_auth_token=TOKEN, MLMMJADMIN_API_BASE_URL=base)
        done = ran(*adopting(iredmail))
        assert done.exit_code == 0, done.output
        token = iredmail.folder / "data/mlmmjadmin.token"
        assert (token.read_text(), stat.S_IMODE(token.stat().st_mode)) == (f"{TOKEN}\n", 0o600)
        assert TOKEN not in done.stdout
        assert ran("doctor", f"--data={iredmail.folder}/data").output == "Nothing is wrong.\n"
        iredmail.settings_py(mlmmjadmin_api_auth_token="another-token-0123456789", MLMMJADMIN_API_BASE_URL=base)
        refused = ran(*adopting(iredmail, "--force"))
        assert refused.exit_code == 3
        assert "mlmmjadmin at 127.0.0.1:" in refused.stdout
