"""What is done with the activity log besides writing it."""

from datetime import UTC, datetime, timedelta

from postreeve.work import Work

GRACE_SECONDS = 60
"""A work that takes longer than this between its intent and its commit has died."""


def settle(work: Work) -> int:
    """Confirm, doubt or withdraw the lines that a crash left open, and return how many there were."""
    before = datetime.now(UTC) - timedelta(seconds=GRACE_SECONDS)
    intents = work.activity.unsettled(f"{before:%Y-%m-%d %H:%M:%S}")
    for intent in intents:
        match work.activity.has_happened(intent):
            case True:
                work.activity.confirm(intent.number)
            case False:
                work.activity.withdraw(intent.number)
            case None:
                work.activity.doubt(intent)
    return len(intents)
