"""Bookmarks: where a page of an overview ends and the next one begins."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated, Generic, NamedTuple, NoReturn, TypeVar

import msgspec
from msgspec import Meta

from postreeve.errors import Code, refuse

R = TypeVar("R")

LONGEST = 4096
MOST_COUNTED = 10_000
UNLIMITED = 2**62
"""The place of a quota of 0 in an order: it comes after all others."""


class Order(StrEnum):
    """By what an overview is sorted; rows that are alike follow each other by their addresses."""

    ADDRESS = "address"
    NAME = "name"
    QUOTA = "quota"
    USED = "used"
    CREATED = "created"
    LAST_LOGIN = "last_login"

    @property
    def is_of_numbers(self) -> bool:
        """Whether what is sorted are numbers, and not texts."""
        return self in {Order.QUOTA, Order.USED, Order.LAST_LOGIN}


class Bookmark(msgspec.Struct, frozen=True, array_like=True):
    """The place of a row in an order: before and after it are the others, whether it is still there or not."""

    order: Order
    key: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | Annotated[str, Meta(max_length=1024)]
    """What the row is sorted by; empty in the order of addresses."""
    address: Annotated[str, Meta(max_length=1024)]

    def __str__(self) -> str:
        return urlsafe_b64encode(msgspec.json.encode(self)).rstrip(b"=").decode("ascii")

    @classmethod
    def parse(cls, text: str) -> "Bookmark":
        """Read what an answer has given."""
        try:
            octets = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)) if len(text) <= LONGEST else b""
            found = msgspec.json.decode(octets, type=cls)
        except (ValueError, msgspec.MsgspecError):
            _refuse()
        is_a_number = isinstance(found.key, int)
        if is_a_number != found.order.is_of_numbers or "\0" in f"{found.key}{found.address}":
            _refuse()
        return found


def _refuse() -> NoReturn:
    refuse(Code.INVALID_VALUE, hint="What another page has answered as `next` or `previous`.")


class Wanted(NamedTuple):
    """Which part of an overview is wanted."""

    order: Order = Order.ADDRESS
    is_descending: bool = False
    size: int = 50
    text: str = ""
    """What addresses or names contain, in lower case; empty is no condition, as of the others."""
    letter: str = ""
    is_active: bool | None = None
    bookmark: Bookmark | None = None
    is_before: bool = False
    """Whether what comes before the bookmark is wanted, and not what comes after it."""
    is_counted: bool = False

    @property
    def is_falling(self) -> bool:
        """Whether rows are read from the end of the order to its beginning."""
        return self.is_descending != self.is_before


class Part(NamedTuple, Generic[R]):
    """A page: its rows, and where the pages beside it begin, if there are any."""

    rows: list[R]
    previous: Bookmark | None = None
    next: Bookmark | None = None
    total: int | None = None
    """How many there are on all pages, if that is wanted; one more than `MOST_COUNTED` is any larger number."""

    def of(self, rows: list["Q"]) -> "Part[Q]":
        """Return the page with other rows."""
        return Part(rows, self.previous, self.next, self.total)


Q = TypeVar("Q")


def part_of(found: Sequence[R], wanted: Wanted, place: Callable[[R], Bookmark], total: int | None = None) -> Part[R]:
    """Return the page of what was read: one row more than it has room for tells that there is another page.

    Whoever has a bookmark has come from a page, so there is one on its other side.
    """
    rows, is_more = list(found[: wanted.size]), len(found) > wanted.size
    if wanted.is_before:
        rows.reverse()
    if not rows:
        return Part([], total=total)
    has_previous = is_more if wanted.is_before else wanted.bookmark is not None
    has_next = is_more or wanted.is_before
    return Part(rows, place(rows[0]) if has_previous else None, place(rows[-1]) if has_next else None, total)
