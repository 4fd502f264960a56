"""The agent: mlmmjadmin's API for those who may ask, over the lists of this host."""

import logging
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from postreeve.mlmmj_agent.server import Access, Agent
from postreeve.settings import SettingsError
from postreeve.storage.mlmmj import Host
from postreeve.storage.mlmmjadmin import HEADER, read_tokens
from tests.list_server.conftest import TOKEN
from tests.mlmmj import Lists
from tests.mlmmjadmin import serving

pytestmark = pytest.mark.slow  # mlmmj and servers

NEWS = "news@ex.com"
SWITCHES = {
    "close_list", "only_moderator_can_post", "only_subscriber_can_post", "disable_subscription",
    "disable_subscription_confirm", "disable_digest_subscription", "disable_digest_text", "disable_nomail_subscription",
    "moderated", "moderate_non_subscriber_post", "disable_retrieving_old_posts", "only_subscriber_can_get_old_posts",
    "disable_retrieving_subscribers", "disable_send_copy_to_sender", "notify_owner_when_sub_unsub",
    "notify_sender_when_moderated", "disable_archive", "moderate_subscription", "if_mod_send_only_mod_moderate",
    "disable_notify_subscription_moderated", "disable_notify_when_missing_listaddress",
    "disable_notify_when_access_denied", "disable_notify_when_subscriber_only", "disable_notify_when_moderator_only",
    "disable_notify_when_exceeding_max_mail_size", "tocc", "reply_to_sender", "enable_newsletter_subscription",
}  # fmt: skip
LISTS = {
    "custom_headers", "remove_headers", "extra_addresses", "owner", "owners", "moderators", "subscription_moderators",
}  # fmt: skip
TEXTS = {
    "max_message_size", "subject_prefix", "relay_host", "smtp_helo", "smtp_port", "name", "footer_text", "footer_html",
}  # fmt: skip
ON_AT_CREATION = {
    "only_subscriber_can_post", "disable_retrieving_old_posts", "only_subscriber_can_get_old_posts", "tocc",
    "if_mod_send_only_mod_moderate",
}  # fmt: skip


_TLS = ssl.create_default_context()
"""Nobody needs it here, and each client would read the certificates anew."""


class Client:
    """Somebody with a token."""

    def __init__(self, base: str, token: str = TOKEN, header: str = HEADER) -> None:
        self.base = base
        self.headers = [(header.encode(), token.encode())] if token else []

    def raw(self, method: str, path: str, **options: Any) -> httpx.Response:
        with httpx.Client(headers=self.headers, trust_env=False, verify=_TLS) as http:
            return http.request(method, f"{self.base}/{path}", **options)

    def ask(self, method: str, path: str, **parameters: str) -> dict[str, Any]:
        place = "params" if method in {"GET", "DELETE"} else "data"
        response = self.raw(method, path, **{place: parameters})
        assert response.status_code == 200
        answer: dict[str, Any] = response.json()
        return answer

    def data(self, path: str, **parameters: str) -> Any:
        answer = self.ask("GET", path, **parameters)
        assert answer["_success"] is True, answer
        return answer["_data"]

    def ok(self, method: str, path: str, **parameters: str) -> None:
        assert self.ask(method, path, **parameters) == {"_success": True}

    def refused(self, method: str, path: str, **parameters: str) -> str:
        answer = self.ask(method, path, **parameters)
        assert answer["_success"] is False, answer
        return str(answer["_msg"])


@pytest.fixture
def client(agent: str) -> Client:
    return Client(agent)


@pytest.fixture
def news(client: Client) -> Client:
    client.ok("POST", NEWS, name="News", owner="ann@ex.com", moderators="mod@ex.com")
    return client


def spooled(host: Host) -> dict[str, str]:
    """Return every file and directory of the spool and the archive."""
    roots = (host.spool, host.archive)
    return {str(path): path.read_text() if path.is_file() else "" for root in roots for path in root.rglob("*")
            if not path.name.endswith(".lock")}  # fmt: skip


# Who may ask


def test_only_those_with_a_token_may_ask(agent: str) -> None:
    assert Client(agent, "").ask("GET", NEWS) == {"_success": False, "_msg": "NO_API_AUTH_TOKEN"}
    for wrong in ("x", TOKEN[:-1], f"{TOKEN}x", TOKEN.upper(), "ü"):
        answer = Client(agent, wrong).ask("GET", NEWS)
        assert answer == {"_success": False, "_msg": "INVALID_MLMMJADMIN_API_AUTH_TOKEN"}
    assert Client(agent).refused("GET", NEWS) == "NO_SUCH_ACCOUNT"


