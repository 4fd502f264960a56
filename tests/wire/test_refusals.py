"""Bad input of every kind: the code that clients are promised, and not one row changed."""

from typing import Any

import pytest

from tests.site import PASSWORD, ROOT, Client, Site

Sent = dict[str, Any]

_LONG = "x" * 65

BAD: list[tuple[str, str, Sent, str]] = [
    ("POST", "login", {"username": "", "password": "x"}, "INVALID_USERNAME"),
    ("POST", "login", {"username": "root", "password": "x"}, "INVALID_USERNAME"),
    ("POST", "login", {"username": f"{ROOT}\0", "password": PASSWORD}, "INVALID_USERNAME"),
    ("POST", "login", {"username": ROOT}, "EMPTY_PASSWORD"),
    ("POST", "login", {"username": ROOT, "password": ""}, "EMPTY_PASSWORD"),
    ("POST", "domain/ex.com", {}, "ALREADY_EXISTS"),
    ("POST", "domain/EX.com", {}, "ALREADY_EXISTS"),
    ("POST", "domain/ex.net", {}, "ALREADY_EXISTS"),
    ("POST", "domain/new.test", {"aliasDomains": "ex.net"}, "ALREADY_EXISTS"),
    ("POST", "domain/new.test", {"aliasDomains": "new.test"}, "INVALID_VALUE"),
    ("POST", "domain/localhost", {}, "INVALID_DOMAIN_NAME"),
    ("POST", "domain/ex..com", {}, "INVALID_DOMAIN_NAME"),
    ("POST", "domain/-ex.com", {}, "INVALID_DOMAIN_NAME"),
    ("POST", "domain/ex.com.", {}, "INVALID_DOMAIN_NAME"),
    ("POST", "domain/ALL", {}, "INVALID_DOMAIN_NAME"),
    ("POST", "domain/1.2.3.4", {}, "INVALID_DOMAIN_NAME"),
    ("POST", f"domain/{_LONG}.test", {}, "INVALID_DOMAIN_NAME"),
    ("POST", f"domain/{'a.' * 130}test", {}, "INVALID_DOMAIN_NAME"),
    ("POST", "domain/xn--zzzz--.test", {}, "INVALID_DOMAIN_NAME"),
    ("POST", "domain/a b.test", {}, "INVALID_DOMAIN_NAME"),
    ("POST", "domain/new.test", {"quota": "-1"}, "INVALID_NUMBER"),
    ("POST", "domain/new.test", {"quota": "1e3"}, "INVALID_NUMBER"),
    ("POST", "domain/new.test", {"quota": "٣"}, "INVALID_NUMBER"),
    ("POST", "domain/new.test", {"quota": "9" * 19}, "INVALID_NUMBER"),
    ("POST", "domain/new.test", {"quota": "9" * 5000}, "INVALID_NUMBER"),
    ("PUT", "domain/ex.com", {"quota": ""}, "INVALID_NUMBER"),
    ("PUT", "domain/ex.com", {"numberOfUsers": "-2"}, "INVALID_NUMBER"),
    ("PUT", "domain/ex.com", {"accountStatus": "enabled"}, "INVALID_VALUE"),
    ("PUT", "domain/ex.com", {"accountStatus": ""}, "INVALID_VALUE"),
    ("PUT", "domain/ex.com", {"language": "xx_YY"}, "INVALID_VALUE"),
    ("PUT", "domain/ex.com", {"language": "de;quota:1"}, "INVALID_VALUE"),
    ("PUT", "domain/ex.com", {"name": "a\nb"}, "INVALID_VALUE"),
    ("PUT", "domain/ex.com", {"name": "a\0b"}, "INVALID_VALUE"),
    ("PUT", "domain/ex.com", {"name": "a\u2028b"}, "INVALID_VALUE"),
    ("PUT", "domain/ex.com", {"name": "x" * 256}, "INVALID_VALUE"),
    ("PUT", "domain/ex.com", {"transport": "smtp:[x]\nrelay:y"}, "INVALID_VALUE"),
    ("PUT", "domain/ex.com", {"transport": "-x"}, "INVALID_VALUE"),
    ("PUT", "domain/ex.com", {"transport": "dovecot", "is_backupmx": "yes"}, "CONFLICTING_PARAMETERS"),
    ("PUT", "domain/ex.com", {"primarymx": "mx.far.test"}, "MISSING_PARAMETER"),
    ("PUT", "domain/ex.com", {"primarymx": "mx far", "is_backupmx": "yes"}, "INVALID_VALUE"),
    ("PUT", "domain/ex.com", {"outboundRelay": "[far.test]:25 x"}, "INVALID_VALUE"),
    ("PUT", "domain/ex.com", {"catchall": "nobody"}, "INVALID_MAIL"),
    ("PUT", "domain/ex.com", {"catchall": "missing@ex.com"}, "NO_SUCH_ACCOUNT"),
    ("PUT", "domain/ex.com", {"senderBcc": "x@y@"}, "INVALID_MAIL"),
    ("PUT", "domain/ex.com", {"aliasDomains": "ex.org", "addAliasDomain": "ex.info"}, "CONFLICTING_PARAMETERS"),
    ("PUT", "domain/ex.com", {"aliasDomains": "ex_?.org"}, "INVALID_DOMAIN_NAME"),
    ("PUT", "domain/ex.com", {"addAliasDomain": "other.test"}, "ALREADY_EXISTS"),
    ("PUT", "domain/ex.com", {"disableDomainProfile": "everything"}, "INVALID_VALUE"),
    ("PUT", "domain/ex.com", {"addService": "a;b"}, "INVALID_VALUE"),
    ("PUT", "domain/no.test", {"name": "x"}, "NO_SUCH_DOMAIN"),
    ("PUT", "domain/ex.net", {"name": "x"}, "NO_SUCH_DOMAIN"),
    ("DELETE", "domain/no.test", {}, "NO_SUCH_DOMAIN"),
    ("DELETE", "domain/ex.com/keep_mailbox_days/soon", {}, "INVALID_NUMBER"),
    ("DELETE", "domain/ex.com/keep_mailbox_days/-1", {}, "INVALID_NUMBER"),
    ("PUT", "domain/admins/ex.com", {"addAdmin": "missing@ex.com"}, "NO_SUCH_ACCOUNT"),
    ("PUT", "domain/admins/ex.com", {"addAdmin": "missing@far.test"}, "NO_SUCH_ACCOUNT"),
    ("PUT", "domain/admins/ex.com", {"addAdmin": "x"}, "INVALID_MAIL"),
    ("PUT", "domain/admins/no.test", {"addAdmin": "ann@ex.com"}, "NO_SUCH_DOMAIN"),
    ("POST", "user/ann@ex.com", {"password": PASSWORD}, "ALREADY_EXISTS"),
    ("POST", "user/ANN@EX.com", {"password": PASSWORD}, "ALREADY_EXISTS"),
    ("POST", "user/sales@ex.com", {"password": PASSWORD}, "ALREADY_EXISTS"),
    ("POST", "user/all@ex.com", {"password": PASSWORD}, "ALREADY_EXISTS"),
    ("POST", "user/new@ex.net", {"password": PASSWORD}, "NO_SUCH_DOMAIN"),
    ("POST", "user/new@no.test", {"password": PASSWORD}, "NO_SUCH_DOMAIN"),
    ("POST", "user/new@ex.com", {}, "PW_EMPTY"),
    ("POST", "user/new@ex.com", {"password": ""}, "PW_EMPTY"),
    (
        "POST",
        "user/new@ex.com",
        {"password": "a"},
        "PW_SHORTER_THAN_MIN_LENGTH,PW_NO_UPPERCASE,PW_NO_DIGIT_NUMBER,PW_NO_SPECIAL_CHAR",
    ),
    ("POST", "user/new@ex.com", {"password": "Pässword@1"}, "PW_NON_ASCII"),
    ("POST", "user/new@ex.com", {"password": f"{PASSWORD}\0x"}, "PW_NON_ASCII"),
    ("POST", "user/new@ex.com", {"password": PASSWORD, "password_hash": "{PLAIN}x"}, "CONFLICTING_PARAMETERS"),
    ("POST", "user/new@ex.com", {"password_hash": "{NOSUCH}x"}, "INVALID_PASSWORD_SCHEME"),
    ("POST", "user/new@ex.com", {"password_hash": "x"}, "INVALID_PASSWORD_SCHEME"),
    ("POST", "user/new@ex.com", {"password_hash": ""}, "INVALID_PASSWORD_SCHEME"),
    ("POST", "user/new@ex.com", {"password_hash": "{PLAIN}" + "x" * 300}, "INVALID_PASSWORD_SCHEME"),
    ("POST", "user/a b@ex.com", {"password": PASSWORD}, "INVALID_MAIL"),
    ("POST", "user/-rf@ex.com", {"password": PASSWORD}, "INVALID_MAIL"),
    ("POST", "user/a%2Fb@ex.com", {"password": PASSWORD}, "INVALID_MAIL"),
    ("POST", "user/..@ex.com", {"password": PASSWORD}, "INVALID_MAIL"),
    ("POST", "user/a'b@ex.com", {"password": PASSWORD}, "INVALID_MAIL"),
    ("POST", "user/ann+x@ex.com", {"password": PASSWORD}, "INVALID_MAIL"),
    ("POST", "user/änn@ex.com", {"password": PASSWORD}, "INVALID_MAIL"),
    ("POST", f"user/{_LONG}@ex.com", {"password": PASSWORD}, "INVALID_MAIL"),
    ("POST", "user/new@ex.com", {"password": PASSWORD, "aliases": "all@ex.com"}, "ALREADY_EXISTS"),
    ("POST", "user/new@ex.com", {"password": PASSWORD, "aliases": "ann+x@ex.com"}, "ALREADY_EXISTS"),
    ("POST", "user/new@ex.com", {"password": PASSWORD, "aliases": "x@far.test"}, "NO_SUCH_DOMAIN"),
    ("POST", "user/new@ex.com", {"password": PASSWORD, "aliases": "x@other.test"}, "INVALID_VALUE"),
    ("POST", "user/new@ex.com", {"password": PASSWORD, "maildir": "/etc/passwd"}, "INVALID_VALUE"),
    ("POST", "user/new@ex.com", {"password": PASSWORD, "maildir": "/var/vmail/vmail1/../../x"}, "INVALID_VALUE"),
    ("POST", "user/new@ex.com", {"password": PASSWORD, "maildir": "relative/path"}, "INVALID_VALUE"),
    ("POST", "user/new@ex.com", {"password": PASSWORD, "mailboxFolder": "../x"}, "INVALID_VALUE"),
    ("POST", "user/new@ex.com", {"password": PASSWORD, "mailboxFormat": "mbox"}, "INVALID_VALUE"),
    ("PUT", "user/ann@ex.com", {"quota": "1.5"}, "INVALID_NUMBER"),
    ("PUT", "user/ann@ex.com", {"password": ""}, "PW_EMPTY"),
    ("PUT", "user/ann@ex.com", {"accountStatus": "on"}, "INVALID_VALUE"),
    ("PUT", "user/ann@ex.com", {"isGlobalAdmin": "maybe"}, "INVALID_VALUE"),
    ("PUT", "user/ann@ex.com", {"aliases": "a@ex.com", "removeAlias": "sales@ex.com"}, "CONFLICTING_PARAMETERS"),
    ("PUT", "user/ann@ex.com", {"addAlias": "all@ex.com"}, "ALREADY_EXISTS"),
    ("PUT", "user/ann@ex.com", {"addAlias": "bob@ex.net"}, "ALREADY_EXISTS"),
    ("PUT", "user/ann@ex.com", {"addAlias": "ann@ex.com"}, "ALREADY_EXISTS"),
    ("POST", "domain/admins.test", {}, "CAN_NOT_BE_LOCAL_DOMAIN"),
    ("PUT", "domain/ex.com", {"minPasswordLength": "9", "maxPasswordLength": "8"}, "INVALID_VALUE"),
    ("PUT", "domain/ex.com", {"defaultQuota": "9", "maxUserQuota": "8"}, "INVALID_VALUE"),
    ("PUT", "user/missing@ex.com", {"name": "x"}, "NO_SUCH_ACCOUNT"),
    ("PUT", "user/all@ex.com", {"name": "x"}, "NO_SUCH_ACCOUNT"),
    ("PUT", "user/ann@ex.net", {"name": "x"}, "NO_SUCH_ACCOUNT"),
    ("DELETE", "user/missing@ex.com", {}, "NO_SUCH_ACCOUNT"),
    ("DELETE", "user/ann@ex.com/keep_mailbox_days/99999", {}, "INVALID_NUMBER"),
    ("POST", "user/ann@ex.com/change_email/bob@ex.com", {}, "ALREADY_EXISTS"),
    ("POST", "user/ann@ex.com/change_email/all@ex.com", {}, "ALREADY_EXISTS"),
    ("POST", "user/ann@ex.com/change_email/new@no.test", {}, "NO_SUCH_DOMAIN"),
    ("POST", "user/ann@ex.com/change_email/new", {}, "INVALID_MAIL"),
    ("POST", "user/missing@ex.com/change_email/new@ex.com", {}, "NO_SUCH_ACCOUNT"),
    ("PUT", "users/ex.com", {"language": "klingon"}, "INVALID_VALUE"),
    ("PUT", "users/no.test", {"language": "de_DE"}, "NO_SUCH_DOMAIN"),
    ("GET", "users/no.test", {}, "NO_SUCH_DOMAIN"),
    ("GET", "users/ex.com", {"email_only": "perhaps"}, "INVALID_VALUE"),
    ("GET", "user/missing@ex.com", {}, "NO_SUCH_ACCOUNT"),
    ("POST", "verify_password/user/ann@ex.com", {"password": "wrong"}, "INVALID_CREDENTIALS"),
    ("POST", "verify_password/user/missing@ex.com", {"password": "wrong"}, "INVALID_CREDENTIALS"),
    ("POST", "verify_password/user/ann@ex.com", {}, "INVALID_CREDENTIALS"),
    ("POST", "verify_password/admin/missing@far.test", {"password": PASSWORD}, "INVALID_CREDENTIALS"),
    ("POST", "alias/all@ex.com", {}, "ALREADY_EXISTS"),
    ("POST", "alias/ann@ex.com", {}, "ALREADY_EXISTS"),
    ("POST", "alias/new@no.test", {}, "NO_SUCH_DOMAIN"),
    ("POST", "alias/new@ex.com", {"members": "new@ex.com"}, "INVALID_VALUE"),
    ("POST", "alias/new@ex.com", {"members": "<script>"}, "INVALID_MAIL"),
    ("POST", "alias/new@ex.com", {"members": "a@far.test\nb"}, "INVALID_MAIL"),
    ("POST", "alias/new@ex.com", {"accessPolicy": "nobody"}, "INVALID_VALUE"),
    ("PUT", "alias/missing@ex.com", {"name": "x"}, "NO_SUCH_ACCOUNT"),
    ("PUT", "alias/all@ex.com", {"members": "a@far.test", "addMember": "b@far.test"}, "CONFLICTING_PARAMETERS"),
    ("PUT", "alias/ann@ex.com", {"name": "x"}, "NO_SUCH_ACCOUNT"),
    ("DELETE", "alias/ann@ex.com", {}, "NO_SUCH_ACCOUNT"),
    ("POST", "alias/all@ex.com/change_email/ann@ex.com", {}, "ALREADY_EXISTS"),
    ("POST", "alias/ann@ex.com/change_email/new@ex.com", {}, "NO_SUCH_ACCOUNT"),
    ("GET", "aliases/no.test", {}, "NO_SUCH_DOMAIN"),
    ("POST", f"admin/{ROOT}", {"password": PASSWORD}, "ALREADY_EXISTS"),
    ("POST", "admin/new@ex.com", {"password": PASSWORD}, "CAN_NOT_BE_LOCAL_DOMAIN"),
    ("POST", "admin/new@ex.net", {"password": PASSWORD}, "CAN_NOT_BE_LOCAL_DOMAIN"),
    ("POST", "admin/new@far.test", {}, "PW_EMPTY"),
    ("POST", "admin/new@far.test", {"password": PASSWORD, "maxQuota": "1"}, "MISSING_PARAMETER"),
    ("POST", "admin/new@far.test", {"password": PASSWORD, "maxQuota": "1", "quotaUnit": "PB"}, "INVALID_VALUE"),
    ("POST", "admin/new@far.test", {"password": PASSWORD, "maxUsers": "many"}, "INVALID_NUMBER"),
    ("PUT", "admin/missing@far.test", {"name": "x"}, "NO_SUCH_ACCOUNT"),
    ("PUT", f"admin/{ROOT}", {"accountStatus": "disabled"}, "PROTECTED_ACCOUNT"),
    ("PUT", f"admin/{ROOT}", {"isGlobalAdmin": "no"}, "PROTECTED_ACCOUNT"),
    ("DELETE", f"admin/{ROOT}", {}, "PROTECTED_ACCOUNT"),
    ("DELETE", "admin/missing@far.test", {}, "NO_SUCH_ACCOUNT"),
]


