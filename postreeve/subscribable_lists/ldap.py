"""The accounts of mailing lists in OpenLDAP: entries beside those of unsubscribable lists, marked as mlmmj's."""

import uuid
from collections.abc import Collection, Iterable, Iterator

from postreeve.errors import Code, refuse
from postreeve.fields import Changes
from postreeve.storage.directory import accounts, filters, groups, traces
from postreeve.storage.directory.entries import Edit, Entry, Values
from postreeve.storage.directory.session import Session
from postreeve.subscribable_lists.fields import EXTRA_ADDRESSES, IS_NEWSLETTER
from postreeve.subscribable_lists.store import MailingList
from postreeve.values import Address
from postreeve.work import Profile

NEWSLETTER = "newsletter"
SERVICES = ("mail", "deliver", "mlmmj")
"""What Postfix's look-ups ask for; the last one tells the two kinds of lists apart."""
OWNERS, MODERATORS, ALLOWED = "listOwner", "listModerator", "listAllowedUser"
_DOMAIN_NAMES = ("domainName", "domainAliasName")
_IS_LIST = filters.both(filters.is_("mailList"), filters.equal("enabledService", "mlmmj"))


class LdapSubscribableLists:
    """The lists, as entries of a domain's container `Groups`."""

    def __init__(self, session: Session, transport: str) -> None:
        """`transport` is Postfix's name of mlmmj."""
        self.session = session
        self.transport = transport

    def require(self, mail: str) -> MailingList:
        return _list(self._found(mail))

    def lock(self, mail: str) -> MailingList:
        return _list(self._locked(mail))

    def count(self, domains: Collection[str] | None) -> int:
        return groups.count(self.session, domains)

    def addresses(self, domain: str | None = None) -> list[str]:
        tree = self.session.tree
        if domain is None:
            found = self.session.search(tree.domains, _IS_LIST, ["mail"], scope="sub")
        else:
            found = self.session.search(tree.lists(domain), _IS_LIST, ["mail"])
        return sorted(entry.text("mail").lower() for entry in found)

    def profiles(self, mails: Iterable[str]) -> Iterator[Profile]:
        for batch in accounts.batches(mails):
            wanted = filters.both(_IS_LIST, filters.among("mail", batch))
            found = list(self.session.search(self.session.tree.domains, wanted, scope="sub"))
            self.session.rest()
            yield from map(_profile, sorted(found, key=lambda entry: entry.text("mail").lower()))

    def extra_addresses(self, mail: str) -> set[str]:
        entry = self.session.find(self.session.tree.list(mail), ["shadowAddress"])
        return self._extra(mail, entry) if entry else set()

    def owners(self, mail: str) -> tuple[str, ...]:
        return self._people(mail, OWNERS)

    def moderators(self, mail: str) -> tuple[str, ...]:
        return self._people(mail, MODERATORS)

    def create(self, mail: Address, changes: Changes, owners: Collection[str], moderators: Collection[str]) -> None:
        by_domain = accounts.by_domain(self.session, mail)
        extra = change.named() if (change := changes.of(EXTRA_ADDRESSES)) else ()
        entry: dict[str, Values] = {
            "objectClass": "mailList", "mail": mail, "accountStatus": "active",
            "mtaTransport": f"{self.transport}:{mail.domain}/{mail.local_part}", "mailingListID": str(uuid.uuid4()),
            **by_domain, **accounts.attributes(None, changes),
            "enabledService": [*SERVICES, *([NEWSLETTER] if changes.get(IS_NEWSLETTER) else ())],
            "shadowAddress": {*by_domain["shadowAddress"], *extra},
            OWNERS: owners, MODERATORS: moderators, ALLOWED: {*owners, *moderators},
        }  # fmt: skip
        self.session.add(self.session.tree.list(mail), entry)
        groups.recount(self.session, mail, 1)

    def update(
        self, mail: Address, changes: Changes, owners: Collection[str] | None, moderators: Collection[str] | None
    ) -> None:
        entry = self._locked(mail)
        edit = self.session.edit(entry.dn)
        accounts.write(edit, entry, changes)
        if (is_newsletter := changes.get(IS_NEWSLETTER)) is not None:
            (edit.insert if is_newsletter else edit.remove)("enabledService", NEWSLETTER)
        if change := changes.of(EXTRA_ADDRESSES):
            before = self._extra(mail, entry)
            after = change.applied(before)
            edit.remove("shadowAddress", before - after).insert("shadowAddress", after - before)
        _write_people(edit, entry, {OWNERS: owners, MODERATORS: moderators})

    def delete(self, mail: Address) -> None:
        entry = self._locked(mail)
        self.session.lock(self.session.tree.domain(mail.domain), ["domainName"])
        for address in groups.addresses_of(entry):
            traces.forget(self.session, Address(address))
        groups.recount(self.session, mail, -1)
        self.session.delete(entry.dn)

    def _found(self, mail: str) -> Entry:
        return _mlmmjs(self.session.find(self.session.tree.list(mail)), mail)

    def _locked(self, mail: str) -> Entry:
        return _mlmmjs(self.session.lock(self.session.tree.list(mail)), mail)

    def _extra(self, mail: str, entry: Entry) -> set[str]:
        """Return the addresses that are no names in alias domains, nor in former ones that have still to be swept."""
        by_domain = accounts.by_domain(self.session, Address(mail))["shadowAddress"]
        found = {Address(address.lower()) for address in entry.texts("shadowAddress")}.difference(by_domain)
        hosted = self._hosted({address.domain for address in found})
        return {str(address) for address in found if address.domain in hosted}

    def _hosted(self, domains: Collection[str]) -> set[str]:
        if not domains:
            return set()
        is_one = filters.either(*(filters.among(name, domains) for name in _DOMAIN_NAMES))
        found = self.session.search(self.session.tree.domains, is_one, _DOMAIN_NAMES)
        return {text.lower() for entry in found for name in _DOMAIN_NAMES for text in entry.texts(name)}

    def _people(self, mail: str, attribute: str) -> tuple[str, ...]:
        entry = self.session.find(self.session.tree.list(mail), [attribute])
        return tuple(sorted(entry.texts(attribute))) if entry else ()


