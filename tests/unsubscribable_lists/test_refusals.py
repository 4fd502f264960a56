"""What is refused, and that nothing is changed then."""

import threading

import pytest

from tests.site import PASSWORD, Client, Site

METHODS = ("GET", "POST", "PUT", "DELETE")
ldap = pytest.mark.ldap


def refused(site: Site, client: Client, method: str, path: str, **parameters: str) -> str:
    """Return the code of a refusal after which everything is as before."""
    before = site.dump()
    code = client.refused(method, path, **parameters)
    assert site.dump() == before
    return code


@pytest.mark.sql
def test_in_sql_there_are_none(site: Site, root: Client) -> None:
    for method in METHODS:
        assert refused(site, root, method, "maillist/list@ex.com", name="x") == "NOT_AVAILABLE"
        assert refused(site, root, method, "maillist/list@none.com") == "NOT_AVAILABLE"
    assert root.refused("POST", "maillist/list@ex.com", accessPolicy="nonsense") == "INVALID_VALUE"
    assert site.client().refused("POST", "maillist/list@ex.com") == "LOGIN_REQUIRED"


@ldap
@pytest.mark.parametrize(
    ("mail", "code"),
    [
        ("list@unknown.com", "NO_SUCH_DOMAIN"),
        ("list@alias.com", "NO_SUCH_DOMAIN"),
        ("ann@ex.com", "ALREADY_EXISTS"),
        ("all@ex.com", "ALREADY_EXISTS"),
        ("sales@ex.com", "ALREADY_EXISTS"),
        ("ann+x@ex.com", "ALREADY_EXISTS"),
        ("-list@ex.com", "INVALID_MAIL"),
        ("li..st@ex.com", "INVALID_MAIL"),
        ("list", "INVALID_MAIL"),
    ],
)
def test_names_that_no_list_can_have(site: Site, root: Client, mail: str, code: str) -> None:
    root.ok("PUT", "user/ann@ex.com", addAlias="sales@ex.com")
    assert refused(site, root, "POST", f"maillist/{mail}") == code


@ldap
@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"accessPolicy": "everybody"}, "INVALID_VALUE"),
        ({"name": "a\nb"}, "INVALID_VALUE"),
        ({"members": "ann@ex.com,nonsense"}, "INVALID_MAIL"),
        ({"members": "list@ex.com"}, "INVALID_VALUE"),
        ({"addMember": "list@alias.com"}, "INVALID_VALUE"),
        ({"members": "ann@ex.com", "addMember": "bob@ex.com"}, "CONFLICTING_PARAMETERS"),
    ],
)
def test_values_that_are_refused(site: Site, root: Client, parameters: dict[str, str], code: str) -> None:
    assert refused(site, root, "POST", "maillist/list@ex.com", **parameters) == code
    root.ok("POST", "maillist/list@ex.com", members="ann@ex.com")
    assert refused(site, root, "PUT", "maillist/list@ex.com", **parameters) == code


@ldap
def test_what_is_not_there_is_refused(site: Site, root: Client) -> None:
    for method in ("GET", "PUT", "DELETE"):
        for mail in ("list@ex.com", "list@none.com", "ann@ex.com", "all@ex.com"):
            assert refused(site, root, method, f"maillist/{mail}", name="x") == "NO_SUCH_ACCOUNT"


@ldap
def test_a_list_is_created_once_and_its_addresses_are_in_use(site: Site, root: Client) -> None:
    root.ok("POST", "maillist/list@ex.com")
    for path in ("maillist/list@ex.com", "ml/list@ex.com", "alias/list@ex.com"):
        assert refused(site, root, "POST", path) == "ALREADY_EXISTS"
    assert refused(site, root, "POST", "user/list@ex.com", password=PASSWORD) == "ALREADY_EXISTS"
    for taken in ("list@ex.com", "list@alias.com"):
        assert refused(site, root, "PUT", "user/ann@ex.com", addAlias=taken) == "ALREADY_EXISTS"
    assert refused(site, root, "POST", "user/ann@ex.com/change_email/list@ex.com") == "ALREADY_EXISTS"