def _furnished(site: Site) -> Client:
    root = site.root()
    root.ok("POST", "domain/ex.com", aliasDomains="ex.net")
    root.ok("POST", "domain/other.test")
    root.ok("POST", "user/ann@ex.com", password=PASSWORD, aliases="sales@ex.com")
    root.ok("POST", "user/bob@ex.com", password=PASSWORD)
    root.ok("POST", "alias/all@ex.com", members="ann@ex.com")
    return root


def test_every_bad_request_gets_its_code_and_changes_nothing(site: Site) -> None:
    root = _furnished(site)
    before = site.dump()
    for method, path, parameters, code in BAD:
        answer = root.raw(method, path, data=parameters)
        assert (answer.status_code, answer.json()["_success"], answer.json().get("_msg")) == (200, False, code), (
            method, path, parameters, answer.text,
        )  # fmt: skip
    assert site.dump() == before
    assert site.rows("postreeve_claims") == []


def test_hints_never_repeat_a_password(site: Site) -> None:
    root = _furnished(site)
    for path, parameters in [
        ("user/new@ex.com", {"password": "sEcret-x"}),
        ("user/new@ex.com", {"password": "sEcret-ü"}),
        ("user/new@ex.com", {"password_hash": "{NO}sEcret"}),
        ("admin/new@far.test", {"password": "sEcret"}),
        ("login", {"username": ROOT, "password": "sEcret"}),
        ("login", {"username": "sEcret"}),
    ]:
        answer = root.raw("POST", path, data=parameters)
        assert answer.json()["_success"] is False
        assert "sEcret" not in answer.text or "username" in parameters


