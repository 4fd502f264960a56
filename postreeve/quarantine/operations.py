"""What can be done with quarantined mails."""

from postreeve.errors import Code, refuse
from postreeve.fields import Changes
from postreeve.mail_log.rules import search_of, whose_mails
from postreeve.mail_log.store import MailPage
from postreeve.operations import operation
from postreeve.permissions import may_manage_quarantine
from postreeve.quarantine.fields import ACTION, FATE, RELEASE, REMOVAL, SEARCH
from postreeve.quarantine.preview import preview
from postreeve.quarantine.rules import list_sender, locked, meant
from postreeve.quarantine.store import QuarantinedMail
from postreeve.values import Address
from postreeve.work import Work

CHAPTER = "Quarantine"
EVENT = PREFERENCE = "quarantine"
ROUTE = "/api/quarantine/<mail_id>"


@operation("GET /api/quarantine", CHAPTER, allow=may_manage_quarantine, fields=SEARCH, preference=PREFERENCE)
def list_quarantine(work: Work, changes: Changes) -> MailPage:
    """Get the quarantined mails, newest first."""
    return work.quarantine.page(search_of(work, changes, "received"), [changes.get(FATE) or "quarantined"])


@operation(f"GET {ROUTE}", CHAPTER, allow=may_manage_quarantine, preference=PREFERENCE)
def get_quarantined_mail(work: Work, mail_id: str) -> QuarantinedMail:
    """Get a quarantined mail as text, or so much of it as can be shown."""
    whose = whose_mails(work, None, None)
    held = work.quarantine.find(mail_id, whose) or refuse(Code.NO_SUCH_MAIL, hint=mail_id)
    octets, is_cut = work.quarantine.beginning(held)
    seen = preview(octets, is_cut=is_cut)
    return {
        **held.mail, "headers": seen.headers, "text": seen.text, "attachments": seen.attachments, "is_cut": seen.is_cut,
    }  # fmt: skip


@operation(
    f"PUT {ROUTE}", CHAPTER, allow=may_manage_quarantine, fields=RELEASE, event=EVENT, preference=PREFERENCE
)  # fmt: skip
def release_quarantined_mail(work: Work, mail_id: str, changes: Changes) -> None:
    """Release a quarantined mail to its recipients."""
    if ACTION not in changes:
        refuse(Code.MISSING_PARAMETER, hint=ACTION.name)
    held = locked(work, mail_id)
    recipients = meant(held, changes)
    list_sender(work, held, recipients, changes)
    # What is released can not be called back, so this is the last thing that may fail.
    released = work.release_server.release(held, recipients, work.grant.admin.account)
    if not released:
        refuse(Code.NOT_RELEASED, hint=mail_id)
    work.quarantine.settle(held, released, "released")
    work.remarks.discarded += [recipient for recipient in recipients if recipient not in released]
    work.remarks.about += map(Address, released)


@operation(
    f"DELETE {ROUTE}", CHAPTER, allow=may_manage_quarantine, fields=REMOVAL, event=EVENT, preference=PREFERENCE
)  # fmt: skip
def delete_quarantined_mail(work: Work, mail_id: str, changes: Changes) -> None:
    """Delete a quarantined mail; it stays for recipients whose mail one does not manage."""
    held = locked(work, mail_id)
    list_sender(work, held, held.recipients, changes)
    work.remarks.about += map(Address, held.recipients)
    work.quarantine.settle(held, held.recipients, "deleted")
