"""Who gets the mail of an unsubscribable list, by Postfix's own query."""

import threading

import pytest

from tests.entries import of_accounts
from tests.site import PASSWORD, Client, Site
from tests.unsubscribable_lists.conftest import Delivered

pytestmark = pytest.mark.ldap
MEMBERS = {"ann@ex.com", "all@ex.com", "far@far.com", "x@x.test"}


@pytest.fixture
def members(root: Client) -> Client:
    """A list with members of every kind."""
    root.ok("POST", "maillist/list@ex.com", members=",".join(MEMBERS))
    return root


def shown(root: Client, mail: str = "list@ex.com") -> set[str]:
    return set(root.data(f"maillist/{mail}")["members"])


@pytest.mark.parametrize("address", ["list@ex.com", "list@alias.com"])
def test_members_get_mail_to_every_address_of_the_list(members: Client, delivered: Delivered, address: str) -> None:
    assert delivered(address) == shown(members) == MEMBERS
    members.ok("PUT", "maillist/list@ex.com", addMember="bob@ex.com,y@x.test", removeMember="ann@ex.com,far@far.com")
    assert delivered(address) == shown(members) == {"bob@ex.com", "y@x.test", "all@ex.com", "x@x.test"}
    members.ok("PUT", "maillist/list@ex.com", members="")
    assert delivered(address) == shown(members) == set()


def test_alias_domains_that_come_and_go_are_addresses_of_the_list(members: Client, delivered: Delivered) -> None:
    members.ok("PUT", "domain/ex.com", addAliasDomain="new.com", removeAliasDomain="alias.com")
    assert (delivered("list@new.com"), delivered("list@alias.com")) == (MEMBERS, set())
    members.ok("PUT", "maillist/list@ex.com", addMember="bob@ex.com,y@x.test")
    assert delivered("list@new.com") == MEMBERS | {"bob@ex.com", "y@x.test"}


def test_a_deleted_list_delivers_nothing(members: Client, delivered: Delivered) -> None:
    members.ok("DELETE", "maillist/list@ex.com")
    assert delivered("list@ex.com") == delivered("list@alias.com") == set()
    members.ok("POST", "maillist/list@ex.com")
    assert delivered("list@ex.com") == delivered("list@alias.com") == shown(members) == set()


def test_a_list_of_a_disabled_domain_delivers_nothing(members: Client, delivered: Delivered) -> None:
    members.ok("PUT", "domain/ex.com", accountStatus="disabled")
    assert delivered("list@ex.com") == set()
    members.ok("PUT", "maillist/list@ex.com", members="x@x.test,bob@ex.com")
    assert delivered("list@ex.com") == set()
    members.ok("PUT", "domain/ex.com", accountStatus="active")
    assert delivered("list@ex.com") == {"x@x.test", "bob@ex.com"}


def test_lists_and_subscribable_lists_are_members_too(root: Client, delivered: Delivered) -> None:
    root.ok("POST", "ml/news@ex.com")
    root.ok("POST", "maillist/inner@ex.com", members="ann@ex.com")
    root.ok("POST", "maillist/list@ex.com", members="inner@ex.com,news@ex.com")
    assert delivered("list@ex.com") == {"inner@ex.com", "news@ex.com"}
    assert delivered("inner@ex.com") == {"ann@ex.com"}
    for path in ("ml/news@ex.com", "maillist/inner@ex.com"):
        root.ok("DELETE", path)
    assert delivered("list@ex.com") == set()


def test_members_that_are_renamed_and_deleted(members: Client, delivered: Delivered) -> None:
    members.ok("POST", "user/ann@ex.com/change_email/anna@ex.com")
    members.ok("POST", "user/far@far.com/change_email/near@ex.com")
    members.ok("POST", "alias/all@ex.com/change_email/every@far.com")
    assert delivered("list@ex.com") == shown(members) == {"anna@ex.com", "near@ex.com", "every@far.com", "x@x.test"}
    members.ok("PUT", "maillist/list@ex.com", addMember="bob@ex.com")
    members.ok("DELETE", "user/near@ex.com")
    members.ok("DELETE", "user/anna@ex.com")
    assert delivered("list@ex.com") == shown(members) == {"bob@ex.com", "every@far.com", "x@x.test"}
    members.ok("PUT", "maillist/list@ex.com", removeMember="every@far.com")
    members.ok("DELETE", "domain/far.com")
    assert delivered("list@alias.com") == {"bob@ex.com", "x@x.test"}