@ldap
def test_what_the_vendor_does_not_document_is_ignored(root: Client) -> None:
    root.ok("POST", "maillist/list@ex.com")
    answer = root.put("maillist/list@ex.com", accountStatus="disabled", name="Us")
    assert answer == {"_success": True, "_ignored": ["accountStatus"]}
    assert root.data("maillist/list@ex.com")["accountStatus"] == ["active"]


@ldap
def test_rights(site: Site, root: Client) -> None:
    root.ok("POST", "maillist/list@ex.com", members="ann@ex.com")
    own, other = site.admin("own@admin.test", "ex.com"), site.admin("other@admin.test", "far.com")
    own.ok("PUT", "maillist/list@ex.com", name="Us", addMember="bob@ex.com,far@far.com,x@x.test")
    assert len(own.data("maillist/list@ex.com")["members"]) == 4
    assert refused(site, own, "PUT", "maillist/list@ex.com", addMember="nobody@ex.com") == "NO_SUCH_ACCOUNT"
    assert refused(site, own, "POST", "maillist/more@ex.com", members="nobody@far.com") == "NO_SUCH_ACCOUNT"
    own.ok("POST", "maillist/more@ex.com", members="list@ex.com")
    own.ok("DELETE", "maillist/more@ex.com")
    for method in METHODS:
        assert refused(site, other, method, "maillist/list@ex.com") == "PERMISSION_DENIED"
        assert refused(site, site.client(), method, "maillist/list@ex.com") == "LOGIN_REQUIRED"


@ldap
def test_limits_count_lists_of_both_kinds(site: Site, root: Client) -> None:
    root.ok("PUT", "domain/ex.com", numberOfLists="2")
    root.ok("POST", "ml/one@ex.com")
    root.ok("POST", "maillist/two@ex.com")
    for path in ("ml/three@ex.com", "maillist/three@ex.com"):
        assert refused(site, root, "POST", path) == "EXCEEDED_DOMAIN_ACCOUNT_LIMIT"
    root.ok("PUT", "domain/ex.com", numberOfLists="-1")
    assert refused(site, root, "POST", "maillist/three@ex.com") == "NOT_ALLOWED"
    root.ok("PUT", "domain/ex.com", numberOfLists="0")
    own = site.admin("own@admin.test", "ex.com", "far.com", maxLists="3")
    own.ok("POST", "maillist/three@far.com")
    for path in ("ml/four@ex.com", "maillist/four@ex.com"):
        assert refused(site, own, "POST", path) == "EXCEED_LIMIT_LISTS"


@ldap
def test_lists_need_no_mlmmj(site: Site, root: Client) -> None:
    site.change_settings(mlmmj="")
    site.storage.lists, there = None, site.storage.lists
    try:
        root.ok("PUT", "domain/ex.com", numberOfLists="1")
        root.ok("POST", "maillist/list@ex.com", members="ann@ex.com")
        assert refused(site, root, "POST", "maillist/more@ex.com") == "EXCEEDED_DOMAIN_ACCOUNT_LIMIT"
        root.ok("DELETE", "maillist/list@ex.com")
    finally:
        site.storage.lists = there


@ldap
def test_limits_hold_for_many_at_once(site: Site, root: Client) -> None:
    root.ok("PUT", "domain/ex.com", numberOfLists="3")
    answers: list[str] = []

    def create(number: int) -> None:
        kind = "maillist" if number % 2 else "ml"
        answers.append(site.root().post(f"{kind}/list{number}@ex.com").get("_msg", "done"))

    threads = [threading.Thread(target=create, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["EXCEEDED_DOMAIN_ACCOUNT_LIMIT"] * 7 + ["done"] * 3
    assert root.data("domain/ex.com")["num_existing_maillists"] == 3
    assert site.entries()["domainName=ex.com,o=domains"]["domainCurrentListNumber"] == ["3"]
