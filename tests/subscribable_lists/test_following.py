"""Lists follow accounts, an outage of mlmmj blocks nothing but lists, and half a change is no change."""

import threading
import time
from pathlib import Path

import pytest

from postreeve.storage.mlmmj import NativeLists
from postreeve.work import ListServerError
from tests.site import PASSWORD, Client, Site
from tests.subscribable_lists.conftest import control, files, owners

PEOPLE = {"owner": "ann@ex.com", "moderators": "ann@ex.com,x@x.test", "subscription_moderators": "ann@ex.com"}
SUBSCRIBED = {"subscribers": "ann@ex.com,bob@ex.com,x@x.test", "require_confirm": "no"}


@pytest.fixture
def lists(root: Client) -> Client:
    """Lists in two domains whose people are in the first."""
    root.ok("POST", "ml/news@ex.com", **PEOPLE, **SUBSCRIBED)
    root.ok("POST", "ml/far@far.com", **PEOPLE, **SUBSCRIBED, subscription="digest")
    return root


def subscribers(root: Client, mail: str) -> list[str]:
    return [one["mail"] for one in root.data(f"ml/{mail}", with_subscribers="yes")["subscribers"]]


def people(spool: Path, mail: str) -> list[str]:
    found = control(spool, mail)
    return [found[name].replace("\n", " ").strip() for name in ("owner", "moderators", "submod")]


def test_a_renamed_user_is_renamed_on_every_list(site: Site, lists: Client, spool: Path) -> None:
    lists.ok("POST", "user/ann@ex.com/change_email/anna@far.com")
    for mail in ("news@ex.com", "far@far.com"):
        assert subscribers(lists, mail) == ["anna@far.com", "bob@ex.com", "x@x.test"]
        assert people(spool, mail) == ["anna@far.com", "anna@far.com x@x.test", "anna@far.com"]
    assert owners(site) == {"anna@far.com"}
    versions = lists.data("ml/far@far.com", with_subscribers="yes")["subscribers"]
    assert {one["subscription"] for one in versions} == {"digest"}


def test_a_deleted_user_is_on_no_list(lists: Client, spool: Path) -> None:
    assert lists.delete("user/ann@ex.com") == {"_success": True}
    for mail, postmaster in (("news@ex.com", "postmaster@ex.com"), ("far@far.com", "postmaster@far.com")):
        assert subscribers(lists, mail) == ["bob@ex.com", "x@x.test"]
        assert people(spool, mail) == [postmaster, "x@x.test", ""]


def test_a_deleted_domain_takes_its_lists_and_its_people_along(site: Site, lists: Client, spool: Path) -> None:
    assert lists.delete("domain/ex.com") == {"_success": True}
    assert {Path(name).parts[:2] for name in files(spool)} == {("far.com", "far")}
    assert subscribers(lists, "far@far.com") == ["x@x.test"]
    assert people(spool, "far@far.com") == ["postmaster@far.com", "x@x.test", ""]
    assert [path.name[:5] for path in Path(site.settings.mlmmj_archive, "ex.com").iterdir()] == ["news-"]


def test_a_deleted_list_is_subscribed_to_no_other(lists: Client) -> None:
    lists.ok("PUT", "ml/far@far.com", add_subscribers="news@ex.com", require_confirm="no")
    assert lists.delete("ml/news@ex.com") == {"_success": True}
    assert "news@ex.com" not in subscribers(lists, "far@far.com")


def test_profiles_show_the_lists_of_a_user(lists: Client) -> None:
    assert lists.data("user/ann@ex.com")["mailing_lists"] == ["far@far.com", "news@ex.com"]
    lists.ok("PUT", "ml/far@far.com", remove_subscribers="ann@ex.com")
    of_ann, of_bob = (profile["mailing_lists"] for profile in lists.data("users/ex.com"))
    assert (of_ann, of_bob) == (["news@ex.com"], ["far@far.com", "news@ex.com"])


class Outage:
    """A spool that can not be read, and comes back."""

    def __init__(self, spool: Path) -> None:
        self.spool = spool
        self.away = spool.with_name("away")

    def __enter__(self) -> None:
        self.spool.rename(self.away)
        self.spool.write_text("no directory")

    def __exit__(self, *_: object) -> None:
        self.spool.unlink()
        self.away.rename(self.spool)


