"""What admins change of their own accounts in the panel."""

import pytest

from tests.profiles import said, settings_of
from tests.self_service.conftest import ANN, Place
from tests.site import Client

ADMIN = "al@admins.test"


def _client(place: Place, who: str) -> tuple[Client, str]:
    if who == "admin":
        return place.site.admin(ADMIN, "a.test", name="Al", maxUsers="5"), f"admin/{ADMIN}"
    place.root.ok("PUT", "domain/admins/a.test", addAdmin=ANN)
    return place.site.client().login(ANN), f"user/{ANN}"


@pytest.mark.parametrize("who", ["admin", "user with rights"])
def test_admins_change_their_own_profile(place: Place, who: str) -> None:
    client, path = _client(place, who)
    before = place.root.data(path)
    client.ok("PUT", "panel/profile", name="Somebody", language="fr_FR", timezone="Europe/Paris")
    for profile in (client.data("panel/profile"), place.root.data(path)):
        assert said(profile, "name") == "Somebody"
        assert said(profile, "language") == "fr_FR"
        assert settings_of(profile)["timezone"] == "Europe/Paris"
    client.ok("PUT", "panel/profile", name=said(before, "name"), language=said(before, "language"), timezone="")
    assert {**place.root.data(path), "modified": ""} == {**before, "modified": ""}


@pytest.mark.parametrize("who", ["admin", "user with rights"])
def test_admins_change_nothing_more_of_themselves(place: Place, who: str) -> None:
    client, path = _client(place, who)
    before = place.root.data(path)
    for name in ("maxUsers", "isGlobalAdmin", "accountStatus", "password", "domainGlobalAdmin", "maxDomains", "quota"):
        assert client.put("panel/profile", **{name: "1"}) == {"_success": True, "_ignored": [name]}
    assert place.root.data(path) == before
    assert set(client.data("panel/profile")) <= {
        "username", "mail", "name", "language", "settings", "cn", "preferredLanguage", "accountSetting",
    }  # fmt: skip


def test_closed_sections_and_preferences_do_not_close_an_admins_own_profile(place: Place) -> None:
    client, _ = _client(place, "user with rights")
    place.root.ok("PUT", "domain/a.test", disableUserPreference="personal_info", disableService="self-service")
    place.root.ok("PUT", "domain/a.test", disableUserProfile="forwarding", disableDomainProfile="advanced")
    client.ok("PUT", "panel/profile", name="Ann again", language="de_DE")
    assert said(client.data("panel/profile"), "name") == "Ann again"


def test_a_global_admin_changes_the_own_name(place: Place) -> None:
    place.root.ok("PUT", "panel/profile", name="Root", language="zh_CN")
    assert said(place.root.data("panel/profile"), "name") == "Root"
    line = max(place.site.rows("log"), key=lambda row: row["id"])
    assert line["msg"] == "[API] Update an admin's own profile: root@admins.test (name, language)."
    assert line["username"] == line["admin"] == "root@admins.test"
