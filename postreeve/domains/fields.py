"""The parameters of a domain."""

from postreeve.fields import (
    ADDRESS,
    DOMAIN,
    LANGUAGE,
    LENGTH,
    LIMIT,
    MEGABYTES,
    NEXT_HOP,
    OPTIONAL_ADDRESS,
    RELAY,
    SERVICE,
    STATUS,
    TEXT,
    TRANSPORT,
    YES_NO,
    Field,
    FieldSet,
    Role,
    SetField,
    one_of,
)
from postreeve.shapes import AccountSetting, Attribute, Column, Row, Rows, Setting, SettingList, Several

DOMAIN_SECTIONS = (
    "bcc", "relay", "catchall", "aliases", "throttle", "greylisting", "wblist", "spampolicy", "backupmx",
    "password_policies", "advanced",
)  # fmt: skip
USER_SECTIONS = ("bcc", "forwarding", "relay", "aliases", "throttle", "greylisting", "wblist", "spampolicy")
USER_PREFERENCES = ("personal_info", "forwarding", "wblist", "quarantine", "rcvd_mails", "spampolicy")

NAME = Field(
    "name",
    TEXT,
    "Short description of the domain, such as a company's name.",
    sql=Column("description"),
    ldap=Attribute("cn"),
    also=("cn",),
)
ACCOUNT_STATUS = Field(
    "accountStatus", STATUS, "Switch the domain on or off: `active` or `disabled`.",
    section="advanced", only_global=True, sql=Column("active"),
    ldap=Attribute("accountStatus", yes="active", no="disabled"),
)  # fmt: skip
QUOTA = Field(
    "quota", MEGABYTES, "Mailbox quota of all users together, in MB; 0 is unlimited.",
    section="advanced", only_global=True, sql=Column("maxquota"), ldap=AccountSetting("domainQuota"),
)  # fmt: skip
DEFAULT_LANGUAGE = Field(
    "language", LANGUAGE, "Preferred language of new users.",
    section="advanced", sql=Setting("default_language"), ldap=Attribute("preferredLanguage"),
    also=("preferredLanguage",),
)  # fmt: skip
TRANSPORT_PROGRAM = Field(
    "transport", TRANSPORT, "Postfix transport of the domain.",
    section="advanced", only_global=True, sql=Column("transport"), ldap=Attribute("mtaTransport"),
)  # fmt: skip
MIN_PASSWORD_LENGTH = Field(
    "minPasswordLength", LENGTH, "Shortest password of the domain's users; 0 is the server's own rule.",
    section="password_policies", sql=Setting("min_passwd_length"), ldap=AccountSetting("minPasswordLength"),
)  # fmt: skip
MAX_PASSWORD_LENGTH = Field(
    "maxPasswordLength", LENGTH, "Longest password of the domain's users; 0 is the server's own rule.",
    section="password_policies", sql=Setting("max_passwd_length"), ldap=AccountSetting("maxPasswordLength"),
)  # fmt: skip
DEFAULT_QUOTA = Field(
    "defaultQuota", MEGABYTES, "Mailbox quota of a new user when none is given, in MB.",
    section="advanced", only_global=True, sql=Setting("default_user_quota"), ldap=AccountSetting("defaultQuota"),
)  # fmt: skip
MAX_USER_QUOTA = Field(
    "maxUserQuota", MEGABYTES, "Largest mailbox quota of one user, in MB; 0 is unlimited.",
    section="advanced", only_global=True, sql=Setting("max_user_quota"), ldap=AccountSetting("maxUserQuota"),
)  # fmt: skip
NUMBER_OF_USERS = Field(
    "numberOfUsers", LIMIT, "Most users; 0 is unlimited, -1 allows none.",
    section="advanced", only_global=True, sql=Column("mailboxes"), ldap=AccountSetting("numberOfUsers"),
)  # fmt: skip
NUMBER_OF_ALIASES = Field(
    "numberOfAliases", LIMIT, "Most mail aliases; 0 is unlimited, -1 allows none.",
    section="advanced", only_global=True, sql=Column("aliases"), ldap=AccountSetting("numberOfAliases"),
)  # fmt: skip
NUMBER_OF_LISTS = Field(
    "numberOfLists", LIMIT, "Most mailing lists; 0 is unlimited, -1 allows none.",
    section="advanced", only_global=True, sql=Column("maillists"), ldap=AccountSetting("numberOfLists"),
)  # fmt: skip
SENDER_BCC = Field(
    "senderBcc", OPTIONAL_ADDRESS, "Address that gets a copy of all mail from the domain's users; empty for none.",
    section="bcc", sql=Row("sender_bcc_domain", "domain", "bcc_address"), ldap=Attribute("domainSenderBccAddress"),
    extra="senderBcc",
)  # fmt: skip
RECIPIENT_BCC = Field(
    "recipientBcc", OPTIONAL_ADDRESS, "Address that gets a copy of all mail to the domain's users; empty for none.",
    section="bcc", sql=Row("recipient_bcc_domain", "domain", "bcc_address"),
    ldap=Attribute("domainRecipientBccAddress"), extra="recipientBcc",
)  # fmt: skip
IS_BACKUP_MX = Field(
    "is_backupmx", YES_NO, "Whether this server is only a backup MX; without `primarymx` DNS tells the primary.",
    section="backupmx", only_global=True, sql=Several(("backupmx",)), ldap=Several(("domainBackupMX",)),
    also=("backupmx",),
)  # fmt: skip
PRIMARY_MX = Field(
    "primarymx", NEXT_HOP, "Host or IP address of the primary MX, with a port if need be; needs `is_backupmx`.",
    section="backupmx", only_global=True, sql=Several(()), ldap=Several(()),
)  # fmt: skip
CATCHALL = SetField(
    "catchall", ADDRESS, "Addresses that get the mail to addresses of the domain that do not exist.",
    {"catchall": Role.RESET}, section="catchall", sql=Rows("forwardings", "address", "forwarding"), ldap=Several(()),
    extra="catchall",
)  # fmt: skip
OUTBOUND_RELAY = Field(
    "outboundRelay", RELAY, "Host through which mail of the domain's senders leaves, as [host]:port; empty for none.",
    section="relay", sql=Several(()), ldap=Attribute("senderRelayHost"), extra="outboundRelay",
)  # fmt: skip
ALIAS_DOMAINS = SetField(
    "aliasDomains", DOMAIN, "Alias domains: further names of the domain.",
    {"aliasDomains": Role.RESET, "addAliasDomain": Role.ADD, "removeAliasDomain": Role.REMOVE},
    section="aliases", is_own=True, sql=Several(()), ldap=Several(("domainAliasName", "domainPendingAliasName")),
    extra="alias_domains",
)  # fmt: skip
SERVICES = SetField(
    "services", SERVICE, "Services of the domain; on SQL back ends only `self-service`.",
    {
        "services": Role.RESET, "addService": Role.ADD, "removeService": Role.REMOVE,
        "enableService": Role.ADD, "disableService": Role.REMOVE, "removeAllServices": Role.CLEAR,
    },
    section="advanced", only_global=True, sql=SettingList("enabled_services"), ldap=Attribute("enabledService"),
)  # fmt: skip
DISABLED_DOMAIN_PROFILES = SetField(
    "disabledDomainProfiles", one_of(DOMAIN_SECTIONS),
    "Sections of the domain's profile that domain admins neither see nor change.",
    {"disableDomainProfile": Role.ADD, "enableDomainProfile": Role.REMOVE},
    section="advanced", only_global=True, sql=SettingList("disabled_domain_profiles"),
    ldap=AccountSetting("disabledDomainProfile"),
)  # fmt: skip
DISABLED_USER_PROFILES = SetField(
    "disabledUserProfiles", one_of(USER_SECTIONS),
    "Sections of the users' profiles that domain admins neither see nor change.",
    {"disableUserProfile": Role.ADD, "enableUserProfile": Role.REMOVE},
    section="advanced", only_global=True, sql=SettingList("disabled_user_profiles"),
    ldap=AccountSetting("disabledUserProfile"),
)  # fmt: skip
DISABLED_USER_PREFERENCES = SetField(
    "disabledUserPreferences", one_of(USER_PREFERENCES),
    "Preferences that users neither see nor change in their self-service.",
    {"disableUserPreference": Role.ADD, "enableUserPreference": Role.REMOVE},
    section="advanced", only_global=True, sql=SettingList("disabled_user_preferences"),
    ldap=AccountSetting("disabledUserPreference"),
)  # fmt: skip

