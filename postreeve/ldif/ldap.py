"""LDIF of a directory."""

from collections.abc import Iterator

from postreeve.ldif.records import Record
from postreeve.storage.directory import filters
from postreeve.storage.directory.entries import Entry
from postreeve.storage.directory.names import CONTAINERS
from postreeve.storage.directory.session import Session

_PARENT = "hasSubordinates"
"""The operational attribute that tells whether there are entries below one."""


class LdapLdif:
    """Entries of the directory as records."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.tree = session.tree

    def domain(self, name: str, *, with_accounts: bool = False) -> Iterator[Record]:
        dn = self.tree.domain(name)
        yield from self._found(dn)
        if with_accounts:
            yield from self._below(dn)
        else:
            yield from self._found(*(self.tree.container(container, name) for container in CONTAINERS))

    def catch_all(self, domain: str) -> Iterator[Record]:
        return self._found(self.tree.catch_all(domain))

    def admin(self, mail: str) -> Iterator[Record]:
        return self._found(self.tree.admin(mail))

    def user(self, mail: str) -> Iterator[Record]:
        return self._found(self.tree.user(mail))

    def maillist(self, mail: str) -> Iterator[Record]:
        for record in self._found(self.tree.list(mail)):
            yield record
            yield from self._found(self.tree.external(mail))

    def alias(self, mail: str) -> Iterator[Record]:
        return self._found(self.tree.alias(mail))

    def everything(self) -> Iterator[Record]:
        yield from self._below(self.tree.admins)
        is_domain = filters.is_("mailDomain")
        for domain in list(self.session.search(self.tree.domains, is_domain, ["domainName"])):
            yield from self.domain(domain.text("domainName"), with_accounts=True)

    def _found(self, *names: str) -> Iterator[Record]:
        """Yield entries that are there."""
        for dn in names:
            if entry := self.session.find(dn):
                yield _record(entry)

    def _below(self, dn: str) -> Iterator[Record]:
        """Yield all entries below one, a level of a branch at a time: others may be below in any order."""
        waiting = [dn]
        while waiting:
            for entry in self.session.search(waiting.pop(), filters.ANYTHING, ("*", _PARENT)):
                if entry.has(_PARENT, "TRUE"):
                    waiting.append(entry.dn)
                yield _record(entry)


def _record(entry: Entry) -> Record:
    return Record(entry.dn, {name: values for name, values in entry.attributes.items() if name != _PARENT})
