"""When accounts were changed, from a directory's own time stamps."""

from datetime import UTC, datetime

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
        return [_text(entry.text(_CHANGED)) for entry in found if entry]


def _text(stamp: str) -> str:
    """Return a generalized time, such as `20260104120000Z`, as all texts of time here are written."""
    return datetime.strptime(stamp[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC).strftime("%Y-%m-%d %H:%M:%S")
