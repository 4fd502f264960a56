"""When accounts were changed, from a directory's own time stamps."""

from postreeve.storage.directory import accounts
from postreeve.storage.directory.session import Session

_CHANGED = "modifyTimestamp"


class LdapChangedAt:
    """When accounts were changed, as the operational attribute `modifyTimestamp` says."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def changed_at(self, name: str) -> list[str]:
        tree = self.session.tree
        places = [tree.user, tree.alias, tree.list, tree.admin] if "@" in name else [tree.domain]
        found = (self.session.find(place(name), [_CHANGED]) for place in places)
        return [accounts.moment(entry.text(_CHANGED)) for entry in found if entry]