def test_every_path_is_closed(agent: str, host: Host) -> None:
    stranger = Client(agent, "another-token-of-nobody")
    for path in (NEWS, f"{NEWS}/subscribers", f"{NEWS}/owners", f"subscriber/{NEWS}/subscribe", "nowhere"):
        for method in ("GET", "POST", "PUT", "DELETE"):
            assert stranger.refused(method, path) == "INVALID_MLMMJADMIN_API_AUTH_TOKEN"
    assert spooled(host) == {}


def test_several_tokens_and_another_header(host: Host) -> None:
    with serving(Agent(host, Access(("first-token-0123456", "second-token-012345"), header="X-Lists"))) as base:
        for token in ("first-token-0123456", "second-token-012345"):
            assert Client(base, token, "x-lists").refused("GET", NEWS) == "NO_SUCH_ACCOUNT"
        assert Client(base, "first-token-0123456").refused("GET", NEWS) == "NO_API_AUTH_TOKEN"


def test_only_clients_of_the_list_may_ask(host: Host) -> None:
    with serving(Agent(host, Access((TOKEN,), clients=("192.0.2.0/24", "2001:db8::/32")))) as base:
        assert Client(base).refused("GET", NEWS) == "NOT_AUTHORIZED_API_CLIENT"
        assert Client(base).raw("GET", NEWS, headers={"X-Forwarded-For": "192.0.2.1"}).json()["_success"] is False
    with serving(Agent(host, Access((TOKEN,), clients=("127.0.0.0/8",)))) as base:
        assert Client(base).refused("GET", NEWS) == "NO_SUCH_ACCOUNT"


def test_tokens_come_from_a_file_that_others_can_not_read(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(" first-token-0123456 \n\nsecond-token-012345\n")
    for mode in (0o600, 0o640, 0o400):
        file.chmod(mode)
        assert read_tokens(file) == ("first-token-0123456", "second-token-012345")
    for mode in (0o644, 0o604, 0o602, 0o660):
        file.chmod(mode)
        with pytest.raises(SettingsError, match="by others"):
            read_tokens(file)


@pytest.mark.parametrize("text", ["", "\n \n", "short\n", f"{TOKEN}\nshort\n", "ümlaut-ümlaut-ümlaut\n"])
def test_tokens_that_are_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "tokens"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(SettingsError):
        read_tokens(file)


def test_tokens_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="can not be read"):
        read_tokens(tmp_path / "none")


def test_the_log_names_changes_and_no_token(news: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "postreeve")
    news.ok("PUT", NEWS, name="secret of nobody")
    news.refused("PUT", NEWS, close_list="perhaps")
    Client(news.base, "wrong-token-01234567").ask("GET", NEWS)
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("postreeve")]
    assert lines[0] == f"PUT {NEWS} by 127.0.0.1: " + '{"_success":true}'
    assert "INVALID_PARAM" in lines[1]
    assert "INVALID_MLMMJADMIN_API_AUTH_TOKEN" in lines[2]
    assert not any(word in line for line in lines for word in (TOKEN, "wrong-token", "secret of nobody"))


# Profiles


def test_a_profile_has_the_keys_of_mlmmjadmin(news: Client) -> None:
    found = news.data(NEWS)
    assert set(found) == SWITCHES | LISTS | TEXTS
    assert {name for name in SWITCHES if found[name] == "yes"} == ON_AT_CREATION
    assert {name for name in SWITCHES if found[name] == "no"} == SWITCHES - ON_AT_CREATION
    assert all(isinstance(found[name], list) for name in LISTS)
    assert all(isinstance(found[name], str) for name in TEXTS)
    assert (found["owner"], found["owners"], found["moderators"]) == (["ann@ex.com"], ["ann@ex.com"], ["mod@ex.com"])
    names = [header.partition(":")[0] for header in found["custom_headers"]]
    assert sorted(names) == [
        "List-Id", "List-Post", "List-Subscribe", "List-Unsubscribe", "Precedence", "Reply-To", "X-Mailing-List",
    ]  # fmt: skip


def test_a_profile_of_some_keys(news: Client) -> None:
    assert news.data(NEWS, params="name,owner, nothing") == {"name": "News", "owner": ["ann@ex.com"]}
    assert set(news.data(NEWS, params="nothing")) == SWITCHES | LISTS | TEXTS


