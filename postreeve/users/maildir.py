"""Where a mailbox lies on disk: three parts that Dovecot joins and lower-cases."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from postreeve.errors import Code, refuse
from postreeve.settings import Settings
from postreeve.values import Address


@dataclass(frozen=True)
class Home:
    """A user's home directory, in the three parts of its columns."""

    base: str
    node: str
    maildir: str
    """Ends with a slash, as iRedMail's panels write it."""

    @classmethod
    def of_new_user(cls, mail: Address, settings: Settings, created: datetime) -> Self:
        """Return where a new user's mailbox goes; an existing one's path is never computed again."""
        base, _, node = settings.storage_base_directory.rstrip("/").rpartition("/")
        stamp = f"-{created:%Y.%m.%d.%H.%M.%S}" if settings.maildir_append_timestamp else ""
        hashed = _three_levels(mail.local_part) if settings.maildir_hashed else ""
        return cls(
            base.lower(),
            node.lower(),
            f"{_domain_part(mail.domain, settings)}{hashed}{mail.local_part}{stamp}/",
        )

    @classmethod
    def at(cls, path: str, settings: Settings) -> Self:
        """Return the parts of an absolute path; `INVALID_VALUE` unless it lies below the storage root."""
        base = settings.storage_base_directory.rstrip("/").rpartition("/")[0].lower()
        node, _, rest = path.removeprefix(f"{base}/").partition("/")
        if not path.startswith(f"{base}/") or not rest:
            refuse(Code.INVALID_VALUE, hint=f"maildir: a path below {base}/<storage node>/.")
        return cls(base, node, f"{rest}/")

    @property
    def path(self) -> str:
        """The joined path, as Dovecot computes it, with a slash at its end."""
        return f"{self.base}/{self.node}/{self.maildir}".lower()

    def columns(self) -> dict[str, str]:
        """Return the path as columns of `mailbox`."""
        return {"storagebasedirectory": self.base, "storagenode": self.node, "maildir": self.maildir}


def _three_levels(local_part: str) -> str:
    letters = re.sub(r"[.~]", "_", local_part)[:3].ljust(3, "_")
    return "".join(f"{letter}/" for letter in letters)


def _domain_part(domain: str, settings: Settings) -> str:
    if not settings.maildir_prepend_domain:
        return ""
    if not settings.maildir_domain_hashed:
        return f"{domain}/"
    label = domain.partition(".")[0].ljust(2, "_")
    second = label[1] if re.match(r"[a-z0-9]", label[1]) else "_"
    return f"{label[0]}/{second}/{domain}/"
