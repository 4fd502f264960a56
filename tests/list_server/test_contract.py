"""What is promised about mlmmj, kept on this host and by the agent over HTTP alike."""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from postreeve.storage.mlmmj import Host, NativeLists
from postreeve.storage.mlmmjadmin import Remote, RemoteLists
from postreeve.subscribable_lists.fields import CONTROLS
from postreeve.subscribable_lists.rules import DEFAULTS, with_own_headers
from postreeve.subscribable_lists.store import ListServer, ListSetting, Version
from postreeve.values import Address
from postreeve.work import ListServerError
from tests.list_server.conftest import TOKEN
from tests.mlmmj import Lists

pytestmark = pytest.mark.slow  # mlmmj and servers

NEWS = Address("news@ex.com")
SETTINGS: Mapping[str, ListSetting] = {
    **DEFAULTS,
    "name": "Nachrichten für Ätna ✉",
    "only_subscriber_can_post": True,
    "moderate_subscription": True,
    "subscription_moderators": ("ann@ex.com",),
    "owner": ("bob@ex.com", "owner@far.com"),
    "moderators": ("bob@ex.com", "mod@ex.com"),
    "extra_addresses": ("news@alias.com", "paper@ex.com"),
    "max_message_size": 123456,
    "subject_prefix": "[Ätna]",
    "custom_headers": with_own_headers(NEWS, ["X-One: 1, 2; ü", "X-Two: two"]),
    "remove_headers": ("Authentication-Results:", "DKIM-Signature:", "Reply-To:", "X-Gone:"),
    "footer_text": "-- \nGrüße,\n\n  die Liste & ihre = Leute +\n",
    "footer_html": "<p>Grüße</p>\n<b>&amp;</b>\n",
}


@pytest.fixture(params=["native", "remote"])
def kept(request: pytest.FixtureRequest, host: Host) -> Iterator[ListServer]:
    if request.param == "native":
        yield NativeLists(host, CONTROLS)
        return
    remote = RemoteLists(Remote(request.getfixturevalue("agent"), TOKEN), CONTROLS)
    yield remote
    remote.close()


@pytest.fixture
def news(kept: ListServer) -> ListServer:
    """A server with one list."""
    kept.create(NEWS, SETTINGS)
    return kept


def everybody(server: ListServer, mail: str = NEWS) -> list[tuple[str, Version]]:
    return [(found["mail"], found["subscription"]) for found in server.subscribers(mail)]


def test_a_list_that_is_not_there(kept: ListServer) -> None:
    assert kept.settings(NEWS) is None
    assert not any(kept.people(NEWS).values())
    assert kept.subscriptions([NEWS], "ann@ex.com") == {}
    assert kept.memberships([NEWS], "ex.com") == {}
    kept.remove(NEWS, is_kept=True)
    kept.remove(NEWS, is_kept=False)
    with pytest.raises(ListServerError):
        kept.subscribers(NEWS)
    with pytest.raises(ListServerError):
        kept.write(NEWS, {"name": "News"})
    with pytest.raises(ListServerError):
        kept.subscribe(NEWS, ["ann@ex.com"], "normal", has_to_confirm=False)
    with pytest.raises(ListServerError):
        kept.subscribe(NEWS, ["ann@ex.com"], "normal", has_to_confirm=True)
    with pytest.raises(ListServerError):
        kept.unsubscribe(NEWS, ["ann@ex.com"])


def test_a_new_list_is_as_it_was_wanted(news: ListServer) -> None:
    found = news.settings(NEWS)
    assert found is not None
    assert set(found) == set(CONTROLS)
    headers = found["custom_headers"]
    assert isinstance(headers, tuple)
    assert sorted(headers) == sorted(with_own_headers(NEWS, ["X-One: 1, 2; ü", "X-Two: two"]))
    assert {**found, "custom_headers": SETTINGS["custom_headers"]} == SETTINGS
    assert everybody(news) == []