def test_hints_name_the_reason(site: Site) -> None:
    root = _furnished(site)
    said = root.put("user/ann@ex.com", addAlias="ann@ex.com")["_hint"]
    assert said == "ann@ex.com is the user's own address; alias addresses are further ones."
    said = root.raw("PUT", "user/ann@ex.com", files={"name": ("name.txt", b"Ann")}).json()["_hint"]
    assert said == "The multipart body can not be read; it may not have files."


def test_nobody_without_a_session_learns_anything(site: Site) -> None:
    _furnished(site)
    nobody = site.client()
    for method, path, parameters, code in BAD:
        if not path.startswith("login") and code != "INVALID_DOMAIN_NAME":
            assert nobody.raw(method, path, data=parameters).json()["_msg"] == "LOGIN_REQUIRED"


@pytest.mark.parametrize(
    "name",
    [
        "__init__",
        "__class__",
        "self",
        "work",
        "changes",
        "fields",
        "values",
        "names",
        "_success",
        "%s",
        "a[b]",
        "a.b",
        "",
        "\0",
        "é",
    ],
)
def test_curious_parameter_names_are_just_unknown(site: Site, name: str) -> None:
    root = site.root()
    answer = root.raw("POST", "domain/ex.com", data={name: "x", "name": "Ex"}).json()
    assert answer == {"_success": True, "_ignored": [name]}
    assert root.raw("PUT", "domain/ex.com", json={name: "x", "name": "Ey"}).json()["_ignored"] == [name]
