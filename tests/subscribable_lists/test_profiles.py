"""Lists as they are created, shown, changed and deleted: their rows, and the files that mlmmj reads."""

import re
from pathlib import Path

import pytest

from tests.site import Client, Site
from tests.subscribable_lists.conftest import accounts_of, control, files

OWN_HEADERS = """\
Precedence: bulk
List-Id: <news@ex.com>
Reply-To: news@ex.com
X-Mailing-List: news@ex.com
List-Post: <mailto:news@ex.com>
List-Subscribe: <mailto:news+subscribe@ex.com?subject=Subscribe>
List-Unsubscribe: <mailto:news+unsubscribe@ex.com?subject=Unsubscribe>
"""
NEW = {
    "listaddress": "news@ex.com\nnews@alias.com\n",
    "owner": "postmaster@ex.com\n",
    "moderators": "postmaster@ex.com\n",
    "customheaders": OWN_HEADERS,
    "delheaders": "Authentication-Results:\nDKIM-Signature:\nReply-To:\n",
    "subonlypost": "",
    "subonlyget": "",
    "noget": "",
    "nolistsubsemail": "",
    "notmetoo": "",
    "tocc": "",
    "ifmodsendonlymodmoderate": "",
}
"""The control files of a list that was created without parameters."""


@pytest.mark.sql
def test_a_new_list_is_there_for_postfix_and_for_mlmmj(site: Site, root: Client, spool: Path) -> None:
    root.ok("POST", "ml/news@ex.com")
    assert control(spool) == NEW
    (row,) = site.rows("maillists")
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", row["mlid"])
    shown = ("address", "domain", "name", "transport", "accesspolicy", "maxmsgsize", "is_newsletter", "active")
    assert [row[key] for key in shown] == ["news@ex.com", "ex.com", "", "mlmmj:ex.com/news", "membersonly", 0, 0, 1]
    (link,) = site.rows("forwardings", address="news@ex.com")
    assert {key: link[key] for key in ("forwarding", "domain", "dest_domain", "is_maillist", "is_alias", "active")} == {
        "forwarding": "news@ex.com", "domain": "ex.com", "dest_domain": "ex.com", "is_maillist": 1, "is_alias": 0,
        "active": 1,
    }  # fmt: skip
    people = [(row["address"], row["owner"], row["domain"]) for row in site.rows("maillist_owners")]
    assert people == [("news@ex.com", "postmaster@ex.com", "ex.com")]
    assert [row["moderator"] for row in site.rows("moderators")] == ["postmaster@ex.com"]


def test_directories_and_files_are_for_their_owner_alone(root: Client, spool: Path) -> None:
    root.ok("POST", "ml/news@ex.com")
    modes = {oct(path.stat().st_mode & 0o777) for path in (spool / "ex.com").rglob("*") if path.is_dir()}
    assert modes == {"0o700"}
    assert {oct(path.stat().st_mode & 0o777) for path in spool.rglob("*") if path.is_file()} == {"0o600"}


def test_a_profile_has_the_parameters_and_the_columns(root: Client) -> None:
    root.ok("POST", "ml/news@ex.com", name="Our news", accessPolicy="domain", is_newsletter="yes")
    profile = root.data("ml/news@ex.com")
    assert profile["mail"] == "news@ex.com"
    assert (profile["name"], profile["accountStatus"], profile["accessPolicy"]) == ("Our news", "active", "domain")
    assert (profile["is_newsletter"], profile["newsletter_description"], profile["max_message_size"]) == ("yes", "", "")
    assert (profile["only_subscriber_can_post"], profile["disable_retrieving_subscribers"]) == ("no", "yes")
    assert (profile["owner"], profile["extra_addresses"]) == (["postmaster@ex.com"], [])
    assert len(profile["mlid"]) == 36
    assert "subscribers" not in profile
    assert root.data("ml/news@ex.com", with_subscribers="yes") == {**profile, "subscribers": []}
    assert root.data("mls/ex.com") == [profile]
    assert root.data("mls/ex.com", email_only="yes") == ["news@ex.com"]
    assert root.data("mls/far.com") == []


