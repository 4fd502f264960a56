"""Where the mailboxes of the users of a directory are."""

from functools import cached_property

from postreeve.deleted_mailboxes.store import NOBODY, KeptError
from postreeve.storage.directory import filters
from postreeve.storage.directory.mailboxes import HOME, home_of
from postreeve.storage.directory.session import Session
from postreeve.storage.mailboxes import normal, overlapping


class LdapHomes:
    """As the entries of users say; the directory has no index on that, so all of them are read, once in a work."""

    def __init__(self, session: Session) -> None:
        self.session = session

    @cached_property
    def _homes(self) -> dict[str, str]:
        entries = self.session.search(
            self.session.tree.domains, filters.is_("mailUser"), ["mail", *HOME], scope="sub"
        )  # fmt: skip
        return {normal(home): entry.text("mail") for entry in entries if (home := home_of(entry))}

    def living_at(self, path: str) -> str:
        if not self._homes:
            raise KeptError(NOBODY)
        return overlapping(self._homes, path)
