"""How many accounts a domain's entry says that it has: what is believed, because to count takes a second for 10,000."""

from typing import NamedTuple

from postreeve.storage.directory import filters, groups, names
from postreeve.storage.directory.entries import Entry
from postreeve.storage.directory.filters import Filter
from postreeve.storage.directory.session import Session

USERS, QUOTAS = "domainCurrentUserNumber", "domainCurrentQuotaSize"
"""The number of users, and the sum of their quotas in bytes."""
ALIASES, LISTS = "domainCurrentAliasNumber", groups.COUNTER
COUNTERS = (USERS, QUOTAS, ALIASES, LISTS)
_IS_USER = filters.both(filters.is_("mailUser"), filters.unless(filters.starting("mail", "@")))


class Tally(NamedTuple):
    """What there is in a domain, or in several together."""

    users: int = 0
    octets: int = 0
    """The sum of the quotas."""
    aliases: int = 0
    lists: int = 0

    def plus(self, other: "Tally") -> "Tally":
        """Return what there is in both."""
        return Tally(*(one + another for one, another in zip(self, other, strict=True)))


def tally(session: Session, entry: Entry) -> Tally:
    """Return what a domain's entry tells; what it does not tell is counted."""
    tree, name = session.tree, names.value(entry.dn)
    users, octets = _users(session, entry, name)
    return Tally(
        users,
        octets,
        _number(session, entry, ALIASES, tree.aliases(name), filters.is_("mailAlias")),
        _number(session, entry, LISTS, tree.lists(name), filters.is_("mailList")),
    )


def _number(session: Session, entry: Entry, counter: str, place: str, condition: Filter) -> int:
    told = entry.text(counter)
    return int(told) if told.isdecimal() else session.count(place, condition)


def _users(session: Session, entry: Entry, name: str) -> tuple[int, int]:
    told = [entry.text(USERS), entry.text(QUOTAS)]
    if all(text.isdecimal() for text in told):
        return int(told[0]), int(told[1])
    quotas = [user.number("mailQuota") for user in session.search(session.tree.users(name), _IS_USER, ["mailQuota"])]
    return len(quotas), sum(quotas)
