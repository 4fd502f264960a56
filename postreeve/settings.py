"""Every setting once: its name, type, default and one sentence.

They are read in `configuration`. The sample file and the reference in `docs/` are generated from here.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from postreeve import networks

Engine = Literal["sqlite", "postgresql", "mariadb"]
Scheme = Literal["SSHA512", "SSHA", "BCRYPT", "ARGON2ID", "PBKDF2", "SHA512-CRYPT"]
Positive = Annotated[int, Meta(ge=1)]
Natural = Annotated[int, Meta(ge=0)]


class SettingsError(Exception):
    """The settings can not be used; the text is one sentence for the administrator."""


@dataclass(frozen=True)
class Meant:
    """What the text of a setting, or each text of its list, has to be where the type says less.

    The administrator's own settings are held to it; rows of the table `iredadmin.settings` to the type alone.
    """

    words: str
    holds: Callable[[str], object] = bool


SERVICES = (
    "smtp", "smtpsecured", "pop3", "pop3secured", "pop3tls", "imap", "imapsecured", "imaptls", "deliver", "lda", "lmtp",
    "managesieve", "managesievesecured", "sieve", "sievesecured", "sievetls", "internal", "doveadm", "lib-storage",
    "indexer-worker", "dsync", "quota-status", "sogo", "sogowebmail", "sogocalendar", "sogoactivesync",
)  # fmt: skip
"""The services of a user: for each there is a column `enable…` of `mailbox`."""

_LISTENER = Meant("HOST:PORT or [IPv6]:PORT with a port from 1 to 65535", networks.is_host_and_port)
_RELEASE_SERVER = Meant(
    "HOST:PORT, [IPv6]:PORT or the absolute path of a Unix socket",
    lambda text: not text or text.startswith("/") or networks.is_host_and_port(text),
)
_NETWORKS = Meant("addresses and networks, such as 192.0.2.1 or 2001:db8::/32", networks.is_network)
_SERVERS = Meant("addresses, with a port if need be, such as 192.0.2.53 or [2001:db8::53]:5353", networks.is_server)
_SERVICES = Meant(f"services: {', '.join(SERVICES)}", SERVICES.__contains__)
_DELIMITERS = Meant("signs without letters, digits, blanks and @", re.compile(r"([^\w\s@]|_)*").fullmatch)
_FOLDER = Meant("up to 20 letters and digits")
_PAGES = Meant(
    "empty, or http:// or https:// with a host and a path, without / at the end",
    lambda text: not text or re.fullmatch(r"https?://[\w.-]+(:\d{1,5})?(/[\w.~-]+)*", text, re.ASCII),
)
_CODE = Meant("up to 59 letters, digits, dots, hyphens and underscores", re.compile(r"[A-Za-z0-9._-]{0,59}").fullmatch)
_DIRECTORY = Meant("an absolute path")
_ROOTS = Meant(
    "absolute paths without `..`, such as /var/vmail/vmail1",
    lambda text: text.startswith("/") and text.strip("/") and ".." not in text.split("/"),
)
_URL = re.compile(r"ldaps?://([\w.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?/?|ldapi://(%2[Ff][\w.%-]+)?/?", re.ASCII)
_URLS = Meant(
    "one or more of ldap://HOST:PORT, ldaps://HOST:PORT and ldapi://SOCKET with every / of the path as %2F, with"
    " blanks between them",
    lambda text: all(map(_URL.fullmatch, text.split(" "))),
)
_NAME = re.compile(r"[A-Za-z][\w-]*=[^=,]+(,[A-Za-z][\w-]*=[^=,]+)*", re.ASCII)
_SUFFIX = Meant("the name of an entry, such as dc=example,dc=com", _NAME.fullmatch)
_ACCOUNT = Meant(
    "empty or the name of an entry, such as cn=vmailadmin,dc=example,dc=com",
    lambda text: not text or _NAME.fullmatch(text),
)


class Store(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where one database is and how to log in to it."""

    engine: Annotated[Engine, Meta(description="Kind of database; `mariadb` includes MySQL.")]
    path: Annotated[str, Meta(description="SQLite only: the file, relative to the data directory.")] = ""
    host: Annotated[
        str, Meta(description="Name or address of the server; of several for PostgreSQL, `a,b`, the primary.")
    ] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="TCP port; 0 is the engine's usual one.")] = 0
    socket: Annotated[str, Meta(description="Unix socket (PostgreSQL: its directory), instead of host and port.")] = ""
    database: Annotated[str, Meta(description="Name of the database.")] = ""
    user: Annotated[str, Meta(description="Database role or user.")] = ""
    password: Annotated[str, Meta(description="Its password.")] = ""
    driver: Annotated[
        Literal["", "pymysql", "mysqlclient"],
        Meta(description="MariaDB only: the Python driver; empty takes mysqlclient when it is installed."),
    ] = ""

    def __str__(self) -> str:
        """Name the store without its password, for messages."""
        if self.engine == "sqlite":
            return f"SQLite file {self.path}"
        where = self.socket or f"{self.host}:{self.port or (5432 if self.engine == 'postgresql' else 3306)}"
        return f"{'PostgreSQL' if self.engine == 'postgresql' else 'MariaDB'} database {self.database} at {where}"