def _mlmmjs(entry: Entry | None, mail: str) -> Entry:
    if entry is None or not entry.has("enabledService", "mlmmj"):
        refuse(Code.NO_SUCH_ACCOUNT, hint=mail)
    return entry


def _list(entry: Entry) -> MailingList:
    return MailingList(entry.text("cn"), entry.text("accessPolicy", "public"), entry.number("maxMessageSize"))


def _write_people(edit: Edit, entry: Entry, people: dict[str, Collection[str] | None]) -> None:
    """Replace owners and moderators where they are given; both may always send mail, which iRedAPD has to know."""
    after = {name: entry.texts(name) if named is None else list(named) for name, named in people.items()}
    if any(named is not None for named in people.values()):
        former = {person.lower() for name in people for person in entry.texts(name)}
        others = [person for person in entry.texts(ALLOWED) if person.lower() not in former]
        edit.replace(ALLOWED, {*others, *(person for named in after.values() for person in named)})
    for name, named in people.items():
        if named is not None:
            edit.replace(name, named)


def _profile(entry: Entry) -> Profile:
    """Return an entry with the keys that every back end answers."""
    return accounts.shown(
        entry,
        mail=entry.text("mail"),
        name=entry.text("cn"),
        accountStatus=entry.text("accountStatus", "disabled"),
        accessPolicy=entry.text("accessPolicy", "public"),
        mlid=entry.text("mailingListID"),
        is_newsletter="yes" if entry.has("enabledService", NEWSLETTER) else "no",
        newsletter_description=entry.text("description"),
    )
