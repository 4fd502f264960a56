"""What the profile of an unsubscribable list says, as one would send it."""

from postreeve import profiles
from postreeve.profiles import Texts
from postreeve.unsubscribable_lists.fields import MAILLIST
from postreeve.work import Profile


def texts(profile: Profile) -> Texts:
    """Return what a list's profile says about its fields."""
    return profiles.texts(MAILLIST, profile, {})