def test_an_outage_of_mlmmj_blocks_nothing_but_lists(site: Site, lists: Client, spool: Path) -> None:
    time.sleep(1)  # rows of one name are told apart by the second of their creation
    with Outage(spool):
        before = site.dump()
        for method, path in (("POST", "ml/more@ex.com"), ("PUT", "ml/news@ex.com"), ("GET", "mls/ex.com")):
            answer = lists.raw(method, path, data={"name": "News"})
            assert (answer.status_code, answer.json()["_msg"]) == (503, "MAILING_LIST_SERVICE_UNAVAILABLE")
            assert answer.headers["Retry-After"]
        assert site.dump() == before
        lists.ok("POST", "user/cat@ex.com", password=PASSWORD)
        shown = lists.get("user/ann@ex.com")
        assert (shown["_data"]["mailing_lists"], "mailing_lists" in shown["_hint"]) == ([], True)
        assert [profile["mailing_lists"] for profile in lists.data("users/ex.com")] == [[], [], []]
        renamed = lists.post("user/ann@ex.com/change_email/anna@ex.com")
        assert renamed == {"_success": True, "_pending": ["mlmmj: ann@ex.com is to become anna@ex.com"]}
        assert lists.delete("user/bob@ex.com")["_pending"] == ["mlmmj: bob@ex.com is to be forgotten"]
        assert lists.delete("ml/news@ex.com")["_pending"] == [
            "mlmmj: news@ex.com is to be forgotten", "mlmmj: news@ex.com goes to the archive",
        ]  # fmt: skip
        lists.ok("POST", "user/bob@ex.com", password=PASSWORD)
        assert site.storage.finish_pending() == (0, 4)
    assert site.storage.finish_pending() == (4, 0)
    assert subscribers(lists, "far@far.com") == ["anna@ex.com", "x@x.test"]
    assert {Path(name).parts[:2] for name in files(spool)} == {("far.com", "far")}


def test_a_list_that_comes_back_before_its_archive_is_done_is_the_new_one(
    site: Site, lists: Client, spool: Path
) -> None:
    with Outage(spool):
        lists.delete("ml/news@ex.com")
    lists.ok("POST", "ml/news@ex.com", subscribers="cat@x.test", require_confirm="no")
    site.storage.finish_pending()
    assert subscribers(lists, "news@ex.com") == ["cat@x.test"]


def test_a_user_who_is_back_within_the_second_is_not_taken_for_the_one_who_went(
    site: Site, lists: Client, spool: Path
) -> None:
    created = [] if site.directory else [row["created"] for row in site.rows("mailbox", username="bob@ex.com")]
    with Outage(spool):
        lists.delete("user/bob@ex.com")
        lists.ok("POST", "user/bob@ex.com", password=PASSWORD)
        for moment in created:
            site.execute("vmail", f"UPDATE mailbox SET created = '{moment}' WHERE username = 'bob@ex.com'")
    assert site.storage.finish_pending() == (1, 0)
    assert subscribers(lists, "far@far.com") == ["ann@ex.com", "x@x.test"]


def test_what_mlmmj_refuses_changes_nothing(
    site: Site, lists: Client, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ListServerError("The disk is full.")

    before = (site.dump(), files(spool))
    monkeypatch.setattr(NativeLists, "subscribe", fail)
    added = {"require_confirm": "no", "name": "Other", "extra_addresses": "letters@ex.com"}
    for method, path, parameters in (
        ("POST", "ml/more@ex.com", {"subscribers": "ann@ex.com", **added}),
        ("PUT", "ml/news@ex.com", {"add_subscribers": "cat@x.test", **added}),
    ):
        answer = lists.raw(method, path, data=parameters)
        assert (answer.status_code, answer.json()["_msg"]) == (503, "MAILING_LIST_SERVICE_UNAVAILABLE")
        assert (site.dump(), files(spool)) == before


def test_of_two_writers_who_create_a_list_one_is_refused(root: Client, site: Site, spool: Path) -> None:
    answers: list[bool] = []

    def create(name: str) -> None:
        parameters = {"name": name, "subscribers": f"{name}@x.test", "require_confirm": "no"}
        answers.append(site.root().post("ml/news@ex.com", **parameters)["_success"])

    threads = [threading.Thread(target=create, args=(name,)) for name in ("a", "b", "c", "d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [False, False, False, True]
    name = root.data("ml/news@ex.com")["name"]
    assert (control(spool)["name"], subscribers(root, "news@ex.com")) == (f"{name}\n", [f"{name}@x.test"])


def test_subscribers_are_added_and_removed_at_the_same_time(site: Site, root: Client) -> None:
    first = ",".join(f"a{number}@x.test" for number in range(50))
    root.ok("POST", "ml/news@ex.com", subscribers=first, require_confirm="no")

    def change(number: int) -> None:
        parameters = {"remove_subscribers": f"a{number}@x.test", "add_subscribers": f"b{number}@x.test"}
        site_root.ok("PUT", "ml/news@ex.com", require_confirm="no", **parameters)

    site_root = site.root()
    threads = [threading.Thread(target=change, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert subscribers(root, "news@ex.com") == sorted(f"b{number}@x.test" for number in range(50))