def test_subscribers_are_answered_by_version(root: Client) -> None:
    first = {"subscribers": "zoe@x.test, Bob@ex.com", "require_confirm": "no"}
    root.ok("POST", "ml/news@ex.com", **first)
    root.ok("PUT", "ml/news@ex.com", add_subscribers="ann@ex.com", require_confirm="no", subscription="digest")
    root.ok("PUT", "ml/news@ex.com", add_subscribers="cat@x.test", require_confirm="no", subscription="nomail")
    assert root.data("ml/news@ex.com", with_subscribers="yes")["subscribers"] == [
        {"mail": "bob@ex.com", "subscription": "normal"},
        {"mail": "zoe@x.test", "subscription": "normal"},
        {"mail": "ann@ex.com", "subscription": "digest"},
        {"mail": "cat@x.test", "subscription": "nomail"},
    ]
    moved = {"add_subscribers": "zoe@x.test", "remove_subscribers": "bob@ex.com,unknown@x.test"}
    root.ok("PUT", "ml/news@ex.com", require_confirm="no", subscription="nomail", **moved)
    assert [one["mail"] for one in root.data("ml/news@ex.com", with_subscribers="yes")["subscribers"]] == [
        "ann@ex.com", "cat@x.test", "zoe@x.test",
    ]  # fmt: skip


def test_a_change_leaves_everything_else_alone(site: Site, root: Client, spool: Path) -> None:
    root.ok("POST", "ml/news@ex.com", name="News", moderated="yes", moderators="ann@ex.com", footer_text="one\ntwo")
    rows, before = accounts_of(site), control(spool)
    (spool / "ex.com/news/index").write_text("17")
    root.ok("PUT", "ml/news@ex.com", subject_prefix="[news]")
    assert control(spool) == {**before, "prefix": "[news]\n"}
    root.ok("PUT", "ml/news@ex.com", subject_prefix="")
    assert control(spool) == before
    assert accounts_of(site) == rows
    assert (spool / "ex.com/news/index").read_text() == "17"


def test_a_request_without_parameters_changes_nothing(site: Site, root: Client, spool: Path) -> None:
    root.ok("POST", "ml/news@ex.com")
    before = (site.dump(), files(spool))
    root.ok("PUT", "ml/news@ex.com")
    assert (site.dump(), files(spool)) == before


@pytest.mark.parametrize(
    ("parameters", "policy", "written"),
    [
        ({}, "membersonly", {"subonlypost"}),
        ({"accessPolicy": "public"}, "public", set()),
        ({"accessPolicy": "moderatorsonly"}, "moderatorsonly", {"modonlypost"}),
        ({"only_subscriber_can_post": "no"}, "public", set()),
        ({"only_moderator_can_post": "yes"}, "moderatorsonly", {"modonlypost"}),
        ({"only_moderator_can_post": "yes", "only_subscriber_can_post": "yes"}, "moderatorsonly", {"modonlypost"}),
        ({"accessPolicy": "membersonly", "only_subscriber_can_post": "yes"}, "membersonly", {"subonlypost"}),
    ],
)  # fmt: skip
def test_the_access_policy_and_its_switches_agree(
    root: Client, spool: Path, parameters: dict[str, str], policy: str, written: set[str]
) -> None:
    root.ok("POST", "ml/news@ex.com", **parameters)
    assert root.data("ml/news@ex.com")["accessPolicy"] == policy
    assert {"subonlypost", "modonlypost"} & set(control(spool)) == written


@pytest.mark.parametrize(
    ("before", "parameters", "policy"),
    [
        ("membersonly", {"only_subscriber_can_post": "no"}, "public"),
        ("moderatorsonly", {"only_moderator_can_post": "no"}, "public"),
        ("domain", {"only_moderator_can_post": "no"}, "domain"),
        ("membersonly", {"only_moderator_can_post": "no"}, "membersonly"),
        ("moderatorsonly", {"only_subscriber_can_post": "yes"}, "membersonly"),
        ("subdomain", {"name": "News"}, "subdomain"),
    ],
)
def test_switching_off_what_the_policy_says_opens_the_list(
    root: Client, before: str, parameters: dict[str, str], policy: str
) -> None:
    root.ok("POST", "ml/news@ex.com", accessPolicy=before)
    root.ok("PUT", "ml/news@ex.com", **parameters)
    assert root.data("ml/news@ex.com")["accessPolicy"] == policy


@pytest.mark.sql
def test_the_owners_moderate_where_no_moderator_is_named(site: Site, root: Client, spool: Path) -> None:
    root.ok("POST", "ml/news@ex.com", owner="Bob@ex.com,ann@ex.com", moderated="yes")
    assert control(spool)["owner"] == control(spool)["moderators"] == "ann@ex.com\nbob@ex.com\n"
    assert [row["moderator"] for row in site.rows("moderators")] == ["ann@ex.com", "bob@ex.com"]
    root.ok("PUT", "ml/news@ex.com", moderators="x@x.test")
    assert control(spool)["moderators"] == "x@x.test\n"
    root.ok("PUT", "ml/news@ex.com", moderators="", owner="")
    assert control(spool)["owner"] == control(spool)["moderators"] == "postmaster@ex.com\n"
    assert [row["owner"] for row in site.rows("maillist_owners")] == ["postmaster@ex.com"]


