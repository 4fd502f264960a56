"""What all chapters of policies promise of their scopes alike: which there are, and who may."""

from collections.abc import Callable, Mapping, Sequence

import pytest

from tests.rules.people import ADMIN, FOREIGN, GLOBAL, NOBODY, USER_ADMIN, USER_GLOBAL, people
from tests.site import Client, Site
from tests.spam_policy.world import Request, furnished

pytestmark = pytest.mark.slow  # many accounts

UNKNOWN = {
    "nobody@a.test": "NO_SUCH_ACCOUNT",
    "ann@far.test": "NO_SUCH_ACCOUNT",
    "far.test": "NO_SUCH_DOMAIN",
    "sub.a.test": "NO_SUCH_DOMAIN",
    "a.example": "NO_SUCH_DOMAIN",
    "ann@a.example": "NO_SUCH_ACCOUNT",
}
"""Scopes in good spelling that are no account of ours; the last ones are in an alias domain."""
NO_SCOPES = ("a", "@a.test", "@.", "@.a.test", "ann@", "a test", "ann@a.test,a.test", "192.0.2.1", "@ip", "%00", "*")


def spam_policy(scope: str) -> list[Request]:
    kind = "global" if scope == "global" else f"{'user' if '@' in scope else 'domain'}/{scope}"
    return [
        ("GET", f"spampolicy/{kind}", {}),
        ("PUT", f"spampolicy/{kind}", {"spam_score": "5"}),
        ("DELETE", f"spampolicy/{kind}", {}),
    ]


def throttle(scope: str) -> list[Request]:
    return [
        request
        for direction in ("inbound", "outbound")
        for request in (
            ("GET", f"throttle/{scope}/{direction}", {}),
            ("POST", f"throttle/{scope}/{direction}", {"period": "60", "max_msgs": "5"}),
        )
    ]


def wblist(scope: str) -> list[Request]:
    return [
        (
            method,
            f"wblist/{direction}/{verdict}/{scope}",
            {"addresses": "x@far.test"} if method in {"POST", "PUT"} else {},
        )
        for direction, verdict in (("inbound", "whitelist"), ("outbound", "blacklist"))
        for method in ("GET", "POST", "PUT", "DELETE")
    ]


def greylisting(scope: str) -> list[Request]:
    return [
        ("GET", f"greylisting/{scope}", {}),
        ("POST", f"greylisting/{scope}", {"status": "disable"}),
        ("DELETE", f"greylisting/{scope}", {}),
        ("GET", f"greylisting/{scope}/whitelists", {}),
        ("POST", f"greylisting/{scope}/whitelists", {"addSenders": "x@far.test"}),
    ]


CHAPTERS: Mapping[str, Callable[[str], Sequence[Request]]] = {
    "spampolicy": spam_policy,
    "throttle": throttle,
    "wblist": wblist,
    "greylisting": greylisting,
}
"""All that can be asked of a scope in each chapter, under the name of its section."""
FOR_GLOBAL_ADMINS: Sequence[Request] = [
    ("GET", "greylisting/whitelist_spf_domains", {}),
    ("POST", "greylisting/whitelist_spf_domains", {"addDomains": "far.test"}),
]


def asked(scope: str) -> list[Request]:
    return [request for requests in CHAPTERS.values() for request in requests(scope)]


def granted(client: Client, requests: Sequence[Request]) -> None:
    for method, path, parameters in requests:
        answer = client.raw(method, path, data=parameters).json()
        assert answer["_success"], (method, path, answer)


def denied(client: Client, requests: Sequence[Request], code: str = "PERMISSION_DENIED") -> None:
    for method, path, parameters in requests:
        assert client.refused(method, path, **parameters) == code, (method, path)


def test_scopes_are_everybody_and_accounts_of_ours(site: Site) -> None:
    root = furnished(site)
    before = site.dump()
    for scope, code in UNKNOWN.items():
        denied(root, asked(scope), code)
    for scope in NO_SCOPES:
        denied(root, spam_policy(scope), "INVALID_MAIL" if "@" in scope else "INVALID_DOMAIN_NAME")
        for chapter in (throttle, wblist, greylisting):
            denied(root, chapter(scope), "INVALID_ACCOUNT")
    assert site.dump() == before
    for scope in ("global", "a.test", "ann@a.test", "all@a.test", "Ann@A.TEST"):
        granted(root, asked(scope))


def test_an_empty_scope_is_never_everybody(site: Site) -> None:
    root = furnished(site)
    before = site.dump()
    for path, code in (
        ("spampolicy/user/", "INVALID_MAIL"),
        ("spampolicy/domain/", "INVALID_DOMAIN_NAME"),
        ("wblist/inbound/whitelist/", "INVALID_ACCOUNT"),
        ("wblist/outbound/blacklist/", "INVALID_ACCOUNT"),
    ):
        for method in ("GET", "PUT", "DELETE"):
            assert root.refused(method, path) == code, (method, path)
    for method, path in (
        ("DELETE", "greylisting/"),
        ("POST", "throttle//inbound"),
        ("POST", "greylisting//whitelists"),
    ):
        assert root.raw(method, path).json()["_success"] is False
    assert site.dump() == before


def test_a_domain_admin_has_policies_of_its_domains_alone(site: Site) -> None:
    clients = people(site)
    before = site.dump()
    for scope, foreign in {
        "global": (FOREIGN, ADMIN, USER_ADMIN),
        "a.test": (FOREIGN,),
        "ua@a.test": (FOREIGN,),
        "b.test": (ADMIN, USER_ADMIN),
    }.items():
        denied(clients[NOBODY], asked(scope), "LOGIN_REQUIRED")
        for persona in foreign:
            denied(clients[persona], asked(scope))
    for persona in (FOREIGN, ADMIN, USER_ADMIN):
        denied(clients[persona], FOR_GLOBAL_ADMINS)
    denied(clients[ADMIN], [request for request in asked("boss@a.test") if request[0] != "GET"])  # who outranks it
    assert site.dump() == before
    for persona, scopes in {
        ADMIN: ("a.test", "ua@a.test"),
        USER_ADMIN: ("a.test", "ua@a.test"),
        FOREIGN: ("b.test",),
        USER_GLOBAL: ("global", "a.test", "boss@a.test", "b.test"),
        GLOBAL: ("global", "a.test", "boss@a.test", "b.test"),
    }.items():
        for scope in scopes:
            granted(clients[persona], asked(scope))


def test_a_section_that_is_closed_for_domains_or_for_users_stays_closed(site: Site) -> None:
    root = furnished(site)
    admin = site.admin("al@admins.test", "a.test")
    for section, requests in CHAPTERS.items():
        others = [of("a.test")[0] for other, of in CHAPTERS.items() if other != section]
        for kind, closed, opened in (("Domain", "a.test", "ann@a.test"), ("User", "ann@a.test", "a.test")):
            root.ok("PUT", "domain/a.test", **{f"disable{kind}Profile": section})
            before = site.dump()
            denied(admin, requests(closed))
            assert site.dump() == before
            granted(admin, [*requests(opened), *others])
            granted(root, requests(closed))
            root.ok("PUT", "domain/a.test", **{f"enable{kind}Profile": section})
            granted(admin, requests(closed))