@pytest.mark.usefixtures("news")
def test_what_mlmmj_reads(host: Host) -> None:
    control = host.spool / "ex.com" / "news" / "control"
    assert (control / "listaddress").read_text().splitlines() == ["news@ex.com", "news@alias.com", "paper@ex.com"]
    assert (control / "prefix").read_text() == "[Ätna]\n"
    assert (control / "footer_text").read_text() == SETTINGS["footer_text"]
    assert (control / "submod").read_text() == "ann@ex.com\n"
    assert (control / "tocc").exists()
    assert (control / "customheaders").read_text().endswith("\n")
    assert not (control / "modonlypost").exists()


def test_a_list_of_that_name_goes_to_the_archive_first(news: ListServer, host: Host) -> None:
    news.subscribe(NEWS, ["ann@ex.com"], "normal", has_to_confirm=False)
    (host.spool / "ex.com" / "news" / "archive" / "1").write_text("A mail.")
    news.create(NEWS, {**SETTINGS, "name": "Anew"})
    assert everybody(news) == []
    assert (news.settings(NEWS) or {})["name"] == "Anew"
    assert [path.read_text() for path in host.archive.rglob("archive/1")] == ["A mail."]


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": "Zürich 'n' \"more\""},
        {"only_subscriber_can_post": False, "only_moderator_can_post": True},
        {"moderated": True, "close_list": True, "only_subscriber_can_get_old_posts": False},
        {"moderate_subscription": False, "subscription_moderators": ()},
        {"moderate_subscription": True, "subscription_moderators": ()},
        {"subscription_moderators": ()},
        {"moderate_subscription": True, "subscription_moderators": ("x@far.com", "y@far.com")},
        {"owner": ("new@ex.com",), "moderators": ("new@ex.com",)},
        {"extra_addresses": ()},
        {"max_message_size": 0},
        {"subject_prefix": ""},
        {"footer_text": "Only text\n", "footer_html": "\n"},
        {"footer_text": "\n", "footer_html": "<hr>\n"},
        {"footer_text": "", "footer_html": ""},
        {"remove_headers": ("Authentication-Results:", "DKIM-Signature:", "Reply-To:")},
        {"custom_headers": with_own_headers(NEWS, [])},
    ],
    ids=lambda change: ",".join(f"{name}={value!r}"[:40] for name, value in change.items()),
)
def test_a_change_changes_what_it_names(news: ListServer, host: Host, change: dict[str, ListSetting]) -> None:
    before = news.settings(NEWS)
    assert before is not None
    for _ in range(2):
        news.write(NEWS, change)
        found = news.settings(NEWS)
        assert found is not None
        if "custom_headers" in change:
            assert set(_texts(found["custom_headers"])) == set(_texts(change["custom_headers"]))
            assert {**found, "custom_headers": ()} == {**before, "custom_headers": ()}
        else:
            assert found == {**before, **change}
    addresses = (host.spool / "ex.com" / "news" / "control" / "listaddress").read_text().splitlines()
    assert addresses[0] == NEWS


def _texts(value: ListSetting) -> tuple[str, ...]:
    assert isinstance(value, tuple)
    return value


def test_a_kept_list_is_in_the_archive(news: ListServer, host: Host) -> None:
    news.subscribe(NEWS, ["ann@ex.com"], "normal", has_to_confirm=False)
    news.remove(NEWS, is_kept=True)
    news.remove(NEWS, is_kept=True)
    assert news.settings(NEWS) is None
    assert [path.read_text() for path in host.archive.rglob("subscribers.d/a")] == ["ann@ex.com\n"]


def test_an_erased_list_is_nowhere(news: ListServer, host: Host) -> None:
    news.subscribe(NEWS, ["ann@ex.com"], "normal", has_to_confirm=False)
    news.remove(NEWS, is_kept=False)
    news.remove(NEWS, is_kept=False)
    assert news.settings(NEWS) is None
    assert [path for root in (host.spool, host.archive) for path in root.rglob("*") if "news" in path.name] == []


