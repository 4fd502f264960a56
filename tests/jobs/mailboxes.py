"""Mailboxes on a disk, of users of a site."""

import getpass
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postreeve.commands.shared import SETUP
from postreeve.jobs.running import Outcome, Progress, run
from postreeve.jobs.table import BY_NAME
from tests.site import PASSWORD, Client, Row, Site

LONG_AGO = "2020-01-31"


@dataclass(frozen=True)
class Mailboxes:
    """A storage root, and the site whose mailboxes lie there."""

    site: Site
    root: Path
    client: Client

    @property
    def settings(self) -> dict[str, Any]:
        return {"storage_base_directory": str(self.root), "mailbox_owner": getpass.getuser()}

    @property
    def database(self) -> str:
        return "iredadmin" if self.site.directory else "vmail"

    def user(self, mail: str, place: str = "") -> Path:
        """Create a user with a mail in the mailbox, and return where it is."""
        home = self.root / (place or f"ex.com/{mail.partition('@')[0]}")
        self.client.ok("POST", f"user/{mail}", password=PASSWORD, maildir=str(home))
        return filled(home)

    def delete(self, mail: str, days: int = 1, day: str = LONG_AGO) -> None:
        """Delete a user, and let the last day be another one than the site says; an empty one stays."""
        self.client.ok("DELETE", f"user/{mail}/keep_mailbox_days/{days}")
        if day:
            self.site.execute(
                self.database, f"UPDATE deleted_mailboxes SET delete_date = '{day}' WHERE username = '{mail}'"
            )

    def gone(self, mail: str, place: str = "") -> Path:
        """Create a user and delete it again, long ago."""
        home = self.user(mail, place)
        self.delete(mail)
        return home

    def record(self, mail: str, path: str) -> None:
        """Record a mailbox as somebody else might."""
        self.site.execute(
            self.database,
            "INSERT INTO deleted_mailboxes (username, domain, maildir, admin, delete_date)"
            f" VALUES ('{mail}', 'ex.com', '{path}', '', '{LONG_AGO}')",
        )

    @property
    def records(self) -> list[Row]:
        return self.site.rows("deleted_mailboxes")

    def run(self, progress: Progress | None = None, *, is_dry: bool = False) -> Outcome:
        return run(BY_NAME["delete-mailboxes"], self.site.storage, SETUP, progress, is_dry=is_dry)


def filled(home: Path) -> Path:
    """Put a mail and a script into a mailbox, a new one if it is not there."""
    for folder in ("cur", "new", "tmp", ".Sent/cur"):
        (home / "Maildir" / folder).mkdir(parents=True, exist_ok=True)
    (home / "Maildir" / "cur" / "1:2,S").write_bytes(b"Subject: Hello\n\nHello\n")
    (home / "sieve").mkdir(exist_ok=True)
    (home / "sieve" / "dovecot.sieve").write_bytes(b"keep;\n")
    return home
