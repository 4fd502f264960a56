"""The doctor's look at accounts in OpenLDAP, and at what is kept of them in `iredadmin` beside it."""

from collections.abc import Iterator

import sqlalchemy as sa

from postreeve.doctor.store import Amiss, Holder, Right
from postreeve.storage import sql
from postreeve.storage.directory import accounts, filters, mailboxes, rights, sweeps
from postreeve.storage.directory.entries import Entry
from postreeve.storage.directory.session import NAME_ONLY, Session
from postreeve.values import Address, DomainName

BCRYPT, CRYPT = "{BCRYPT}", "{CRYPT}"
_KINDS = {"mailUser": "user", "mailAlias": "alias", "mailList": "mailing list", "mailAdmin": "admin"}
_EXTERNALS = filters.is_("mailExternalUser")
_ACCOUNTS = filters.either(*map(filters.is_, ("mailUser", "mailAlias", "mailList")))


def _names_in(column: sa.Column[str]) -> sql.Statement:
    return sql.Statement(lambda _: sa.select(column).distinct().order_by(column))


_NAMES_IN = [(table.name, _names_in(table.c[column])) for table, column in mailboxes.BY_USER]


class LdapInspection:
    """Looks at the entries of the directory."""

    def __init__(self, session: Session, iredadmin: sql.Session) -> None:
        self.session = session
        self.iredadmin = iredadmin

    def forwardings_amiss(self) -> Iterator[Amiss]:
        return iter(())

    def admins_without_domains(self) -> Iterator[str]:
        administering = {account for account, _ in self._rights()}
        is_admin = filters.equal("enabledService", rights.SERVICE)
        read = ("mail", "domainGlobalAdmin", accounts.SETTINGS)
        found = [*self._admins(read), *self._users(read, is_admin)]
        for entry in sorted(found, key=_mail):
            is_global = entry.has("domainGlobalAdmin", "yes")
            if not (is_global or _mail(entry) in administering or accounts.setting(entry, "create_new_domains")):
                yield _mail(entry)

    def rights_of_nobody(self) -> Iterator[Right]:
        for account, domain in sorted(self._rights()):
            if not self._is_account(account):
                yield Right(account, domain, is_account=False, is_domain=True)

    def colliding(self) -> Iterator[Holder]:
        holders: dict[str, list[Holder]] = {}
        for holder in self._holders():
            holders.setdefault(holder.name, []).append(holder)
        for _, several in sorted(holders.items()):
            if len(several) > 1:
                yield from sorted(several)

    def passwords(self) -> Iterator[tuple[str, str]]:
        for entry in (*self._admins(("mail", "userPassword")), *self._users(("mail", "userPassword"))):
            yield _mail(entry), accounts.password(entry)

    def strays(self) -> Iterator[tuple[str, str]]:
        tree = self.session.tree
        lists: set[str] = set()
        for entry in self.session.search(tree.domains, filters.is_("mailList"), _NAMES, scope="sub"):
            lists |= _addresses(entry)
        members = filters.both(_ACCOUNTS, filters.present("memberOfGroup"))
        for entry in self.session.search(tree.domains, members, ("mail", "memberOfGroup"), scope="sub"):
            if gone := sorted({text.lower() for text in entry.texts("memberOfGroup")} - lists):
                yield _mail(entry), f"is a member of {', '.join(gone)}, and there is no such list"
        for entry in self.session.search(tree.domains, _EXTERNALS, ("memberOfGroup",), scope="sub"):
            if gone := sorted({text.lower() for text in entry.texts("memberOfGroup")} - lists):
                yield gone[0], "has members from outside, and is no mailing list"

    def left_behind(self) -> Iterator[tuple[str, str]]:
        users = {_mail(entry) for entry in self._users(("mail",))}
        for table, statement in _NAMES_IN:
            if self.iredadmin.schema.has(table):
                for (name,) in self.iredadmin.rows(statement):
                    if name.lower() not in users:
                        yield name, table

    def unreachable(self) -> Iterator[tuple[str, str]]:
        return iter(())

    def out_of_step(self) -> Iterator[str]:
        for entry in self.session.search(self.session.tree.domains, filters.is_("mailDomain"), ["domainName"]):
            name = entry.text("domainName").lower()
            if not sweeps.is_aligned(self.session, name):
                yield name

    def give_own_forwarding(self, mail: Address, *, may_switch_off: bool) -> None:
        """In a directory nobody needs one."""

    def withdraw_rights(self, account: Address) -> None:
        if not self._is_account(account):
            for domain in rights.administered(self.session, [account])[account]:
                self.session.lock(self.session.tree.domain(domain), NAME_ONLY)
            rights.withdraw(self.session, account)

    def rename_bcrypt(self, account: Address) -> None:
        tree = self.session.tree
        for dn in (tree.admin(account), tree.user(account)):
            if entry := self.session.lock(dn, ["userPassword"]):
                before = entry.texts("userPassword")
                after = [CRYPT + text[len(BCRYPT) :] if text.upper().startswith(BCRYPT) else text for text in before]
                if after != before:
                    self.session.edit(dn).replace("userPassword", after)

    def forget_left_behind(self, name: Address | DomainName) -> None:
        if isinstance(name, Address) and not self.session.find(self.session.tree.user(name), NAME_ONLY):
            mailboxes.forget(self.session, self.iredadmin, [name])

    def _rights(self) -> set[tuple[str, str]]:
        """Return who administers which domain."""
        found = self.session.search(
            self.session.tree.domains,
            filters.both(filters.is_("mailDomain"), filters.present("domainAdmin")),
            ("domainName", "domainAdmin"),
        )
        return {
            (account.lower(), entry.text("domainName").lower())
            for entry in found
            for account in entry.texts("domainAdmin")
        }

    def _is_account(self, account: str) -> bool:
        tree = self.session.tree
        return any(self.session.find(dn, NAME_ONLY) for dn in (tree.admin(account), tree.user(account)))

    def _admins(self, attributes: tuple[str, ...]) -> Iterator[Entry]:
        return self.session.search(self.session.tree.admins, filters.is_("mailAdmin"), attributes)

    def _users(self, attributes: tuple[str, ...], condition: filters.Filter = filters.ANYTHING) -> Iterator[Entry]:
        """Yield the users; a catch-all is an entry like theirs."""
        is_one = filters.both(filters.is_("mailUser"), condition)
        for entry in self.session.search(self.session.tree.domains, is_one, attributes, scope="sub"):
            if not entry.text("mail").startswith("@"):
                yield entry

    def _holders(self) -> Iterator[Holder]:
        domains = self.session.search(self.session.tree.domains, filters.is_("mailDomain"), _DOMAIN_NAMES)
        for entry in domains:
            primary = entry.text("domainName").lower()
            yield Holder(primary, "domain", "")
            for alias in {text.lower() for name in _DOMAIN_NAMES[1:] for text in entry.texts(name)}:
                yield Holder(alias, "alias domain", primary)
        for entry in self._admins(("mail", "objectClass")):
            yield Holder(_mail(entry), "admin", "")
        found = self.session.search(self.session.tree.domains, _ACCOUNTS, (*_NAMES, "objectClass"), scope="sub")
        for entry in found:
            kind = next(words for name, words in _KINDS.items() if entry.has("objectClass", name))
            for address in _addresses(entry):
                is_own = address == _mail(entry)
                yield Holder(address, kind if is_own else "alias address", "" if is_own else _mail(entry))


_NAMES = ("mail", "shadowAddress")
_DOMAIN_NAMES = ("domainName", "domainAliasName", "domainPendingAliasName")


def _mail(entry: Entry) -> str:
    return entry.text("mail").lower()


def _addresses(entry: Entry) -> set[str]:
    return {text.lower() for name in _NAMES for text in entry.texts(name)}
