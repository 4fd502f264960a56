"""What the names in iRedAdmin's settings mean here."""

from typing import Any

import msgspec
import pytest

from postreeve.adopt import names
from postreeve.adopt.names import Adopted, translate
from postreeve.adopt.reading import ANY, Literal, Unread, Written
from postreeve.configuration import from_mapping
from postreeve.settings import Settings, SettingsError


def database(name: str, port: str | int, host: str = "127.0.0.1") -> dict[str, Any]:
    return {
        f"{name}_db_host": host, f"{name}_db_port": port, f"{name}_db_name": name, f"{name}_db_user": f"{name}admin",
        f"{name}_db_password": f"secret of {name}",
    }  # fmt: skip


SQL = {"backend": "mysql", **database("vmail", "3306"), **database("iredadmin", "3306")}
LDAP = {
    "backend": "ldap", "ldap_uri": "ldap://127.0.0.1:389", "ldap_basedn": "o=domains,dc=example,dc=com",
    "ldap_domainadmin_dn": "o=domainAdmins,dc=example,dc=com", "ldap_bind_dn": "cn=vmailadmin,dc=example,dc=com",
    "ldap_bind_password": "secret of ldap", **database("iredadmin", "3306"),
}  # fmt: skip
NEW = {"DEFAULT_PASSWORD_SCHEME": "SSHA512", "ENABLE_RESTFUL_API": True}


def adopted(*unread: Unread, **values: object) -> Adopted:
    literals = {name: Literal(value, line) for line, (name, value) in enumerate(values.items(), 1)}
    return translate(Written(literals, unread))


def ours(**values: object) -> Settings:
    return from_mapping(adopted(**{**SQL, **NEW, **values}).settings)


def test_every_name_means_a_setting_that_there_is() -> None:
    assert set(names._NAMES.values()) <= {field.name for field in msgspec.structs.fields(Settings)}


@pytest.mark.parametrize(("backend", "port", "engine"), [("mysql", "3306", "mariadb"), ("pgsql", 5432, "postgresql")])
def test_the_databases_are_those_of_the_site(backend: str, port: str | int, engine: str) -> None:
    found = adopted(
        **{**SQL, **NEW, "backend": backend, **database("vmail", port), **database("iredadmin", port, "/run/sql")},
        amavisd_enable_logging=False, amavisd_enable_policy_lookup=True, **database("amavisd", port),
        iredapd_enabled=False, **database("iredapd", port),
    )  # fmt: skip
    settings = from_mapping(found.settings)
    common = {"engine": engine, "port": int(port)}
    assert msgspec.structs.asdict(settings.vmail) == {
        **common, "host": "127.0.0.1", "socket": "", "database": "vmail", "user": "vmailadmin",
        "password": "secret of vmail", "driver": "", "path": "",
    }  # fmt: skip
    assert (settings.iredadmin.socket, settings.iredadmin.engine) == ("/run/sql", engine)
    assert settings.amavisd
    assert settings.amavisd.database == "amavisd"
    assert settings.iredapd is None
    assert {left.name for left in found.idle} == set(database("iredapd", port))
    assert found.not_understood == []


def test_a_directory_is_the_sites_with_its_databases_beside_it() -> None:
    found = adopted(**LDAP, **NEW)
    settings = from_mapping(found.settings)
    assert settings.ldap
    assert msgspec.structs.asdict(settings.ldap) == {
        "url": "ldap://127.0.0.1:389", "suffix": "dc=example,dc=com", "bind_dn": "cn=vmailadmin,dc=example,dc=com",
        "password": "secret of ldap", "start_tls": False, "ca_file": "", "timeout": 10,
    }  # fmt: skip
    assert list(settings.databases) == ["iredadmin"]
    assert settings.iredadmin.engine == "mariadb"


@pytest.mark.parametrize(
    ("uri", "url", "is_encrypted"),
    [
        ("ldap://ldap.test:3890", "ldap://ldap.test:3890", False),
        ("ldaps://ldap.test", "ldap://ldap.test", True),
        ("ldaps://a.test ldaps://b.test:389", "ldap://a.test ldap://b.test:389", True),
        ("ldaps://127.0.0.1:389", "ldap://127.0.0.1:389", False),
        ("ldapi://%2Frun%2Fldapi", "ldapi://%2Frun%2Fldapi", False),
    ],
)
def test_ldaps_is_what_iredadmin_takes_it_for(uri: str, url: str, is_encrypted: object) -> None:
    ldap = from_mapping(adopted(**{**LDAP, **NEW, "ldap_uri": uri}).settings).ldap
    assert ldap
    assert (ldap.url, ldap.start_tls) == (url, is_encrypted)


