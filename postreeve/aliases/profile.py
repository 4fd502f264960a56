"""What the profile of a mail alias says, as one would send it: of either back end."""

from postreeve import profiles
from postreeve.aliases.fields import ALIAS
from postreeve.profiles import Texts
from postreeve.work import Profile


def texts(profile: Profile) -> Texts:
    """Return what an alias's profile says about its fields."""
    return profiles.texts(ALIAS, profile, {})
