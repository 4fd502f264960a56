"""The numbers of a dashboard from a directory."""

from collections.abc import Collection, Iterable
from functools import reduce

from postreeve.dashboard.recent import Recent
from postreeve.dashboard.store import Numbers
from postreeve.storage import sql
from postreeve.storage.directory import accounts, filters
from postreeve.storage.directory.entries import Entry
from postreeve.storage.directory.session import Session
from postreeve.storage.directory.tallies import COUNTERS, Tally, tally
from postreeve.storage.used import used

_ADMINISTERS = filters.both(
    filters.is_("mailUser"),
    filters.either(filters.equal("enabledService", "domainadmin"), filters.equal("domainGlobalAdmin", "yes")),
)


class LdapFigures:
    """The numbers of accounts, as the entries of their domains tell them."""

    def __init__(self, session: Session, iredadmin: sql.Session, recent: Recent) -> None:
        self.session = session
        self.iredadmin = iredadmin
        self.recent = recent

    def numbers(self, domains: Collection[str] | None) -> Numbers:
        question = ("numbers", None if domains is None else frozenset(domains))
        return self.recent.answer(question, lambda: self._told(domains))

    def _told(self, domains: Collection[str] | None) -> Numbers:
        tallies = [tally(self.session, entry) for entry in [*self._domains(domains)]]
        total = reduce(Tally.plus, tallies, Tally())
        octets, messages = used(self.iredadmin, domains)
        return {
            "domains": len(tallies), "users": total.users, "aliases": total.aliases, "lists": total.lists,
            "admins": self._admins() if domains is None else 0, "allocated_quota": total.octets // 2**20,
            "used_bytes": octets, "used_messages": messages,
        }  # fmt: skip

    def _domains(self, within: Collection[str] | None) -> Iterable[Entry]:
        place, is_domain = self.session.tree.domains, filters.is_("mailDomain")
        if within is None:
            yield from self.session.search(place, is_domain, COUNTERS)
            return
        for batch in accounts.batches(sorted(within)):
            is_wanted = filters.both(is_domain, filters.among("domainName", batch))
            yield from self.session.search(place, is_wanted, COUNTERS)

    def _admins(self) -> int:
        tree = self.session.tree
        standalone = self.session.count(tree.admins, filters.is_("mailAdmin"))
        return standalone + self.session.count(tree.domains, _ADMINISTERS, scope="sub")