@pytest.mark.parametrize(
    ("name", "value", "setting", "expected"),
    [
        ("ENABLE_RESTFUL_API", False, "enable_restful_api", False),
        ("RESTRICT_API_ACCESS", True, "restrict_api_access", True),
        ("RESTFUL_API_CLIENTS", ("10.0.0.1", "10.1.0.0/16"), "restful_api_clients", ["10.0.0.1", "10.1.0.0/16"]),
        ("API_HIDDEN_USER_PROFILES", [], "api_hidden_user_profiles", []),
        ("REQUIRE_DOMAIN_OWNERSHIP_VERIFICATION", False, "require_domain_ownership_verification", False),
        ("DEFAULT_PASSWORD_SCHEME", "BCRYPT", "default_password_scheme", "BCRYPT"),
        ("DEFAULT_PASSWORD_SCHEME", "SSHA+NTLM", "default_password_scheme", "SSHA"),
        ("min_passwd_length", "12", "min_passwd_length", 12),
        ("PASSWORD_HAS_NUMBER", 0, "password_has_number", False),
        ("RECIPIENT_DELIMITERS", ["+", "-"], "recipient_delimiters", "+-"),
        ("DAYS_TO_KEEP_REMOVED_MAILBOX", [1, 90, 30], "days_to_keep_removed_mailbox", 90),
        ("storage_base_directory", "/srv/mail/node7", "storage_base_directory", "/srv/mail/node7"),
        ("MLMMJ_MTA_TRANSPORT_NAME", "lists", "mlmmj_transport", "lists"),
        ("GLOBAL_ADMIN_IP_LIST", ["192.0.2.0/24"], "global_admin_ip_list", ["192.0.2.0/24"]),
        ("NEWSLETTER_SUBSCRIPTION_REQUEST_EXPIRE_HOURS", 48, "newsletter_subscription_request_expire_hours", 48),
        ("NEWSLETTER_UNSUBSCRIPTION_REQUEST_EXPIRE_HOURS", 12, "newsletter_unsubscription_request_expire_hours", 12),
        ("NEWSLETTER_SUBSCRIPTION_REQUEST_KEEP_HOURS", 0, "newsletter_subscription_request_keep_hours", 0),
        ("DOMAIN_OWNERSHIP_VERIFY_TIMEOUT", 5, "domain_ownership_verify_timeout", 5),
        ("NOTIFICATION_SENDER_NAME", "Post", "notification_sender_name", "Post"),
        ("IREDADMIN_LOG_KEPT_DAYS", 90, "iredadmin_log_kept_days", 90),
        ("AMAVISD_REMOVE_MAILLOG_IN_DAYS", 30, "amavisd_remove_maillog_in_days", 30),
        ("AMAVISD_REMOVE_QUARANTINED_IN_DAYS", "14", "amavisd_remove_quarantined_in_days", 14),
    ],
)
def test_a_setting_is_taken_over(name: str, value: object, setting: str, expected: object) -> None:
    assert getattr(ours(**{name: value}), setting) == expected


def test_what_the_file_leaves_out_is_what_iredadmin_does_then() -> None:
    settings = from_mapping(adopted(**SQL).settings)
    assert settings.enable_restful_api is False
    assert settings.default_password_scheme == "SSHA"
    understood = {each.name: (each.value, each.line) for each in adopted(**SQL).understood}
    assert understood["ENABLE_RESTFUL_API"] == (False, 0)


def test_lists_go_through_mlmmjadmin_where_the_site_has_its_token() -> None:
    assert ours().mlmmj == ""
    found = adopted(**SQL, **NEW, mlmmjadmin_api_auth_token="t" * 32, MLMMJADMIN_API_BASE_URL="https://lists.test/api")
    settings = from_mapping(found.settings)
    assert (settings.mlmmj, settings.mlmmjadmin_url, settings.mlmmjadmin_verify_tls) == (
        "remote", "https://lists.test/api", False,
    )  # fmt: skip
    assert found.token == "t" * 32


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({}, "127.0.0.1:9998"),
        ({"amavisd_quarantine_port": "9999"}, "127.0.0.1:9999"),
        ({"AMAVISD_QUARANTINE_HOST": "192.0.2.7"}, "192.0.2.7:9998"),
        ({"AMAVISD_QUARANTINE_HOST": "2001:db8::7"}, "[2001:db8::7]:9998"),
        ({"amavisd_db_host": "/run/sql"}, "127.0.0.1:9998"),
        ({"amavisd_enable_quarantine": False, "amavisd_enable_policy_lookup": True}, ""),
    ],
)
def test_quarantined_mail_is_released_where_it_was(values: dict[str, object], place: str) -> None:
    assert ours(**{**database("amavisd", 3306), **values}).amavisd_release_server == place


def test_mails_are_sent_through_the_server_that_sent_notices() -> None:
    values = {
        "NOTIFICATION_SMTP_SERVER": "mail.test", "NOTIFICATION_SMTP_PORT": "587", "NOTIFICATION_SMTP_STARTTLS": True,
        "NOTIFICATION_SMTP_USER": "no-reply@ex.com", "NOTIFICATION_SMTP_PASSWORD": "secret of the sender",
        "NOTIFICATION_SMTP_DEBUG_LEVEL": 0,
    }  # fmt: skip
    settings = ours(**values)
    assert (settings.notification_smtp_port, settings.notification_smtp_starttls) == (587, True)
    assert settings.notification_smtp_password == "secret of the sender"
    assert "secret" not in repr(adopted(**SQL, **NEW, **values).understood)


