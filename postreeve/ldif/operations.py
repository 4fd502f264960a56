"""What can be exported as LDIF.

Hashes of passwords are for global admins, and each export with one is written to the activity log. A domain admin's has
what the profiles show: nothing that is hidden or whose section is closed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from postreeve.activity.store import Line
from postreeve.domains.fields import DOMAIN_PROFILE
from postreeve.errors import Code, refuse
from postreeve.fields import Changes, FieldSet
from postreeve.ldif.fields import EXPORT, WITH_ACCOUNTS
from postreeve.ldif.records import Record
from postreeve.operations import operation
from postreeve.permissions import admin_of_its_domain, global_admin
from postreeve.shapes import AccountSetting, Attribute, Several
from postreeve.users.fields import USER
from postreeve.values import Address, DomainName
from postreeve.work import LongText, Work

CHAPTER = "LDIF (LDAP backend only)"
CATCH_ALL = "catchall"
"""The section of a domain's profile that has the catch-all account."""


@operation("GET /api/ldif/domain/<domain>", CHAPTER, allow=admin_of_its_domain, fields=EXPORT)
def export_domain(work: Work, domain: DomainName, changes: Changes) -> LongText:
    """Export a domain as LDIF, with its containers."""
    with_accounts = bool(changes.get(WITH_ACCOUNTS))
    records = work.ldif.domain(domain, with_accounts=with_accounts)
    return _text(work, _required(records, Code.NO_SUCH_DOMAIN), "a domain", has_hashes=with_accounts)


@operation("GET /api/ldif/catchall/<domain>", CHAPTER, allow=admin_of_its_domain, section=CATCH_ALL)
def export_catch_all(work: Work, domain: DomainName) -> LongText:
    """Export the catch-all account of a domain as LDIF."""
    return _text(work, _required(work.ldif.catch_all(domain)), "a catch-all account")


@operation("GET /api/ldif/admin/<mail>", CHAPTER, allow=global_admin)
def export_admin(work: Work, mail: Address) -> LongText:
    """Export a standalone admin as LDIF."""
    return _text(work, _required(work.ldif.admin(mail)), "an admin", has_hashes=True)


@operation("GET /api/ldif/user/<mail>", CHAPTER, allow=admin_of_its_domain)
def export_user(work: Work, mail: Address) -> LongText:
    """Export a mail user as LDIF."""
    return _text(work, _required(work.ldif.user(mail)), "a mail user", has_hashes=True)


@operation("GET /api/ldif/maillist/<mail>", CHAPTER, allow=admin_of_its_domain)
def export_maillist(work: Work, mail: Address) -> LongText:
    """Export a mailing list as LDIF, with its members elsewhere; the entries of those in its domain name the list."""
    return _text(work, _required(work.ldif.maillist(mail)), "a mailing list")


@operation("GET /api/ldif/alias/<mail>", CHAPTER, allow=admin_of_its_domain)
def export_alias(work: Work, mail: Address) -> LongText:
    """Export a mail alias as LDIF."""
    return _text(work, _required(work.ldif.alias(mail)), "a mail alias")


@operation("GET /api/ldif/all", CHAPTER, allow=global_admin)
def export_all(work: Work) -> LongText:
    """Export all standalone admins as LDIF, and all domains with everything in them."""
    return _text(work, work.ldif.everything(), "everything", has_hashes=True)


def _required(records: Iterator[Record], missing: Code = Code.NO_SUCH_ACCOUNT) -> Iterator[Record]:
    """Refuse before anything is answered when there is nothing to export."""
    return chain([next(records, None) or refuse(missing)], records)


def _text(work: Work, records: Iterator[Record], what: str, *, has_hashes: bool = False) -> LongText:
    """Return records as text, as far as they are for whoever asks; hashes are answered with a line in the log."""
    if not work.grant.admin.is_global:
        records = _shown(work, records)
    elif has_hashes:
        _note(work, what)
    return LongText(map(str, records))


def _note(work: Work, what: str) -> None:
    target = work.grant.target
    name = target.account or target.domain
    text = f"Export {what} as LDIF, with password hashes{f': {name}' if name else ''}."
    work.activity.note(
        Line(
            "backup", work.grant.admin.account, work.client, f"{work.via} {text}".lstrip(),
            domain=target.domain or "", username=target.account or "",
        )
    )  # fmt: skip


@dataclass(frozen=True)
class _Hidden:
    """What is left out of a record: attributes, and keys of its settings."""

    attributes: frozenset[str]
    settings: frozenset[str]

    def without(self, record: Record) -> Record:
        kept = {name: values for name, values in record.attributes.items() if name.lower() not in self.attributes}
        return Record(record.dn, {name: shown for name, values in kept.items() if (shown := self._kept(name, values))})

    def _kept(self, name: str, values: Sequence[bytes]) -> Sequence[bytes]:
        if name.lower() != "accountsetting":
            return values
        return [value for value in values if value.partition(b":")[0].decode("utf-8", "replace") not in self.settings]


def _shown(work: Work, records: Iterator[Record]) -> Iterator[Record]:
    """Yield records as a domain admin may have them."""
    domains = work.grant.target.domains
    closed = {fields.name: work.domains.closed_sections(fields.name, domains) for fields in (DOMAIN_PROFILE, USER)}
    hidden = {
        "mailDomain": _hidden(DOMAIN_PROFILE, closed[DOMAIN_PROFILE.name]),
        "mailUser": _hidden(USER, closed[USER.name], work.settings.api_hidden_user_profiles),
    }
    for record in records:
        if not (record.is_catch_all and CATCH_ALL in closed[DOMAIN_PROFILE.name]):
            yield _without(hidden, record)


def _without(hidden: Mapping[str, _Hidden], record: Record) -> Record:
    for object_class, left_out in hidden.items():
        if record.is_a(object_class):
            return left_out.without(record)
    return record


def _hidden(fields: FieldSet, closed: frozenset[str], always: Sequence[str] = ()) -> _Hidden:
    """Return what is hidden always, and what the parameters of closed sections are stored in."""
    attributes, settings = {name.lower() for name in always}, set()
    for of in fields:
        if of.section in closed:
            match of.ldap:
                case Attribute(name):
                    attributes.add(name.lower())
                case Several(names):
                    attributes |= {name.lower() for name in names}
                case AccountSetting(key):
                    settings.add(key)
    return _Hidden(frozenset(attributes), frozenset(settings))
