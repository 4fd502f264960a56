"""Pages of an overview: order, paging, filters, counts."""

from itertools import count

import pytest

from postreeve.overviews.bookmarks import MOST_COUNTED, Bookmark, Order
from postreeve.storage.sql import Session
from tests.overviews.world import add_users, addresses, backwards, forwards, last_page, use
from tests.site import TABLES, Client, Site

USERS = "panel/users/ex.com"
SORTS = ("address", "name", "quota", "used", "created", "last_login")


@pytest.fixture
def many(site: Site, root: Client) -> list[str]:
    """Thirteen users, many of them alike but for their addresses; return these in order."""
    mails = [f"{letter}{number}@ex.com" for letter in "abz" for number in range(4)] + ["zz@ex.com"]
    for number, mail in enumerate(mails):
        add_users(root, mail, name=("Ann", "ann", "Bob")[number % 3], quota=str((0, 10, 20)[number % 3]))
        if number % 4:
            use(site, mail, octets=1000 * (number % 4), messages=number, imap=1_700_000_000 + number % 2, pop3=5)
    add_users(root, "elsewhere@other.test")
    return mails


@pytest.mark.slow  # every order, both ways
@pytest.mark.parametrize("direction", ["ascending", "descending"])
@pytest.mark.parametrize("sort", SORTS)
def test_each_account_is_on_exactly_one_page_in_both_ways(
    root: Client, many: list[str], sort: str, direction: str
) -> None:
    asked = {"sort": sort, "direction": direction, "page_size": "4"}
    rows = list(forwards(root, USERS, _nothing, **asked))
    assert sorted(addresses(rows)) == many
    values = [(_place(row, sort), row["address"]) for row in rows]
    assert values == sorted(values, reverse=direction == "descending")
    last = last_page(root, USERS, **asked)
    before = backwards(root, USERS, _nothing, **asked, before=last["previous"])
    assert addresses(before) + addresses(last["rows"]) == addresses(rows)


def _nothing() -> None:
    pass


def _place(row: dict[str, object], sort: str) -> object:
    match sort:
        case "address":
            return ""
        case "name":
            return str(row["name"]).lower()
        case "quota":
            return row["quota"] or 10**9  # unlimited comes last
        case "used":
            return row["used_bytes"]
    return row[sort]


def test_pages_know_the_pages_beside_them(root: Client, many: list[str]) -> None:
    first = root.data(USERS, page_size="5")
    assert (addresses(first["rows"]), first["previous"]) == (many[:5], "")
    second = root.data(USERS, page_size="5", after=first["next"])
    third = root.data(USERS, page_size="5", after=second["next"])
    assert (addresses(second["rows"]), addresses(third["rows"])) == (many[5:10], many[10:])
    assert third["next"] == ""
    again = root.data(USERS, page_size="5", before=third["previous"])
    assert again == second
    assert root.data(USERS, page_size="5", before=second["previous"]) == first
    whole = root.data(USERS, page_size="13")
    assert (addresses(whole["rows"]), whole["previous"], whole["next"]) == (many, "", "")


@pytest.mark.slow  # many requests
@pytest.mark.parametrize("sort", ["address", "name", "created"])
@pytest.mark.parametrize("is_forwards", [True, False])
def test_others_may_create_and_delete_meanwhile(root: Client, many: list[str], sort: str, *, is_forwards: bool) -> None:
    """Whoever is there all the time is met once; whoever comes or goes once at most."""
    asked = {"sort": sort, "page_size": "3"}
    gone, numbers = iter(["a1@ex.com", "b2@ex.com", "z0@ex.com", "b0@ex.com"]), count()
    deleted = set()

    def change() -> None:
        number = next(numbers)
        add_users(root, f"a{number}new@ex.com", f"m{number}@ex.com", name="Ann")
        if mail := next(gone, ""):
            deleted.add(mail)
            root.ok("DELETE", f"user/{mail}")

    if is_forwards:
        met = addresses(forwards(root, USERS, change, **asked))
    else:
        last = last_page(root, USERS, **asked)
        met = addresses(last["rows"]) + addresses(backwards(root, USERS, change, **asked, before=last["previous"]))
    assert len(met) == len(set(met))
    assert set(many) - deleted <= set(met)


