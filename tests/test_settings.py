"""Settings: where they come from, and the sentence that says what is wrong with one."""

from pathlib import Path

import pytest

from postreeve.configuration import from_mapping, load, with_options
from postreeve.settings import Settings, SettingsError

WRONG = [
    ("workers = 0", "The setting workers in {file} must be a whole number of at least 1."),
    ("workers = true", "The setting workers in {file} must be a whole number of at least 1."),
    ("session_timeout = 0", "The setting session_timeout in {file} must be a whole number from 1 to 604800."),
    ("colour = 1", "The setting colour in {file} is unknown."),
    ('enable_restful_api = "on"', "The setting enable_restful_api in {file} must be `true` or `false`."),
    (
        'trusted_proxies = ["192.0.2.1", "proxy"]',
        (
            "The setting trusted_proxies in {file} must be a list of addresses and networks, such as 192.0.2.1 or"
            " 2001:db8::/32; 'proxy' is not."
        ),
    ),
    (
        'mailbox_format = "mbox"',
        "The setting mailbox_format in {file} must be one of `maildir`, `mdbox`, `sdbox`.",
    ),
    ('storage_base_directory = "x"', "The setting storage_base_directory in {file} must be an absolute path."),
    ('[vmail]\nengine = "sqlite"', "The setting vmail.path in {file} is missing."),
    ('[vmail]\nengine = "mariadb"', "The setting vmail.database in {file} is missing."),
    (
        '[vmail]\nengine = "mariadb"\ndatabase = "vmail"\nport = 70000',
        "The setting vmail.port in {file} must be a whole number from 0 to 65535.",
    ),
    (
        '[vmail]\nengine = "oracle"',
        "The setting vmail.engine in {file} must be one of `mariadb`, `postgresql`, `sqlite`.",
    ),
]


@pytest.mark.parametrize(("text", "sentence"), WRONG, ids=[text for text, _ in WRONG])
def test_a_wrong_setting_is_named_with_what_it_has_to_be(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "postreeve.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        load(file, {})
    assert str(refused.value) == sentence.format(file=file)


def test_a_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "postreeve.toml"
    with pytest.raises(SettingsError, match=r"postreeve\.toml can not be read: No such file or directory\."):
        load(file, {})
    for content in (b"workers = ", b"name = '\xff'"):
        file.write_bytes(content)
        with pytest.raises(SettingsError, match=r"postreeve\.toml can not be read: .+\."):
            load(file, {})


def test_the_environment_overrides_the_file_and_is_named_as_itself(tmp_path: Path) -> None:
    file = tmp_path / "postreeve.toml"
    file.write_text('workers = 2\nlisten = "127.0.0.1:1"\n', encoding="utf-8")
    assert load(file, {"POSTREEVE_WORKERS": "3"}).workers == 3
    assert load(file, {"POSTREEVE_TRUSTED_PROXIES": '["127.0.0.1"]'}).trusted_proxies == ["127.0.0.1"]
    with pytest.raises(SettingsError, match=r"^The variable POSTREEVE_WORKERS must be a whole number of at least 1"):
        load(file, {"POSTREEVE_WORKERS": "many"})


def test_options_win_and_those_not_given_change_nothing() -> None:
    settings = from_mapping({"workers": 2, "listen": "127.0.0.1:1"})
    assert with_options(settings, listen=None, workers=None) == settings
    changed = with_options(settings, listen="[::1]:8080", workers=4)
    assert (changed.listen, changed.workers) == ("[::1]:8080", 4)
    with pytest.raises(SettingsError, match=r"^The option --listen must be HOST:PORT .*; '8080' is not\.$"):
        with_options(settings, listen="8080")


def test_a_site_that_names_a_database_has_those_of_policies_that_it_names() -> None:
    assert from_mapping({}).amavisd is not None
    named = from_mapping({"vmail": {"engine": "sqlite", "path": "vmail.db"}})
    assert (named.amavisd, named.iredapd, named.iredadmin) == (None, None, Settings().iredadmin)