def test_what_is_not_understood_is_told_with_its_line_and_why() -> None:
    found = adopted(
        Unread(99, "PAGE_SIZE", "its value is computed"),
        **SQL, **{**NEW, "DEFAULT_PASSWORD_SCHEME": "NTLM"}, MAILBOX_FORMAT="mbox", OUR_OWN_SETTING=1, SKIN="default",
    )  # fmt: skip
    assert [(left.name, left.reason) for left in found.not_understood] == [
        ("DEFAULT_PASSWORD_SCHEME", "new passwords can not be stored so; those that are there go on working"),
        ("MAILBOX_FORMAT", "MAILBOX_FORMAT must be one of `maildir`, `mdbox`, `sdbox`"),
        ("OUR_OWN_SETTING", "the name is not known here"),
        ("PAGE_SIZE", "its value is computed"),
    ]
    assert [left.name for left in found.idle] == ["SKIN"]
    assert from_mapping(found.settings).default_password_scheme == "SSHA512"


def test_every_line_is_accounted_for() -> None:
    values = {**SQL, **NEW, **database("amavisd", 3306), "webmaster": "root@ex.com", "SKIN": "x", "OTHER": 1}
    found = adopted(**values)
    told = [each.name for each in found.understood]
    told += [each.name for each in (*found.idle, *found.not_understood)]
    assert sorted(told) == sorted(values)


def test_secrets_are_not_told() -> None:
    told = adopted(**SQL, **NEW, mlmmjadmin_api_auth_token="secret of lists" * 3)
    assert "secret" not in repr((told.understood, told.idle, told.not_understood))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"backend": "oracle"}, r"This is no settings file of iRedAdmin: backend is none of mysql, pgsql, ldap\."),
        (
            {"backend": "mysql"},
            r"The settings file does not say vmail_db_host, vmail_db_name, vmail_db_user, ",
        ),
        ({**SQL, "vmail_db_port": "x"}, r"vmail_db_port is no number\."),
        ({**LDAP, "ldap_bind_password": ""}, r"The settings file does not say ldap_bind_password\."),
        ({**LDAP, "ldap_basedn": "ou=people,dc=example"}, r"ldap_basedn does not begin with o=domains"),
        ({**LDAP, "ldap_domainadmin_dn": "o=x,dc=example"}, r"ldap_domainadmin_dn is not o=domainAdmins,dc=example,"),
        (
            {**SQL, "RESTFUL_API_CLIENTS": ["everybody"]},
            r"Line 12: RESTFUL_API_CLIENTS must be .* It bounds who gets in\.",
        ),
    ],
)
def test_without_the_stores_or_with_an_open_door_nothing_is_adopted(values: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        adopted(**values)


@pytest.mark.parametrize("name", ["backend", "vmail_db_host", "GLOBAL_ADMIN_IP_LIST"])
def test_what_is_needed_has_to_be_a_literal(name: str) -> None:
    values = {key: value for key, value in SQL.items() if key != name}
    with pytest.raises(SettingsError, match=f"Line 7: {name} is no literal: its value is computed."):
        adopted(Unread(7, name, "its value is computed"), **values)


@pytest.mark.parametrize("name", ["RESTFUL_API_CLIENTS", "vmail_db_host"])
def test_settings_from_elsewhere_may_be_those_that_are_needed(name: str) -> None:
    bounds = {key: ["192.0.2.1"] for key in names._BOUNDS if key != "RESTRICT_API_ACCESS"}
    values = {**SQL, **NEW, **bounds, "RESTRICT_API_ACCESS": True}
    elsewhere = Unread(9, ANY, "it imports other code")
    assert [(left.name, left.reason) for left in adopted(elsewhere, **values).not_understood] == [
        ("", "it imports other code")
    ]
    with pytest.raises(SettingsError, match=f"Line 9: it imports other code, which may say {name}. Write those"):
        adopted(elsewhere, **{key: value for key, value in values.items() if key != name})


@pytest.mark.parametrize("name", ["backend", "vmail_db_host", "RESTRICT_API_ACCESS"])
def test_settings_from_elsewhere_may_replace_what_stands_above(name: str) -> None:
    bounds = {key: Literal(["192.0.2.1"], 9) for key in names._BOUNDS}
    literals = {key: Literal(value, 9) for key, value in {**SQL, **NEW}.items()}
    literals |= {**bounds, "RESTRICT_API_ACCESS": Literal(value=True, line=9)}
    literals[name] = Literal(literals[name].value, 1, is_last=False)
    with pytest.raises(SettingsError, match=f"Line 2: it imports other code, which may say {name}. Write those"):
        translate(Written(literals, (Unread(2, ANY, "it imports other code"),)))