def test_subscribers_are_sorted_within_their_versions(news: ListServer) -> None:
    news.subscribe(NEWS, ["zoe@ex.com", "ann@far.com", "7@ex.com", "-x@ex.com"], "normal", has_to_confirm=False)
    news.subscribe(NEWS, ["max@ex.com", "bob@ex.com"], "digest", has_to_confirm=False)
    news.subscribe(NEWS, ["eve@ex.com"], "nomail", has_to_confirm=False)
    normal, digest = ["-x@ex.com", "7@ex.com", "ann@far.com", "zoe@ex.com"], ["bob@ex.com", "max@ex.com"]
    assert everybody(news) == [
        *((address, "normal") for address in normal), *((address, "digest") for address in digest),
        ("eve@ex.com", "nomail"),
    ]  # fmt: skip


def test_subscribing_again_moves_to_another_version(news: ListServer) -> None:
    people = ["ann@ex.com", "bob@ex.com"]
    versions: list[Version] = ["digest", "nomail", "normal", "normal"]
    for version in versions:
        news.subscribe(NEWS, people, version, has_to_confirm=False)
        assert everybody(news) == [(address, version) for address in people]
    news.subscribe(NEWS, ["ann@ex.com"], "digest", has_to_confirm=True)  # nobody confirms what they are already
    assert everybody(news) == [("bob@ex.com", "normal"), ("ann@ex.com", "digest")]


def test_unsubscribing_is_from_every_version_and_may_be_repeated(news: ListServer, host: Host) -> None:
    news.subscribe(NEWS, ["ann@ex.com", "amy@ex.com"], "normal", has_to_confirm=False)
    with (host.spool / "ex.com" / "news" / "digesters.d" / "a").open("w") as both:
        both.write("ann@ex.com\nann@ex.com\n")  # by hand, and twice
    news.unsubscribe(NEWS, ["ann@ex.com", "nobody@ex.com"])
    news.unsubscribe(NEWS, ["ann@ex.com", "nobody@ex.com"])
    assert everybody(news) == [("amy@ex.com", "normal")]


def test_ten_thousand_subscribers(news: ListServer) -> None:
    people = [f"{'abcdefghij'[number % 10]}person{number}@ex.com" for number in range(10_000)]
    begun = time.monotonic()
    news.subscribe(NEWS, people, "normal", has_to_confirm=False)
    assert everybody(news) == [(address, "normal") for address in sorted(people)]
    news.subscribe(NEWS, people[:5000], "digest", has_to_confirm=False)
    news.unsubscribe(NEWS, people[2500:])
    assert everybody(news) == [(address, "digest") for address in sorted(people[:2500])]
    assert time.monotonic() - begun < 20


def test_subscriptions_of_one_address(kept: ListServer) -> None:
    mails = ["a@ex.com", "b@far.com", "c@ex.com"]
    for mail in mails:
        kept.create(mail, {**SETTINGS, "extra_addresses": ()})
    kept.subscribe("a@ex.com", ["ann@ex.com", "o'neil@ex.com"], "normal", has_to_confirm=False)
    kept.subscribe("b@far.com", ["ann@ex.com", "bob@ex.com"], "digest", has_to_confirm=False)
    kept.subscribe("c@ex.com", ["annex@ex.com", "ann+list@ex.com"], "nomail", has_to_confirm=False)
    assert kept.subscriptions(["none@ex.com", *mails], "ann@ex.com") == {"a@ex.com": "normal", "b@far.com": "digest"}
    assert kept.subscriptions(["b@far.com"], "ann@ex.com") == {"b@far.com": "digest"}
    assert kept.subscriptions(mails, "o'neil@ex.com") == {"a@ex.com": "normal"}
    assert kept.subscriptions(mails, "ann+list@ex.com") == {"c@ex.com": "nomail"}
    assert kept.subscriptions(mails, "nobody@ex.com") == {}
    assert kept.subscriptions([], "ann@ex.com") == {}


