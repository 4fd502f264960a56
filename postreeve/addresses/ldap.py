"""Addresses in use in a directory."""

from collections.abc import Collection, Iterator

from postreeve.storage.directory import accounts, filters
from postreeve.storage.directory.entries import Entry
from postreeve.storage.directory.session import Session
from postreeve.values import DomainName

_ACCOUNTS = filters.either(filters.is_("mailUser"), filters.is_("mailAlias"), filters.is_("mailList"))
_NAMES = ("mail", "shadowAddress")
_DOMAIN_NAMES = ("domainName", "domainAliasName", "domainPendingAliasName")


class LdapAddresses:
    """The addresses of all accounts: `mail` and `shadowAddress`, which slapd keeps unique for nobody."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def taken(self, addresses: Collection[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for batch in accounts.batches(sorted(addresses)):
            for entry in self._having(batch):
                account = entry.text("mail").lower()
                for address in {text.lower() for name in _NAMES for text in entry.texts(name)}.intersection(batch):
                    found.setdefault(address, account)
        return found

    def _having(self, addresses: list[str]) -> Iterator[Entry]:
        """Yield the accounts that have some of these addresses."""
        tree = self.session.tree
        is_admin = filters.both(filters.is_("mailAdmin"), filters.among("mail", addresses))
        yield from self.session.search(tree.admins, is_admin, _NAMES)
        is_one = filters.either(*(filters.among(name, addresses) for name in _NAMES))
        yield from self.session.search(tree.domains, filters.both(_ACCOUNTS, is_one), _NAMES, scope="sub")

    def hosted(self, domains: Collection[str], *, only_active: bool = False) -> dict[str, DomainName]:
        found: dict[str, DomainName] = {}
        for batch in accounts.batches(sorted(domains)):
            is_one = filters.either(*(filters.among(name, batch) for name in _DOMAIN_NAMES))
            condition = filters.both(filters.is_("mailDomain"), is_one)
            for entry in self.session.search(self.session.tree.domains, condition, (*_DOMAIN_NAMES, "accountStatus")):
                primary = DomainName(entry.text("domainName").lower())
                names = {text.lower() for name in _DOMAIN_NAMES for text in entry.texts(name)}
                if only_active:
                    is_active = entry.has("accountStatus", "active")
                    pending = {text.lower() for text in entry.texts("domainPendingAliasName")}
                    names = names - pending if is_active else set()
                found |= dict.fromkeys(names.intersection(batch), primary)
        return found
