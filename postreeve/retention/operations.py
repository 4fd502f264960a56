"""What is done about things whose time is over."""

from collections.abc import Mapping

from postreeve.activity.store import Line
from postreeve.retention.store import Kept
from postreeve.work import Work

EVENT = "cleanup_db"


def note(work: Work, removed: Mapping[Kept, int]) -> None:
    """Say in the log what was removed, if anything was."""
    words = ", ".join(f"{number} {kept.value}" for kept, number in removed.items() if number)
    if words:
        work.activity.note(Line(event=EVENT, admin="", ip=work.client, msg=f"{work.via} Clean up: {words}.".lstrip()))
