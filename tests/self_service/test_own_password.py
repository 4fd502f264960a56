"""How people change their own passwords."""

import pytest

from tests.self_service.conftest import ANN, Place
from tests.site import PASSWORD, Client

NEW = "Another@Password3"
ADMIN = "al@admins.test"


def _clients(place: Place, who: str) -> tuple[Client, Client, Client, str]:
    """Return two clients of an account, one that has not logged in, and the path of the password."""
    site = place.site
    if who == "user":
        return place.ann, site.client().login_user(ANN), site.client(), "self-service/password"
    if who == "admin":
        return site.admin(ADMIN, "a.test"), site.client().login(ADMIN), site.client(), "panel/password"
    place.root.ok("PUT", "domain/admins/a.test", addAdmin=ANN)
    return site.client().login(ANN), site.client().login(ANN), site.client(), "panel/password"


def _log_in(client: Client, who: str, password: str) -> str:
    path = "self-service/login" if who == "user" else "login"
    answer = client.post(path, username=ADMIN if who == "admin" else ANN, password=password)
    return str(answer.get("_msg", "done"))


@pytest.mark.parametrize("who", ["user", "admin", "user with rights"])
def test_a_new_password_opens_and_ends_all_other_sessions(place: Place, who: str) -> None:
    client, other, stranger, path = _clients(place, who)
    client.ok("PUT", path, oldPassword=PASSWORD, password=NEW)
    seen = "self-service" if who == "user" else "domains"
    assert client.get(seen)["_success"]
    assert other.refused("GET", seen) == "SESSION_EXPIRED"
    assert _log_in(stranger, who, PASSWORD) == "INVALID_CREDENTIALS"
    assert _log_in(stranger, who, NEW) == "done"


@pytest.mark.parametrize("who", ["user", "admin", "user with rights"])
def test_a_session_alone_is_not_enough(place: Place, who: str) -> None:
    client, _, stranger, path = _clients(place, who)
    before = place.site.dump()
    for old in ({"oldPassword": "wrong"}, {"oldPassword": ""}, {"oldPassword": NEW}, {}):
        assert client.refused("PUT", path, password=NEW, **old) == "INCORRECT_OLDPW"
    assert client.refused("PUT", path, oldPassword=PASSWORD) == "PW_EMPTY"
    assert client.refused("PUT", path, oldPassword=PASSWORD, password="") == "PW_EMPTY"
    assert place.site.dump() == before
    assert _log_in(stranger, who, PASSWORD) == "done"


def test_the_present_password_is_tried_a_bounded_number_of_times(place: Place) -> None:
    place.site.change_settings(login_failures_per_account=3)
    for _ in range(3):
        assert place.ann.refused("PUT", "self-service/password", oldPassword="x", password=NEW) == "INCORRECT_OLDPW"
    form = {"oldPassword": PASSWORD, "password": NEW}
    assert place.ann.refused("PUT", "self-service/password", **form) == "TOO_MANY_ATTEMPTS"
    answer = place.ann.raw("PUT", "self-service/password", data=form)
    assert int(answer.headers["retry-after"]) > 500


def test_the_policy_of_the_domain_counts(place: Place) -> None:
    place.root.ok("PUT", "domain/a.test", minPasswordLength="20")
    form = {"oldPassword": PASSWORD, "password": NEW}
    assert place.ann.refused("PUT", "self-service/password", **form) == "PW_SHORTER_THAN_MIN_LENGTH"
    weak = {"oldPassword": PASSWORD, "password": "x" * 30}
    assert place.ann.refused("PUT", "self-service/password", **weak).startswith("PW_NO_")
    place.ann.ok("PUT", "self-service/password", oldPassword=PASSWORD, password=NEW * 2)


def test_a_hash_can_not_be_given(place: Place) -> None:
    form = {"oldPassword": PASSWORD, "password_hash": "{PLAIN}x"}
    assert place.ann.refused("PUT", "self-service/password", **form) == "PW_EMPTY"


def test_no_password_stands_in_the_log_or_an_answer(place: Place) -> None:
    place.ann.ok("PUT", "self-service/password", oldPassword=PASSWORD, password=NEW)
    line = max(place.site.rows("log"), key=lambda row: row["id"])
    assert line["msg"] == f"[API] Change one's own password: {ANN} (oldPassword, password)."
    answers = str([place.ann.data(path) for path in ("self-service", "self-service/profile")])
    for secret in (PASSWORD, NEW, "SSHA"):
        assert secret not in str(place.site.rows("log")) + answers