def test_a_member_that_becomes_an_account_later_is_one_member(site: Site, root: Client, delivered: Delivered) -> None:
    root.ok("POST", "maillist/list@ex.com", members="cat@ex.com,x@x.test")
    root.ok("POST", "user/cat@ex.com", password=PASSWORD)
    assert delivered("list@ex.com") == {"cat@ex.com", "x@x.test"}
    root.ok("PUT", "maillist/list@ex.com", addMember="bob@ex.com")
    assert delivered("list@ex.com") == shown(root) == {"bob@ex.com", "cat@ex.com", "x@x.test"}
    entry = site.entries()["mail=cat@ex.com,ou=Users,domainName=ex.com,o=domains"]
    assert entry["memberOfGroup"] == ["list@alias.com", "list@ex.com"]


def test_what_other_programs_have_left_is_put_right(site: Site, root: Client, delivered: Delivered) -> None:
    assert site.directory
    tree = site.directory.tree
    site.directory.change(tree.user("bob@ex.com"), memberOfGroup=["list@ex.com"])
    site.directory.change(tree.user("far@far.com"), memberOfGroup=["List@Ex.com"])
    site.directory.add(tree.external("list@ex.com"), objectClass=["mailExternalUser"], memberOfGroup=["list@ex.com"],
                       accountStatus=["active"], enabledService=["mail", "deliver"], mail=["old@x.test"])  # fmt: skip
    root.ok("POST", "maillist/list@ex.com", members="ann@ex.com")
    assert delivered("list@ex.com") == delivered("list@alias.com") == {"ann@ex.com"}
    site.directory.change(tree.user("far@far.com"), memberOfGroup=["list@ex.com"])
    assert shown(root) == {"ann@ex.com", "far@far.com"}
    root.ok("PUT", "maillist/list@ex.com", addMember="bob@ex.com")
    assert delivered("list@alias.com") == {"ann@ex.com", "bob@ex.com", "far@far.com"}
    root.ok("PUT", "maillist/list@ex.com", removeMember="far@far.com")
    assert delivered("list@ex.com") == delivered("list@alias.com") == {"ann@ex.com", "bob@ex.com"}


def test_new_users_join_the_lists_of_their_domain(site: Site, root: Client, delivered: Delivered) -> None:
    assert site.directory
    root.ok("POST", "maillist/list@ex.com")
    site.directory.change(site.directory.tree.domain("ex.com"), accountSetting=["defaultList:list@ex.com"])
    root.ok("POST", "user/cat@ex.com", password=PASSWORD)
    assert delivered("list@ex.com") == delivered("list@alias.com") == {"cat@ex.com"}


def test_members_are_added_at_the_same_time(site: Site, root: Client, delivered: Delivered) -> None:
    root.ok("POST", "maillist/list@ex.com")
    answers: list[bool] = []

    def add(member: str) -> None:
        answers.append(site.root().put("maillist/list@ex.com", addMember=member)["_success"])

    wanted = {"ann@ex.com", "bob@ex.com", *(f"m{number}@x.test" for number in range(6))}
    threads = [threading.Thread(target=add, args=(member,)) for member in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * len(wanted)
    assert delivered("list@ex.com") == delivered("list@alias.com") == shown(root) == wanted


def test_a_thousand_members(root: Client, delivered: Delivered) -> None:
    many = {f"m{number}@x.test" for number in range(1000)}
    root.ok("POST", "maillist/list@ex.com", members=",".join(many))
    assert delivered("list@alias.com") == shown(root) == many
    root.ok("PUT", "maillist/list@ex.com", removeMember=",".join(sorted(many)[:999]))
    assert delivered("list@alias.com") == {"m9@x.test"}


def test_a_request_without_parameters_changes_nothing(site: Site, members: Client) -> None:
    before = of_accounts(site)
    members.ok("PUT", "maillist/list@ex.com")
    assert of_accounts(site) == before
