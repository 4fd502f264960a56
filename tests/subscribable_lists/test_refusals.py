"""What is refused: with a code, and no row and no file is changed."""

from pathlib import Path

import pytest

from tests.site import Client, Site
from tests.subscribable_lists.conftest import files

pytestmark = pytest.mark.slow  # every refusal of six operations

LONG = "x" * 250


def refused(site: Site, client: Client, spool: Path, method: str, path: str, **parameters: str) -> str:
    """Return the code of a refusal after which everything is as before."""
    before = (site.dump(), files(spool))
    code = client.refused(method, path, **parameters)
    assert (site.dump(), files(spool)) == before
    return code


@pytest.mark.parametrize(
    ("mail", "code"),
    [
        ("news@unknown.com", "NO_SUCH_DOMAIN"),
        ("news@alias.com", "NO_SUCH_DOMAIN"),
        ("ann@ex.com", "ALREADY_EXISTS"),
        ("ann+x@ex.com", "INVALID_MAIL"),
        ("a+b@ex.com", "INVALID_MAIL"),
        ("a=b@ex.com", "INVALID_MAIL"),
        ("a'b@ex.com", "INVALID_MAIL"),
        ("..@ex.com", "INVALID_MAIL"),
        ("..%2f..%2fetc@ex.com", "INVALID_MAIL"),
        ("%2fetc@ex.com", "INVALID_MAIL"),
        (".hidden@ex.com", "INVALID_MAIL"),
        ("news%00@ex.com", "INVALID_MAIL"),
        ("news@..", "INVALID_MAIL"),
    ],
)
def test_names_that_no_list_can_have(site: Site, root: Client, spool: Path, mail: str, code: str) -> None:
    assert refused(site, root, spool, "POST", f"ml/{mail}") == code


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"accountStatus": "on"}, "INVALID_VALUE"),
        ({"accessPolicy": "everybody"}, "INVALID_VALUE"),
        ({"accessPolicy": "public", "only_subscriber_can_post": "yes"}, "CONFLICTING_PARAMETERS"),
        ({"accessPolicy": "membersonly", "only_moderator_can_post": "yes"}, "CONFLICTING_PARAMETERS"),
        ({"accessPolicy": "moderatorsonly", "only_moderator_can_post": "no"}, "CONFLICTING_PARAMETERS"),
        ({"is_newsletter": "maybe"}, "INVALID_VALUE"),
        ({"close_list": ""}, "INVALID_VALUE"),
        ({"moderated": "YES!"}, "INVALID_VALUE"),
        ({"subscription": "weekly"}, "INVALID_VALUE"),
        ({"require_confirm": "please"}, "INVALID_VALUE"),
        ({"max_message_size": "-1"}, "INVALID_NUMBER"),
        ({"max_message_size": "10 MB"}, "INVALID_NUMBER"),
        ({"max_message_size": "99999999999"}, "INVALID_NUMBER"),
        ({"name": "a\nb"}, "INVALID_VALUE"),
        ({"subject_prefix": "a\r\nBcc: x@x.test"}, "INVALID_VALUE"),
        ({"newsletter_description": "a\nb"}, "INVALID_VALUE"),
        ({"owner": "nobody"}, "INVALID_MAIL"),
        ({"owner": "Ann <ann@ex.com>"}, "INVALID_MAIL"),
        ({"moderators": "ann@ex.com,nonsense"}, "INVALID_MAIL"),
        ({"moderators": "news@ex.com"}, "INVALID_VALUE"),
        ({"owner": "news@ex.com"}, "INVALID_VALUE"),
        ({"subscription_moderators": "news@alias.com"}, "INVALID_VALUE"),
        ({"owner": "letters@ex.com", "extra_addresses": "letters@ex.com"}, "INVALID_VALUE"),
        ({"extra_addresses": "postmaster@ex.com"}, "INVALID_VALUE"),
        ({"extra_addresses": "ann@ex.com"}, "ALREADY_EXISTS"),
        ({"extra_addresses": "x@x.test"}, "NO_SUCH_DOMAIN"),
        ({"extra_addresses": "x@far.com"}, "INVALID_VALUE"),
        ({"extra_addresses": "nonsense"}, "INVALID_MAIL"),
        ({"custom_headers": "no colon"}, "INVALID_VALUE"),
        ({"custom_headers": "X A: 1"}, "INVALID_VALUE"),
        ({"custom_headers": "X-A: 1\rX-B: 2"}, "INVALID_VALUE"),
        ({"custom_headers": f"X-A: {LONG * 4}"}, "INVALID_VALUE"),
        ({"custom_headers": "\n".join(f"X-{number}: 1" for number in range(51))}, "INVALID_VALUE"),
        ({"remove_headers": "X-A\nX-B"}, "INVALID_VALUE"),
        ({"remove_headers": "X A"}, "INVALID_VALUE"),
        ({"remove_headers": ":"}, "INVALID_VALUE"),
        ({"footer_text": "\x1b[2J"}, "INVALID_VALUE"),
        ({"footer_text": "x" * (64 * 1024 + 1)}, "INVALID_VALUE"),
        ({"footer_html": "a\rb"}, "INVALID_VALUE"),
    ],
)  # fmt: skip
def test_values_that_are_refused(site: Site, root: Client, spool: Path, parameters: dict[str, str], code: str) -> None:
    assert refused(site, root, spool, "POST", "ml/news@ex.com", **parameters) == code
    root.ok("POST", "ml/news@ex.com", name="News", footer_text="Ex", accessPolicy="domain")
    assert refused(site, root, spool, "PUT", "ml/news@ex.com", **parameters) == code


