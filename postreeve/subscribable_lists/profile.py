"""What the profile of a subscribable list says, as one would send it: of either back end."""

from postreeve import profiles
from postreeve.profiles import Texts, is_entry
from postreeve.subscribable_lists.fields import IS_NEWSLETTER, LIST
from postreeve.work import Profile

_NEWSLETTER = "newsletter"


def texts(profile: Profile) -> Texts:
    """Return what a list's profile says about its fields; its subscribers are not among them."""
    return profiles.texts(LIST, profile, {IS_NEWSLETTER.name: _is_newsletter})


def _is_newsletter(profile: Profile) -> object:
    if is_entry(profile):
        return _NEWSLETTER in {service.lower() for service in profile.get("enabledService", ())}
    return profile.get(IS_NEWSLETTER.name)