def test_memberships_of_a_domain(kept: ListServer) -> None:
    mails = ["b@far.com", "a@ex.com"]
    for mail in mails:
        kept.create(mail, {**SETTINGS, "extra_addresses": ()})
        kept.subscribe(mail, ["ann@ex.com", "bob@sub.ex.com"], "normal", has_to_confirm=False)
    kept.subscribe("a@ex.com", ["eve@ex.com"], "nomail", has_to_confirm=False)
    found = kept.memberships([*mails, "none@ex.com"], "ex.com")
    assert found == {"ann@ex.com": mails, "eve@ex.com": ["a@ex.com"]}


def test_people(news: ListServer) -> None:
    assert news.people(NEWS) == {
        "owner": ("bob@ex.com", "owner@far.com"),
        "moderators": ("bob@ex.com", "mod@ex.com"),
        "subscription_moderators": ("ann@ex.com",),
    }


def test_who_has_to_confirm_gets_a_mail_and_is_not_subscribed(news: ListServer, lists: Lists) -> None:
    news.write(NEWS, {"moderate_subscription": False, "subscription_moderators": ()})
    news.subscribe(NEWS, ["ann@far.com", "bob@far.com"], "digest", has_to_confirm=True)
    asked = lists.mails.taken()
    assert list(asked) == ["ann@far.com", "bob@far.com"]
    assert everybody(news) == []
    lists.answer("bob@far.com", asked["bob@far.com"], NEWS)
    assert everybody(news) == [("bob@far.com", "digest")]
    news.subscribe(NEWS, ["ann@far.com"], "normal", has_to_confirm=True)
    again = lists.mails.taken()
    assert list(again) == ["ann@far.com"]
    lists.answer("ann@far.com", asked["ann@far.com"], NEWS)  # worth nothing any more
    assert everybody(news) == [("bob@far.com", "digest")]
    lists.answer("ann@far.com", again["ann@far.com"], NEWS)
    assert everybody(news) == [("ann@far.com", "normal"), ("bob@far.com", "digest")]


def test_who_is_proposed_waits_for_who_approves(news: ListServer, lists: Lists) -> None:
    news.propose(NEWS, "bob@far.com")
    sent = lists.mails.taken()
    if "ann@ex.com" not in sent:  # mlmmjadmin can not say that somebody has confirmed
        sent = lists.answer("bob@far.com", sent["bob@far.com"], NEWS)
    assert everybody(news) == []
    lists.answer("ann@ex.com", sent["ann@ex.com"], NEWS)
    assert everybody(news) == [("bob@far.com", "normal")]
    news.propose(NEWS, "bob@far.com")
    assert everybody(news) == [("bob@far.com", "normal")]


def test_on_this_host_who_is_proposed_to_nobody_is_subscribed(lists: Lists) -> None:
    lists.create(NEWS)
    lists.server.propose(NEWS, "bob@far.com")
    assert everybody(lists.server) == [("bob@far.com", "normal")]
    with pytest.raises(ListServerError):
        lists.server.propose("gone@ex.com", "bob@far.com")


def test_fifty_at_once_lose_nobody(news: ListServer) -> None:
    """All in one file of mlmmj's, where its own programs lose changes."""
    stays = [f"a-stays{number}@ex.com" for number in range(10)]
    goes = [f"a-goes{number}@ex.com" for number in range(50)]
    comes = [f"a-comes{number}@ex.com" for number in range(50)]
    news.subscribe(NEWS, [*stays, *goes], "normal", has_to_confirm=False)
    with ThreadPoolExecutor(16) as pool:
        gone = [pool.submit(news.unsubscribe, NEWS, [address]) for address in goes]
        come = [pool.submit(news.subscribe, NEWS, [new], "normal", has_to_confirm=False) for new in comes]
        for done in [*gone, *come]:
            done.result()
    assert everybody(news) == [(address, "normal") for address in sorted([*stays, *comes])]
