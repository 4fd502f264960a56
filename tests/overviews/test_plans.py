"""How the engines read a page in the order of addresses, and how often they are asked for one."""

import pytest

from bench.plans import Recorder
from postreeve.overviews import sql as overviews
from postreeve.overviews.bookmarks import Bookmark, Order
from postreeve.storage.conditions import literal, starting
from postreeve.storage.sql import Session, Statement
from tests.overviews.world import use
from tests.site import TABLES, Client, Site

pytestmark = [pytest.mark.sql, pytest.mark.slow]  # thousands of rows, for plans that mean something

MANY, FEW = 5000, 60
FORM = overviews._Form(
    "users", Order.ADDRESS, is_falling=False, has_bookmark=True, has_text=False, is_ascii=True, has_letter=False,
    has_next_letter=False, is_active=None, bound="domain",
)  # fmt: skip
FORMS = {
    "forwards": FORM,
    "backwards": FORM._replace(is_falling=True),
    "from the beginning": FORM._replace(has_bookmark=False),
    "active": FORM._replace(is_active=True),
    "a letter": FORM._replace(has_letter=True, has_next_letter=True),
}


@pytest.fixture
def crowd(site: Site, root: Client) -> Site:
    """A domain of many users, one of few, and what the engine counts of them."""
    assert root
    for domain, size in (("ex.com", MANY), ("other.test", FEW)):
        rows = [{"username": f"u{number:05}@{domain}", "domain": domain} for number in range(size)]
        with Session(site.storage.databases["vmail"]) as session:
            session.insert_many(TABLES["vmail"]["mailbox"], rows)
            session.commit()
    site.analyze("vmail", "mailbox")
    return site


@pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))
def test_a_page_of_a_large_domain_is_read_in_the_order_of_an_index(crowd: Site, form: overviews._Form) -> None:
    plan = _plan(crowd, overviews._statement(form), f"u{MANY // 2:05}@ex.com")
    match crowd.engine:
        case "sqlite":
            assert "USING INDEX idx_mailbox_domain_username (domain=?" in plan
            assert "TEMP B-TREE" not in plan
        case "mariadb":
            assert "'idx_mailbox_domain'" in plan
            assert "filesort" not in plan
        case "postgresql" if form is not FORMS["a letter"]:  # it believes that few addresses have a letter
            assert "using mailbox_pkey" in plan.replace("Backward ", "")
            assert "Sort Key" not in plan


@pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))
def test_a_page_of_a_small_domain_does_not_go_through_others(crowd: Site, form: overviews._Form) -> None:
    plan = _plan(crowd, overviews._statement(form), f"u{MANY // 2:05}@other.test")
    assert "idx_mailbox_domain" in plan.replace("PRIMARY,idx_mailbox_domain", "")
    assert "using mailbox_pkey" not in plan
    assert "'PRIMARY'" not in plan


def _plan(site: Site, statement: Statement, bookmark: str) -> str:
    """Return what the engine says of the way to a page that begins at an address."""
    domain = bookmark.partition("@")[2]
    database = site.storage.databases["vmail"]
    compiled = database.compiled(statement, {})
    values = {
        "domain": domain, "domain_pattern": literal(domain), "address": bookmark, "most": 51,
        "letter": "u", "next_letter": "v", "letters": starting("u"),
    }  # fmt: skip
    explaining = "EXPLAIN QUERY PLAN" if site.engine == "sqlite" else "EXPLAIN"
    with Session(database) as session:
        session._guarded("execute", f"{explaining} {compiled.text}", {**compiled.constants, **values},
                         database.engine.planning)  # fmt: skip
        return "\n".join(str(row) for row in session._fetched())


@pytest.mark.parametrize("sort", list(Order))
def test_a_page_takes_as_many_statements_for_one_row_as_for_many(crowd: Site, root: Client, sort: Order) -> None:
    for number in range(0, FEW, 7):
        use(crowd, f"u{number:05}@other.test", octets=number, imap=1_700_000_000 + number)
    recorder = Recorder(crowd.storage)
    with recorder.watching():
        numbers = []
        for size in ("1", "1", "50"):  # the first request reads the settings, too
            recorder.events.clear()
            assert len(root.data("panel/users/other.test", page_size=size, sort=sort)["rows"]) == int(size)
            numbers.append(len([event for event in recorder.events if event.part == "vmail"]))
    assert numbers[1] == numbers[2]


def test_a_page_after_a_bookmark_is_asked_for_by_its_address(crowd: Site, root: Client) -> None:
    middle = str(Bookmark(Order.ADDRESS, "", "u02500@ex.com"))
    page = root.data("panel/users/ex.com", after=middle, page_size="2")
    assert [row["address"] for row in page["rows"]] == ["u02501@ex.com", "u02502@ex.com"]
    page = root.data("panel/users/ex.com", before=middle, page_size="2")
    assert [row["address"] for row in page["rows"]] == ["u02498@ex.com", "u02499@ex.com"]
    assert crowd.engine
