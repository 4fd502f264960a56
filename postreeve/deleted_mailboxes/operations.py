"""What is done with mailboxes whose users are deleted: no part of the API, whose process has no right to files."""

from datetime import UTC, datetime

from postreeve.activity.store import Line
from postreeve.deleted_mailboxes.store import Contents, DeletedMailbox, KeptError
from postreeve.work import Work

EVENT = "delete_mailboxes"


def today() -> str:
    """Return the day that it is, UTC, as iRedMail writes it."""
    return f"{datetime.now(UTC):%Y-%m-%d}"


def require_unused(work: Work, mailbox: DeletedMailbox) -> None:
    """Raise `KeptError` if somebody uses a mailbox, or its place, or if it is kept for another record.

    One that is set aside was looked at then; whoever has its place now has a directory of their own.
    """
    if work.mailbox_files.is_aside(mailbox):
        return
    if owner := work.deleted_mailboxes.living_at(mailbox.path):
        raise KeptError(f"{mailbox.path} holds mail of {owner}, who is a user.")
    if other := work.deleted_mailboxes.kept_at(mailbox.path, today()):
        raise KeptError(f"{mailbox.path} holds mail of {other} that is to be kept.")


def forget(work: Work, mailbox: DeletedMailbox, found: Contents | None) -> None:
    """Remove the record of a mailbox whose files are gone, with a line in the log."""
    gone = f"{found.files} files, {found.octets} bytes" if found else "it was not there"
    text = f"Remove the mailbox {mailbox.path}, kept until {mailbox.last_day}: {gone}."
    work.deleted_mailboxes.remove(mailbox)
    work.commit(
        Line(event=EVENT, admin="", ip=work.client, domain=mailbox.mail.rpartition("@")[2], username=mailbox.mail,
             msg=f"{work.via} {text}".lstrip())
    )  # fmt: skip