def test_a_list_that_only_has_a_name(client: Client) -> None:
    client.ok("POST", NEWS)
    found = client.data(NEWS)
    assert (found["owner"], found["moderators"]) == (["postmaster@ex.com"], ["postmaster@ex.com"])
    client.ok("POST", "mods@ex.com", only_moderator_can_post="yes")
    found = client.data("mods@ex.com")
    assert (found["only_moderator_can_post"], found["only_subscriber_can_post"]) == ("yes", "no")


def test_creating_again_keeps_the_old_mails(news: Client, host: Host) -> None:
    (host.spool / "ex.com" / "news" / "archive" / "1").write_text("A mail.")
    news.ok("POST", NEWS, name="Again")
    assert news.data(NEWS)["name"] == "Again"
    assert [path.read_text() for path in host.archive.rglob("archive/1")] == ["A mail."]


def test_only_what_is_named_changes(news: Client) -> None:
    before = news.data(NEWS)
    change = {
        "name": "Ätna & Co", "moderated": "YES", "tocc": "no", "smtp_port": "10027", "relay_host": "mail.ex.com",
        "extra_addresses": f"Paper@ex.com,{NEWS}", "max_message_size": "1000", "footer_text": " Bye \n",
        "custom_headers": "X-A: ü", "remove_headers": "X-Gone",
    }  # fmt: skip
    news.ok("PUT", NEWS, **change, unknown="x", accessPolicy="public", owner_of="nothing")
    expected = {
        **before, **change, "moderated": "yes", "extra_addresses": ["paper@ex.com"], "footer_text": "Bye \n",
        "footer_html": "\n",
    }  # fmt: skip
    found = news.data(NEWS)
    assert found["custom_headers"] == sorted([*before["custom_headers"], "X-A: ü"])
    assert "X-Gone:" in found["remove_headers"]
    same = {"custom_headers": [], "remove_headers": [], "footer_text": "Bye"}
    assert {**found, **same, "footer_text": found["footer_text"].strip()} == {**expected, **same}


def test_empty_values_mean_what_they_mean_to_mlmmjadmin(news: Client, host: Host) -> None:
    news.ok(
        "PUT", NEWS, moderated="yes", max_message_size="1000", subject_prefix="[x]", extra_addresses="paper@ex.com",
        subscription_moderators="eve@ex.com",
    )  # fmt: skip
    before = news.data(NEWS)
    assert before["moderate_subscription"] == "yes"
    empty = ("moderated", "max_message_size", "subject_prefix", "extra_addresses", "subscription_moderators")
    news.ok("PUT", NEWS, **dict.fromkeys(empty, ""))
    assert news.data(NEWS) == {
        **before, "max_message_size": "", "subject_prefix": "", "extra_addresses": [], "moderate_subscription": "no",
        "subscription_moderators": [],
    }  # fmt: skip
    assert (host.spool / "ex.com" / "news" / "control" / "listaddress").read_text() == f"{NEWS}\n"


def test_nobody_is_left_without_owners_and_moderators(news: Client) -> None:
    news.ok("PUT", NEWS, owner="", moderators="")
    assert news.data(f"{NEWS}/owners") == ["postmaster@ex.com"]
    assert news.data(f"{NEWS}/moderators") == ["postmaster@ex.com"]


def test_only_invalid_approvers_leave_it_to_the_owners(news: Client, host: Host) -> None:
    news.ok("PUT", NEWS, subscription_moderators="nobody, @ex.com")
    assert news.data(NEWS)["moderate_subscription"] == "yes"
    assert (host.spool / "ex.com" / "news" / "control" / "submod").read_text() == ""


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("close_list", "true", "INVALID_PARAM"), ("moderate_subscription", "1", "INVALID_PARAM"),
        ("tocc", "on", "INVALID_PARAM"), ("max_message_size", "-1", "INVALID_PARAM"),
        ("max_message_size", "5k", "INVALID_PARAM"), ("name", "two\nlines", "INVALID_PARAM"),
        ("subject_prefix", "x\r\nBcc: all@ex.com", "INVALID_PARAM"), ("custom_headers", "no colon", "INVALID_PARAM"),
        ("custom_headers", "X-A: 1\x00", "INVALID_PARAM"), ("remove_headers", "X A", "INVALID_PARAM"),
        ("footer_text", "\x1b[2J", "INVALID_PARAM"), ("smtp_port", "mail", "INVALID_PARAM"),
        ("relay_host", "a b", "INVALID_PARAM"), ("owner", "Ann <ann@ex.com>", "INVALID_EMAIL"),
        ("moderators", "ann@ex.com,nobody", "INVALID_EMAIL"), ("extra_addresses", "x@ex.com\n/etc", "INVALID_EMAIL"),
    ],
)  # fmt: skip
def test_what_mlmmjadmin_would_ignore_or_spoil_is_refused(
    news: Client, host: Host, name: str, value: str, reason: str
) -> None:
    before = spooled(host)
    assert news.refused("PUT", NEWS, **{"disable_archive": "yes", name: value}) == reason
    assert news.refused("POST", "other@ex.com", **{name: value}) == reason
    assert spooled(host) == before


