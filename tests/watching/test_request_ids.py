"""An id for each request, in its answer."""

import re

import pytest

from tests.site import Site
from tests.watching.probes import probe

PATHS = [
    "healthz", "metrics", "iredadmin/", "iredadmin/login", "iredadmin/static/panel.css", "iredadmin/nothing",
    "iredadmin/api/domains", "iredadmin/api/nothing", "iredadmin/api/openapi.json", "api/domains",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_has_one_of_its_own(site: Site, path: str) -> None:
    first, second = (probe(site, path).headers["x-request-id"] for _ in range(2))
    assert re.fullmatch(r"[0-9a-f]{16}", first)
    assert first != second


def test_long_answers_have_one(site: Site) -> None:
    root = site.root()
    for number in range(3):
        root.ok("POST", f"domain/d{number}.test")
    assert root.raw("GET", "domains").headers["x-request-id"]


def test_that_of_a_trusted_proxy_is_kept(site: Site) -> None:
    site.change_settings(trusted_proxies=["127.0.0.1"])
    assert probe(site, "readyz", **{"X-Request-Id": "edge-1:4711/a.b"}).headers["x-request-id"] == "edge-1:4711/a.b"


@pytest.mark.parametrize("given", ["with blanks in it", "x" * 129, "ÿ", "a;b", ""])
def test_one_that_could_be_something_else_is_not_kept(site: Site, given: str) -> None:
    site.change_settings(trusted_proxies=["127.0.0.1"])
    answer = site.client().session.get(f"{site.base}/domains", headers={"X-Request-Id": given.encode("latin-1")})
    assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["x-request-id"])


def test_that_of_anybody_else_is_not_kept(site: Site) -> None:
    assert probe(site, "readyz", **{"X-Request-Id": "mine"}).headers["x-request-id"] != "mine"
    site.change_settings(trusted_proxies=["192.0.2.1"])
    assert probe(site, "readyz", **{"X-Request-Id": "mine"}).headers["x-request-id"] != "mine"
