"""Newsletters in OpenLDAP: entries of mlmmj's lists with the service `newsletter`."""

from postreeve.newsletter.store import Newsletter
from postreeve.storage.directory import filters
from postreeve.storage.directory.session import Session
from postreeve.values import Address

_ARE_NEWSLETTERS = filters.both(
    filters.is_("mailList"),
    *(filters.equal("enabledService", service) for service in ("mlmmj", "newsletter")),
    filters.equal("accountStatus", "active"),
    filters.unless(filters.equal("domainStatus", "disabled")),
)


class LdapNewsletters:
    """The newsletters, as entries of the domains' containers `Groups`."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def find(self, list_id: str) -> Newsletter | None:
        wanted = filters.both(_ARE_NEWSLETTERS, filters.equal("mailingListID", list_id))
        found = self.session.search(
            self.session.tree.domains, wanted, ["mail", "mailingListID", "cn", "description"], scope="sub"
        )
        entry = next(iter(found), None)
        if entry is None:
            return None
        mail = Address(entry.text("mail").lower())
        return Newsletter(entry.text("mailingListID"), mail, entry.text("cn"), entry.text("description"))

    def id_of(self, mail: Address) -> str:
        entry = self.session.find(self.session.tree.list(mail), ["mailingListID"])
        return entry.text("mailingListID") if entry else ""
