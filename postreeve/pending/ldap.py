"""What tells accounts in a directory apart from later ones of the same name."""

from postreeve.storage.directory.entries import Entry
from postreeve.storage.directory.session import Session

_IDENTITY = "entryUUID"


class LdapWitnesses:
    """The kind of an account, and the identity that the directory gives each entry for good."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def look(self, name: str, *, is_locked: bool = False) -> str:
        if is_locked:
            self.session.await_others(name)
        return " ".join(f"{kind} {entry.text(_IDENTITY)}" for kind, entry in self._found(name).items())

    def is_list(self, name: str) -> bool:
        return "list" in self._found(name)

    def _found(self, name: str) -> dict[str, Entry]:
        tree = self.session.tree
        places = {"user": tree.user, "alias": tree.alias, "list": tree.list} if "@" in name else {"domain": tree.domain}
        found = {kind: self.session.find(place(name), [_IDENTITY]) for kind, place in places.items()}
        return {kind: entry for kind, entry in found.items() if entry}