def test_a_page_of_what_was_deleted_is_empty(root: Client, many: list[str]) -> None:
    first = root.data(USERS, page_size="12")
    root.ok("DELETE", f"user/{many[-1]}")
    assert root.data(USERS, after=first["next"]) == {"rows": [], "previous": "", "next": ""}


def test_the_search_is_for_addresses_and_names_whatever_the_case(root: Client) -> None:
    add_users(root, "ann@ex.com", name="Änne Müller")
    add_users(root, "bob@ex.com", name="Bob ANNIS")
    add_users(root, "carl@ex.com", name="Carl")
    assert addresses(root.data(USERS, search="ANN")["rows"]) == ["ann@ex.com", "bob@ex.com"]
    assert addresses(root.data(USERS, search="äNNE mÜL")["rows"]) == ["ann@ex.com"]
    assert addresses(root.data(USERS, search="@ex.com")["rows"]) == ["ann@ex.com", "bob@ex.com", "carl@ex.com"]
    assert addresses(root.data(USERS, search="")["rows"]) == ["ann@ex.com", "bob@ex.com", "carl@ex.com"]
    assert root.data(USERS, search="nobody")["rows"] == []


@pytest.mark.parametrize("sign", ["%", "_", "\\", "*", "(", ")", "/", "|", "&", "'", '"', "\\2a", "!", "[a-z]", "?"])
def test_no_sign_means_anything_in_a_search(root: Client, sign: str) -> None:
    add_users(root, "plain@ex.com", name="Plain")
    add_users(root, "sign@ex.com", name=f"a {sign} b")
    assert addresses(root.data(USERS, search=f" {sign} ")["rows"]) == ["sign@ex.com"]
    assert addresses(root.data(USERS, search=f"a {sign} b")["rows"]) == ["sign@ex.com"]
    found = root.data("panel/search", search=f"a {sign} b")["found"]
    assert addresses(found) == ["sign@ex.com"]


def test_an_overview_begins_with_a_letter(root: Client) -> None:
    mails = ["0@ex.com", "9-a@ex.com", "_z@ex.com", "a@ex.com", "an@ex.com", "b@ex.com", "y9@ex.com", "z@ex.com",
             "z-9@ex.com", "zz@ex.com"]  # fmt: skip
    add_users(root, *mails, name="All alike")
    for letter in "09abcyzZA":
        found = addresses(root.data(USERS, letter=letter)["rows"])
        assert sorted(found) == sorted(mail for mail in mails if mail.startswith(letter.lower())), letter
    pages = addresses(forwards(root, USERS, letter="z", page_size="2", sort="name", direction="descending"))
    assert sorted(pages) == ["z-9@ex.com", "z@ex.com", "zz@ex.com"]
    assert root.refused("GET", USERS, letter="ab") == "INVALID_VALUE"
    assert root.refused("GET", USERS, letter="%") == "INVALID_VALUE"


def test_only_what_is_active_or_disabled_is_shown(root: Client, many: list[str]) -> None:
    for mail in many[:3]:
        root.ok("PUT", f"user/{mail}", accountStatus="disabled")
    rows = list(forwards(root, USERS, status="disabled", page_size="2"))
    assert addresses(rows) == many[:3]
    assert not any(row["is_active"] for row in rows)
    assert addresses(forwards(root, USERS, status="active", page_size="2")) == many[3:]
    assert addresses(root.data(USERS, status="disabled", letter="a", search="2@", sort="name")["rows"]) == ["a2@ex.com"]


def test_what_is_on_all_pages_is_counted_when_asked(root: Client, many: list[str]) -> None:
    first = root.data(USERS, page_size="2", count="yes")
    assert (first["total"], first["is_total_exact"]) == (len(many), True)
    beyond = root.data(USERS, page_size="2", count="yes", sort="used", after=_next(root, sort="used"))
    assert beyond["total"] == len(many)
    assert root.data(USERS, letter="z", count="yes")["total"] == 5
    assert root.data(USERS, search="bob", count="yes")["total"] == 4
    assert root.data(USERS, status="disabled", count="yes")["total"] == 0
    assert "total" not in root.data(USERS, page_size="2")


