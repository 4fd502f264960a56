"""The parameters of a standalone admin."""

from postreeve.fields import (
    LANGUAGE,
    LIMIT,
    MEGABYTES,
    PASSWORD,
    STATUS,
    TEXT,
    TIME_ZONE,
    YES_NO,
    Field,
    FieldSet,
    one_of,
)
from postreeve.shapes import AccountSetting, Attribute, Column, Setting, Several

NAME = Field(
    "name", TEXT, "Display name.", sql=Column("name"), ldap=Attribute("cn"), also=("cn",), title="Display name"
)
NEW_PASSWORD = Field(
    "password", PASSWORD, "Password, in plain text.", sql=Several(()), ldap=Several(()), title="New password"
)
ACCOUNT_STATUS = Field(
    "accountStatus", STATUS, "Switch the account on or off: `active` or `disabled`.",
    sql=Column("active"), ldap=Attribute("accountStatus", yes="active", no="disabled"),
    title="Status",
)  # fmt: skip
ADMIN_LANGUAGE = Field(
    "language",
    LANGUAGE,
    "Preferred language of the panel.",
    sql=Column("language"),
    ldap=Attribute("preferredLanguage"),
    also=("preferredLanguage",),
)
ADMIN_TIME_ZONE = Field(
    "timezone", TIME_ZONE, "Time zone in which the panel tells times, such as `Europe/Berlin`; empty for UTC.",
    sql=Setting("timezone"), ldap=AccountSetting("timezone"),
)  # fmt: skip
IS_GLOBAL_ADMIN = Field(
    "isGlobalAdmin", YES_NO, "Whether this admin administers everything; then the limits below do not count.",
    sql=Several(()), ldap=Attribute("domainGlobalAdmin"), also=("domainGlobalAdmin",),
    title="Global admin",
)  # fmt: skip
MAX_DOMAINS = Field(
    "maxDomains", LIMIT, "How many domains this admin may create; 0 is unlimited, -1 none.",
    sql=Several(()), ldap=Several(()),
    title="Domains at most",
)  # fmt: skip
MAX_QUOTA = Field(
    "maxQuota", MEGABYTES, "How much mailbox quota this admin may give out in all managed domains, in `quotaUnit`.",
    sql=Several(()), ldap=Several(()),
    title="Mailbox quota at most",
)  # fmt: skip
QUOTA_UNIT = Field(
    "quotaUnit", one_of(["TB", "GB", "MB"], meaning={"TB": 2**20, "GB": 2**10, "MB": 1}), "Unit of `maxQuota`.",
    sql=Several(()), ldap=Several(()),
    title="Unit of the quota",
)  # fmt: skip
MAX_USERS = Field(
    "maxUsers", LIMIT, "How many users this admin may have in all managed domains; 0 is unlimited, -1 none.",
    sql=Setting("create_max_users"), ldap=AccountSetting("create_max_users"),
    title="Users at most",
)  # fmt: skip
MAX_ALIASES = Field(
    "maxAliases", LIMIT, "How many mail aliases this admin may have in all managed domains; 0 is unlimited, -1 none.",
    sql=Setting("create_max_aliases"), ldap=AccountSetting("create_max_aliases"),
    title="Mail aliases at most",
)  # fmt: skip
MAX_LISTS = Field(
    "maxLists", LIMIT, "How many mailing lists this admin may have in all managed domains; 0 is unlimited, -1 none.",
    sql=Setting("create_max_lists"), ldap=AccountSetting("create_max_lists"),
    title="Mailing lists at most",
)  # fmt: skip
DISABLE_VIEWING_MAIL_LOG = Field(
    "disableViewingMailLog", YES_NO, "Keep the log of received and sent mail from this admin.",
    sql=Setting("disable_viewing_mail_log"), ldap=Several(()),
    title="Keep the mail log away",
)  # fmt: skip
DISABLE_MANAGING_QUARANTINED_MAILS = Field(
    "disableManagingQuarantinedMails", YES_NO, "Keep the quarantine from this admin.",
    sql=Setting("disable_managing_quarantined_mails"), ldap=Several(()),
    title="Keep the quarantine away",
)  # fmt: skip

LIMITS = (
    MAX_DOMAINS, MAX_QUOTA, QUOTA_UNIT, MAX_USERS, MAX_ALIASES, MAX_LISTS, DISABLE_VIEWING_MAIL_LOG,
    DISABLE_MANAGING_QUARANTINED_MAILS,
)  # fmt: skip
"""What does not count for a global admin."""

ADMIN = FieldSet(
    "admin", NAME, NEW_PASSWORD, ACCOUNT_STATUS, ADMIN_LANGUAGE, ADMIN_TIME_ZONE, IS_GLOBAL_ADMIN, *LIMITS,
    together=((MAX_QUOTA, QUOTA_UNIT), (QUOTA_UNIT, MAX_QUOTA)),
)  # fmt: skip
