"""Many subscribers: added in one call, answered as a stream."""

import time

import pytest

from tests.site import Client

pytestmark = pytest.mark.slow  # a hundred thousand subscribers


def test_ten_thousand_subscribers_in_one_call_take_seconds(root: Client) -> None:
    many = ",".join(f"someone{number}@x{number % 7}.test" for number in range(10_000))
    root.ok("POST", "ml/news@ex.com")
    started = time.monotonic()
    root.ok("PUT", "ml/news@ex.com", add_subscribers=many, require_confirm="no")
    assert time.monotonic() - started < 5
    assert len(root.data("ml/news@ex.com", with_subscribers="yes")["subscribers"]) == 10_000
    root.ok("PUT", "ml/news@ex.com", remove_subscribers=many)
    assert root.data("ml/news@ex.com", with_subscribers="yes")["subscribers"] == []


def test_a_hundred_thousand_subscribers_come_in_pieces(root: Client) -> None:
    for part in range(10):
        many = ",".join(f"{'abcdefghij'[number % 10]}{part}-{number}@x.test" for number in range(10_000))
        root.ok("PUT" if part else "POST", "ml/news@ex.com", require_confirm="no", **{
            "add_subscribers" if part else "subscribers": many,
        })  # fmt: skip
    answer = root.raw("GET", "ml/news@ex.com", params={"with_subscribers": "yes"}, stream=True)
    assert "Content-Length" not in answer.headers
    found = answer.json()["_data"]["subscribers"]
    assert (len(found), found[0]["mail"]) == (100_000, "a0-0@x.test")