DOMAIN_PROFILE = FieldSet(
    "domain",
    NAME, ACCOUNT_STATUS, QUOTA, DEFAULT_LANGUAGE, TRANSPORT_PROGRAM, MIN_PASSWORD_LENGTH, MAX_PASSWORD_LENGTH,
    DEFAULT_QUOTA, MAX_USER_QUOTA, NUMBER_OF_USERS, NUMBER_OF_ALIASES, NUMBER_OF_LISTS, SENDER_BCC, RECIPIENT_BCC,
    IS_BACKUP_MX, PRIMARY_MX, CATCHALL, OUTBOUND_RELAY, ALIAS_DOMAINS, SERVICES, DISABLED_DOMAIN_PROFILES,
    DISABLED_USER_PROFILES, DISABLED_USER_PREFERENCES,
    conflicts=((TRANSPORT_PROGRAM, IS_BACKUP_MX), (TRANSPORT_PROGRAM, PRIMARY_MX)),
    together=((PRIMARY_MX, IS_BACKUP_MX),),
)  # fmt: skip

ADMINS = SetField(
    "admins", ADDRESS, "Admins of the domain: standalone admins, or users of hosted domains.",
    {"addAdmin": Role.ADD, "removeAdmin": Role.REMOVE, "removeAllAdmins": Role.CLEAR}, sql=Several(()),
    ldap=Several(("domainAdmin",)), extra="admins",
)  # fmt: skip
DOMAIN_ADMINS = FieldSet("domain", ADMINS)
