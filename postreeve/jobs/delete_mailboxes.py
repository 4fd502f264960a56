"""Removes the files of mailboxes whose users were deleted, when the days for which they are kept are over.

A mailbox is renamed first, then emptied; then its record goes, and the empty directory last. So a run that is killed
is finished by the next one, and who has the place again meanwhile has a directory of their own.
"""

from contextlib import nullcontext
from dataclasses import dataclass, field

from postreeve.deleted_mailboxes.operations import forget, require_unused, today
from postreeve.deleted_mailboxes.store import Contents, DeletedMailbox, KeptError
from postreeve.jobs.running import GRANT, LOCALHOST, VIA, Outcome, Run
from postreeve.operations import ATTEMPTS
from postreeve.work import ConflictError, StoreUnavailableError, TurnLostError, Work


@dataclass
class _Tally:
    """What has come out so far."""

    removed: int = 0
    missing: int = 0
    files: int = 0
    octets: int = 0
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add(self, mailbox: DeletedMailbox, found: Contents | None) -> None:
        if found is None:
            self.missing += 1
            self.notes.append(f"{mailbox.path} of {mailbox.mail} is not there; its record goes.")
            return
        self.removed += 1
        self.files += found.files
        self.octets += found.octets
        self.notes.append(f"{mailbox.path} of {mailbox.mail}: {found.files} files, {found.octets} bytes.")


def job(run: Run) -> Outcome:
    """Remove what is due, each mailbox by itself; what must not be removed is told, and stays."""
    tally = _Tally()
    with run.storage.open(GRANT, LOCALHOST, VIA) as work:
        due = work.deleted_mailboxes.due(today())
    run.progress.begin("Mailboxes", len(due))
    with run.storage.open(GRANT, LOCALHOST, VIA) as work:
        for mailbox in due:
            run.check()
            _settle(run, work, mailbox, tally)
            run.progress.step()
    what = "would be removed" if run.is_dry else "removed"
    counts = {
        "removed": tally.removed, "missing": tally.missing, "kept": len(tally.problems), "files": tally.files,
        "octets": tally.octets,
    }  # fmt: skip
    return Outcome(
        f"{tally.removed} mailboxes {what} with {tally.octets} bytes; {tally.missing} were not there,"
        f" {len(tally.problems)} are left.",
        counts, tuple(tally.notes), tuple(tally.problems),
    )  # fmt: skip


def _settle(run: Run, work: Work, mailbox: DeletedMailbox, tally: _Tally) -> None:
    """Remove one mailbox, or tell what would be done."""
    try:
        found = work.mailbox_files.look(mailbox, run.check)
        if run.is_dry:
            require_unused(work, mailbox)
        else:
            _set_aside(run, mailbox)
            work.mailbox_files.empty(mailbox, run.check)
            _forget(run, mailbox, found)
            work.mailbox_files.remove(mailbox)
    except KeptError as no:
        tally.problems.append(f"Not removed, of {mailbox.mail}: {no}")
    except TurnLostError:
        raise
    except StoreUnavailableError as error:
        tally.problems.append(f"Not removed now, of {mailbox.mail}: {' '.join(str(error).split())}")
    else:
        tally.add(mailbox, found)


def _set_aside(run: Run, mailbox: DeletedMailbox) -> None:
    """Set a mailbox aside that nobody uses now, while nobody can create a user of its name."""
    claim = run.storage.claim((), {mailbox.mail}) if mailbox.mail else nullcontext()
    with claim, run.storage.open(GRANT, LOCALHOST, VIA) as work:  # one that has read nothing before the claim
        require_unused(work, mailbox)
        work.mailbox_files.set_aside(mailbox)


def _forget(run: Run, mailbox: DeletedMailbox, found: Contents | None) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with run.storage.open(GRANT, LOCALHOST, VIA) as work:
                forget(work, mailbox, found)
        except ConflictError as error:
            if attempt == ATTEMPTS:
                raise StoreUnavailableError("Other writers were always faster.") from error
        else:
            return