def test_parameters_come_in_any_form(news: Client) -> None:
    assert news.raw("PUT", NEWS, files={"name": (None, "Multipart")}).json() == {"_success": True}
    assert news.data(NEWS)["name"] == "Multipart"
    assert news.raw("PUT", NEWS, json={"name": "JSON", "close_list": True}).json() == {"_success": True}
    assert news.raw("PUT", f"{NEWS}?moderated=yes&name=Query", data={"name": "Form"}).json() == {"_success": True}
    found = news.data(NEWS)
    assert (found["name"], found["close_list"], found["moderated"]) == ("Form", "yes", "yes")


def test_removing_says_where_it_is_kept(news: Client, host: Host) -> None:
    assert news.refused("DELETE", NEWS, archive="perhaps") == "INVALID_PARAM"
    answer = news.ask("DELETE", NEWS)
    assert answer["_success"] is True
    kept = Path(answer["_data"])
    assert kept.parent == host.archive / "ex.com"
    assert (kept / "control" / "listaddress").read_text() == f"{NEWS}\n"
    assert news.refused("GET", NEWS) == "NO_SUCH_ACCOUNT"
    news.ok("DELETE", NEWS)
    news.ok("POST", NEWS)
    news.ok("DELETE", NEWS, archive="no")
    assert list((host.archive / "ex.com").iterdir()) == [kept]


def test_lists_that_are_not_there(client: Client, host: Host) -> None:
    for method, path in (
        ("GET", NEWS), ("PUT", NEWS), ("GET", f"{NEWS}/subscribers"), ("GET", f"{NEWS}/owners"),
        ("GET", f"{NEWS}/moderators"),
    ):  # fmt: skip
        assert client.refused(method, path) == "NO_SUCH_ACCOUNT"
    for path, parameters in (
        ("owners", {"owners": "ann@ex.com"}), ("moderators", {"add_moderators": "ann@ex.com"}),
    ):  # fmt: skip
        assert client.refused("PUT", f"{NEWS}/{path}", **parameters) == "NO_SUCH_ACCOUNT"
    for name in ("add_subscribers", "remove_subscribers"):
        assert client.refused("POST", f"{NEWS}/subscribers", **{name: "ann@ex.com"}) == "NO_SUCH_ACCOUNT"
    assert client.refused("POST", "subscriber/ann@ex.com/subscribe", lists=NEWS) == "NO_SUCH_ACCOUNT"
    assert spooled(host) == {}


# Owners, moderators


@pytest.mark.parametrize(("name", "first"), [("owners", "ann@ex.com"), ("moderators", "mod@ex.com")])
def test_owners_and_moderators(news: Client, name: str, first: str) -> None:
    path = f"{NEWS}/{name}"
    assert news.data(path) == [first]
    news.ok("PUT", path, **{f"add_{name}": "Eve@far.com, bob@ex.com"})
    assert news.data(path) == sorted([first, "bob@ex.com", "eve@far.com"])
    news.ok("PUT", path, **{f"remove_{name}": f"{first},nobody@ex.com", f"add_{name}": "new@ex.com"})
    assert news.data(path) == ["bob@ex.com", "eve@far.com", "new@ex.com"]
    news.ok("PUT", path, **{name: "only@ex.com"})
    assert news.data(path) == ["only@ex.com"]
    news.ok("PUT", path, **{f"remove_{name}": "only@ex.com"})
    assert news.data(path) == ["postmaster@ex.com" if name == "owners" else "ann@ex.com"]
    assert news.refused("PUT", path) == "INVALID_PARAM"
    assert news.refused("PUT", path, **{name: "nobody"}) == "INVALID_EMAIL"


def test_owners_added_at_once_are_all_there(news: Client) -> None:
    new = [f"owner{number}@ex.com" for number in range(20)]
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda owner: news.ok("PUT", f"{NEWS}/owners", add_owners=owner), new))
    assert news.data(f"{NEWS}/owners") == sorted(["ann@ex.com", *new])


