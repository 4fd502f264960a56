"""What can be done with the mail log."""

from postreeve.fields import Changes
from postreeve.mail_log.fields import SEARCH
from postreeve.mail_log.rules import search_of
from postreeve.mail_log.store import MailPage
from postreeve.operations import operation
from postreeve.permissions import may_view_mail_log, may_view_received_mails
from postreeve.work import Work

CHAPTER = "Mail log"


@operation(
    "GET /api/mail_log/received", CHAPTER, allow=may_view_received_mails, fields=SEARCH, preference="rcvd_mails"
)  # fmt: skip
def list_received_mails(work: Work, changes: Changes) -> MailPage:
    """Get the mails that were received lately, newest first."""
    return work.mail_log.page(search_of(work, changes, "received"))


@operation("GET /api/mail_log/sent", CHAPTER, allow=may_view_mail_log, fields=SEARCH)
def list_sent_mails(work: Work, changes: Changes) -> MailPage:
    """Get the mails that were sent lately, newest first."""
    return work.mail_log.page(search_of(work, changes, "sent"))
