"""Threats 28 and 29 through pages and API: secrets that are never shown, and what nobody takes away."""

import logging
import re

import pytest

from tests.house.world import DESCRIPTIONS, asker, example_world
from tests.pages.visitor import Visitor
from tests.site import PASSWORD, ROOT, Client, Site
from tests.threats.test_reflections import LOOKED_AT, path_of

LDIF = "/api/ldif/"
"""Exports with hashes, for global admins."""
COOKIES = ("postreeve_api", "postreeve_panel", "postreeve_self_service")


def _secrets(site: Site) -> set[str]:
    """Return every hash that is stored: of passwords, sessions and confirmations."""
    stored = str(site.dump()) + str(site.rows("postreeve_sessions"))
    found = set(re.findall(r"\{[A-Z0-9.-]+\}([^'\s\\]{20,})", stored))
    hashes = {row[name].strip() for row in site.rows("postreeve_sessions") for name in ("id_hash",)}
    return found | hashes | {row["token"] for row in site.rows("newsletter_subunsub_confirms")}


def test_no_hash_token_or_secret_is_ever_shown(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Threat 28: not in a page, an answer, an export, the log of the server or that of admins; LDIF apart."""
    caplog.set_level(logging.DEBUG)
    root = example_world(site)
    panel = Visitor(site).log_in(ROOT)
    user = Visitor(site).log_in("ann@example.com", path="/self-service/login")
    clients = [(asker(site, root, each), each) for each in DESCRIPTIONS if each.operation.method == "GET"]
    secrets = _secrets(site)
    assert len(secrets) > 5
    shown: dict[str, str] = {}
    for page in LOOKED_AT:
        visitor = user if page.template.startswith("/self-service") else panel
        shown[page.template] = visitor.get(path_of(page.template)).text
    for client, each in clients:
        if not each.operation.template.startswith(LDIF):
            shown[each.id] = client.raw("GET", each.example_path, params=each.example_form).text
    tokens = {value for visitor in (panel, user) for name in COOKIES if (value := visitor.session.cookies.get(name))}
    tokens |= {value for name in COOKIES if (value := root.session.cookies.get(name))}
    assert len(tokens) == 3
    shown["log of admins"] = str(site.rows("log"))
    shown["log of the server"] = caplog.text
    for secret in secrets | tokens:
        assert [place for place, text in shown.items() if secret in text and secret not in place] == [], secret


def test_an_error_says_nothing_of_what_was_typed_in_secret(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Threat 28: passwords that were refused come back in no answer and no log."""
    caplog.set_level(logging.DEBUG)
    root = example_world(site)
    visitor = Visitor(site).log_in(ROOT)
    said = []
    for wrong in ("Sh0rt.x", "no-digits-in-this-Secret", "\u00fcml\u00e4ut-Sicher-1-Wort"):
        for path in ("/users/example.com/new", "/admins/new", "/profile?section=password"):
            typed = {"local_part": "x", "mail": "x@admins.test", "password": wrong, "password_again": wrong}
            said.append(visitor.send(path, **typed, old_password=wrong, oldPassword=wrong, password_hash="").text)
        said.append(root.raw("PUT", "user/ann@example.com", data={"password": wrong, "quota": "x"}).text)
        said.append(root.raw("POST", "login", data={"username": ROOT, "password": wrong}).text)
        assert not [text for text in (*said, caplog.text, str(site.rows("log"))) if wrong in text]


@pytest.fixture
def other(site: Site) -> Client:
    """A global admin who is a user of a domain, beside the first."""
    root = site.root()
    root.ok("POST", "domain/ex.com")
    root.ok("POST", "user/boss@ex.com", password=PASSWORD, isGlobalAdmin="yes")
    return site.client().login("boss@ex.com")


def test_the_last_global_admin_stays_whoever_asks(site: Site, other: Client) -> None:
    """Threat 29: of two global admins one can be deleted, disabled or demoted; the last one can not."""
    other.ok("DELETE", f"admin/{ROOT}")
    before = _without_log(site)
    for method, path, form in (
        ("DELETE", "user/boss@ex.com", {}),
        ("PUT", "user/boss@ex.com", {"accountStatus": "disabled"}),
        ("PUT", "user/boss@ex.com", {"isGlobalAdmin": "no"}),
        ("DELETE", "domain/ex.com", {}),
    ):
        assert other.refused(method, path, **form) == "PROTECTED_ACCOUNT"
        assert _without_log(site) == before


def test_nobody_ends_the_own_account_in_a_table_of_many(site: Site, other: Client) -> None:
    """Threat 29: marked among others, one's own account is refused and the others are not."""
    other.ok("POST", "user/ann@ex.com", password=PASSWORD)
    other.ok("POST", "admin/jane@admins.test", password=PASSWORD)
    visitor = Visitor(site).log_in("boss@ex.com")
    for deed in ("disable", "delete"):
        visitor.see("/users/ex.com")
        sure = {"sure": "yes"} if deed == "delete" else {}
        text = visitor.done("", mark=["boss@ex.com", "ann@ex.com"], button=f"deed={deed}", **sure)
        assert "The last global admin and your own account are protected from this." in text
        assert text.count("Refused") == 1
    assert other.data("users/ex.com", email_only="yes") == ["boss@ex.com"]
    panel = Visitor(site).log_in(ROOT)
    panel.see("/admins")
    text = panel.done("", mark=[ROOT, "jane@admins.test"], button="deed=delete", sure="yes")
    assert "The last global admin and your own account are protected from this." in text
    assert site.root().get("admin/jane@admins.test")["_msg"] == "NO_SUCH_ACCOUNT"
    panel.see("/domains")


def test_the_target_of_an_alias_domain_can_not_be_taken_over(site: Site, other: Client) -> None:
    """Threat 29: an alias domain leads where it led until the admin of its domain says otherwise."""
    other.ok("PUT", "domain/ex.com", addAliasDomain="alias.test")
    other.ok("POST", "domain/other.test")
    jane = site.admin("jane@admins.test", "other.test", maxDomains="5")
    before = _without_log(site)
    for method, path, form in (
        ("POST", "domain/alias.test", {}),
        ("PUT", "domain/other.test", {"addAliasDomain": "alias.test"}),
        ("PUT", "domain/other.test", {"addAliasDomain": "ex.com"}),
        ("PUT", "domain/ex.com", {"removeAliasDomain": "alias.test"}),
        ("POST", "user/x@alias.test", {"password": PASSWORD}),
        ("DELETE", "domain/alias.test", {}),
    ):
        assert jane.refused(method, path, **form) in {"ALREADY_EXISTS", "PERMISSION_DENIED"}, (method, path, form)
        assert _without_log(site) == before
    assert other.refused("PUT", "domain/alias.test", addAliasDomain="loop.test") == "NO_SUCH_DOMAIN"
    assert other.refused("PUT", "domain/ex.com", addAliasDomain="ex.com") in {"ALREADY_EXISTS", "INVALID_VALUE"}
    assert _without_log(site) == before


def _without_log(site: Site) -> dict[str, object]:
    return {name: rows for name, rows in site.dump().items() if name != "log"}