class Ldap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the directory of the accounts is and how to log in to it."""

    url: Annotated[
        str,
        Meta(description="URL of the server; of several, with blanks between them, the first that answers is taken."),
        _URLS,
    ] = "ldap://127.0.0.1"
    suffix: Annotated[
        str, Meta(description="Name of the topmost entry; `o=domains` and `o=domainAdmins` are below."), _SUFFIX
    ]
    bind_dn: Annotated[
        str,
        Meta(description="Name of the account to log in as; empty is `cn=vmailadmin` below the suffix."),
        _ACCOUNT,
    ] = ""
    password: Annotated[str, Meta(description="Its password.")]
    start_tls: Annotated[bool, Meta(description="Encrypt `ldap://` connections.")] = False
    ca_file: Annotated[
        str,
        Meta(description="File with the certificates of the authorities that are trusted; empty is the system's own."),
    ] = ""
    timeout: Annotated[
        int, Meta(ge=1, le=300, description="Seconds to wait for a connection, and for each answer.")
    ] = 10

    @property
    def account(self) -> str:
        """Who logs in."""
        return self.bind_dn or f"cn=vmailadmin,{self.suffix}"

    def __str__(self) -> str:
        """Name the directory without its password, for messages."""
        return f"directory {self.suffix} at {self.url}"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of one installation."""

    vmail: Annotated[
        Store, Meta(description="The accounts: iRedMail's database `vmail`, unless they are in a directory.")
    ] = Store(engine="sqlite", path="vmail.db")
    ldap: Annotated[
        Ldap | None, Meta(description="The accounts, if they are in OpenLDAP: then there is no `vmail`.")
    ] = None
    iredadmin: Annotated[
        Store, Meta(description="Log, settings, sessions and pending work: iRedAdmin's database `iredadmin`.")
    ] = Store(engine="sqlite", path="iredadmin.db")
    amavisd: Annotated[
        Store | None,
        Meta(description="Spam policy, white and black lists: Amavisd's database `amavisd`, if the site has one."),
    ] = None
    iredapd: Annotated[
        Store | None, Meta(description="Throttling and greylisting: iRedAPD's database `iredapd`, if the site has one.")
    ] = None
    listen: Annotated[str, Meta(description="Address and port to serve on."), _LISTENER] = "127.0.0.1:8080"
    workers: Annotated[Positive, Meta(description="Server processes.")] = 1
    pool_size: Annotated[
        Positive,
        Meta(description="Requests at work at once in one process; each store may get two connections for each."),
    ] = 8
    log_format: Annotated[Literal["text", "json"], Meta(description="How the log on standard error is written.")] = (
        "text"
    )
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="What is written to the log: this, and what is worse."),
    ] = "info"
    access_log: Annotated[bool, Meta(description="Write a line of level info for each request.")] = True
    metrics_clients: Annotated[
        list[str],
        Meta(description="Addresses and networks that may see /metrics, and at /readyz which store does not answer."),
        _NETWORKS,
    ] = msgspec.field(default_factory=lambda: ["127.0.0.0/8", "::1"])
    sqlite_group: Annotated[
        str, Meta(description="Group that may read the embedded databases, such as Postfix's and Dovecot's.")
    ] = ""

    enable_restful_api: Annotated[bool, Meta(description="Serve the RESTful API; off answers 404.")] = True
    restrict_api_access: Annotated[
        bool, Meta(description="With an empty list of API clients: true lets nobody in, false everybody.")
    ] = False
    restful_api_clients: Annotated[
        list[str], Meta(description="Addresses and networks that may use the API; empty is everybody."), _NETWORKS
    ] = []
    global_admin_ip_list: Annotated[
        list[str],
        Meta(description="Addresses and networks from which global admins may log in; empty is all."),
        _NETWORKS,
    ] = []
    admin_login_ip_list: Annotated[
        list[str],
        Meta(description="Addresses and networks from which admins may log in to the panel; empty is all."),
        _NETWORKS,
    ] = []
    trusted_proxies: Annotated[
        list[str], Meta(description="Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed."), _NETWORKS
    ] = []
    true_http_status: Annotated[
        bool, Meta(description="Refuse with true HTTP statuses instead of 200, for all clients.")
    ] = False
    max_request_bytes: Annotated[Positive, Meta(description="Largest request body, in bytes.")] = 8 * 1024 * 1024
    max_parameters: Annotated[Positive, Meta(description="Most parameters in one request.")] = 1000
    session_timeout: Annotated[
        int, Meta(ge=1, le=604800, description="Seconds without a request that end a session.")
    ] = 1800
    login_failures_per_account: Annotated[
        Positive, Meta(description="Failed logins in ten minutes after which an account has to wait.")
    ] = 20
    login_failures_per_network: Annotated[
        Positive,
        Meta(description="Failed logins in ten minutes after which a network (/24, /64) has to wait."),
    ] = 200
    login_answer_ms: Annotated[
        Natural,
        Meta(description="Milliseconds that every refused login takes at least, whatever the reason."),
    ] = 500
    api_hidden_admin_profiles: Annotated[
        list[str], Meta(description="Keys that never appear in an admin's profile.")
    ] = msgspec.field(default_factory=lambda: ["password", "userPassword"])
    api_hidden_user_profiles: Annotated[list[str], Meta(description="Keys that never appear in a user's profile.")] = (
        msgspec.field(default_factory=lambda: ["password", "userPassword"])
    )
    require_domain_ownership_verification: Annotated[
        bool, Meta(description="Domains added by domain admins wait until their ownership is verified.")
    ] = True
    domain_ownership_expire_days: Annotated[
        Positive, Meta(description="Days in which a verified domain may be added again without a new proof.")
    ] = 30
    domain_ownership_verify_code_prefix: Annotated[
        str, Meta(description="First part of the codes that prove ownership.", max_length=59), _CODE
    ] = "iredmail-domain-verification-"
    domain_ownership_verify_timeout: Annotated[
        int, Meta(ge=1, le=30, description="Seconds that a look for the proof of one domain may take in all.")
    ] = 10
    domain_ownership_reachable_networks: Annotated[
        list[str],
        Meta(
            description="Networks with private addresses in which the look for a proof may reach web servers; "
            "otherwise it reaches public addresses alone, whatever a domain's DNS says."
        ),
        _NETWORKS,
    ] = []

    admin: Annotated[
        str,
        Meta(description="Who acts on the command line where `--as` is not given; empty is the only global admin."),
    ] = ""

    default_password_scheme: Annotated[Scheme, Meta(description="Scheme of new password hashes.")] = "SSHA512"
    min_passwd_length: Annotated[Natural, Meta(description="Shortest password.")] = 8
    max_passwd_length: Annotated[Natural, Meta(description="Longest password; 0 is unlimited.")] = 0
    password_has_letter: Annotated[bool, Meta(description="Passwords need a letter.")] = True
    password_has_uppercase: Annotated[bool, Meta(description="Passwords need an upper-case letter.")] = True
    password_has_number: Annotated[bool, Meta(description="Passwords need a digit.")] = True
    password_has_special_char: Annotated[bool, Meta(description="Passwords need a special character.")] = True
    password_special_characters: Annotated[str, Meta(description="The characters that count as special.")] = (
        "#$%&*+-,.:;!=<>'\"?@[]/(){}_`~^\\"
    )
    set_password_change_date_for_new_user: Annotated[
        bool, Meta(description="A new user's password counts as changed now; false makes it old.")
    ] = True

    default_mta_transport: Annotated[str, Meta(description="Postfix transport of new domains.")] = "dovecot"
    storage_base_directory: Annotated[
        str,
        Meta(
            description="Absolute directory of new mailboxes; its last part is the storage node.",
            pattern="^/.",
        ),
        _DIRECTORY,
    ] = "/var/vmail/vmail1"
    storage_roots: Annotated[
        list[str],
        Meta(
            description="Directories below which `postreeve job delete-mailboxes` removes mailboxes; empty is"
            " storage_base_directory alone."
        ),
        _ROOTS,
    ] = []
    mailbox_owner: Annotated[
        str, Meta(description="User of this host whom mailboxes belong to; that job removes no others.", min_length=1)
    ] = "vmail"
    has_mailboxes: Annotated[
        bool,
        Meta(description="Whether the mailboxes are on this host; where they are not, that job is none of its jobs."),
    ] = True
    mailbox_format: Annotated[Literal["maildir", "mdbox", "sdbox"], Meta(description="Format of new mailboxes.")] = (
        "maildir"
    )
    mailbox_folder: Annotated[
        str, Meta(description="Folder of new mailboxes below the user's home.", pattern="^[A-Za-z0-9]{1,20}$"), _FOLDER
    ] = "Maildir"
    maildir_hashed: Annotated[bool, Meta(description="Spread mailboxes over three levels of directories.")] = True
    maildir_prepend_domain: Annotated[bool, Meta(description="Begin mailbox paths with the domain.")] = True
    maildir_append_timestamp: Annotated[bool, Meta(description="End mailbox paths with the time of creation.")] = True
    maildir_domain_hashed: Annotated[bool, Meta(description="Spread the domains over two levels as well.")] = False
    additional_enabled_user_services: Annotated[
        list[str], Meta(description="Services switched on for every new user."), _SERVICES
    ] = []
    additional_disabled_user_services: Annotated[
        list[str], Meta(description="Services switched off for every new user."), _SERVICES
    ] = []
    user_alias_cross_all_domains: Annotated[
        bool,
        Meta(description="A user's alias addresses may lie in any hosted domain, not only in the user's own."),
    ] = False
    recipient_delimiters: Annotated[
        str,
        Meta(description="Characters that begin an address extension, as Postfix's recipient_delimiter."),
        _DELIMITERS,
    ] = "+"
    dns_servers: Annotated[
        list[str],
        Meta(description="Addresses of DNS servers, with a port if need be; empty is the system's own."),
        _SERVERS,
    ] = []
    amavisd_spam_subject_prefix: Annotated[
        str, Meta(description="Text before the subject of spam, where a spam policy asks for one.", max_length=64)
    ] = "[SPAM] "
    amavisd_release_server: Annotated[
        str,
        Meta(description="Where Amavisd releases quarantined mail, its AM.PDP port or socket; empty if nowhere."),
        _RELEASE_SERVER,
    ] = "127.0.0.1:9998"
    mlmmj: Annotated[
        Literal["", "native", "remote"],
        Meta(
            description="Where mlmmj is: on this host, or behind the HTTP API of mlmmjadmin or of "
            "`postreeve mlmmj-agent`; nothing where there are no subscribable lists."
        ),
    ] = ""
    mlmmj_spool: Annotated[str, Meta(description="Native: directory of the lists, from the data directory.")] = (
        "/var/vmail/mlmmj"
    )
    mlmmj_archive: Annotated[str, Meta(description="Native: directory of deleted lists, from the data directory.")] = (
        "/var/vmail/mlmmj-archive"
    )
    mlmmj_programs: Annotated[str, Meta(description="Native: directory of mlmmj's programs.")] = "/usr/bin"
    mlmmj_texts: Annotated[
        str, Meta(description="Native: directory of the mails that mlmmj writes, copied for each new list.")
    ] = "/usr/share/mlmmj/text.skel/en"
    mlmmj_relay_host: Annotated[
        str, Meta(description="Native: address to which new lists give their mail; empty is mlmmj's own, 127.0.0.1.")
    ] = ""
    mlmmj_smtp_port: Annotated[
        int,
        Meta(
            ge=0,
            le=65535,
            description="Native: its port; 0 is mlmmj's own, 25. iRedMail with Amavisd has 10027.",
        ),
    ] = 0
    mlmmj_transport: Annotated[str, Meta(description="Name of mlmmj's transport in Postfix's master.cf.")] = "mlmmj"
    mlmmj_agent_listen: Annotated[
        str, Meta(description="Address and port on which `postreeve mlmmj-agent` serves."), _LISTENER
    ] = "127.0.0.1:7790"
    mlmmj_agent_clients: Annotated[
        list[str], Meta(description="Addresses and networks that may ask the agent; empty is everybody."), _NETWORKS
    ] = []
    mlmmjadmin_url: Annotated[str, Meta(description="Remote: URL of the HTTP API.")] = "http://127.0.0.1:7790/api"
    mlmmjadmin_header: Annotated[str, Meta(description="Name of the header with the token, remote and agent.")] = (
        "X-MLMMJADMIN-API-AUTH-TOKEN"
    )
    mlmmjadmin_token_file: Annotated[
        str,
        Meta(
            description="File with the token, from the data directory; of the agent, with one token on each line. Only "
            "its owner and group may read it."
        ),
    ] = "mlmmjadmin.token"
    mlmmjadmin_verify_tls: Annotated[bool, Meta(description="Remote: check the certificate of an https URL.")] = True
    newsletter_url: Annotated[
        str,
        Meta(
            description="Where people reach the newsletter pages, such as https://mail.example.com/iredadmin/newsletter;"
            " links in mails begin with it. Empty is nowhere."
        ),
        _PAGES,
    ] = ""
    newsletter_subscription_request_expire_hours: Annotated[
        Positive, Meta(description="Hours in which a subscription can be confirmed.")
    ] = 24
    newsletter_unsubscription_request_expire_hours: Annotated[
        Positive, Meta(description="Hours in which it can be confirmed that somebody unsubscribes.")
    ] = 24
    newsletter_subscription_request_keep_hours: Annotated[
        Natural, Meta(description="Hours for which a request that nobody has confirmed is kept after that.")
    ] = 24
    newsletter_mails_per_address: Annotated[
        Positive, Meta(description="Mails that one address gets in a day from the newsletter pages of all lists.")
    ] = 3
    newsletter_mails_per_network: Annotated[
        Positive,
        Meta(description="Mails in an hour after which a network (/24, /64) can not have more of them sent."),
    ] = 30
    notification_smtp_server: Annotated[
        str, Meta(description="Server that takes the mails that Postreeve sends; empty for a program on this host.")
    ] = "127.0.0.1"
    notification_smtp_port: Annotated[int, Meta(ge=1, le=65535, description="Its port.")] = 25
    notification_smtp_starttls: Annotated[bool, Meta(description="Encrypt the connection to it.")] = False
    notification_smtp_user: Annotated[str, Meta(description="Who logs in there; empty is nobody.")] = ""
    notification_smtp_password: Annotated[str, Meta(description="The password.")] = ""
    notification_sender: Annotated[
        str,
        Meta(
            description="Address of the sender of these mails; empty is who logs in, or no-reply@ in the domain that a "
            "mail is about."
        ),
    ] = ""
    notification_sender_name: Annotated[str, Meta(description="Name of the sender.", max_length=64)] = "No Reply"
    notification_sendmail: Annotated[
        str,
        Meta(description="Program that takes the mails where no server does, with sendmail's options.", pattern="^/."),
        _DIRECTORY,
    ] = "/usr/sbin/sendmail"
    days_to_keep_removed_mailbox: Annotated[
        Positive, Meta(description="Most days for which a domain admin may keep a removed mailbox.")
    ] = 365
    iredadmin_log_kept_days: Annotated[
        Positive, Meta(description="Days for which lines of the activity log are kept.")
    ] = 365
    amavisd_remove_maillog_in_days: Annotated[
        Positive, Meta(description="Days for which the log of mail that Amavisd has checked is kept.")
    ] = 3
    amavisd_remove_quarantined_in_days: Annotated[
        Positive, Meta(description="Days for which quarantined mail is kept.")
    ] = 7

    @property
    def databases(self) -> dict[str, Store]:
        """The SQL databases by the names of their settings; accounts in a directory have none."""
        stores: dict[str, Store | None] = {name: getattr(self, name) for name in STORES}
        return {name: store for name, store in stores.items() if store and not (name == "vmail" and self.ldap)}


STORES = ("vmail", "iredadmin", "amavisd", "iredapd")
"""The settings that name a database."""
PLACES = ("mlmmj_spool", "mlmmj_archive", "mlmmjadmin_token_file")
"""The settings that name a place from the data directory."""
EMBEDDED: Mapping[str, Any] = {
    **{name: {"engine": "sqlite", "path": f"{name}.db"} for name in STORES},
    "mlmmj": "native", "mlmmj_spool": "mlmmj", "mlmmj_archive": "mlmmj-archive",
}  # fmt: skip
"""An installation whose settings name no database: everything is in the data directory."""
SITE_KEYS = (
    "admin_login_ip_list", "amavisd_remove_maillog_in_days", "amavisd_remove_quarantined_in_days",
    "global_admin_ip_list", "iredadmin_log_kept_days", "mailbox_folder", "mailbox_format", "max_passwd_length",
    "min_passwd_length", "password_has_letter", "password_has_number", "password_has_special_char",
    "password_has_uppercase", "restful_api_clients",
)  # fmt: skip
"""Settings that a row of the table `iredadmin.settings` overrides, under iRedAdmin's own names; the days for which the
activity log is kept are iRedAdmin's setting, too, but only we look for them there."""
