"""The settings of a directory."""

from pathlib import Path
from typing import Any

import pytest

from postreeve import app as assembly
from postreeve.configuration import from_mapping
from postreeve.settings import Ldap, SettingsError

GOOD: dict[str, Any] = {"suffix": "dc=ex,dc=test", "password": "Secret1"}


def test_accounts_in_a_directory_have_no_database() -> None:
    settings = from_mapping({"ldap": GOOD})
    assert settings.ldap == Ldap(url="ldap://127.0.0.1", suffix="dc=ex,dc=test", password="Secret1")
    assert settings.ldap.account == "cn=vmailadmin,dc=ex,dc=test"
    assert set(settings.databases) == {"iredadmin"}
    assert set(from_mapping({}).databases) == {"vmail", "iredadmin", "amavisd", "iredapd"}
    assert "Secret1" not in str(settings.ldap)


@pytest.mark.parametrize(
    "values",
    [
        {"url": "ldap://ldap.ex.test:1389"}, {"url": "ldapi://%2Frun%2Fslapd%2Fldapi"}, {"url": "ldapi:///"},
        {"url": "ldaps://[2001:db8::1]/ ldaps://192.0.2.1:636"}, {"bind_dn": "cn=Manager,dc=ex,dc=test"},
        {"bind_dn": ""}, {"start_tls": True, "url": "ldap://a ldap://b"}, {"timeout": 1},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_taken(values: dict[str, Any]) -> None:
    assert from_mapping({"ldap": GOOD | values}).ldap


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"suffix": ""}, "The setting ldap.suffix is missing."),
        ({"password": ""}, "The setting ldap.password is missing."),
        ({"suffix": "example.com"}, "The setting ldap.suffix must be the name of an entry"),
        ({"bind_dn": "vmailadmin"}, "The setting ldap.bind_dn must be empty or the name of an entry"),
        ({"url": "http://127.0.0.1"}, "The setting ldap.url must be one or more of ldap://HOST:PORT"),
        ({"url": "ldap://a,ldap://b"}, "The setting ldap.url must be one or more of ldap://HOST:PORT"),
        ({"url": ""}, "The setting ldap.url must be one or more of ldap://HOST:PORT"),
        ({"url": "ldaps://a", "start_tls": True}, "The setting ldap.start_tls is for ldap:// alone."),
        ({"timeout": 0}, "The setting ldap.timeout must be a whole number from 1 to 300"),
        ({"uri": "ldap://a"}, "The setting ldap.uri is unknown."),
    ],
    ids=str,
)
def test_what_is_not(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError) as refused:
        from_mapping({"ldap": GOOD | values})
    assert str(refused.value).startswith(sentence)
    assert "Secret1" not in str(refused.value)


def test_a_directory_is_a_table_and_excludes_a_database() -> None:
    with pytest.raises(SettingsError, match="The setting ldap must be a table of settings"):
        from_mapping({"ldap": "ldap://127.0.0.1"})
    with pytest.raises(SettingsError, match="The setting ldap excludes vmail"):
        from_mapping({"ldap": GOOD, "vmail": {"engine": "sqlite", "path": "vmail.db"}})


def test_certificates_are_named_from_the_data_directory(tmp_path: Path) -> None:
    file = tmp_path / "postreeve.toml"
    file.write_text('[ldap]\nsuffix = "dc=ex"\npassword = "x"\nca_file = "ca.pem"\n')
    settings = assembly.settings_of(tmp_path, None)
    assert settings.ldap
    assert settings.ldap.ca_file == str(tmp_path / "ca.pem")


def test_look_ups_in_a_directory_need_no_role() -> None:
    assert assembly.look_up_grants(from_mapping({"ldap": GOOD})) == []
