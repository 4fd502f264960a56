"""White and black lists and the spam policy of one's own."""

from tests.self_service.conftest import ANN, Place

BLACK, WHITE = "self-service/wblist/inbound/blacklist", "self-service/wblist/inbound/whitelist"


def test_own_lists_are_those_that_an_admin_sees(place: Place) -> None:
    place.ann.ok("POST", BLACK, addresses="x@far.test,@far.example")
    place.ann.ok("POST", WHITE, addresses="x@far.test")
    assert place.root.data(f"wblist/inbound/blacklist/{ANN}") == ["@far.example"] == place.ann.data(BLACK)
    assert place.root.data(f"wblist/inbound/whitelist/{ANN}") == ["x@far.test"] == place.ann.data(WHITE)
    place.ann.ok("PUT", WHITE, addresses="x@far.test")
    place.ann.ok("DELETE", BLACK)
    assert place.ann.data(WHITE) == place.ann.data(BLACK) == []


def test_lists_of_others_are_out_of_reach(place: Place) -> None:
    for scope in ("global", "a.test", "bob@a.test", "ann@b.test"):
        place.root.ok("POST", f"wblist/inbound/blacklist/{scope}", addresses="x@far.test")
    before = place.site.rows("wblist")
    place.ann.ok("POST", BLACK, addresses="x@far.test")
    place.ann.ok("DELETE", BLACK)
    assert place.site.rows("wblist") == before
    assert place.ann.data(BLACK) == []


def test_the_own_spam_policy_is_the_one_that_an_admin_sees(place: Place) -> None:
    before = {scope: place.root.data(f"spampolicy/{scope}") for scope in ("global", "domain/a.test", "user/bob@a.test")}
    place.ann.ok("PUT", "self-service/spampolicy", spam_score="3.5", quarantine_spam="no")
    assert place.ann.data("self-service/spampolicy") == {"spam_score": 3.5, "quarantine_spam": "no"}
    assert place.root.data(f"spampolicy/user/{ANN}") == {"spam_score": 3.5, "quarantine_spam": "no"}
    place.ann.ok("DELETE", "self-service/spampolicy")
    assert place.ann.data("self-service/spampolicy") == {}
    assert {scope: place.root.data(f"spampolicy/{scope}") for scope in before} == before
