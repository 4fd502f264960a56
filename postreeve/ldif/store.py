"""What a directory promises about LDIF; other back ends have none."""

from collections.abc import Iterator
from typing import Protocol

from postreeve.ldif.records import Record


class Ldif(Protocol):
    """Accounts as records, all attributes included; an entry comes before those below it.

    Where there is no such account there are no records.
    """

    def domain(self, name: str, *, with_accounts: bool = False) -> Iterator[Record]:
        """Yield a domain and its containers, and everything in these if that is wanted."""

    def catch_all(self, domain: str) -> Iterator[Record]:
        """Yield a domain's catch-all account."""

    def admin(self, mail: str) -> Iterator[Record]:
        """Yield a standalone admin."""

    def user(self, mail: str) -> Iterator[Record]:
        """Yield a user."""

    def maillist(self, mail: str) -> Iterator[Record]:
        """Yield a mailing list of either kind, and its members elsewhere."""

    def alias(self, mail: str) -> Iterator[Record]:
        """Yield a mail alias."""

    def everything(self) -> Iterator[Record]:
        """Yield all standalone admins, and all domains with everything in them."""