@pytest.mark.parametrize("parameter", ["subscribers", "add_subscribers", "remove_subscribers"])
@pytest.mark.parametrize("subscriber", ["nonsense", "a@x.test\nb@x.test", ".a@x.test", "a@x.test;b@x.test"])
def test_subscribers_that_are_no_addresses(
    site: Site, root: Client, spool: Path, parameter: str, subscriber: str
) -> None:
    method = "POST" if parameter == "subscribers" else "PUT"
    if method == "PUT":
        root.ok("POST", "ml/news@ex.com")
    parameters = {parameter: f"ann@ex.com,{subscriber}", "require_confirm": "no"}
    assert refused(site, root, spool, method, "ml/news@ex.com", **parameters) == "INVALID_MAIL"


@pytest.mark.parametrize("name", ["news@ex.com", "letters@ex.com", "news@alias.com"])
def test_a_list_does_not_get_its_own_mail(site: Site, root: Client, spool: Path, name: str) -> None:
    further = {"extra_addresses": "news@ex.com,letters@ex.com", "require_confirm": "no"}
    code = refused(site, root, spool, "POST", "ml/news@ex.com", subscribers=f"ann@ex.com,{name}", **further)
    assert code == "INVALID_VALUE"
    root.ok("POST", "ml/news@ex.com", subscribers="ann@ex.com", **further)
    assert refused(site, root, spool, "PUT", "ml/news@ex.com", add_subscribers=name) == "INVALID_VALUE"


def test_the_postmasters_list_is_somebody_elses(site: Site, root: Client, spool: Path) -> None:
    assert refused(site, root, spool, "POST", "ml/postmaster@ex.com") == "INVALID_VALUE"
    root.ok("POST", "ml/postmaster@ex.com", owner="ann@ex.com")
    root.ok("PUT", "ml/postmaster@ex.com", name="Postmasters")


def test_a_footer_of_ten_megabytes_is_too_large(site: Site, root: Client, spool: Path) -> None:
    before = (site.dump(), files(spool))
    answer = root.raw("POST", "ml/news@ex.com", data={"footer_text": "x" * 10_000_000})
    assert answer.status_code == 413 or answer.json()["_msg"] == "INVALID_VALUE"
    assert (site.dump(), files(spool)) == before


