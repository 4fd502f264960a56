"""mlmmj behind mlmmjadmin: what it ignores or forgets is noticed, and an outage costs no time.

mlmmjadmin is imitated, with what is known of its traps; see `tests/mlmmjadmin.py`.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from postreeve.settings import SettingsError
from postreeve.storage import mlmmjadmin
from postreeve.storage.mlmmjadmin import Remote, RemoteLists
from postreeve.subscribable_lists.fields import CONTROLS
from postreeve.subscribable_lists.store import ListServer, ListSetting
from postreeve.work import ListServerError, StoreUnavailableError
from tests.list_server.test_contract import NEWS, SETTINGS, everybody
from tests.mlmmjadmin import ITS_HEADERS, TOKEN, List, Mlmmjadmin, Said, serving

pytestmark = pytest.mark.slow  # mlmmj and servers


@pytest.fixture
def admin() -> Mlmmjadmin:
    return Mlmmjadmin()


@pytest.fixture
def base(admin: Mlmmjadmin) -> Iterator[str]:
    with serving(admin) as base:
        yield base


@pytest.fixture
def lists(base: str) -> Iterator[RemoteLists]:
    with asking(Remote(base, TOKEN)) as lists:
        yield lists


@pytest.fixture
def news(lists: RemoteLists) -> RemoteLists:
    lists.create(NEWS, SETTINGS)
    return lists


@contextmanager
def asking(remote: Remote, **options: Any) -> Iterator[RemoteLists]:
    lists = RemoteLists(remote, CONTROLS, **options)
    yield lists
    lists.close()


def test_a_new_list_is_as_it_was_wanted(news: RemoteLists, admin: Mlmmjadmin) -> None:
    found = news.settings(NEWS)
    assert found is not None
    headers = found["custom_headers"]
    assert isinstance(headers, tuple)
    assert {"X-One: 1, 2; ü", "X-Two: two", f"X-Mailing-List: {NEWS}"} < set(headers)
    assert {header.partition(":")[0] for header in headers} == {*ITS_HEADERS, "X-One", "X-Two", "X-Mailing-List"}
    footers = {"footer_text": str(SETTINGS["footer_text"])}
    assert {**found, "custom_headers": SETTINGS["custom_headers"]} == {**SETTINGS, **footers}
    assert not admin.lists[NEWS].asked


def test_switches_that_are_not_named_are_off(lists: RemoteLists, admin: Mlmmjadmin) -> None:
    lists.create(NEWS, {"owner": ("ann@ex.com",), "moderators": ("ann@ex.com",)})
    on = {name for name, value in (lists.settings(NEWS) or {}).items() if value is True}
    assert on == set()
    assert {"tocc", "ifmodsendonlymodmoderate"} < set(admin.lists[NEWS].control)


def test_a_list_of_that_name_goes_to_the_archive_first(news: RemoteLists, admin: Mlmmjadmin) -> None:
    admin.lists[NEWS].posts = 7
    news.create(NEWS, SETTINGS)
    assert [(mail, old.posts) for mail, old in admin.archive] == [(NEWS, 7)]


def test_a_list_that_is_not_there_is_told_from_one_with_everything_off(lists: RemoteLists, admin: Mlmmjadmin) -> None:
    assert lists.settings(NEWS) is None
    assert admin.lists == {}
    admin.lists[NEWS] = List({"listaddress": NEWS})
    found = lists.settings(NEWS)
    assert found is not None
    assert not any(found.values())
    assert admin.lists[NEWS].control == {"listaddress": NEWS}
    lists.write(NEWS, {"moderated": False})
    lists.write(NEWS, {"moderated": True})
    assert set(admin.lists[NEWS].control) == {"listaddress", "moderated"}


def test_what_is_not_there_can_not_be_changed(lists: RemoteLists) -> None:
    lists.remove(NEWS, is_kept=True)
    changes: list[Callable[[], object]] = [
        lambda: lists.write(NEWS, {"moderated": False}),
        lambda: lists.subscribers(NEWS),
        lambda: lists.subscribe(NEWS, ["ann@ex.com"], "normal", has_to_confirm=True),
        lambda: lists.unsubscribe(NEWS, ["ann@ex.com"]),
    ]
    for change in changes:
        with pytest.raises(ListServerError, match=r"no list news@ex\.com"):
            change()


def test_addresses_are_asked_for_in_lower_case(news: RemoteLists, admin: Mlmmjadmin) -> None:
    assert (news.settings("News@EX.com") or {})["name"] == SETTINGS["name"]
    news.write("News@EX.com", {"close_list": True})
    news.write("News@EX.com", {"close_list": False})
    assert "closedlist" not in admin.lists[NEWS].control
    assert set(admin.lists) == {NEWS}


def test_the_address_of_a_list_stays(news: RemoteLists, admin: Mlmmjadmin) -> None:
    news.write(NEWS, {"extra_addresses": ()})
    assert admin.lists[NEWS].control["listaddress"] == NEWS
    assert all(form.get("extra_addresses") != "" for _, _, form in admin.requests)


@pytest.mark.parametrize(
    "change", [{"subscription_moderators": ()}, {"moderate_subscription": True, "subscription_moderators": ()}]
)
def test_without_approvers_the_owners_approve(
    news: RemoteLists, admin: Mlmmjadmin, change: dict[str, ListSetting]
) -> None:
    news.write(NEWS, change)
    assert admin.lists[NEWS].control["submod"] == ""
    news.write(NEWS, {"moderate_subscription": False, "subscription_moderators": ()})
    assert "submod" not in admin.lists[NEWS].control
    news.write(NEWS, {"subscription_moderators": ("eve@ex.com",)})
    assert admin.lists[NEWS].control["submod"] == "eve@ex.com"


def test_both_footers_are_there_or_none(news: RemoteLists, admin: Mlmmjadmin) -> None:
    control = admin.lists[NEWS].control
    both = {"footer_text", "footer_html"}
    for change in (
        {"footer_html": "\n"}, {"footer_html": "<hr>\n"}, {"footer_text": "\n"}, {"footer_text": "Bye\n"},
        {"footer_text": "Only text\n", "footer_html": "\n"}, {"footer_text": "\n", "footer_html": "<b>HTML</b>\n"},
    ):  # fmt: skip
        news.write(NEWS, change)
        found = news.settings(NEWS) or {}
        assert {name: found[name] for name in change} == change
        assert all(control.get(name) for name in both)
    news.write(NEWS, {"footer_text": "", "footer_html": ""})
    assert not both & set(control)


def test_a_database_behind_it_keeps_the_name(news: RemoteLists, admin: Mlmmjadmin) -> None:
    admin.is_with_sql = True
    news.write(NEWS, {"close_list": True})
    news.write(NEWS, {"subscription_moderators": ()})
    news.write(NEWS, {"owner": ("new@ex.com",)})
    assert admin.lists[NEWS].control["name"] == SETTINGS["name"]
    owners = [form for method, _, form in admin.requests if method == "PUT" and "owner" in form]
    assert [form["moderators"] for form in owners] == ["bob@ex.com,mod@ex.com"]


def test_what_is_ignored_did_not_happen(news: RemoteLists, admin: Mlmmjadmin) -> None:
    before = dict(admin.lists[NEWS].control)
    admin.ignored = {"close_list"}
    with pytest.raises(ListServerError, match=r"close_list of news@ex\.com did not take"):
        news.write(NEWS, {"close_list": True, "name": "Other", "moderate_subscription": False})
    assert admin.lists[NEWS].control == before


def test_a_list_that_is_not_as_wanted_is_taken_away_again(lists: RemoteLists, admin: Mlmmjadmin) -> None:
    admin.ignored = {"max_message_size"}
    with pytest.raises(ListServerError, match="max_message_size"):
        lists.create(NEWS, SETTINGS)
    assert admin.lists == {}


def test_a_request_that_dies_in_the_middle_is_undone(news: RemoteLists, admin: Mlmmjadmin) -> None:
    before = dict(admin.lists[NEWS].control)
    admin.breaking = ["subject_prefix"]
    with pytest.raises(ListServerError, match="status 500"):
        news.write(NEWS, {"moderate_subscription": True, "subscription_moderators": (), "subject_prefix": "[x]"})
    assert admin.lists[NEWS].control == before


def test_whether_to_confirm_is_always_said(news: RemoteLists, admin: Mlmmjadmin) -> None:
    news.subscribe(NEWS, ["ann@ex.com"], "digest", has_to_confirm=False)
    news.subscribe(NEWS, ["ann@ex.com", "bob@ex.com"], "digest", has_to_confirm=True)
    forms = [form for _, path, form in admin.requests if "add_subscribers" in form and path.endswith("subscribers")]
    assert [(form["add_subscribers"], form["require_confirm"], form["subscription"]) for form in forms] == [
        ("ann@ex.com", "no", "digest"), ("bob@ex.com", "yes", "digest"),
    ]  # fmt: skip
    assert admin.lists[NEWS].asked == ["bob@ex.com"]


def test_subscribing_moves_from_other_versions(news: RemoteLists) -> None:
    news.subscribe(NEWS, ["ann@ex.com", "bob@ex.com"], "normal", has_to_confirm=False)
    news.subscribe(NEWS, ["ann@ex.com"], "digest", has_to_confirm=False)
    assert everybody(news) == [("bob@ex.com", "normal"), ("ann@ex.com", "digest")]


def test_who_can_not_be_moved_stays(news: RemoteLists, admin: Mlmmjadmin) -> None:
    news.subscribe(NEWS, ["ann@ex.com"], "normal", has_to_confirm=False)
    admin.breaking = ["add_subscribers"]
    with pytest.raises(ListServerError, match="status 500"):
        news.subscribe(NEWS, ["ann@ex.com", "new@ex.com"], "digest", has_to_confirm=False)
    assert everybody(news) == [("ann@ex.com", "normal")]


def test_addresses_that_it_does_not_know_are_reported(news: RemoteLists, admin: Mlmmjadmin) -> None:
    """To mlmmjadmin an apostrophe is in no address; by mail such people may subscribe."""
    with pytest.raises(ListServerError, match="1 addresses are not subscribed"):
        news.subscribe(NEWS, ["o'neil@ex.com", "ann@ex.com"], "normal", has_to_confirm=False)
    admin.lists[NEWS].subscribers["nomail"].append("o'neil@ex.com")
    assert news.subscriptions([NEWS, "none@ex.com"], "o'neil@ex.com") == {NEWS: "nomail"}
    with pytest.raises(ListServerError, match="1 addresses are still subscribed"):
        news.unsubscribe(NEWS, ["o'neil@ex.com"])


def test_many_go_in_parts(news: RemoteLists, admin: Mlmmjadmin) -> None:
    people = [f"person{number}@ex.com" for number in range(2500)]
    news.subscribe(NEWS, people, "normal", has_to_confirm=False)
    news.subscribe(NEWS, [f"x{person}" for person in people[:250]], "normal", has_to_confirm=True)
    sizes = [form["add_subscribers"].count(",") + 1 for _, _, form in admin.requests if "add_subscribers" in form]
    assert sizes == [1000, 1000, 500, 100, 100, 50]
    assert everybody(news) == [(person, "normal") for person in sorted(people)]


def test_questions_about_addresses_take_few_requests(news: RemoteLists, admin: Mlmmjadmin) -> None:
    mails = [NEWS, "b@far.com", "c@ex.com"]
    for mail in mails[1:]:
        news.create(mail, SETTINGS)
    for mail in mails[:2]:
        news.subscribe(mail, ["ann@ex.com", "bob@far.com"], "nomail", has_to_confirm=False)
    admin.requests.clear()
    assert news.subscriptions(mails, "ann@ex.com") == {NEWS: "nomail", "b@far.com": "nomail"}
    assert len(admin.requests) == 1
    assert news.memberships([*mails, "none@ex.com"], "ex.com") == {"ann@ex.com": [NEWS, "b@far.com"]}
    assert len(admin.requests) == 5


def test_each_list_has_one_writer_at_a_time(base: str, admin: Mlmmjadmin) -> None:
    """Among threads, and among processes by what the installation keeps for that."""
    held, keeping = threading.Lock(), []

    @contextmanager
    def serialised(mail: str) -> Iterator[None]:
        with held:
            keeping.append(mail)
            yield

    admin.seconds = 0.002
    with (
        asking(Remote(base, TOKEN), serialised=serialised) as one,
        asking(Remote(base, TOKEN), serialised=serialised) as other,
    ):
        one.create(NEWS, SETTINGS)
        people = [f"a{number}@ex.com" for number in range(30)]
        one.subscribe(NEWS, people, "normal", has_to_confirm=False)
        with ThreadPoolExecutor(10) as pool:
            gone = [pool.submit((one, other)[number % 2].unsubscribe, NEWS, [who]) for number, who in enumerate(people)]
            for done in gone:
                done.result()
        assert everybody(one) == []
    assert admin.most_at_work == 1
    assert set(keeping) == {NEWS}


def test_threads_write_a_list_in_turn(news: RemoteLists, admin: Mlmmjadmin) -> None:
    admin.seconds = 0.002
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(news.write, NEWS, {"name": f"Name {number}"}) for number in range(16)]:
            done.result()
    assert admin.most_at_work == 1


def test_a_list_that_others_keep_is_not_to_be_had(base: str) -> None:
    def serialised(mail: str) -> AbstractContextManager[None]:
        raise StoreUnavailableError(f"Another work holds {mail}.")

    with (
        asking(Remote(base, TOKEN), serialised=serialised) as lists,
        pytest.raises(ListServerError, match=r"Another work holds news@ex\.com"),
    ):
        lists.remove(NEWS, is_kept=True)


def everything(lists: ListServer) -> list[Callable[[], object]]:
    return [
        lambda: lists.settings(NEWS), lambda: lists.create(NEWS, SETTINGS), lambda: lists.write(NEWS, {"name": "x"}),
        lambda: lists.remove(NEWS, is_kept=False), lambda: lists.subscribers(NEWS), lambda: lists.people(NEWS),
        lambda: lists.subscribe(NEWS, ["ann@ex.com"], "normal", has_to_confirm=False),
        lambda: lists.unsubscribe(NEWS, ["ann@ex.com"]), lambda: lists.subscriptions([NEWS], "ann@ex.com"),
        lambda: lists.memberships([NEWS], "ex.com"),
    ]  # fmt: skip


def refusals(lists: RemoteLists) -> set[str]:
    """Ask everything, which has to fail each time, and return what is said."""
    said = set()
    for ask in everything(lists):
        with pytest.raises(ListServerError) as error:
            ask()
        said.add(str(error.value))
    return said


@pytest.mark.parametrize(
    "answer",
    [
        Said(500, b"internal server error"), Said(404, b"not found"), Said(405, b"method not allowed"),
        Said(302, b""), Said(200, b"<html>Please log in</html>"), Said(200, b""), Said(200, b"\xff"), Said(200, b"[]"),
        Said(200, b"{}"), Said(200, b'{"_success": "yes"}'), Said(200, b'{"_success": false}'),
        Said(200, b'{"_success": true, "_data": 3}'), Said(200, b'{"_success": true, "_data": {"owner": 3}}'),
        Said(200, f'{{"_success": false, "_msg": "INVALID_DATA {TOKEN}"}}'.encode()),
    ],
    ids=lambda answer: f"{answer.status} {answer.body[:40]!r}",
)  # fmt: skip
def test_an_answer_that_is_none_is_an_error(lists: RemoteLists, admin: Mlmmjadmin, answer: Said) -> None:
    admin.failing = {"": answer}
    writers = everything(lists)[3] if b"true" in answer.body else None
    for ask in everything(lists):
        if writers and ask.__code__ is writers.__code__:
            continue  # a removal wants nothing but a yes
        with pytest.raises(ListServerError) as error:
            ask()
        assert "mlmmjadmin at 127.0.0.1:" in str(error.value)
        assert TOKEN not in str(error.value)


def test_a_wrong_token(base: str) -> None:
    with asking(Remote(base, "another-token")) as lists:
        said = refusals(lists)
    assert all("INVALID_MLMMJADMIN_API_AUTH_TOKEN" in text for text in said)
    assert not any("another-token" in text for text in said)


def test_an_answer_without_end_is_dropped(
    lists: RemoteLists, admin: Mlmmjadmin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlmmjadmin, "LONGEST_ANSWER", 10_000)
    admin.failing = {"GET": Said(200, b" " * 10_001)}
    with pytest.raises(ListServerError, match="too much"):
        lists.settings(NEWS)


def test_who_does_not_answer_is_not_asked_again_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with asking(Remote(f"http://127.0.0.1:{port}/api", TOKEN, answer_seconds=0.2)) as lists:
            with pytest.raises(ListServerError, match="does not answer"):
                lists.settings(NEWS)
            begun = time.monotonic()
            assert all("a moment ago" in text for text in refusals(lists))
            assert time.monotonic() - begun < 1
        silent.accept()[0].close()
        silent.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody else has come
            silent.accept()


def test_who_is_not_there_is_tried_again_after_a_while() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{free.getsockname()[1]}/api"
        with asking(Remote(base, TOKEN, pause_seconds=0.5)) as lists:
            for text in ("ConnectError", "a moment ago"):
                with pytest.raises(ListServerError, match=text):
                    lists.settings(NEWS)
            time.sleep(0.51)
            with pytest.raises(ListServerError, match="ConnectError"):
                lists.settings(NEWS)


def test_slow_answers_end_and_lists_come_back(base: str, admin: Mlmmjadmin) -> None:
    with asking(Remote(base, TOKEN, answer_seconds=0.8, pause_seconds=0.1)) as lists:
        admin.seconds = 1
        with pytest.raises(ListServerError, match="ReadTimeout"):
            lists.settings(NEWS)
        admin.seconds = 0
        time.sleep(0.25)
        lists.create(NEWS, SETTINGS)
        assert lists.settings(NEWS) is not None


def test_a_server_without_tls_is_not_trusted(base: str) -> None:
    with asking(Remote(base.replace("http://", "https://"), TOKEN)) as lists:
        assert any("does not answer" in text for text in refusals(lists))


@pytest.mark.parametrize("token", ["", " ", "two words", "line\nbreak", "ümlaut"])
def test_a_token_that_can_not_be_sent(token: str) -> None:
    with pytest.raises(SettingsError) as error:
        RemoteLists(Remote("http://127.0.0.1/api", token), CONTROLS)
    assert not token.strip() or token not in str(error.value)


@pytest.mark.parametrize("url", ["", "127.0.0.1:7790/api", "ftp://127.0.0.1/api", "http://", "http://[::1/api"])
def test_an_url_that_is_none(url: str) -> None:
    with pytest.raises(SettingsError, match="URL of mlmmjadmin"):
        RemoteLists(Remote(url, TOKEN), CONTROLS)


def test_authorities_that_can_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="can not be read"):
        RemoteLists(Remote("https://127.0.0.1/api", TOKEN, authorities=str(tmp_path / "none.pem")), CONTROLS)


def test_a_token_is_not_shown() -> None:
    remote = Remote("http://127.0.0.1/api", TOKEN)
    assert TOKEN not in f"{remote!r} {remote}"
