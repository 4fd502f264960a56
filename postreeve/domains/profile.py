"""What the profile of a domain says, as one would send it: of either back end."""

from postreeve import profiles
from postreeve.domains.fields import ADMINS, DOMAIN_PROFILE, IS_BACKUP_MX, PRIMARY_MX, QUOTA
from postreeve.profiles import Texts, first, is_entry
from postreeve.work import Profile

_RELAY = "relay:"
_UNITS = {"MB": 1, "GB": 2**10, "TB": 2**20}


def texts(profile: Profile) -> Texts:
    """Return what a domain's profile says about its fields, and who administers the domain."""
    return profiles.texts([*DOMAIN_PROFILE, ADMINS], profile, _READERS)


def _is_backup_mx(profile: Profile) -> bool | None:
    if is_entry(profile):
        return first(profile, "domainBackupMX") == "yes"
    return bool(profile["backupmx"]) if "backupmx" in profile else None


def _primary_mx(profile: Profile) -> str | None:
    """Return the host to which a backup MX relays; without one of its own it is the domain, as DNS says."""
    if not _is_backup_mx(profile):
        return ""
    transport = first(profile, "mtaTransport") if is_entry(profile) else str(profile.get("transport", ""))
    name = first(profile, "domainName") if is_entry(profile) else profile["domain"]
    host = transport.removeprefix(_RELAY) if transport.startswith(_RELAY) else ""
    return "" if host == name else host


def _quota(profile: Profile) -> int | None:
    """Return megabytes; an entry says the unit, too."""
    if not is_entry(profile):
        return profile.get("maxquota")
    number, _, unit = str(profile["accountSetting"].get("domainQuota", "")).partition(":")
    return int(number) * _UNITS.get(unit.strip().upper(), 1) if number.strip().isdecimal() else 0


_READERS = {IS_BACKUP_MX.name: _is_backup_mx, PRIMARY_MX.name: _primary_mx, QUOTA.name: _quota}
