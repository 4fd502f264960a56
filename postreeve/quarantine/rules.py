"""What operations on quarantined mails share: which mail, whose shares of it, and where its sender is listed."""

from collections.abc import Collection

from postreeve.errors import Code, refuse
from postreeve.fields import Changes, SetChange
from postreeve.mail_log.rules import whose_mails
from postreeve.mail_log.texts import plain
from postreeve.patterns import Form, Pattern
from postreeve.permissions import outranks
from postreeve.quarantine.fields import LIST, RECIPIENTS, SCOPE
from postreeve.quarantine.store import Held
from postreeve.values import Address, DomainName, Scope
from postreeve.wblist.fields import NEW_ADDRESSES
from postreeve.wblist.operations import SECTION, add_to_list
from postreeve.work import Work


def locked(work: Work, mail_id: str) -> Held:
    """Return a mail that the actor may manage, locked; one of somebody else's is not there."""
    return work.quarantine.lock(mail_id, whose_mails(work, None, None)) or refuse(Code.NO_SUCH_MAIL, hint=mail_id)


def meant(held: Held, changes: Changes) -> tuple[str, ...]:
    """Return the recipients that are meant: all, or those that are given."""
    change = changes.of(RECIPIENTS)
    if change is None:
        return held.recipients
    if unknown := change.add.difference(held.recipients):
        refuse(Code.NO_SUCH_MAIL, hint=min(unknown))
    return tuple(recipient for recipient in held.recipients if recipient in change.add)


def list_sender(work: Work, held: Held, recipients: Collection[str], changes: Changes) -> None:
    """Put a mail's sender on a list, if that is wanted: as whoever may change that list can do by itself."""
    if not (verdict := changes.get(LIST)):
        return
    sender = Pattern.parse(held.mail["sender"])
    if sender.form is not Form.ADDRESS:
        refuse(Code.INVALID_VALUE, hint="This sender can be on no list.")
    entry = Changes(values={NEW_ADDRESSES.name: SetChange(add=frozenset({sender}))}, fields=[NEW_ADDRESSES])
    scopes = _scopes(work, recipients, changes.get(SCOPE) or "recipient")
    for scope in scopes:
        _require_open(work, scope)
    for scope in scopes:
        add_to_list(work, "inbound", verdict, scope, entry)


def _scopes(work: Work, recipients: Collection[str], wanted: str) -> list[Scope]:
    if work.grant.owner:
        return [Scope.of(work.grant.owner)] if wanted == "recipient" else refuse(Code.PERMISSION_DENIED, hint="scope")
    if wanted == "global":
        return [Scope.of(None)] if work.grant.admin.is_global else refuse(Code.PERMISSION_DENIED, hint="scope")
    accounts = _accounts(work, recipients)
    return sorted({Scope.of(account.domain if wanted == "domain" else account) for account in accounts})


def _accounts(work: Work, recipients: Collection[str]) -> set[Address]:
    """Return the accounts that get what is sent to some addresses, those in alias domains included."""
    addresses = {Address(plain(recipient)) for recipient in recipients}
    hosted = work.addresses.hosted({address.domain for address in addresses})
    primary = {Address(f"{mail.local_part}@{hosted.get(mail.domain, mail.domain)}") for mail in addresses}
    taken = work.addresses.taken(primary)
    return {Address(taken.get(mail, mail)) for mail in primary}


def _require_open(work: Work, scope: Scope) -> None:
    """Refuse a list that is closed to the actor, or of an account that administers more."""
    actor, owner = work.grant.admin, work.grant.owner
    if actor.is_global:
        return
    match scope.place:
        case Address() as mail:
            kind, domain = "user", mail.domain
        case DomainName() as domain:
            kind = "domain"
        case None:
            refuse(Code.PERMISSION_DENIED)
    if SECTION in work.domains.closed_sections("preference" if owner else kind, (domain,)):
        refuse(Code.PERMISSION_DENIED, hint=f"The section {SECTION} is closed.")
    if not owner and kind == "user" and not outranks(actor, work.users.rank(scope)):
        refuse(Code.PERMISSION_DENIED, hint="This account administers more than you do.")
