"""The parameters of a mail user."""

from dataclasses import replace

from postreeve.fields import (
    ABSOLUTE_PATH,
    ADDRESS,
    HASH,
    LANGUAGE,
    MAILBOX_FOLDER,
    MAILBOX_FORMAT,
    MEGABYTES,
    OPTIONAL_ADDRESS,
    PASSWORD,
    SERVICE,
    STATUS,
    TEXT,
    TIME_ZONE,
    TRANSPORT,
    YES_NO,
    Field,
    FieldSet,
    Role,
    SetField,
)
from postreeve.shapes import AccountSetting, Attribute, Column, Row, Rows, Setting, Several

NAME = Field(
    "name", TEXT, "Display name.",
    preference="personal_info", sql=Column("name"), ldap=Attribute("cn"), also=("cn",),
    title="Display name",
)  # fmt: skip
GIVEN_NAME = Field(
    "gn", TEXT, "Given name.",
    preference="personal_info", sql=Column("first_name"), ldap=Attribute("givenName"), also=("givenName",),
    title="Given name",
)  # fmt: skip
SURNAME = Field(
    "sn", TEXT, "Surname.", preference="personal_info", sql=Column("last_name"), ldap=Attribute("sn"),
    title="Surname",
)  # fmt: skip
NEW_PASSWORD = Field(
    "password",
    PASSWORD,
    "Password, in plain text.",
    preference="password",
    sql=Several(()),
    ldap=Several(()),
    title="New password",
)
PASSWORD_HASH = Field(
    "password_hash", HASH, "Password as a hash with its scheme, such as `{SSHA512}…`; no policy is applied.",
    sql=Several(()), ldap=Several(()),
    title="Password hash",
)  # fmt: skip
QUOTA = Field(
    "quota", MEGABYTES, "Mailbox quota, in MB; 0 is unlimited.",
    sql=Column("quota"), ldap=Several(("mailQuota",)), also=("mailQuota",),
    title="Mailbox quota (MB)",
)  # fmt: skip
ACCOUNT_STATUS = Field(
    "accountStatus", STATUS, "Switch the user on or off: `active` or `disabled`.",
    sql=Column("active"), ldap=Attribute("accountStatus", yes="active", no="disabled"),
    title="Status",
)  # fmt: skip
USER_LANGUAGE = Field(
    "language", LANGUAGE, "Preferred language of the panel.",
    preference="personal_info",
    sql=Column("language"), ldap=Attribute("preferredLanguage"), also=("preferredLanguage",),
)  # fmt: skip
USER_TIME_ZONE = Field(
    "timezone", TIME_ZONE, "Time zone in which the panel tells times, such as `Europe/Berlin`; empty for UTC.",
    preference="personal_info", sql=Setting("timezone"), ldap=AccountSetting("timezone"),
)  # fmt: skip
EMPLOYEE_ID = Field(
    "employeeid",
    TEXT,
    "Employee number.",
    sql=Column("employeeid"),
    ldap=Attribute("employeeNumber"),
    title="Employee number",
)
USER_TRANSPORT = Field(
    "transport", TRANSPORT, "Postfix transport of the user; empty for the domain's.",
    section="relay", only_global=True, sql=Column("transport"), ldap=Attribute("mtaTransport"),
    title="Transport",
)  # fmt: skip
IS_GLOBAL_ADMIN = Field(
    "isGlobalAdmin", YES_NO, "Whether this user administers everything.",
    only_global=True, sql=Several(()), ldap=Several(("domainGlobalAdmin",)), also=("domainGlobalAdmin",),
    title="Global admin",
)  # fmt: skip
FORWARDING = SetField(
    "forwarding", ADDRESS,
    "Addresses to which mail is forwarded; a copy is kept when the user's own address is among them.",
    {"forwarding": Role.RESET, "addForwarding": Role.ADD, "removeForwarding": Role.REMOVE},
    section="forwarding", preference="forwarding", discards_invalid=True, extra="forwardings",
    sql=Rows("forwardings", "address", "forwarding", {"is_forwarding": 1}), ldap=Several(("mailForwardingAddress",)),
    title="Forward mail to",
)  # fmt: skip
SENDER_BCC = Field(
    "senderBcc", OPTIONAL_ADDRESS, "Address that gets a copy of all mail the user sends; empty for none.",
    section="bcc", sql=Row("sender_bcc_user", "username", "bcc_address"), ldap=Several(("userSenderBccAddress",)),
    extra="senderBcc",
    title="Copy of sent mail",
)  # fmt: skip
RECIPIENT_BCC = Field(
    "recipientBcc", OPTIONAL_ADDRESS, "Address that gets a copy of all mail the user receives; empty for none.",
    section="bcc", sql=Row("recipient_bcc_user", "username", "bcc_address"),
    ldap=Several(("userRecipientBccAddress",)), extra="recipientBcc",
    title="Copy of received mail",
)  # fmt: skip
ALIASES = SetField(
    "aliases", ADDRESS, "Alias addresses: further addresses of the mailbox.",
    {"aliases": Role.RESET, "addAlias": Role.ADD, "removeAlias": Role.REMOVE},
    section="aliases", is_own=True, extra="aliases",
    sql=Rows("forwardings", "forwarding", "address", {"is_alias": 1}), ldap=Several(("shadowAddress",)),
    title="Alias addresses",
)  # fmt: skip
SERVICE_TITLES = {
    "smtp": "Send mail (SMTP)", "smtpsecured": "Send mail with TLS (SMTP)", "pop3": "POP3",
    "pop3secured": "POP3 with TLS", "pop3tls": "POP3 with STARTTLS",
    "imap": "IMAP", "imapsecured": "IMAP with TLS", "imaptls": "IMAP with STARTTLS",
    "deliver": "Receive mail", "lda": "Delivery by LDA", "lmtp": "Delivery by LMTP",
    "managesieve": "Mail filters (ManageSieve)", "managesievesecured": "Mail filters with TLS (ManageSieve)",
    "sieve": "Mail filters (Dovecot)", "sievesecured": "Mail filters with TLS (Dovecot)",
    "sievetls": "Mail filters with STARTTLS (Dovecot)", "sogo": "SOGo", "sogowebmail": "SOGo webmail",
    "sogocalendar": "SOGo calendar", "sogoactivesync": "SOGo ActiveSync",
}  # fmt: skip
SERVICES = SetField(
    "services", replace(SERVICE, titles=SERVICE_TITLES),
    "Mail services the user may use, such as `smtp`, `imapsecured` or `deliver`.",
    {"services": Role.RESET, "addService": Role.ADD, "removeService": Role.REMOVE},
    only_global=True, sql=Several(()), ldap=Several(("enabledService",)),
    title="Mail services",
)  # fmt: skip
BOX_FORMAT = Field(
    "mailboxFormat", MAILBOX_FORMAT,
    "Format of the mailbox; mail that is there already is not converted.",
    only_global=True, sql=Column("mailboxformat"), ldap=Attribute("mailboxFormat"), also=("mailbox_format",),
    title="Mailbox format",
)  # fmt: skip
BOX_FOLDER = Field(
    "mailboxFolder", MAILBOX_FOLDER,
    "Folder of the mailbox below the user's home; mail that is there already is not moved.",
    only_global=True, sql=Column("mailboxfolder"), ldap=Attribute("mailboxFolder"), also=("mailbox_folder",),
    title="Mailbox folder",
)  # fmt: skip
MAILDIR = Field(
    "maildir", ABSOLUTE_PATH, "Absolute path of the user's home, turned into lower case.",
    only_global=True, sql=Several(()), ldap=Several(("homeDirectory",)),
    title="Mailbox path",
)  # fmt: skip
TELEPHONE_NUMBER = Field(
    "telephoneNumber", TEXT, "Telephone number.",
    sql=Column("telephone"), ldap=Attribute("telephoneNumber", is_several=True),
    title="Telephone",
)  # fmt: skip
MOBILE = Field(
    "mobile", TEXT, "Mobile phone number.",
    sql=Column("mobile"), ldap=Attribute("mobile", is_several=True),
    title="Mobile phone",
)  # fmt: skip

USER = FieldSet(
    "user",
    NAME, GIVEN_NAME, SURNAME, NEW_PASSWORD, PASSWORD_HASH, QUOTA, ACCOUNT_STATUS, USER_LANGUAGE, USER_TIME_ZONE,
    EMPLOYEE_ID, USER_TRANSPORT, IS_GLOBAL_ADMIN, FORWARDING, SENDER_BCC, RECIPIENT_BCC, ALIASES, SERVICES,
    BOX_FORMAT, BOX_FOLDER, MAILDIR, TELEPHONE_NUMBER, MOBILE,
    conflicts=((NEW_PASSWORD, PASSWORD_HASH),),
)  # fmt: skip
EVERY_USER = FieldSet("user", ACCOUNT_STATUS, NEW_PASSWORD, USER_LANGUAGE, USER_TRANSPORT)
