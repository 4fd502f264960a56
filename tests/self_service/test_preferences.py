"""What a domain closes to its users is closed for reading and writing alike."""

import pytest

from tests.profiles import said, settings_of
from tests.self_service.conftest import ANN, Place
from tests.site import PASSWORD

LISTS = "self-service/wblist/inbound/blacklist"
CLOSING = {
    "personal_info": [("PUT", "self-service/profile", {name: ""}) for name in ("name", "gn", "sn", "language")]
    + [("PUT", "self-service/profile", {"timezone": "UTC"})],
    "forwarding": [
        ("PUT", "self-service/profile", {name: "x@far.test"})
        for name in ("forwarding", "addForwarding", "removeForwarding")
    ],
    "wblist": [
        ("GET", LISTS, {}), ("POST", LISTS, {"addresses": "x@far.test"}), ("PUT", LISTS, {"addresses": "x@far.test"}),
        ("DELETE", LISTS, {}), ("GET", "self-service/wblist/outbound/whitelist", {}),
    ],
    "spampolicy": [
        ("GET", "self-service/spampolicy", {}), ("PUT", "self-service/spampolicy", {"spam_score": "3"}),
        ("DELETE", "self-service/spampolicy", {}),
    ],
}  # fmt: skip
"""For each preference what is asked for."""


@pytest.mark.parametrize("closed", CLOSING)
def test_a_closed_preference_can_be_neither_read_nor_changed(place: Place, closed: str) -> None:
    place.root.ok("PUT", "domain/a.test", disableUserPreference=closed)
    before = place.site.dump()
    for method, path, form in CLOSING[closed]:
        assert place.ann.refused(method, path, **form) == "PERMISSION_DENIED", (method, form)
    assert place.site.dump() == before
    assert closed not in place.ann.data("self-service")["preferences"]
    place.root.ok("PUT", "domain/a.test", enableUserPreference=closed)
    for method, path, form in CLOSING[closed]:
        assert place.ann._answer(place.ann.raw(method, path, data=form))["_success"], (method, form)


def test_other_preferences_stay_open(place: Place) -> None:
    place.root.ok("PUT", "domain/a.test", disableUserPreference="personal_info,wblist")
    place.ann.ok("PUT", "self-service/profile", forwarding="x@far.test")
    place.ann.ok("PUT", "self-service/spampolicy", spam_score="3")
    place.ann.ok("PUT", "self-service/password", oldPassword=PASSWORD, password=PASSWORD)
    assert place.ann.refused("PUT", "self-service/profile", name="x", forwarding="y@far.test") == "PERMISSION_DENIED"
    assert place.ann.data("self-service/profile")["forwardings"] == ["x@far.test"]


def test_a_closed_preference_is_left_out_of_the_profile(place: Place) -> None:
    place.ann.ok("PUT", "self-service/profile", name="Ann", timezone="UTC", forwarding="x@far.test")
    place.root.ok("PUT", "domain/a.test", disableUserPreference="personal_info")
    profile = place.ann.data("self-service/profile")
    assert "Ann" not in str(profile)
    assert settings_of(profile) == {}
    assert profile["forwardings"] == ["x@far.test"]
    place.root.ok("PUT", "domain/a.test", disableUserPreference="forwarding", enableUserPreference="personal_info")
    profile = place.ann.data("self-service/profile")
    assert said(profile, "name") == "Ann"
    assert settings_of(profile) == {"timezone": "UTC"}
    assert "x@far.test" not in str(profile)


def test_preferences_are_those_of_the_own_domain(place: Place) -> None:
    place.root.ok("PUT", "domain/b.test", disableUserPreference="personal_info,forwarding,wblist,spampolicy")
    place.ann.ok("PUT", "self-service/profile", name="Ann", forwarding="x@far.test")
    place.ann.ok("POST", LISTS, addresses="x@far.test")


def test_a_password_that_another_panel_has_closed_stays_closed(place: Place) -> None:
    if place.site.directory:
        place.site.directory.change(
            place.site.directory.tree.domain("a.test"), accountSetting=["disabledUserPreference:password"]
        )
    else:
        text = "enabled_services:self-service;disabled_user_preferences:password;"
        place.site.execute("vmail", f"UPDATE domain SET settings = '{text}' WHERE domain = 'a.test'")
    assert place.ann.refused("PUT", "self-service/password", oldPassword=PASSWORD, password=PASSWORD) == (
        "PERMISSION_DENIED"
    )
    assert "password" not in place.ann.data("self-service")["preferences"]


def test_what_is_closed_to_domain_admins_is_not_closed_to_users(place: Place) -> None:
    place.root.ok("PUT", "domain/a.test", disableUserProfile="forwarding,wblist,spampolicy")
    place.ann.ok("PUT", "self-service/profile", forwarding="x@far.test")
    place.ann.ok("POST", LISTS, addresses="x@far.test")
    place.ann.ok("PUT", "self-service/spampolicy", spam_score="3")
    assert place.root.data(f"spampolicy/user/{ANN}") == {"spam_score": 3.0}