# Subscribers


def test_iredapd_asks_whether_somebody_is_subscribed(news: Client) -> None:
    for version in ("normal", "digest", "nomail"):
        news.ok("POST", f"{NEWS}/subscribers", add_subscribers=f"{version}@far.com", subscription=version)
        assert news.data(f"{NEWS}/has_subscriber/{version.upper()}@Far.com") == version
    assert news.ask("GET", f"{NEWS}/has_subscriber/nobody@far.com") == {"_success": False}
    assert news.ask("GET", "other@ex.com/has_subscriber/normal@far.com") == {"_success": False}
    assert news.raw("GET", f"{NEWS}/has_subscriber/nobody").status_code == 404


def test_subscribers_come_and_go(news: Client, lists: Lists) -> None:
    path = f"{NEWS}/subscribers"
    news.ok("POST", path, add_subscribers="Zoe@ex.com, ann@ex.com,nobody")
    news.ok("POST", path, add_subscribers="bob@ex.com", subscription="digest", require_confirm="no")
    assert lists.mails.taken() == {}
    assert news.data(path) == [
        {"mail": "ann@ex.com", "subscription": "normal"}, {"mail": "zoe@ex.com", "subscription": "normal"},
        {"mail": "bob@ex.com", "subscription": "digest"},
    ]  # fmt: skip
    assert news.data(path, email_only="") == ["ann@ex.com", "bob@ex.com", "zoe@ex.com"]
    news.ok("POST", path, remove_subscribers="ann@ex.com,nobody@ex.com", add_subscribers="eve@ex.com")
    assert news.data(path, email_only="yes") == ["bob@ex.com", "eve@ex.com", "zoe@ex.com"]
    news.ok("POST", path, remove_subscribers="ALL")
    assert news.data(path) == []


def test_who_has_to_confirm_gets_a_mail(news: Client, lists: Lists) -> None:
    news.ok("POST", f"{NEWS}/subscribers", add_subscribers="ann@far.com", require_confirm="yes")
    news.ok("POST", "subscriber/bob@far.com/subscribe", lists=NEWS)
    assert list(lists.mails.taken()) == ["ann@far.com", "bob@far.com"]
    assert news.data(f"{NEWS}/subscribers") == []


@pytest.mark.parametrize(
    "parameters",
    [
        {}, {"add_subscriber": "ann@ex.com"}, {"add_subscribers": "ann@ex.com", "subscription": "weekly"},
        {"add_subscribers": "ann@ex.com", "require_confirm": "1"},
    ],
)  # fmt: skip
def test_subscribing_that_is_not_understood_is_refused(news: Client, parameters: dict[str, str]) -> None:
    assert news.refused("POST", f"{NEWS}/subscribers", **parameters) == "INVALID_PARAM"
    assert news.data(f"{NEWS}/subscribers") == []


def test_words_that_are_no_addresses_are_never_subscribed(news: Client, host: Host) -> None:
    before = spooled(host)
    hostile = "nobody,ann@ex.com\neve@ex.com,.hidden@ex.com,/etc/passwd@ex.com,-a@,a b@ex.com"
    assert news.refused("POST", f"{NEWS}/subscribers", add_subscribers=hostile) == "INVALID_EMAIL"
    assert spooled(host) == before


def test_what_is_no_text_in_the_spool_is_shown_somehow(news: Client, host: Host) -> None:
    file = host.spool / "ex.com" / "news" / "subscribers.d" / "f"
    file.write_bytes(b"f\xfcr@ex.com\n")
    assert news.data(f"{NEWS}/subscribers") == [{"mail": "f\ufffdr@ex.com", "subscription": "normal"}]
    assert news.data(f"{NEWS}/subscribers", email_only="yes") == ["f\ufffdr@ex.com"]
    news.ok("POST", f"{NEWS}/subscribers", remove_subscribers="ALL")
    assert news.data(f"{NEWS}/subscribers") == []


