"""Who may read and write what in the directory, and which attributes have an index.

iRedMail's own rules let users write everything of their own entries that no rule names, rights among it. These let them
write what describes them, and their password; the rest is for panels, which log in as `cn=vmailadmin`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from postreeve.storage.directory.names import Tree

DESCRIPTION = "cn,sn,givenName,telephoneNumber"
"""What users may say of themselves, and others of their domain read."""
_PRIVATE = (
    "domainAdmin,domainGlobalAdmin,accountSetting,disabledService,allowNets,mailForwardingAddress,"
    "domainSenderBccAddress,domainRecipientBccAddress,userSenderBccAddress,userRecipientBccAddress,recoveryEmail,"
    "birthday,employeeNumber"
)
"""What nobody else reads: rights, where mail goes, personal details."""

_EQUAL = (
    "objectClass,entryCSN,entryUUID,uid,member,uniqueMember,memberUid,mailingListID,listOwner,listModerator,"
    "listAllowedUser,accountStatus,enabledService,domainBackupMX,domainGlobalAdmin"
)
_ENDING = (
    "cn,sn,givenName,mail,shadowAddress,mailForwardingAddress,memberOfGroup,domainName,domainAliasName,domainAdmin,"
    "userSenderBccAddress,userRecipientBccAddress,domainSenderBccAddress,domainRecipientBccAddress"
)
INDEXES = (("eq", _EQUAL), ("eq,sub", _ENDING))
"""What look-ups of mail programs, panels and sweeps over a domain's addresses ask for."""


@dataclass(frozen=True)
class Access:
    """One rule: to what, and who has which right, the first that matches."""

    what: str
    who: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join([f"to {self.what}", *(f"by {each}" for each in self.who)])


def rules(tree: Tree) -> Iterator[Access]:
    """Yield the rules of a directory, the first that matches counts."""
    services = (f"dn.exact={_quoted(tree.writer)} write", f"dn.exact={_quoted(tree.reader)} read")
    in_a_domain = f'dn.regex="^(.+,)?domainName=([^,]+),{_pattern(tree.domains)}$"'
    neighbours = f'dn.onelevel,expand="ou=Users,domainName=$2,{_text(tree.domains)}" read'
    nobody = "* none"
    yield Access("attrs=userPassword", (*services, "self =xw", "anonymous auth", nobody))
    yield Access("attrs=shadowLastChange", (*services, "self write", nobody))
    yield Access(f"attrs={_PRIVATE}", (*services, "self read", nobody))
    yield Access(f"{in_a_domain} attrs={DESCRIPTION}", (*services, "self write", neighbours, nobody))
    yield Access(in_a_domain, (*services, neighbours, nobody))
    yield Access(f"dn.subtree={_quoted(tree.domains)}", (*services, nobody))
    yield Access(f"dn.subtree={_quoted(tree.admins)}", (*services, "self read", nobody))
    yield Access("*", (f"dn.exact={_quoted(tree.writer)} read", f"dn.exact={_quoted(tree.reader)} read", nobody))


def limits(tree: Tree) -> Iterator[str]:
    """Yield what lets the services read long listings."""
    for account in (tree.writer, tree.reader):
        yield f"dn.exact={_quoted(account)} size=unlimited time=unlimited"


def _text(dn: str) -> str:
    return dn.replace("\\", "\\\\").replace('"', '\\"')


def _quoted(dn: str) -> str:
    return f'"{_text(dn)}"'


def _pattern(dn: str) -> str:
    """Return a name as a regular expression within quotes."""
    return _text(re.sub(r"([.*+?()\[\]{}|^$\\])", r"\\\1", dn))