def _next(root: Client, **asked: str) -> str:
    return str(root.data(USERS, page_size="2", **asked)["next"])


@pytest.mark.sql
def test_more_than_so_many_are_not_counted(site: Site, root: Client) -> None:
    rows = [{"address": f"a{number:05}@ex.com", "domain": "ex.com"} for number in range(MOST_COUNTED + 5)]
    with Session(site.storage.databases["vmail"]) as session:
        session.insert_many(TABLES["vmail"]["alias"], rows)
        session.commit()
    page = root.data("panel/aliases/ex.com", count="yes")
    assert (page["total"], page["is_total_exact"], len(page["rows"])) == (MOST_COUNTED, False, 50)
    page = root.data("panel/aliases/ex.com", count="yes", search="a00")
    assert (page["total"], page["is_total_exact"]) == (1000, True)


@pytest.mark.parametrize(
    "bookmark",
    [
        "x", "%00", "WyJhZGRyZXNzIiwiIiwi", "A" * 5000, "ä", str(Bookmark(Order.NAME, "ann", "ann@ex.com")),
        str(Bookmark(Order.ADDRESS, "", "a\0")), str(Bookmark(Order.ADDRESS, 5, "a@ex.com")),
        str(Bookmark(Order.ADDRESS, "", "a" * 2000)),
    ],
)  # fmt: skip
def test_what_is_no_bookmark_is_refused(root: Client, bookmark: str) -> None:
    assert root.refused("GET", USERS, after=bookmark) == "INVALID_VALUE"
    assert root.refused("GET", USERS, before=bookmark) == "INVALID_VALUE"


@pytest.mark.parametrize("order", [Order.QUOTA, Order.USED, Order.LAST_LOGIN])
def test_a_number_is_no_text_in_a_bookmark(root: Client, order: Order) -> None:
    assert root.refused("GET", USERS, sort=order, after=str(Bookmark(order, "x", "a@ex.com"))) == "INVALID_VALUE"
    assert root.data(USERS, sort=order, before=str(Bookmark(order, 2**63 - 1, "a@ex.com")))["rows"] == []
    assert root.data(USERS, sort=order, before=str(Bookmark(order, -(2**63), "a@ex.com")))["rows"] == []


def test_parameters_are_checked(root: Client) -> None:
    here = str(Bookmark(Order.ADDRESS, "", "a@ex.com"))
    assert root.refused("GET", USERS, after=here, before=here) == "CONFLICTING_PARAMETERS"
    assert root.refused("GET", USERS, sort="password") == "INVALID_VALUE"
    assert root.refused("GET", "panel/aliases/ex.com", sort="quota") == "INVALID_VALUE"
    assert root.refused("GET", USERS, page_size="501") == "INVALID_NUMBER"
    assert root.refused("GET", USERS, page_size="0") == "INVALID_NUMBER"
    assert root.refused("GET", USERS, direction="sideways") == "INVALID_VALUE"


def test_what_other_programs_wrote_in_capitals_is_met_as_well(site: Site, root: Client, many: list[str]) -> None:
    """A mailbox that only MariaDB and a directory find, which compare without regard to case, is shown everywhere."""
    if site.directory:
        tree = site.directory.tree
        entry = dict(site.entries()["mail=a0@ex.com,ou=Users,domainName=ex.com,o=domains"])
        site.directory.add(tree.user("Mixed.Case@ex.com"), **{**entry, "mail": ["Mixed.Case@ex.com"], "uid": ["x"]})
    else:
        names = "username, domain, name"
        site.execute("vmail", f"INSERT INTO mailbox ({names}) VALUES ('Mixed.Case@ex.com', 'ex.com', 'Ann')")
    for sort in SORTS:
        met = [mail.lower() for mail in addresses(forwards(root, USERS, sort=sort, page_size="3"))]
        assert sorted(met) == sorted([*many, "mixed.case@ex.com"]), sort
    assert [mail.lower() for mail in addresses(root.data(USERS, search="mixed.CASE")["rows"])] == ["mixed.case@ex.com"]
