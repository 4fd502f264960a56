"""What the profile of a standalone admin says, as one would send it: of either back end."""

from postreeve import profiles
from postreeve.admins.fields import (
    ADMIN,
    DISABLE_MANAGING_QUARANTINED_MAILS,
    DISABLE_VIEWING_MAIL_LOG,
    IS_GLOBAL_ADMIN,
    MAX_DOMAINS,
    MAX_QUOTA,
    QUOTA_UNIT,
)
from postreeve.profiles import Texts, first, is_entry
from postreeve.work import Profile


def texts(profile: Profile) -> Texts:
    """Return what an admin's profile says about its fields; the quota is in megabytes."""
    return profiles.texts(ADMIN, profile, _READERS)


def _settings(profile: Profile) -> Profile:
    found: Profile = profile["accountSetting" if is_entry(profile) else "settings"]
    return found


def _is_global(profile: Profile) -> bool:
    return first(profile, "domainGlobalAdmin") == "yes" if is_entry(profile) else bool(profile["isglobaladmin"])


def _most_domains(profile: Profile) -> int:
    settings = _settings(profile)
    return int(settings.get("create_max_domains") or 0) if settings.get("create_new_domains") == "yes" else -1


def _most_quota(profile: Profile) -> int:
    return int(_settings(profile).get("create_max_quota") or 0)


def _unit(_profile: Profile) -> str:
    return "MB"


def _is_withheld(profile: Profile, word: str, key: str) -> bool:
    if is_entry(profile):
        return word in {service.lower() for service in profile.get("disabledService", ())}
    return bool(_settings(profile).get(key) == "yes")


_READERS = {
    IS_GLOBAL_ADMIN.name: _is_global, MAX_DOMAINS.name: _most_domains, MAX_QUOTA.name: _most_quota,
    QUOTA_UNIT.name: _unit,
    DISABLE_VIEWING_MAIL_LOG.name: lambda profile: _is_withheld(profile, "view_mail_log", "disable_viewing_mail_log"),
    DISABLE_MANAGING_QUARANTINED_MAILS.name: lambda profile: _is_withheld(
        profile, "manage_quarantined_mails", "disable_managing_quarantined_mails"
    ),
}  # fmt: skip
