"""Mail aliases in OpenLDAP: an entry each, whose members are the values of one attribute."""

from collections.abc import Collection, Iterable, Iterator

from postreeve.aliases.fields import ACCESS_POLICY
from postreeve.errors import Code, refuse
from postreeve.fields import Changes
from postreeve.storage.directory import accounts, filters, traces
from postreeve.storage.directory.entries import Entry
from postreeve.storage.directory.session import Session
from postreeve.values import Address
from postreeve.work import Profile, Remarks

COUNTER = "domainCurrentAliasNumber"
MEMBERS = "mailForwardingAddress"
SERVICES = ("mail", "deliver")
"""What Postfix's look-ups ask for."""
_IS_ALIAS = filters.is_("mailAlias")


class LdapAliases:
    """The mail aliases, as entries of a domain's container `Aliases`."""

    def __init__(self, session: Session, remarks: Remarks) -> None:
        self.session = session
        self.remarks = remarks

    def require(self, mail: str) -> None:
        if not self.session.find(self.session.tree.alias(mail), ["mail"]):
            refuse(Code.NO_SUCH_ACCOUNT, hint=mail)

    def lock(self, mail: str) -> None:
        self._locked(mail)

    def count(self, domains: Collection[str] | None) -> int:
        if domains is None:
            return self.session.count(self.session.tree.domains, _IS_ALIAS, scope="sub")
        return sum(self.session.count(self.session.tree.aliases(domain), _IS_ALIAS) for domain in domains)

    def addresses(self, domain: str, *, only_disabled: bool = False) -> list[str]:
        wanted = filters.both(_IS_ALIAS, filters.equal("accountStatus", "disabled")) if only_disabled else _IS_ALIAS
        found = self.session.search(self.session.tree.aliases(domain), wanted, ["mail"])
        return sorted(entry.text("mail").lower() for entry in found)

    def profiles(self, mails: Iterable[str]) -> Iterator[Profile]:
        for batch in accounts.batches(mails):
            wanted = filters.both(_IS_ALIAS, filters.among("mail", batch))
            found = list(self.session.search(self.session.tree.domains, wanted, scope="sub"))
            self.session.rest()
            for entry in sorted(found, key=lambda entry: entry.text("mail").lower()):
                yield accounts.shown(entry, members=sorted({member.lower() for member in entry.texts(MEMBERS)}))

    def create(self, mail: Address, changes: Changes) -> None:
        entry = {
            "objectClass": "mailAlias", "mail": mail, "accountStatus": "active", "enabledService": SERVICES,
            **accounts.by_domain(self.session, mail), **self._attributes(None, changes),
        }  # fmt: skip
        self.session.add(self.session.tree.alias(mail), entry)
        self._recount(mail, 1)

    def update(self, mail: Address, changes: Changes) -> None:
        entry = self._locked(mail)
        edit = self.session.edit(entry.dn)
        for name, values in self._attributes(entry, changes).items():
            edit.replace(name, values)

    def rename(self, mail: Address, new: Address) -> None:
        entry = self._locked(mail)
        before, after = accounts.by_domain(self.session, mail), accounts.by_domain(self.session, new)
        own = {mail, new, *before["shadowAddress"]}
        kept = [address for address in entry.texts("shadowAddress") if address.lower() not in own]
        edit = self.session.edit(entry.dn)
        edit.replace("shadowAddress", {*kept, *after["shadowAddress"]}).replace("domainStatus", after["domainStatus"])
        traces.rename(self.session, mail, new)
        self.session.rename(entry.dn, self.session.tree.alias(new))
        if new.domain != mail.domain:
            self._recount(mail, -1)
            self._recount(new, 1)

    def delete(self, mail: Address) -> None:
        entry = self._locked(mail)
        self.session.lock(self.session.tree.domain(mail.domain), ["domainName"])
        traces.forget(self.session, mail)
        self._recount(mail, -1)
        self.session.delete(entry.dn)

    def _locked(self, mail: str) -> Entry:
        entry = self.session.lock(self.session.tree.alias(mail))
        return entry or refuse(Code.NO_SUCH_ACCOUNT, hint=mail)

    def _attributes(self, entry: Entry | None, changes: Changes) -> dict[str, list[str]]:
        """Return what changes; an access policy has a place in the schema of iRedMail 1.7.2 and later alone."""
        found = accounts.attributes(entry, changes)
        if ACCESS_POLICY in changes and not self.session.schema.has("mailAlias", "accessPolicy"):
            self.remarks.ignored += changes.sent_names(ACCESS_POLICY)
            del found["accessPolicy"]
        return found

    def _recount(self, mail: Address, by: int) -> None:
        accounts.recount(self.session, COUNTER, self.session.tree.aliases(mail.domain), _IS_ALIAS, by)
