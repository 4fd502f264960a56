"""What `postreeve adopt` writes, without a server that could be asked."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.adopt.test_names import LDAP, SQL
from tests.test_command_line import ran, refusal

TOKEN = "a-token-0123456789"


def settings_py(folder: Path, values: dict[str, Any]) -> Path:
    file = folder / "settings.py"
    file.write_text("\n".join(f"{name} = {value!r}" for name, value in values.items()) + "\n", encoding="utf-8")
    return file


def test_the_authority_of_a_directory_is_named_for_whatever_folder_we_are_started_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = settings_py(tmp_path, {**LDAP, "ldap_uri": "ldaps://ldap.test"})
    done = ran("adopt", str(file), "--no-check", "--ldap-ca=own.crt", f"--root={tmp_path}")
    assert done.exit_code == 0, done.output
    assert "  ldap_uri → ldap.start_tls = True (line 2)" in done.stdout
    ldap = tomllib.loads((tmp_path / "data/postreeve.toml").read_text())["ldap"]
    assert (ldap["url"], ldap["start_tls"], ldap["ca_file"]) == ("ldap://ldap.test", True, f"{tmp_path}/own.crt")


@pytest.mark.parametrize(
    ("options", "file", "next_options"),
    [
        ([], "data/postreeve.toml", ""),
        (["--data=etc"], "etc/postreeve.toml", " --data etc"),
        (["--settings=etc/postreeve.toml"], "etc/postreeve.toml", " --settings etc/postreeve.toml"),
        (["--settings=our own/x.toml"], "our own/x.toml", " --settings 'our own/x.toml'"),
        (["--data=lib", "--settings=etc/x.toml"], "etc/x.toml", " --data lib --settings etc/x.toml"),
    ],
)
def test_the_settings_name_the_token_and_the_next_commands_name_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], file: str, next_options: str
) -> None:
    monkeypatch.chdir(tmp_path)
    source = settings_py(tmp_path, {**SQL, "mlmmjadmin_api_auth_token": TOKEN})
    done = ran("adopt", str(source), "--no-check", f"--root={tmp_path}", *options)
    assert done.exit_code == 0, done.output
    assert f"Next: `postreeve doctor{next_options}`, then `postreeve serve{next_options}`." in done.stdout
    named = Path(tomllib.loads((tmp_path / file).read_text())["mlmmjadmin_token_file"])
    assert (named, named.read_text()) == ((tmp_path / file).parent / "mlmmjadmin.token", f"{TOKEN}\n")


def test_a_name_that_bounds_who_gets_in_may_stand_in_a_file_beside(tmp_path: Path) -> None:
    source = settings_py(tmp_path, SQL)
    source.write_text(f"{source.read_text()}from custom_settings import *\n")
    assert "it imports other code, which may say ADMIN_LOGIN_IP_LIST" in refusal("adopt", str(source), "--no-check")
    (tmp_path / "custom_settings.py").write_text("RESTFUL_API_CLIENTS = ['192.0.2.7']\n")
    done = ran("adopt", str(source), "--no-check", f"--root={tmp_path}", f"--data={tmp_path}/data")
    assert done.exit_code == 0, done.output
    written = tomllib.loads((tmp_path / "data/postreeve.toml").read_text())
    assert written["restful_api_clients"] == ["192.0.2.7"]