def test_a_list_that_is_not_there(site: Site, root: Client, spool: Path) -> None:
    assert root.get("ml/news@ex.com")["_msg"] == "NO_SUCH_ACCOUNT"
    assert root.get("ml/ann@ex.com")["_msg"] == "NO_SUCH_ACCOUNT"
    assert root.get("mls/unknown.com")["_msg"] == "NO_SUCH_DOMAIN"
    assert refused(site, root, spool, "PUT", "ml/news@ex.com", name="News") == "NO_SUCH_ACCOUNT"
    assert refused(site, root, spool, "DELETE", "ml/ann@ex.com") == "NO_SUCH_ACCOUNT"


def test_a_list_is_created_once(site: Site, root: Client, spool: Path) -> None:
    root.ok("POST", "ml/news@ex.com", subscribers="ann@ex.com", require_confirm="no")
    assert refused(site, root, spool, "POST", "ml/news@ex.com") == "ALREADY_EXISTS"
    assert refused(site, root, spool, "POST", "user/news@ex.com", password="A@StrongPassword2") == "ALREADY_EXISTS"
    assert refused(site, root, spool, "POST", "user/ann@ex.com/change_email/news@ex.com") == "ALREADY_EXISTS"


def test_rights(site: Site, root: Client, spool: Path) -> None:
    root.ok("POST", "ml/news@ex.com")
    own, other = site.admin("own@admin.test", "ex.com"), site.admin("other@admin.test", "far.com")
    own.ok("PUT", "ml/news@ex.com", name="News", owner="ann@ex.com", add_subscribers="")
    assert own.data("mls/ex.com", email_only="yes") == ["news@ex.com"]
    assert refused(site, own, spool, "PUT", "ml/news@ex.com", owner="nobody@ex.com") == "NO_SUCH_ACCOUNT"
    for method, path in (("PUT", "ml/news@ex.com"), ("DELETE", "ml/news@ex.com"), ("POST", "ml/more@ex.com")):
        assert refused(site, other, spool, method, path) == "PERMISSION_DENIED"
    for path in ("ml/news@ex.com", "mls/ex.com"):
        assert other.get(path)["_msg"] == "PERMISSION_DENIED"
    assert site.client().get("ml/news@ex.com")["_msg"] == "LOGIN_REQUIRED"


def test_limits(site: Site, root: Client, spool: Path) -> None:
    root.ok("PUT", "domain/ex.com", numberOfLists="1")
    root.ok("POST", "ml/one@ex.com")
    assert refused(site, root, spool, "POST", "ml/two@ex.com") == "EXCEEDED_DOMAIN_ACCOUNT_LIMIT"
    root.ok("PUT", "domain/ex.com", numberOfLists="-1")
    assert refused(site, root, spool, "POST", "ml/two@ex.com") == "NOT_ALLOWED"
    root.ok("PUT", "domain/ex.com", numberOfLists="0")
    own = site.admin("own@admin.test", "ex.com", "far.com", maxLists="2")
    own.ok("POST", "ml/two@far.com")
    assert refused(site, own, spool, "POST", "ml/three@ex.com") == "EXCEED_LIMIT_LISTS"
    assert root.data("domain/ex.com")["num_existing_maillists"] == 1


def test_without_mlmmj_lists_alone_are_not_available(site: Site, root: Client) -> None:
    root.ok("POST", "ml/news@ex.com")
    site.change_settings(mlmmj="")
    site.storage.lists, there = None, site.storage.lists
    try:
        for method, path in (("GET", "mls/ex.com"), ("GET", "ml/news@ex.com"), ("DELETE", "ml/news@ex.com")):
            assert root.raw(method, path).json()["_msg"] == "NOT_AVAILABLE"
        root.ok("POST", "user/cat@ex.com", password="A@StrongPassword2")
        assert root.data("user/cat@ex.com")["mailing_lists"] == []
        for path in ("user/cat@ex.com", "domain/ex.com"):
            assert root.delete(path) == {"_success": True}
    finally:
        site.storage.lists = there
