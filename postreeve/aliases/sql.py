"""Mail aliases in the SQL database `vmail`."""

from collections.abc import Collection, Iterable, Iterator

import sqlalchemy as sa

from postreeve.aliases.fields import ACCOUNT_STATUS, MEMBERS
from postreeve.errors import Code, refuse
from postreeve.fields import Changes
from postreeve.shapes import Rows
from postreeve.storage import accounts, traces
from postreeve.storage.conditions import among, parameter
from postreeve.storage.sql import Session, Statement, batches
from postreeve.storage.tables import vmail
from postreeve.values import Address
from postreeve.work import Profile

_MEMBERS = Rows("forwardings", "address", "forwarding", {"is_list": 1})
_ALIAS, _LINK = vmail.alias.c, vmail.forwardings.c

FIND = Statement(lambda _: sa.select(_ALIAS.active).where(_ALIAS.address == parameter("mail")))
LOCK = Statement(
    lambda _: sa.select(_ALIAS.active).where(_ALIAS.address == parameter("mail")).with_for_update(),
    is_locking=True,
)
COUNT = Statement(lambda _: sa.select(sa.func.count()).select_from(vmail.alias).where(among(_ALIAS.domain, "domains")))
COUNT_ALL = Statement(lambda _: sa.select(sa.func.count()).select_from(vmail.alias))
ADDRESSES = Statement(
    lambda _: sa.select(_ALIAS.address).where(_ALIAS.domain == parameter("domain")).order_by(_ALIAS.address)
)
DISABLED_ADDRESSES = Statement(
    lambda _: sa.select(_ALIAS.address)
    .where(_ALIAS.domain == parameter("domain"), _ALIAS.active == 0).order_by(_ALIAS.address)
)  # fmt: skip
PROFILES = Statement(
    lambda _: sa.select(sa.literal_column("*")).select_from(vmail.alias)
    .where(among(_ALIAS.address, "mails")).order_by(_ALIAS.address)
)  # fmt: skip
EXTRAS = accounts.links(
    {
        "members": (vmail.forwardings, "address", "forwarding", {"is_list": 1}),
        "moderators": (vmail.moderators, "address", "moderator", {}),
    }
)
MEMBERS_OF = Statement(
    lambda _: sa.select(_LINK.forwarding).where(_LINK.address == parameter("mail"), _LINK.is_list == 1)
)


class SqlAliases:
    """The mail aliases, as rows of `alias` and `forwardings`."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def require(self, mail: str) -> None:
        if not self.session.row(FIND, mail=mail):
            refuse(Code.NO_SUCH_ACCOUNT, hint=mail)

    def lock(self, mail: str) -> None:
        if not self.session.row(LOCK, mail=mail):
            refuse(Code.NO_SUCH_ACCOUNT, hint=mail)

    def count(self, domains: Collection[str] | None) -> int:
        row = self.session.row(COUNT_ALL) if domains is None else self.session.row(COUNT, domains=list(domains))
        return int(row[0]) if row else 0

    def addresses(self, domain: str, *, only_disabled: bool = False) -> list[str]:
        statement = DISABLED_ADDRESSES if only_disabled else ADDRESSES
        return [mail for (mail,) in self.session.rows(statement, domain=domain)]

    def profiles(self, mails: Iterable[str]) -> Iterator[Profile]:
        for batch in batches(mails):
            lists: dict[tuple[str, str], list[str]] = {}
            for kind, owner, value in self.session.rows(EXTRAS, owners=batch):
                lists.setdefault((owner.lower(), kind), []).append(value)
            rows = self.session.mappings(PROFILES, mails=batch)
            self.session.rest()
            for row in rows:
                profile = accounts.as_stored(row)
                profile["mail"] = mail = profile["address"]
                profile["accountStatus"] = "active" if profile["active"] else "disabled"
                profile["members"] = lists.get((mail.lower(), "members"), [])
                profile["moderators"] = lists.get((mail.lower(), "moderators"), [])
                yield profile

    def create(self, mail: Address, changes: Changes) -> None:
        stamps = {"created": accounts.now(), "modified": accounts.now()}
        row = {"address": mail, "domain": mail.domain, "active": 1, **stamps}
        self.session.insert(vmail.alias, {**row, **accounts.columns(changes)})
        self._write_members(mail, changes, set(), int(changes.get(ACCOUNT_STATUS) is not False))

    def update(self, mail: Address, changes: Changes) -> None:
        row = self.session.row(LOCK, mail=mail)
        is_active = int(row[0]) if row else 1
        self.session.update(vmail.alias, {**accounts.columns(changes), "modified": accounts.now()}, address=mail)
        if (status := changes.get(ACCOUNT_STATUS)) is not None:
            is_active = int(status)
            self.session.update(vmail.forwardings, {"active": is_active}, address=mail)
        before = {member for (member,) in self.session.rows(MEMBERS_OF, mail=mail)} if MEMBERS in changes else set()
        self._write_members(mail, changes, before, is_active)

    def _write_members(self, mail: Address, changes: Changes, before: set[str], is_active: int) -> None:
        if change := changes.of(MEMBERS):
            common = {"domain": mail.domain, "active": is_active}
            accounts.write_members(self.session, _MEMBERS, mail, before, change.applied(before), common)

    def rename(self, mail: Address, new: Address) -> None:
        values = {"address": new, "domain": new.domain, "modified": accounts.now()}
        self.session.update(vmail.alias, values, address=mail)
        traces.rename(self.session, mail, new)
        self.session.delete(vmail.sender_relayhost, account=new)
        self.session.update(vmail.sender_relayhost, {"account": new}, account=mail)

    def delete(self, mail: Address) -> None:
        self.session.delete(vmail.alias, address=mail)
        traces.forget(self.session, mail)
        self.session.delete(vmail.sender_relayhost, account=mail)
