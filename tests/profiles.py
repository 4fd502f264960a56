"""What profiles say, under the names of SQL's columns, wherever accounts are: for tests that run on every engine."""

from typing import Any

from tests.site import Site

MEGABYTE = 2**20
_ATTRIBUTES = {
    "name": "cn", "description": "cn", "username": "mail", "address": "mail", "domain": "domainName",
    "transport": "mtaTransport", "language": "preferredLanguage", "employeeid": "employeeNumber",
    "first_name": "givenName", "last_name": "sn", "mailboxformat": "mailboxFormat", "mailboxfolder": "mailboxFolder",
}  # fmt: skip
_COPIES = {"senderBcc": "userSenderBccAddress", "recipientBcc": "userRecipientBccAddress"}
_SETTINGS = {
    "default_user_quota": "defaultQuota", "max_user_quota": "maxUserQuota", "min_passwd_length": "minPasswordLength",
    "max_passwd_length": "maxPasswordLength", "disabled_domain_profiles": "disabledDomainProfile",
    "disabled_user_profiles": "disabledUserProfile", "disabled_user_preferences": "disabledUserPreference",
}  # fmt: skip
_CLASSES = {
    "mailbox": "mailUser", "alias": "mailAlias", "domain": "mailDomain", "admin": "mailAdmin", "maillists": "mailList",
}  # fmt: skip
_KEYS = {"mailbox": "username", "admin": "username", "domain": "domain"}


def said(profile: dict[str, Any], column: str) -> Any:
    """Return what a profile says under the name of a column of SQL; a text is empty where an entry has none."""
    if column in profile and not (column == "mail" and "objectClass" in profile):
        return profile[column]
    first = {attribute: str(values[0]) for attribute, values in profile.items() if isinstance(values, list) and values}
    found: dict[str, Any] = {
        "quota": int(first.get("mailQuota", 0)) // MEGABYTE,
        "maxquota": int(profile["accountSetting"].get("domainQuota", "0").partition(":")[0]),
        "active": int(first.get("accountStatus") == "active"),
        "isglobaladmin": int(first.get("domainGlobalAdmin") == "yes"),
        "backupmx": int(first.get("domainBackupMX") == "yes"),
        **{name: first.get(attribute, "") for name, attribute in _COPIES.items()},
    }
    return found[column] if column in found else first.get(_ATTRIBUTES.get(column, column), "")


def settings_of(profile: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a profile under SQL's keys."""
    if "settings" in profile:
        return dict(profile["settings"])
    known = {key: column for column, key in _SETTINGS.items()}
    return {known.get(key, key): value for key, value in profile["accountSetting"].items()}


def accounts(site: Site, kind: str) -> list[str]:
    """Return all accounts of a kind, by the name of its table: `mailbox`, `alias`, `domain`, `admin`, `maillists`."""
    if not site.directory:
        return sorted(row[_KEYS.get(kind, "address")] for row in site.rows(kind))
    name = "domainName" if kind == "domain" else "mail"
    found = (entry[name][0] for entry in site.entries().values() if _CLASSES[kind] in entry["objectClass"])
    return sorted(account for account in found if not account.startswith("@"))
