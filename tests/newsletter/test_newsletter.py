"""Subscribing and unsubscribing on public pages, by links in mails."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from postreeve.newsletter import operations
from postreeve.newsletter.operations import HOUR_SECONDS
from postreeve.permissions import Grant, Target
from postreeve.storage.sql import Session
from postreeve.storage.tables.iredadmin import newsletter_subunsub_confirms
from postreeve.storage.tables.postreeve import newsletter_mails
from tests.mlmmj import LOOPBACK, Mail
from tests.newsletter.conftest import READER, News, path_of
from tests.newsletter.newsletters import URL
from tests.site import PASSWORD, Site

CONFIRMS = "newsletter_subunsub_confirms"
OTHER_ID = "00000000-0000-4000-8000-000000000000"


def confirm(news: News, path: str) -> dict[str, Any]:
    answer: dict[str, Any] = news.site.client().raw("POST", path).json()
    return answer


def change_waiting(site: Site, **values: Any) -> None:
    """Change all that waits for a confirmation."""
    with Session(site.storage.iredadmin) as session:
        session.update(newsletter_subunsub_confirms, values)
        session.commit()


# What everybody may know


def test_everybody_may_know_the_name_and_the_description(news: News) -> None:
    stranger = news.site.client()
    assert stranger.data(f"newsletter/{news.id}") == {"name": "Our news", "description": "Once a month."}
    news.root.ok("PUT", "ml/news@ex.com", name="", newsletter_description="")
    assert stranger.data(f"newsletter/{news.id}") == {"name": "news", "description": ""}


def test_a_list_that_is_no_newsletter_is_not_there(news: News) -> None:
    stranger = news.site.client()
    link = news.link()
    changes = [
        ("ml/news@ex.com", "is_newsletter", ("no", "yes")), ("ml/news@ex.com", "accountStatus", ("disabled", "active")),
        ("domain/ex.com", "accountStatus", ("disabled", "active")),
    ]  # fmt: skip
    for path, name, (off, on) in changes:
        news.root.ok("PUT", path, **{name: off})
        assert stranger.refused("GET", f"newsletter/{news.id}") == "NO_SUCH_ACCOUNT", name
        assert stranger.refused("POST", f"newsletter/{news.id}/subscribe", subscriber=READER) == "NO_SUCH_ACCOUNT"
        assert stranger.refused("POST", link) == "NO_SUCH_ACCOUNT"
        news.root.ok("PUT", path, **{name: on})
    assert news.sink.taken() == {}
    assert confirm(news, link) == {"_success": True}


@pytest.mark.parametrize("list_id", [OTHER_ID, "news@ex.com", "x", "'; --", "*" * 36, "%00" * 36])
def test_an_unknown_id_is_not_there(news: News, list_id: str) -> None:
    stranger = news.site.client()
    assert stranger.refused("GET", f"newsletter/{list_id}") == "NO_SUCH_ACCOUNT"
    assert stranger.refused("POST", f"newsletter/{list_id}/subscribe", subscriber=READER) == "NO_SUCH_ACCOUNT"
    assert news.sink.taken() == {}


def test_without_an_address_of_the_pages_there_are_none(news: News) -> None:
    news.site.change_settings(newsletter_url="")
    assert news.site.client().refused("GET", f"newsletter/{news.id}") == "NOT_AVAILABLE"
    assert news.ask().json()["_msg"] == "NOT_AVAILABLE"
    assert news.root.refused("GET", "ml/newsletter/news@ex.com") == "NOT_AVAILABLE"


# The way in, and the way out


def test_nobody_is_subscribed_before_the_link_is_confirmed(news: News) -> None:
    """Threat 30: a stranger can not be subscribed without confirming; looking at the link is not enough."""
    link = news.link()
    assert news.subscribers() == set()
    stranger = news.site.client()
    assert stranger.data(link) == {"name": "Our news", "subscriber": READER}
    assert news.subscribers() == set()
    stranger.ok("POST", link)
    assert news.subscribers() == {READER}


def test_nobody_is_unsubscribed_before_the_link_is_confirmed(news: News) -> None:
    news.root.ok("PUT", "ml/news@ex.com", add_subscribers=f"{READER},other@far.test", require_confirm="no")
    link = news.link("unsubscribe")
    assert news.subscribers() == {READER, "other@far.test"}
    news.site.client().ok("POST", link)
    assert news.subscribers() == {"other@far.test"}


@pytest.mark.parametrize("subscription", ["digest", "nomail"])
def test_every_version_is_unsubscribed(news: News, subscription: str) -> None:
    parameters = {"subscription": subscription, "require_confirm": "no"}
    news.root.ok("PUT", "ml/news@ex.com", add_subscribers=READER, **parameters)
    news.site.client().ok("POST", news.link("unsubscribe"))
    assert news.subscribers() == set()


def test_the_mail_says_what_it_is_about(news: News) -> None:
    assert news.ask().json() == {"_success": True}
    mail = news.mail()
    message = mail.message
    assert mail.sender == "no-reply@ex.com"
    assert (str(message["From"]), str(message["To"])) == ("No Reply <no-reply@ex.com>", READER)
    assert str(message["Subject"]) == "Subscribe to Our news?"
    assert (message["Auto-Submitted"], message.get_content_type()) == ("auto-generated", "text/plain")
    assert "It works for 24 hours" in message.get_content()
    assert news.id in message.get_content()
    assert news.ask("unsubscribe").json() == {"_success": True}
    assert str(news.mail().message["Subject"]) == "Unsubscribe from Our news?"


def test_names_of_all_kinds_stay_what_they_are(news: News) -> None:
    name = "Grüße {url} % <b>&amp; 中文"
    news.root.ok("PUT", "ml/news@ex.com", name=name)
    assert news.ask(subscriber="o'neil+x@far.test").json() == {"_success": True}
    mail = news.mail("o'neil+x@far.test")
    assert str(mail.message["Subject"]) == f"Subscribe to {name}?"
    assert confirm(news, path_of(mail)) == {"_success": True}
    assert news.subscribers() == {"o'neil+x@far.test"}


def test_the_sender_is_who_the_settings_say(news: News) -> None:
    news.site.change_settings(notification_sender="letters@ex.com", notification_sender_name="Ex, Inc.")
    news.ask()
    mail = news.mail()
    assert (mail.sender, str(mail.message["From"])) == ("letters@ex.com", '"Ex, Inc." <letters@ex.com>')


# What a link is worth


def test_a_link_works_once(news: News) -> None:
    """Threat 30: a confirmation is for one use."""
    link = news.link()
    assert confirm(news, link) == {"_success": True}
    news.root.ok("PUT", "ml/news@ex.com", remove_subscribers=READER)
    assert confirm(news, link)["_msg"] == "CONFIRMATION_EXPIRED"
    assert news.site.client().refused("GET", link) == "CONFIRMATION_EXPIRED"
    assert (news.subscribers(), news.site.rows(CONFIRMS)) == (set(), [])


def test_of_several_at_once_one_alone_confirms(news: News) -> None:
    link = news.link()
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: confirm(news, link), range(8)))
    assert sorted(answer["_success"] for answer in answers) == [False] * 7 + [True]
    assert len([line for line in news.site.rows("log") if "Confirm" in line["msg"]]) == 1


def test_a_link_is_for_one_deed_and_one_list(news: News) -> None:
    news.root.ok("POST", "ml/paper@ex.com", is_newsletter="yes")
    other_id = news.root.data("ml/paper@ex.com")["mlid"]
    link = news.link()
    token = link.rpartition("/")[2]
    for wrong in (f"newsletter/{news.id}/unsubscribe/{token}", f"newsletter/{other_id}/subscribe/{token}"):
        assert confirm(news, wrong)["_msg"] == "CONFIRMATION_EXPIRED"
    for wrong in (token[:-1], token.swapcase(), "x" * 32, token + "x", "' OR 1=1"):
        assert confirm(news, f"newsletter/{news.id}/subscribe/{wrong}")["_msg"] == "CONFIRMATION_EXPIRED"
    assert confirm(news, link) == {"_success": True}


def test_a_link_expires(news: News) -> None:
    link = news.link()
    change_waiting(news.site, expired=int(time.time()))
    assert confirm(news, link)["_msg"] == "CONFIRMATION_EXPIRED"
    assert news.subscribers() == set()


def test_the_newest_link_alone_counts(news: News) -> None:
    first, second = news.link(), news.link()
    assert confirm(news, first)["_msg"] == "CONFIRMATION_EXPIRED"
    assert confirm(news, second) == {"_success": True}


def test_what_is_stored_is_no_token(news: News) -> None:
    link = news.link()
    token = link.rpartition("/")[2]
    (row,) = news.site.rows(CONFIRMS)
    lifetime = row.pop("expired") - time.time()
    assert 24 * HOUR_SECONDS - 60 < lifetime <= 24 * HOUR_SECONDS
    assert re.fullmatch("[0-9a-f]{64}", row.pop("token"))
    assert {name: value for name, value in row.items() if name != "id"} == {
        "mail": "news@ex.com", "mlid": news.id, "subscriber": READER, "kind": "subscribe",
    }  # fmt: skip
    assert token not in str(news.site.dump())


def test_the_two_deeds_wait_for_themselves(news: News) -> None:
    subscribe, unsubscribe = news.link(), news.link("unsubscribe")
    assert len(news.site.rows(CONFIRMS)) == 2
    assert confirm(news, subscribe) == {"_success": True}
    assert confirm(news, unsubscribe) == {"_success": True}
    assert news.subscribers() == set()


def test_the_log_says_that_somebody_has_confirmed_and_not_who(news: News) -> None:
    assert confirm(news, news.link()) == {"_success": True}
    (line,) = [line for line in news.site.rows("log") if line["username"] == "news@ex.com" and not line["admin"]]
    assert (line["event"], line["domain"], line["ip"]) == ("update", "ex.com", LOOPBACK)
    assert line["msg"] == "[API] Confirm, on a public page, to subscribe: news@ex.com."


# Misuse


def test_the_answer_is_the_same_whoever_is_subscribed(news: News) -> None:
    news.root.ok("PUT", "ml/news@ex.com", add_subscribers=READER, require_confirm="no")
    for request in ("subscribe", "unsubscribe"):
        answers, mails = [], []
        for subscriber in (READER, "stranger@far.test"):
            answer = news.ask(request, subscriber)
            answers.append((answer.status_code, answer.json()))
            mails.append(_without_names(news.mail(subscriber), subscriber))
        assert answers[0] == answers[1]
        assert mails[0] == mails[1]


def _without_names(mail: Mail, subscriber: str) -> list[str]:
    """Return the lines of a mail without what is another one in each: address, token, time and number."""
    text = re.sub(r"(confirm/[\w-]{36})/\w{32}", r"\1/…", mail.text.replace(subscriber, "…"))
    return [line for line in text.splitlines() if not line.startswith(("Date:", "Message-ID:"))]


def test_one_address_gets_no_more_mails_than_the_settings_say(news: News) -> None:
    """Threat 30: nobody is bombed with mail, whichever newsletters are asked for."""
    news.root.ok("POST", "ml/paper@ex.com", is_newsletter="yes")
    other = News(news.site, news.root.data("ml/paper@ex.com")["mlid"], news.sink, news.root)
    link = news.link()
    assert other.ask("unsubscribe").json() == {"_success": True}
    assert news.ask(subscriber="reader+more@far.test").json() == {"_success": True}
    assert len(news.sink.taken()) == 2
    for asked, subscriber in ((news, READER), (other, READER), (news, "reader+x@far.test"), (news, "READER@far.test")):
        answer = asked.ask(subscriber=subscriber)
        assert (answer.status_code, answer.json()) == (200, {"_success": True})
    assert news.sink.taken() == {}
    assert confirm(news, link) == {"_success": True}  # the link that was sent is still the one that counts
    assert news.ask(subscriber="somebody@far.test").json() == {"_success": True}
    assert list(news.sink.taken()) == ["somebody@far.test"]


def test_a_day_later_an_address_may_get_mails_again(news: News) -> None:
    news.site.change_settings(newsletter_mails_per_address=1)
    news.link()
    assert news.ask().json() == {"_success": True}
    assert news.sink.taken() == {}
    with Session(news.site.storage.iredadmin) as session:
        session.update(newsletter_mails, {"at": int(time.time()) - operations.DAY_SECONDS - 1})
        session.commit()
    news.link()


def test_mails_to_one_address_at_once_are_no_more_than_the_settings_say(news: News) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: news.ask().json(), range(16)))
    assert answers == [{"_success": True}] * 16
    most = news.site.storage.settings.newsletter_mails_per_address
    assert len(news.sink.mails) <= most
    for _ in range(most + 1):  # those that were left out do not count
        assert news.ask().json() == {"_success": True}
    mails, news.sink.mails = news.sink.mails, []
    assert len(mails) == most


def test_one_network_has_no_more_mails_sent_than_the_settings_say(news: News) -> None:
    """Threat 30: nor are many bombed by one."""
    news.site.change_settings(newsletter_mails_per_network=4, trusted_proxies=[LOOPBACK])
    for number in range(4):
        assert news.ask(subscriber=f"r{number}@far.test", **{"X-Forwarded-For": f"192.0.2.{number}"}).json()["_success"]
    refused = news.ask(subscriber="r9@far.test", **{"X-Forwarded-For": "192.0.2.99"})
    assert refused.json()["_msg"] == "TOO_MANY_ATTEMPTS"
    assert 0 < int(refused.headers["Retry-After"]) <= HOUR_SECONDS
    assert news.ask(subscriber="r9@far.test", **{"X-Forwarded-For": "198.51.100.1"}).json()["_success"]
    assert sorted(news.sink.taken()) == ["r0@far.test", "r1@far.test", "r2@far.test", "r3@far.test", "r9@far.test"]


@pytest.mark.parametrize(
    "subscriber",
    ["", "nobody", "a b@far.test", "a@far.test\r\nBcc: b@far.test", "a@far.test,b@far.test", "<a@far.test>",
     "@far.test", "-oQ@far", "a@far.test\x00", "x" * 300 + "@far.test"],
)  # fmt: skip
def test_what_is_no_address_gets_no_mail(news: News, subscriber: str) -> None:
    before = news.site.dump()
    assert news.ask(subscriber=subscriber).json()["_success"] is False
    assert (news.site.dump(), news.sink.taken()) == (before, {})


@pytest.mark.parametrize("subscriber", ["news@ex.com", "news@alias.test", "letters@ex.com"])
def test_a_list_does_not_subscribe_to_itself(news: News, subscriber: str) -> None:
    news.root.ok("PUT", "ml/news@ex.com", extra_addresses="letters@ex.com")
    assert news.ask(subscriber=subscriber).json()["_msg"] == "INVALID_VALUE"
    assert news.sink.taken() == {}


def test_several_addresses_are_not_asked_for_at_once(news: News) -> None:
    path = f"newsletter/{news.id}/subscribe"
    answer = news.site.client().raw("POST", path, data=[("subscriber", "a@far.test"), ("subscriber", "b@far.test")])
    assert answer.json()["_msg"] == "CONFLICTING_PARAMETERS"
    assert news.sink.taken() == {}


# Somebody approves of subscribers


@pytest.mark.slow
def test_where_somebody_approves_of_subscribers_that_is_asked(news: News) -> None:
    """The real mlmmj holds the subscription back, and tells the approvers."""
    news.root.ok("PUT", "ml/news@ex.com", moderate_subscription="yes")
    assert confirm(news, news.link()) == {"_success": True}
    assert news.subscribers() == set()
    directory = Path(news.site.settings.mlmmj_spool) / "ex.com" / "news"
    (held,) = (directory / "moderation").iterdir()
    assert held.read_text(encoding="utf-8").splitlines()[0] == READER
    assert confirm(news, news.link("unsubscribe")) == {"_success": True}


def test_lists_that_are_closed_to_mail_are_open_here(news: News) -> None:
    news.root.ok("PUT", "ml/news@ex.com", close_list="yes", disable_subscription="yes")
    assert confirm(news, news.link()) == {"_success": True}
    assert news.subscribers() == {READER}


# Outages


def test_when_nobody_takes_the_mail_that_is_said_and_not_counted(news: News) -> None:
    port = news.site.storage.settings.notification_smtp_port
    news.site.change_settings(notification_smtp_port=1, newsletter_mails_per_address=1)
    answer = news.ask()
    assert (answer.status_code, answer.json()["_msg"]) == (503, "MAIL_SERVICE_UNAVAILABLE")
    news.site.change_settings(notification_smtp_port=port)
    assert confirm(news, news.link()) == {"_success": True}


def test_a_link_still_works_after_an_outage_of_mlmmj(news: News) -> None:
    link = news.link()
    spool = Path(news.site.settings.mlmmj_spool)
    spool.rename(spool.with_name("elsewhere"))
    try:
        answer = news.site.client().raw("POST", link)
        assert (answer.status_code, answer.json()["_msg"]) == (503, "MAILING_LIST_SERVICE_UNAVAILABLE")
    finally:
        spool.with_name("elsewhere").rename(spool)
    assert confirm(news, link) == {"_success": True}
    assert news.subscribers() == {READER}


def test_without_mlmmj_there_are_no_newsletters(news: News) -> None:
    lists, news.site.storage.lists = news.site.storage.lists, None
    try:
        assert news.site.client().refused("GET", f"newsletter/{news.id}") == "NOT_AVAILABLE"
    finally:
        news.site.storage.lists = lists


# What admins get


def test_admins_get_the_links_and_a_form_for_other_pages(news: News) -> None:
    news.root.ok("PUT", "ml/news@ex.com", name='"><script>alert(1)</script>')
    form = news.site.admin("al@admins.test", "ex.com").data("ml/newsletter/news@ex.com")
    assert form["subscribe_url"] == f"{URL}/subscribe/{news.id}"
    assert form["unsubscribe_url"] == f"{URL}/unsubscribe/{news.id}"
    assert f'<form method="post" action="{URL}/subscribe/{news.id}"' in form["html"]
    assert 'name="subscriber"' in form["html"]
    assert "<script" not in form["html"]


def test_only_admins_of_the_domain_get_them(news: News) -> None:
    assert news.site.client().refused("GET", "ml/newsletter/news@ex.com") == "LOGIN_REQUIRED"
    news.root.ok("POST", "domain/far.test")
    bob = news.site.admin("bob@admins.test", "far.test")
    assert bob.refused("GET", "ml/newsletter/news@ex.com") == "PERMISSION_DENIED"
    assert news.root.refused("GET", "ml/newsletter/gone@ex.com") == "NO_SUCH_ACCOUNT"
    news.root.ok("PUT", "ml/news@ex.com", is_newsletter="no")
    assert news.root.refused("GET", "ml/newsletter/news@ex.com") == "NOT_AVAILABLE"


def test_a_logged_in_admin_is_a_stranger_here(news: News) -> None:
    news.root.ok("POST", "user/ann@ex.com", password=PASSWORD)
    assert news.root.post(f"newsletter/{news.id}/subscribe", subscriber="ann@ex.com") == {"_success": True}
    assert news.subscribers() == set()
    assert list(news.sink.taken()) == ["ann@ex.com"]


# Cleaning up


def test_what_nobody_has_confirmed_is_dropped_some_time_later(news: News) -> None:
    news.link()
    news.link("unsubscribe", "other@far.test")
    with news.site.storage.open(Grant(None, Target()), LOOPBACK) as work:
        assert operations.drop_expired(work) == 0
        kept = news.site.settings.newsletter_subscription_request_keep_hours * HOUR_SECONDS
        change_waiting(news.site, expired=int(time.time()) - kept + 60)
        assert operations.drop_expired(work) == 0
        change_waiting(news.site, expired=int(time.time()) - kept)
        assert operations.drop_expired(work) == 2
    assert news.site.rows(CONFIRMS) == []
