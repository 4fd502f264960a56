"""The public pages of newsletters, as somebody without JavaScript or cookies meets them, and what admins see."""

import pytest
import requests

from tests.newsletter.conftest import READER, News, path_of
from tests.newsletter.newsletters import URL
from tests.pages.visitor import Visitor
from tests.site import ROOT

pytestmark = pytest.mark.faces


@pytest.fixture
def visitor(news: News) -> Visitor:
    return Visitor(news.site)


def page_of(path: str) -> str:
    """Return the page to which the link in a mail leads."""
    _, list_id, request, token = path.split("/")
    return f"/newsletter/{'subconfirm' if request == 'subscribe' else 'unsubconfirm'}/{list_id}/{token}"


@pytest.mark.parametrize("request_", ["subscribe", "unsubscribe"])
def test_a_stranger_subscribes_and_unsubscribes(news: News, visitor: Visitor, request_: str) -> None:
    if request_ == "unsubscribe":
        news.root.ok("PUT", "ml/news@ex.com", add_subscribers=READER, require_confirm="no")
    before = news.subscribers()
    text = visitor.see(f"/newsletter/{request_}/{news.id}")
    assert "<h1>Our news</h1>" in text
    assert "Once a month." in text
    assert "A mail with a link goes to reader@far.test." in visitor.done("", subscriber=f" {READER}")
    confirming = visitor.see(page_of(path_of(news.mail(), request_)))
    assert READER in confirming
    assert news.subscribers() == before  # looking at it confirms nothing
    done = visitor.done("")
    assert "Thank you" in done
    assert news.subscribers() != before


def test_the_two_pages_lead_to_each_other_wherever_they_are_mounted(news: News, visitor: Visitor) -> None:
    assert f'href="../unsubscribe/{news.id}"' in visitor.see(f"/newsletter/subscribe/{news.id}")
    assert f'href="../subscribe/{news.id}"' in visitor.see(f"/newsletter/unsubscribe/{news.id}")


def test_a_form_on_another_page_may_send_here(news: News, visitor: Visitor) -> None:
    """Without any cookie, and with the headers of a foreign page."""
    headers = {"Origin": "https://www.example.net", "Sec-Fetch-Site": "cross-site"}
    form = {"subscriber": READER}
    answer = requests.post(f"{visitor.base}/newsletter/subscribe/{news.id}", data=form, headers=headers, timeout=30)
    assert answer.status_code == 200
    assert "Please look into your mailbox" in answer.text
    confirmed = requests.post(f"{visitor.base}{page_of(path_of(news.mail()))}", headers=headers, timeout=30)
    assert confirmed.status_code == 200
    assert news.subscribers() == {READER}


def test_what_is_no_address_is_said_beside_the_form(news: News, visitor: Visitor) -> None:
    answer = visitor.send(f"/newsletter/subscribe/{news.id}", subscriber='nobody"><script>')
    assert answer.status_code == 422
    assert "This is not an e-mail address." in answer.text
    assert "<script>" not in answer.text.partition("<main")[2]
    assert news.sink.taken() == {}


def test_pages_that_are_not_there(news: News, visitor: Visitor) -> None:
    link = page_of(news.link())
    for path in ("/newsletter/subscribe/x", f"/newsletter/subscribe/{'0' * 36}", f"{link[:-1]}_", link[:-3] + "xxx"):
        assert visitor.get(path).status_code == 404, path
    visitor.done(link)
    answer = visitor.get(link)
    assert (answer.status_code, "not valid, or not any more" in answer.text) == (404, True)
    news.root.ok("PUT", "ml/news@ex.com", is_newsletter="no")
    assert visitor.get(f"/newsletter/subscribe/{news.id}").status_code == 404


def test_too_many_mails_are_refused_with_the_time_to_wait(news: News, visitor: Visitor) -> None:
    news.site.change_settings(newsletter_mails_per_network=1)
    visitor.done(f"/newsletter/subscribe/{news.id}", subscriber=READER)
    answer = visitor.send(f"/newsletter/subscribe/{news.id}", subscriber="other@far.test")
    assert answer.status_code == 429
    assert "Too many attempts" in answer.text


def test_names_and_descriptions_are_texts(news: News, visitor: Visitor) -> None:
    evil = '<script>alert("x")</script>{{ 7 * 7 }}%(name)s'
    news.root.ok("PUT", "ml/news@ex.com", name=evil, newsletter_description=evil)
    text = visitor.see(f"/newsletter/subscribe/{news.id}")
    assert "<script>alert" not in text
    assert text.count("{{ 7 * 7 }}%(name)s") >= 2


def test_the_pages_and_the_mail_speak_the_visitors_language(news: News, visitor: Visitor) -> None:
    visitor.session.headers["Accept-Language"] = "de"
    assert 'lang="de"' in visitor.see(f"/newsletter/subscribe/{news.id}")
    assert 'lang="de"' in visitor.done("", subscriber=READER)
    news.mail()


def test_security_headers_are_those_of_all_pages(news: News, visitor: Visitor) -> None:
    headers = visitor.get(f"/newsletter/subscribe/{news.id}").headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    assert headers["x-frame-options"] == "DENY"


def test_admins_see_the_links_and_the_form(news: News, visitor: Visitor) -> None:
    visitor.log_in(ROOT)
    text = visitor.see("/list/news@ex.com/sign-up")
    assert f"{URL}/subscribe/{news.id}" in text
    assert "&lt;form method=" in text
    news.root.ok("PUT", "ml/news@ex.com", is_newsletter="no")
    assert "This list is no newsletter" in visitor.see("/list/news@ex.com/sign-up")
    assert visitor.get("/list/gone@ex.com/sign-up").status_code == 404
