"""What mail users see and change of their own accounts."""

import pytest

from tests.profiles import said, settings_of
from tests.self_service.conftest import ANN, Place
from tests.site import PASSWORD

WRITTEN = {
    "name": "Ann of A", "gn": "Ann", "sn": "A", "language": "de_DE", "timezone": "Europe/Berlin",
    "forwarding": f"{ANN},bob@a.test,ann@far.test",
}  # fmt: skip
CLOSED = {
    "mailQuota": "1", "quota": "1", "accountStatus": "disabled", "employeeid": "1", "transport": "x:y",
    "isGlobalAdmin": "yes", "domainGlobalAdmin": "yes", "senderBcc": "x@far.test", "aliases": "root@a.test",
    "addAlias": "root@a.test", "services": "", "mailboxFormat": "mdbox", "maildir": "/var/vmail/bob/x",
    "password": PASSWORD, "password_hash": "{PLAIN}x", "telephoneNumber": "1", "mobile": "1",
}  # fmt: skip


def test_a_user_sees_what_the_own_mailbox_holds(place: Place) -> None:
    place.root.ok("PUT", f"user/{ANN}", quota="300")
    assert place.ann.data("self-service") == {
        "mail": ANN, "quota": 300, "stored_bytes": 0, "stored_messages": 0, "last_login": "",
        "preferences": [
            "personal_info", "forwarding", "wblist", "quarantine", "rcvd_mails", "spampolicy", "password",
        ],
    }  # fmt: skip


def test_a_user_changes_the_own_profile_and_an_admin_sees_it(place: Place) -> None:
    place.ann.ok("PUT", "self-service/profile", **WRITTEN)
    for profile in (place.ann.data("self-service/profile"), place.root.data(f"user/{ANN}")):
        assert said(profile, "name") == "Ann of A"
        assert said(profile, "first_name") == "Ann"
        assert said(profile, "last_name") == "A"
        assert said(profile, "language") == "de_DE"
        assert settings_of(profile)["timezone"] == "Europe/Berlin"
        assert sorted(profile["forwardings"]) == sorted([ANN, "bob@a.test", "ann@far.test"])


def test_repeating_an_update_changes_nothing(place: Place) -> None:
    place.ann.ok("PUT", "self-service/profile", **WRITTEN)
    before = place.root.data(f"user/{ANN}")
    place.ann.ok("PUT", "self-service/profile", **WRITTEN)
    after = place.root.data(f"user/{ANN}")
    assert {**after, "modified": ""} == {**before, "modified": ""}


def test_the_own_profile_shows_nothing_that_is_not_for_its_owner(place: Place) -> None:
    place.root.ok("PUT", f"user/{ANN}", employeeid="4711", senderBcc="watch@far.test", addAlias="a@a.test")
    if place.site.directory:
        place.site.directory.change(place.site.directory.tree.user(ANN), accountSetting=["strange:x", "timezone:UTC"])
        keys = {"mail", "cn", "sn", "mailForwardingAddress", "preferredLanguage"}
    else:
        place.site.execute("vmail", "UPDATE mailbox SET settings = 'strange:x;timezone:UTC;'")
        keys = {"mail", "username", "name", "first_name", "last_name", "language"}
    profile = place.ann.data("self-service/profile")
    assert set(profile) - {"forwardings", "settings", "accountSetting"} <= keys
    assert settings_of(profile) == {"timezone": "UTC"}
    assert not [text for text in ("4711", "watch", "a@a.test") if text in str(profile).replace("ann@a.test", "")]


def test_other_parameters_are_none_of_self_service(place: Place) -> None:
    before = place.site.dump()
    for name, value in CLOSED.items():
        answer = place.ann.put("self-service/profile", **{name: value})
        assert answer == {"_success": True, "_ignored": [name]}
    assert place.site.dump() == before


def test_a_foreign_setting_survives(place: Place) -> None:
    if place.site.directory:
        place.site.directory.change(place.site.directory.tree.user(ANN), accountSetting=["strange:a:b", "word"])
    else:
        place.site.execute("vmail", "UPDATE mailbox SET settings = 'strange:a;word;'")
    place.ann.ok("PUT", "self-service/profile", timezone="Asia/Tokyo")
    place.ann.ok("PUT", "self-service/profile", timezone="")
    kept = {"strange": "a:b", "word": ""} if place.site.directory else {"strange": "a", "word": ""}
    assert settings_of(place.root.data(f"user/{ANN}")) == kept


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [("timezone", "Middle/Earth", "INVALID_VALUE"), ("timezone", "../../etc/passwd", "INVALID_VALUE"),
     ("timezone", "europe/berlin", "INVALID_VALUE"), ("language", "xx_YY_ZZ", "INVALID_VALUE"),
     ("name", "x\ny", "INVALID_VALUE"), ("forwarding", "no@a.test", "NO_SUCH_ACCOUNT")],
)  # fmt: skip
def test_values_are_checked_as_for_admins(place: Place, name: str, value: str, code: str) -> None:
    admin = place.site.admin("al@admins.test", "a.test")
    before = place.site.dump()
    assert place.ann.refused("PUT", "self-service/profile", **{name: value}) == code
    assert admin.refused("PUT", "user/bob@a.test", **{name: value}) == code
    assert place.site.dump() == before


def test_mail_stays_when_all_forwardings_go(place: Place) -> None:
    place.ann.ok("PUT", "self-service/profile", forwarding="ann@far.test")
    assert place.root.data(f"user/{ANN}")["forwardings"] == ["ann@far.test"]
    place.ann.ok("PUT", "self-service/profile", forwarding="")
    assert place.root.data(f"user/{ANN}")["forwardings"] == [ANN]


def test_a_change_leaves_a_line_in_the_log(place: Place) -> None:
    place.ann.ok("PUT", "self-service/profile", name="Ann", addForwarding="ann@far.test")
    line = max(place.site.rows("log"), key=lambda row: row["id"])
    assert {name: line[name] for name in ("admin", "ip", "domain", "username", "event", "msg")} == {
        "admin": ANN, "ip": "127.0.0.1", "domain": "a.test", "username": ANN, "event": "update",
        "msg": f"[API] Update one's own profile: {ANN} (name, forwarding).",
    }  # fmt: skip


def test_admins_have_no_self_service_with_their_rights(place: Place) -> None:
    place.root.ok("PUT", "domain/admins/a.test", addAdmin="bob@a.test")
    bob = place.site.client().login("bob@a.test")
    assert bob.refused("GET", "self-service/profile") == "PERMISSION_DENIED"
    assert place.root.refused("PUT", "self-service/profile", name="x") == "PERMISSION_DENIED"


def test_a_user_with_rights_has_none_of_them_in_self_service(place: Place) -> None:
    place.root.ok("PUT", "domain/admins/a.test", addAdmin="bob@a.test")
    place.root.ok("PUT", f"user/{ANN}", isGlobalAdmin="yes")
    for user in ("bob@a.test", ANN):
        client = place.site.client().login_user(user)
        assert client.data("self-service")["mail"] == user
        for path in ("domains", "users/a.test", f"user/{ANN}", "domain/a.test", "panel/profile"):
            assert client.refused("GET", path) == "PERMISSION_DENIED"
        assert client.refused("POST", "domain/new.test") == "PERMISSION_DENIED"
