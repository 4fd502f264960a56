"""The page on which admins see what proves the ownership of a domain, and have it looked for."""

from collections.abc import Iterator

import pytest

from postreeve.ownership import look
from tests.greylisting.dns import NameServer, serving
from tests.ownership.web import LOOPBACK, WebServer, page, web_server
from tests.pages.visitor import Visitor
from tests.site import ROOT, Site

pytestmark = pytest.mark.faces


@pytest.fixture
def dns(site: Site) -> Iterator[NameServer]:
    with serving(f"new.test. A {LOOPBACK}") as server:
        site.change_settings(
            require_domain_ownership_verification=True, dns_servers=[server.address],
            domain_ownership_reachable_networks=["127.0.0.0/8"],
        )  # fmt: skip
        yield server


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    with web_server() as server:
        monkeypatch.setattr(look, "PORTS", server.ports)
        yield server


@pytest.fixture
def al(site: Site, dns: NameServer) -> Visitor:
    """An admin who may add domains, in the panel."""
    assert dns.address
    site.root().ok("POST", "domain/ex.com")
    site.admin("al@admins.test", "ex.com", maxDomains="0")
    return Visitor(site).log_in("al@admins.test")


def code_on(text: str) -> str:
    return text.partition("<code>")[2].partition("</code>")[0]


def test_a_domain_is_added_proved_and_used(site: Site, al: Visitor, web: WebServer) -> None:
    text = al.done("/domains/new", domain="new.test")
    assert al.page.url.endswith("/domains/new.test/ownership")
    code = code_on(text)
    assert f"<code>http://new.test/{code}</code>" in text
    vain = al.send()
    assert vain.status_code == 422
    assert "The code that proves the ownership is neither in the DNS nor on the web server." in vain.text
    assert "the answer has the status 404" in vain.text
    assert "Too many attempts" in al.send().text
    site.execute("iredadmin", "UPDATE domain_ownership SET last_verify = '2020-01-02 03:04:05'")
    web.answers[f"/{code}"] = page(code)
    assert "new.test is verified, and active now." in al.done("")
    assert "Nothing has to be proved" in al.page.text
    assert site.root().data("domains", name_only="yes", disabled_only="yes") == []


def test_the_tab_is_there_as_long_as_something_waits(site: Site, al: Visitor, dns: NameServer) -> None:
    assert "/domains/ex.com/ownership" not in al.see("/domains/ex.com")
    site.client().login("al@admins.test").put("domain/ex.com", addAliasDomain="also.test")
    assert 'href="/iredadmin/domains/ex.com/ownership"' in al.see("/domains/ex.com")
    dns.publish(f'also.test. TXT "{code_on(al.see("/domains/ex.com/ownership"))}"')
    assert "also.test is verified" in al.done("")
    assert "/domains/ex.com/ownership" not in al.see("/domains/ex.com")


def test_global_admins_may_accept_it(site: Site, al: Visitor) -> None:
    al.done("/domains/new", domain="new.test")
    assert "Accept without a proof" not in al.page.text
    root = Visitor(site).log_in(ROOT)
    assert "Accept without a proof" in root.see("/domains/new.test/ownership")
    assert "new.test is verified" in root.done("", button="without_proof=yes")


def test_what_nobody_waits_for_is_not_said_to_be_verified(site: Site, al: Visitor) -> None:
    al.done("/domains/new", domain="new.test")
    root = Visitor(site).log_in(ROOT)
    form = {"csrf": root.csrf, "without_proof": "yes"} if root.see("/domains/new.test/ownership") else {}
    path = f"{root.base}/domains/new.test/ownership"
    assert "new.test is verified" in root.session.post(path, data=form, timeout=60).text
    answer = root.session.post(path, data=form, timeout=60)
    assert (">Nothing has to be proved.<" in answer.text, "is verified" in answer.text) == (True, False)


def test_the_last_look_is_told_in_the_reader_s_own_time(site: Site, al: Visitor) -> None:
    al.done("/domains/new", domain="new.test")
    site.execute("iredadmin", "UPDATE domain_ownership SET last_verify = '2020-01-02 23:30:00'")
    site.root().ok("PUT", "admin/al@admins.test", timezone="Asia/Tokyo")
    assert "1/3/20, 8:30" in Visitor(site).log_in("al@admins.test").see("/domains/new.test/ownership")


def test_other_admins_see_nothing_of_it(site: Site, al: Visitor) -> None:
    al.done("/domains/new", domain="new.test")
    site.admin("bob@admins.test", "ex.com")
    bob = Visitor(site).log_in("bob@admins.test")
    assert bob.get("/domains/new.test/ownership").status_code == 403
