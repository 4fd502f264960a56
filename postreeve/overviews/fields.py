"""What may be asked of an overview."""

from postreeve.fields import STATUS, TEXT, YES_NO, Field, FieldSet, Kind, one_of, text
from postreeve.listings import PAGE_SIZE
from postreeve.overviews.bookmarks import LONGEST, MOST_COUNTED, Bookmark, Order

_BOOKMARK = Kind(Bookmark.parse, {"type": "string", "pattern": "^[A-Za-z0-9_-]+$", "maxLength": LONGEST})

SEARCH = Field(
    "search", TEXT, "Only what has this text in its address or name; upper and lower case are the same.", title="Search"
)
ACCOUNT_STATUS = Field("status", STATUS, "Only what is active, or only what is disabled.", title="Status")
LETTER = Field(
    "letter", text(1, "^[A-Za-z0-9]$", "One letter or digit."), "Only what begins with this letter or digit.",
    title="First letter",
)  # fmt: skip
DIRECTION = Field(
    "direction", one_of(["ascending", "descending"], meaning={"ascending": False, "descending": True}),
    "Which end comes first.", title="Direction",
)  # fmt: skip
AFTER = Field("after", _BOOKMARK, "The page after another one: its `next`.")
BEFORE = Field("before", _BOOKMARK, "The page before another one: its `previous`.")
COUNT = Field("count", YES_NO, f"Whether to count what is on all pages, up to {MOST_COUNTED}.")
TEXT_TO_FIND = Field("search", TEXT, "A text in addresses, alias addresses or names.", title="Search")


def _sorted_by(**orders: Order) -> Field[Order]:
    words = list(orders)
    return Field("sort", one_of(words, meaning=orders), f"What to sort by; `{words[0]}` if not given.", title="Sort by")


BY_DOMAIN = _sorted_by(domain=Order.ADDRESS, name=Order.NAME, quota=Order.QUOTA, created=Order.CREATED)
BY_ACCOUNT = _sorted_by(address=Order.ADDRESS, name=Order.NAME, created=Order.CREATED)
BY_USER = _sorted_by(**{str(order): order for order in Order})


def _overview(sort: Field[Order]) -> FieldSet:
    others = (SEARCH, ACCOUNT_STATUS, LETTER, sort, DIRECTION, PAGE_SIZE, AFTER, BEFORE, COUNT)
    return FieldSet("overview", *others, conflicts=[(AFTER, BEFORE)])


DOMAINS = _overview(BY_DOMAIN)
USERS = _overview(BY_USER)
ACCOUNTS = _overview(BY_ACCOUNT)
FINDING = FieldSet("finding", TEXT_TO_FIND)
