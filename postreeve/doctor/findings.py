"""What can be wrong: each ailment with its sentence, and what mends it where that is safe."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from postreeve.errors import Refused
from postreeve.values import Scope


class Ailment(StrEnum):
    """A kind of thing that is wrong."""

    SETTINGS_FILE = "settings-file"
    STORE = "store"
    SCHEMA = "schema"
    OWN_FORWARDING = "own-forwarding"
    FORWARDING_STATUS = "forwarding-status"
    ADMIN_WITHOUT_DOMAINS = "admin-without-domains"
    RIGHTS_OF_NOBODY = "rights-of-nobody"
    COLLISION = "collision"
    PASSWORD = "password"  # noqa: S105 - no password
    NAME_OF_BCRYPT = "name-of-bcrypt"
    STRAY = "stray"
    UNREACHABLE = "unreachable"
    LEFT_BEHIND = "left-behind"
    OUT_OF_STEP = "out-of-step"
    POLICY_OF_NOBODY = "policy-of-nobody"
    LIST_WITHOUT_FILES = "list-without-files"
    FILES_WITHOUT_LIST = "files-without-list"
    PENDING = "pending"


REMEDIES: Mapping[Ailment, str] = {
    Ailment.SETTINGS_FILE: "only its owner and group may read it",
    Ailment.OWN_FORWARDING: "it gets the row",
    Ailment.FORWARDING_STATUS: "the row follows the account",
    Ailment.RIGHTS_OF_NOBODY: "the rights are withdrawn",
    Ailment.NAME_OF_BCRYPT: "the hash gets the name {CRYPT}, under which Dovecot reads it",
    Ailment.LEFT_BEHIND: "the rows are deleted",
    Ailment.OUT_OF_STEP: "the accounts are made to follow",
    Ailment.POLICY_OF_NOBODY: "the policies are forgotten",
    Ailment.PENDING: "it is tried again",
}
"""What is safe: it takes nothing away that anybody has, and may be repeated. The rest is for people to decide."""
MENDABLE = tuple(ailment for ailment in REMEDIES if ailment not in {Ailment.PENDING, Ailment.SETTINGS_FILE})
"""What is mended account by account; what is pending has a job."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or worth knowing."""

    ailment: Ailment
    name: str
    """The account, domain or store."""
    sentence: str
    is_note: bool = False
    """Nothing is wrong: this is how an older release has it, or how somebody may want it."""
    is_for_people: bool = False
    """Others of its kind have a remedy; here it would not be safe."""

    @property
    def remedy(self) -> str:
        """What `--fix` does; nothing where people have to decide, or where the name is none that a request takes."""
        if self.is_note or self.is_for_people or (self.ailment in MENDABLE and not _is_canonical(self.name)):
            return ""
        return REMEDIES.get(self.ailment, "")


def _is_canonical(name: str) -> bool:
    try:
        return Scope.parse(name).name == name
    except Refused:
        return False