def test_subscriptions_of_one_address(news: Client) -> None:
    news.ok("POST", "far@far.com")
    news.ok("POST", "other@ex.com")
    news.ok(
        "POST",
        "subscriber/Ann@ex.com/subscribe",
        lists=f"{NEWS},far@far.com",
        require_confirm="no",
        subscription="digest",
    )
    path = "subscriber/ann@ex.com/subscribed"
    assert news.data(path) == [{"subscription": "digest", "mail": NEWS}]
    assert news.data(path, email_only="yes") == [NEWS]
    assert news.data(path, query_all_lists="yes", email_only="yes") == [NEWS, "far@far.com"]
    assert news.data("subscriber/nobody@ex.com/subscribed", query_all_lists="yes") == []
    assert news.refused("POST", "subscriber/ann@ex.com/subscribe") == "INVALID_PARAM"
    lists = "other@ex.com,none@ex.com"
    assert (
        news.refused("POST", "subscriber/ann@ex.com/subscribe", lists=lists, require_confirm="no") == "NO_SUCH_ACCOUNT"
    )
    assert news.data(path, email_only="yes") == [NEWS]


# What is not to be


HOSTILE = [
    "..%2F..%2Fetc@ex.com", "%2e%2e@ex.com", "..@ex.com", ".hidden@ex.com", "a%2Fb@ex.com", "a%2F..%2Fb@ex.com",
    "a%00b@ex.com", "a%0Ab@ex.com", "news@..", "news@ex.com%2F..", "news@..%2Fex.com", "news", "@ex.com", "news@",
    "-%20-@ex.com", "n%FFws@ex.com", "*@ex.com", "%2Fetc%2Fpasswd", "news@ex.com%0A", "news@@ex.com/subscribers",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_names_that_leave_the_spool_are_no_lists(news: Client, host: Host, name: str) -> None:
    before = spooled(host)
    for method in ("GET", "POST", "PUT", "DELETE"):
        response = news.raw(method, name)
        assert (response.status_code, response.text) == (404, "not found")
    assert spooled(host) == before


@pytest.mark.parametrize("mail", ["a+b@ex.com", "o'neil@ex.com", "a=b@ex.com", "-f@ex.com", "a..b@ex.com", "a~@ex.com"])
def test_names_that_mlmmj_can_not_serve_are_not_created(client: Client, host: Host, mail: str) -> None:
    assert client.refused("POST", mail) == "INVALID_EMAIL"
    assert spooled(host) == {}


def test_paths_and_methods_that_are_none(news: Client) -> None:
    for path in ("", "nowhere", f"{NEWS}/nowhere", "subscriber/ann@ex.com", f"{NEWS}/subscribers/more"):
        response = news.raw("GET", path)
        assert (response.status_code, response.text) == (404, "not found")
    for method, path in (("PATCH", NEWS), ("PUT", f"{NEWS}/subscribers"), ("POST", f"{NEWS}/owners")):
        response = news.raw(method, path)
        assert (response.status_code, response.text) == (405, "method not allowed")
    assert Client(news.base.removesuffix("/api")).raw("GET", NEWS).status_code == 404


def test_requests_that_are_too_large(host: Host) -> None:
    with serving(Agent(host, Access((TOKEN,)), most_bytes=2000, most_parameters=20)) as base:
        client = Client(base)
        client.ok("POST", NEWS, name="x" * 200)
        assert client.raw("PUT", NEWS, data={"footer_text": "x" * 2000}).status_code == 413
        assert client.raw("PUT", NEWS, content=iter([b"name=", b"x" * 1999])).status_code == 413
        assert client.raw("PUT", NEWS, data={f"p{number}": "x" for number in range(21)}).status_code == 413
        assert client.raw("PUT", NEWS, params={f"p{number}": "x" for number in range(21)}).status_code == 413
        assert client.data(NEWS)["name"] == "x" * 200


def test_without_mlmmj_nobody_can_be_asked(host: Host, tmp_path: Path) -> None:
    with serving(Agent(replace(host, programs=tmp_path), Access((TOKEN,)))) as base:
        client = Client(base)
        client.ok("POST", NEWS)
        adding = {"add_subscribers": "ann@ex.com", "require_confirm": "yes"}
        assert client.refused("POST", f"{NEWS}/subscribers", **adding) == "SUB_COMMAND_NOT_FOUND"
        assert client.refused("POST", "subscriber/ann@ex.com/subscribe", lists=NEWS) == "SUB_COMMAND_NOT_FOUND"
        client.ok("POST", f"{NEWS}/subscribers", add_subscribers="ann@ex.com")


def test_a_broken_spool_is_said_without_details(news: Client, host: Host) -> None:
    control = host.spool / "ex.com" / "news" / "control"
    control.rename(control.with_name("gone"))
    control.write_text("This is no directory.")
    assert news.ask("PUT", NEWS, name="x") == {"_success": False, "_msg": "INTERNAL_ERROR"}
