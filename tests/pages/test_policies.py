"""The pages of policies: what they show for everybody, a domain and a user, and what they change."""

import re

import pytest

from tests.pages.visitor import Visitor
from tests.site import PASSWORD, Client, Site

pytestmark = pytest.mark.faces

SAVED = "Saved."
UNCHANGED = "Nothing was changed."
SCOPES = ("global", "ex.com", "ann@ex.com")


@pytest.fixture
def api(site: Site) -> Client:
    """A domain with a user."""
    api = site.root()
    api.ok("POST", "domain/ex.com")
    api.ok("POST", "user/ann@ex.com", password=PASSWORD)
    return api


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.usefixtures("api")
def test_every_page_can_be_saved_as_it_is(site: Site, root: Visitor, scope: str) -> None:
    before = site.dump()
    for page in (
        "spampolicy",
        "throttle/inbound",
        "throttle/outbound",
        "greylisting",
        "wblist/inbound",
        "wblist/outbound",
    ):
        assert UNCHANGED in root.done(f"/policies/{scope}/{page}"), page
    assert site.dump() == before


@pytest.mark.parametrize("scope", SCOPES)
def test_a_throttle_is_set_and_removed(root: Visitor, api: Client, scope: str) -> None:
    path = f"/policies/{scope}/throttle/outbound"
    assert SAVED in root.done(path, period="60", max_msgs="100", msg_size="-1", max_quota="0")
    throttle = api.data(f"throttle/{scope}/outbound")
    assert (throttle["period"], throttle["max_msgs"], throttle["msg_size"]) == (60, 100, -1)
    assert SAVED in root.done(path, max_msgs="200")
    assert api.data(f"throttle/{scope}/outbound")["period"] == 60
    assert SAVED in root.send(button="forget=yes").text
    assert api.data(f"throttle/{scope}/outbound") == {}


@pytest.mark.parametrize("scope", SCOPES)
def test_addresses_move_between_the_lists(root: Visitor, api: Client, scope: str) -> None:
    path = f"/policies/{scope}/wblist/inbound"
    assert SAVED in root.done(path, whitelist="a@far.test\n@good.test", blacklist="@evil.test")
    assert api.data(f"wblist/inbound/whitelist/{scope}") == ["@good.test", "a@far.test"]
    assert SAVED in root.done(path, whitelist="@good.test", blacklist="@evil.test\na@far.test")
    assert api.data(f"wblist/inbound/whitelist/{scope}") == ["@good.test"]
    assert api.data(f"wblist/inbound/blacklist/{scope}") == ["@evil.test", "a@far.test"]


@pytest.mark.parametrize("scope", SCOPES)
def test_greylisting_is_switched_and_inherited(root: Visitor, api: Client, scope: str) -> None:
    path = f"/policies/{scope}/greylisting"
    assert SAVED in root.done(path, status="disable", senders="@partner.test\n192.0.2.7")
    assert api.data(f"greylisting/{scope}") == {"status": "disable"}
    assert sorted(api.data(f"greylisting/{scope}/whitelists")) == ["192.0.2.7", "@partner.test"]
    assert SAVED in root.done(path, status="", senders="")
    assert (api.data(f"greylisting/{scope}"), api.data(f"greylisting/{scope}/whitelists")) == ({}, [])


def test_domains_of_partners_are_for_everybody_alone(root: Visitor, api: Client) -> None:
    assert SAVED in root.done("/policies/global/greylisting", domains="partner.test")
    assert api.data("greylisting/whitelist_spf_domains") == ["partner.test"]
    assert 'name="domains"' not in root.see("/policies/ex.com/greylisting")


@pytest.mark.usefixtures("api")
def test_nobody_is_asked_about_no_domain_and_the_page_says_so(root: Visitor) -> None:
    page = root.done("/policies/global/greylisting", query_dns_immediately="yes")
    assert "The DNS was not asked: no domain was added." in page
    assert UNCHANGED in page
    assert "The DNS was not asked" not in root.done("/policies/global/greylisting", senders="192.0.2.7")


@pytest.mark.parametrize("scope", ["ex.com", "ann@ex.com"])
def test_a_spam_policy_is_set_in_part_and_inherited_again(root: Visitor, api: Client, scope: str) -> None:
    kind = f"spampolicy/{'user' if '@' in scope else 'domain'}/{scope}"
    path = f"/policies/{scope}/spampolicy"
    assert "As inherited" in root.see(path)
    for name in ("spam_score", "banned_rulenames"):  # what is inherited can be typed over
        assert re.search(rf'<input type="text"[^>]* name="{name}" value=""', root.page.text), name
    assert re.findall(r'href="([^"]+)" aria-current="page"><svg', root.page.text)[0] == "/iredadmin/domains"
    assert SAVED in root.done(path, quarantine_spam="no", spam_score="5.5")
    assert api.data(kind) == {"quarantine_spam": "no", "spam_score": 5.5}
    assert UNCHANGED in root.done(path)
    assert SAVED in root.send(path, button="forget=yes").text
    assert api.data(kind) == {}


def test_a_closed_policy_is_neither_shown_nor_taken(site: Site, visitor: Visitor, api: Client) -> None:
    site.admin("jane@admins.test", "ex.com")
    api.ok("PUT", "domain/ex.com", disableDomainProfile="throttle", disableUserProfile="wblist")
    jane = visitor.log_in("jane@admins.test")
    links = re.findall(r"/policies/ex.com/(\w+)", jane.see("/domains/ex.com"))
    assert links == ["spampolicy", "greylisting", "wblist"]
    links = re.findall(r"/policies/ann@ex.com/(\w+)", jane.see("/user/ann@ex.com"))
    assert links == ["spampolicy", "throttle", "greylisting"]
    assert jane.get("/policies/ex.com/throttle/inbound").status_code == 403
    jane.see("/policies/ex.com/spampolicy")
    form = {"csrf": jane.csrf, "period": "1", "max_msgs": "1", "anyway": "yes"}
    answer = jane.session.post(f"{jane.base}/policies/ex.com/throttle/inbound", data=form, timeout=60)
    assert (answer.status_code, api.data("throttle/ex.com/inbound")) == (403, {})
    assert jane.get("/policies/global/spampolicy").status_code == 403
    assert "/iredadmin/policies/global" not in jane.see("/domains")
