"""Every setting once: its name, type, default and one sentence.

Settings come from a TOML file, then from the environment (`POSTREEVE_<NAME>` in upper case), and some of
them from the table `settings` of the `iredadmin` database, as iRedAdmin keeps them (`SITE_KEYS`).
The sample file and the reference in `docs/` are generated from here.
"""

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

import msgspec
from msgspec import Meta
from msgspec.inspect import BoolType, IntType, ListType, LiteralType, Metadata, StrType, Type, type_info

from postreeve import networks

S = TypeVar("S", bound=msgspec.Struct)
Naming = Callable[[str], str]
"""How a message names a setting: its name, and where it comes from."""

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


@dataclass(frozen=True)
class Declared:
    """What a setting is declared to be."""

    type: Type
    """Without its annotations."""
    sentence: str
    meant: str
    """What its text has to be, in words."""


def declared() -> dict[str, Declared]:
    """Return the declarations of the settings that a site may override."""
    types = _types(Settings)
    return {name: _declared(types[name]) for name in SITE_KEYS}


def _declared(annotation: Any) -> Declared:  # noqa: ANN401 - a type
    sentences = [part.description for part in get_args(annotation) if isinstance(part, Meta) and part.description]
    info, meant = type_info(annotation), _meant(annotation)
    return Declared(
        info.type if isinstance(info, Metadata) else info, sentences[-1], meant.words if meant else wanted(annotation)
    )


def from_mapping(values: Mapping[str, Any], naming: Naming = "The setting {}".format) -> Settings:
    """Return checked settings; a value that can not be used raises `SettingsError` naming it.

    An installation that names no database has everything in its data directory; another has what it names.
    """
    if not {*STORES, "ldap"} & set(values):
        values = {**EMBEDDED, **values}
    if {"vmail", "ldap"} <= set(values):
        raise SettingsError(f"{naming('ldap')} excludes vmail: the accounts are in a directory or in a database.")
    return _read(Settings, values, naming)


def load(file: Path | None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings file, if there is one, and what the environment overrides.

    Environment values are JSON or plain text: `POSTREEVE_WORKERS=4`, `POSTREEVE_TRUSTED_PROXIES='["127.0.0.1"]'`.
    """
    given = {
        field.name: _from_environment(text)
        for field in msgspec.structs.fields(Settings)
        if (text := environment.get(_variable(field.name))) is not None
    }

    def naming(name: str) -> str:
        top, dot, rest = name.partition(".")
        if top in given:
            return f"The variable {_variable(top)}{dot}{rest}"
        return f"The setting {name} in {file}"

    return from_mapping({**_written(file), **given}, naming)


def with_options(settings: Settings, **options: str | int | None) -> Settings:
    """Return the settings with those that the command line gives; None is one that it does not give."""
    types = _types(Settings)
    given = {
        name: _checked(types[name], value, f"The option --{name}")
        for name, value in options.items()
        if value is not None
    }
    return msgspec.structs.replace(settings, **given)


def lenient(name: str, value: object, named: str) -> object:
    """Return the value of a setting as another program writes it down, `"8"` for a number; it is held to the same."""
    annotation = _types(Settings)[name]
    with suppress(msgspec.ValidationError):
        value = msgspec.convert(value, annotation, strict=False)
    return _checked(annotation, value, named)


def overridden(settings: Settings, site: Mapping[str, Any]) -> Settings:
    """Return the settings with the values of the table `iredadmin.settings`; unusable rows are left out."""
    for key in SITE_KEYS:
        if key in site:
            try:
                settings = msgspec.convert({**msgspec.structs.asdict(settings), key: site[key]}, Settings)
            except msgspec.ValidationError:
                continue
    return settings


def _from_environment(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _variable(name: str) -> str:
    return f"POSTREEVE_{name.upper()}"


def _written(file: Path | None) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8")) if file else {}
    except OSError as error:
        raise SettingsError(f"The settings file {file} can not be read: {error.strerror}.") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"The settings file {file} can not be read: {error}.") from error


# Checking, one setting at a time, so that a message can say which it is about


def wanted(annotation: object) -> str:
    """Say what the value of a setting has to be."""
    meant = _meant(annotation)
    match type_info(annotation):
        case Metadata(type=inner) | inner:
            return _in_words(inner, meant.words if meant else "")


def _in_words(kind: Type, meant: str) -> str:
    match kind:
        case BoolType():
            words = "`true` or `false`"
        case IntType(ge=low, le=None):
            words = f"a whole number of at least {low}"
        case IntType(ge=low, le=high):
            words = f"a whole number from {low} to {high}"
        case LiteralType(values=choices):
            words = f"one of {', '.join(f'`{choice}`' if choice else 'nothing' for choice in choices)}"
        case ListType():
            words = f"a list of {meant or 'texts'}"
        case StrType(max_length=int(most)):
            words = f"a text of at most {most} characters"
        case StrType():
            words = meant or "a text"
        case _:
            words = "a table of settings"
    return words


def _types(struct: type[msgspec.Struct]) -> dict[str, Any]:
    return {field.name: field.type for field in msgspec.structs.fields(struct)}


def _meant(annotation: object) -> Meant | None:
    return next((part for part in get_args(annotation) if isinstance(part, Meant)), None)


def _read(struct: type[S], values: Mapping[str, Any], naming: Naming) -> S:
    types = _types(struct)
    if unknown := [name for name in values if name not in types]:
        raise SettingsError(f"{naming(unknown[0])} is unknown.")
    given: dict[str, Any] = {}
    for name, value in values.items():
        if name in STORES and isinstance(value, dict):
            given[name] = _store(value, name, naming)
        elif name == "ldap" and isinstance(value, dict):
            given[name] = _ldap(value, naming)
        else:
            given[name] = _checked(types[name], value, naming(name))
    return struct(**given)


def _store(values: Mapping[str, Any], name: str, naming: Naming) -> Store:
    """Read where a database is; one that is embedded needs a file, one on a server a name."""
    if "engine" in values:
        _checked(_types(Store)["engine"], values["engine"], naming(f"{name}.engine"))
    needed = "engine" if "engine" not in values else "path" if values["engine"] == "sqlite" else "database"
    if not values.get(needed):
        raise SettingsError(f"{naming(f'{name}.{needed}')} is missing.")
    return _read(Store, values, lambda key: naming(f"{name}.{key}"))


def _ldap(values: Mapping[str, Any], naming: Naming) -> Ldap:
    """Read where the directory is; an empty password would log in as nobody."""
    for needed in ("suffix", "password"):
        if not values.get(needed):
            raise SettingsError(f"{naming(f'ldap.{needed}')} is missing.")
    ldap = _read(Ldap, values, lambda key: naming(f"ldap.{key}"))
    if ldap.start_tls and not all(url.startswith("ldap://") for url in ldap.url.split()):
        raise SettingsError(f"{naming('ldap.start_tls')} is for ldap:// alone.")
    return ldap


def _checked(annotation: object, value: object, named: str) -> object:
    try:
        checked: Any = msgspec.convert(value, annotation, strict=True)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{named} must be {wanted(annotation)}.") from error
    if meant := _meant(annotation):
        for text in checked if isinstance(checked, list) else [checked]:
            if not meant.holds(text):
                raise SettingsError(f"{named} must be {wanted(annotation)}; {text!r} is not.")
    return checked
