"""What the profile of a user says, as one would send it: of either back end."""

from postreeve import profiles
from postreeve.profiles import Texts, first, is_entry
from postreeve.settings import SERVICES as SERVICES_OF_MAIL
from postreeve.users.fields import IS_GLOBAL_ADMIN, MAILDIR, QUOTA, SERVICES, USER
from postreeve.work import Profile

_COLUMN = "enable"
_ON = frozenset({1, "1", "y"})
_HOME = ("storagebasedirectory", "storagenode", "maildir")
_OCTETS = 2**20


def texts(profile: Profile) -> Texts:
    """Return what a user's profile says about its fields."""
    return profiles.texts(USER, profile, _READERS)


def known_services(profile: Profile) -> list[str]:
    """Return the services that the back end has a place for."""
    if is_entry(profile):
        return list(SERVICES_OF_MAIL)
    return [word for word in SERVICES_OF_MAIL if f"{_COLUMN}{word}" in profile]


def _quota(profile: Profile) -> int:
    if not is_entry(profile):
        return int(profile["quota"])
    octets = int(first(profile, "mailQuota") or 0)
    return -(-max(octets, 0) // _OCTETS)


def _is_global(profile: Profile) -> bool:
    return first(profile, "domainGlobalAdmin") == "yes" if is_entry(profile) else bool(profile["isglobaladmin"])


def _services(profile: Profile) -> list[str]:
    if is_entry(profile):
        return [service.lower() for service in profile.get("enabledService", ())]
    return [key.removeprefix(_COLUMN) for key, value in profile.items() if key.startswith(_COLUMN) and value in _ON]


def _home(profile: Profile) -> str:
    if is_entry(profile):
        return first(profile, "homeDirectory")
    return "/".join(str(profile[column]).rstrip("/") for column in _HOME)


_READERS = {QUOTA.name: _quota, IS_GLOBAL_ADMIN.name: _is_global, SERVICES.name: _services, MAILDIR.name: _home}