@pytest.mark.parametrize(
    ("parameters", "approvers"),
    [
        ({"moderate_subscription": "yes"}, ""),
        ({"subscription_moderators": "ann@ex.com"}, "ann@ex.com\n"),
        ({"moderate_subscription": "yes", "subscription_moderators": "ann@ex.com"}, "ann@ex.com\n"),
        ({"moderate_subscription": "no", "subscription_moderators": "ann@ex.com"}, None),
        ({"moderate_subscription": "no"}, None),
    ],
)
def test_who_approves_of_subscribers(
    root: Client, spool: Path, parameters: dict[str, str], approvers: str | None
) -> None:
    root.ok("POST", "ml/news@ex.com", **parameters)
    assert control(spool).get("submod") == approvers
    profile = root.data("ml/news@ex.com")
    assert profile["moderate_subscription"] == ("no" if approvers is None else "yes")
    assert profile["subscription_moderators"] == (approvers or "").split()


def test_approvers_without_a_valid_address_are_the_owners(root: Client, spool: Path) -> None:
    answer = root.post("ml/news@ex.com", subscription_moderators="nonsense")
    assert answer == {"_success": True, "_discarded": ["nonsense"]}
    assert control(spool)["submod"] == ""
    root.ok("PUT", "ml/news@ex.com", subscription_moderators="ann@ex.com")
    root.ok("PUT", "ml/news@ex.com", moderate_subscription="yes")
    assert control(spool)["submod"] == "ann@ex.com\n"


def test_headers_are_one_to_a_line_and_those_of_every_list_stay(root: Client, spool: Path) -> None:
    root.ok("POST", "ml/news@ex.com", custom_headers="X-B: 2\\nX-A:1\nReply-To: x@x.test", remove_headers="X-C,x-d:")
    assert control(spool)["customheaders"] == f"X-A: 1\nX-B: 2\n{OWN_HEADERS}"
    assert control(spool)["delheaders"].split() == [
        "Authentication-Results:",
        "DKIM-Signature:",
        "Reply-To:",
        "X-C:",
        "x-d:",
    ]
    root.ok("PUT", "ml/news@ex.com", custom_headers="", remove_headers="")
    assert (control(spool)["customheaders"], control(spool)["delheaders"]) == (OWN_HEADERS, NEW["delheaders"])


def test_headers_that_were_answered_can_be_sent_back(root: Client, spool: Path) -> None:
    root.ok("POST", "ml/news@ex.com", custom_headers="X-B: 2, 3\nX-A: 1")
    before = control(spool)
    answered = root.data("ml/news@ex.com")["custom_headers"]
    assert root.raw("PUT", "ml/news@ex.com", json={"custom_headers": answered}).json() == {"_success": True}
    assert control(spool) == before


def test_footers_come_in_pairs(root: Client, spool: Path) -> None:
    root.ok("POST", "ml/news@ex.com", footer_text="Ex\r\nCom")
    assert (control(spool)["footer_text"], control(spool)["footer_html"]) == ("Ex\nCom\n", "\n")
    profile = root.data("ml/news@ex.com")
    assert (profile["footer_text"], profile["footer_html"]) == ("Ex\nCom", "")
    root.ok("PUT", "ml/news@ex.com", footer_text="")
    assert not {"footer_text", "footer_html"} & set(control(spool))


@pytest.mark.sql
def test_further_addresses_reach_the_list_and_are_in_use(site: Site, root: Client, spool: Path) -> None:
    root.ok("POST", "ml/news@ex.com", extra_addresses="letters@ex.com,info@alias.com")
    assert control(spool)["listaddress"] == "news@ex.com\ninfo@alias.com\nletters@ex.com\nnews@alias.com\n"
    rows = [(row["address"], row["forwarding"], row["is_alias"], row["domain"]) for row in site.rows("forwardings")]
    assert ("letters@ex.com", "news@ex.com", 1, "ex.com") in rows
    assert ("info@alias.com", "news@ex.com", 1, "alias.com") in rows
    assert root.data("ml/news@ex.com")["extra_addresses"] == ["info@alias.com", "letters@ex.com"]
    for taken in ("news@ex.com", "letters@ex.com", "news@alias.com"):
        assert root.refused("POST", f"alias/{taken}") in {"ALREADY_EXISTS", "NO_SUCH_DOMAIN"}
        assert root.refused("POST", "user/cat@ex.com", password="A@StrongPassword2", aliases=taken) == "ALREADY_EXISTS"
    root.ok("PUT", "ml/news@ex.com", extra_addresses="")
    assert control(spool)["listaddress"] == NEW["listaddress"]
    root.ok("POST", "alias/letters@ex.com")


