"""Unsubscribable mailing lists in OpenLDAP: an entry each, and what makes others its members."""

from collections.abc import Collection, Iterable, Iterator

from postreeve.errors import Code, refuse
from postreeve.fields import Changes
from postreeve.storage.directory import accounts, filters, groups, traces
from postreeve.storage.directory.entries import Entry
from postreeve.storage.directory.session import Session
from postreeve.unsubscribable_lists.fields import MEMBERS
from postreeve.values import Address
from postreeve.work import Profile

SERVICES = ("mail", "deliver", "displayedInGlobalAddressBook")
_IS_LIST = filters.both(filters.is_("mailList"), filters.unless(filters.equal("enabledService", "mlmmj")))


class LdapUnsubscribableLists:
    """The lists, as entries of a domain's container `Groups`."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def lock(self, mail: str) -> frozenset[str]:
        return frozenset(groups.addresses_of(self._locked(mail)))

    def count(self, domains: Collection[str] | None) -> int:
        return groups.count(self.session, domains)

    def profiles(self, mails: Iterable[str]) -> Iterator[Profile]:
        for batch in accounts.batches(mails):
            wanted = filters.both(_IS_LIST, filters.among("mail", batch))
            found = list(self.session.search(self.session.tree.domains, wanted, scope="sub"))
            members = [sorted(groups.members(self.session, entry.text("mail"))) for entry in found]
            self.session.rest()
            for entry, mails_of in zip(found, members, strict=True):
                yield accounts.shown(entry, members=mails_of)

    def create(self, mail: Address, changes: Changes) -> None:
        by_domain = accounts.by_domain(self.session, mail)
        addresses = [mail, *by_domain["shadowAddress"]]
        change = changes.of(MEMBERS)
        members = groups.placed(self.session, addresses, change.named() if change else ())
        entry = {
            "objectClass": "mailList", "mail": mail, "accountStatus": "active", "enabledService": SERVICES,
            **by_domain, **accounts.attributes(None, changes), "member": members.accounts.values(),
        }  # fmt: skip
        self.session.add(self.session.tree.list(mail), entry)
        groups.recount(self.session, mail, 1)
        groups.write(self.session, addresses, members)

    def update(self, mail: Address, changes: Changes) -> None:
        entry = self._locked(mail)
        edit = self.session.edit(entry.dn)
        accounts.write(edit, entry, changes)
        if change := changes.of(MEMBERS):
            addresses = groups.addresses_of(entry)
            members = groups.placed(self.session, addresses, change.applied(groups.members(self.session, mail)))
            edit.replace("member", members.accounts.values())
            groups.write(self.session, addresses, members)

    def delete(self, mail: Address) -> None:
        entry = self._locked(mail)
        self.session.lock(self.session.tree.domain(mail.domain), ["domainName"])
        addresses = groups.addresses_of(entry)
        for address in addresses:
            traces.forget(self.session, Address(address))
        groups.delete_elsewhere(self.session, addresses)
        groups.recount(self.session, mail, -1)
        self.session.delete(entry.dn)

    def _locked(self, mail: str) -> Entry:
        entry = self.session.lock(self.session.tree.list(mail))
        if entry is None or entry.has("enabledService", "mlmmj"):
            refuse(Code.NO_SUCH_ACCOUNT, hint=mail)
        return entry