def test_alias_domains_that_come_and_go_are_addresses_of_the_lists(root: Client, spool: Path) -> None:
    root.ok("POST", "ml/news@ex.com", extra_addresses="letters@ex.com")
    root.ok("PUT", "domain/ex.com", aliasDomains="alias.com,new.com")
    assert control(spool)["listaddress"] == "news@ex.com\nletters@ex.com\nnews@alias.com\nnews@new.com\n"
    root.ok("PUT", "domain/ex.com", aliasDomains="")
    assert control(spool)["listaddress"] == "news@ex.com\nletters@ex.com\n"


@pytest.mark.sql
def test_a_disabled_list_gets_no_mail(site: Site, root: Client) -> None:
    root.ok("POST", "ml/news@ex.com", extra_addresses="letters@ex.com")
    root.ok("PUT", "ml/news@ex.com", accountStatus="disabled")
    assert [row["active"] for row in site.rows("maillists")] == [0]
    assert {row["active"] for row in site.rows("forwardings", forwarding="news@ex.com")} == {0}
    root.ok("PUT", "ml/news@ex.com", accountStatus="active")
    assert {row["active"] for row in site.rows("forwardings", forwarding="news@ex.com")} == {1}


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_deleted_list_is_gone_and_its_mail_is_in_the_archive(
    site: Site, root: Client, spool: Path, *, is_kept: bool
) -> None:
    before = accounts_of(site)
    root.ok("POST", "ml/news@ex.com", extra_addresses="letters@ex.com", subscribers="ann@ex.com", require_confirm="no")
    answer = root.delete("ml/news@ex.com", **({} if is_kept else {"keep_archive": "no"}))
    assert answer == {"_success": True}
    assert accounts_of(site) == before
    assert files(spool) == {}
    archive = Path(site.settings.mlmmj_archive)
    kept = [path.name for path in archive.glob("ex.com/*")] if archive.exists() else []
    assert [re.sub(r"\d{14}", "TIME", name) for name in kept] == (["news-TIME"] if is_kept else [])
    root.ok("POST", "ml/news@ex.com")
    assert root.data("ml/news@ex.com", with_subscribers="yes")["subscribers"] == []


def test_what_a_dead_creation_left_is_put_away(site: Site, root: Client, spool: Path) -> None:
    left = spool / "ex.com/news/subscribers.d"
    left.mkdir(parents=True)
    (left / "x").write_text("x@x.test\n")
    root.ok("POST", "ml/news@ex.com")
    assert root.data("ml/news@ex.com", with_subscribers="yes")["subscribers"] == []
    assert [path.read_text() for path in Path(site.settings.mlmmj_archive).rglob("x")] == ["x@x.test\n"]


def test_a_lost_directory_is_made_again_by_the_next_change(root: Client, spool: Path) -> None:
    root.ok("POST", "ml/news@ex.com", name="News")
    before = root.data("ml/news@ex.com")
    (spool / "ex.com/news").rename(spool / "elsewhere")
    after = root.data("ml/news@ex.com")
    assert {key: type(value) for key, value in after.items()} == {key: type(value) for key, value in before.items()}
    assert (after["name"], after["owner"]) == ("News", ["postmaster@ex.com"])
    assert root.data("ml/news@ex.com", with_subscribers="yes")["subscribers"] == []
    root.ok("PUT", "ml/news@ex.com", moderated="yes")
    assert control(spool) == {**NEW, "name": "News\n", "moderated": ""}


def test_a_list_is_no_further_address_of_its_own(root: Client, spool: Path) -> None:
    root.ok("POST", "ml/news@ex.com", extra_addresses="news@ex.com,letters@ex.com")
    root.ok("PUT", "ml/news@ex.com", extra_addresses="news@ex.com,more@ex.com")
    assert root.data("ml/news@ex.com")["extra_addresses"] == ["more@ex.com"]
    assert control(spool)["listaddress"] == "news@ex.com\nmore@ex.com\nnews@alias.com\n"


def test_a_list_whose_address_mlmmj_has_lost_gets_it_with_the_next_change(root: Client, spool: Path) -> None:
    root.ok("POST", "ml/news@far.com")
    for wrong in (None, ""):
        file = spool / "far.com/news/control/listaddress"
        file.unlink() if wrong is None else file.write_text(wrong)
        root.ok("PUT", "ml/news@far.com", name=f"News {wrong}")
        assert control(spool, "news@far.com")["listaddress"] == "news@far.com\n"
