"""Every setting once: its name, type, default and one sentence.

Settings come from a TOML file, then from the environment (`POSTREEVE_<NAME>` in upper case), and some of
them from the table `settings` of the `iredadmin` database, as iRedAdmin keeps them (`SITE_KEYS`).
The sample file and the reference in `docs/` are generated from here.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Engine = Literal["sqlite", "postgresql", "mariadb"]
Scheme = Literal["SSHA512", "SSHA", "BCRYPT", "ARGON2ID", "PBKDF2", "SHA512-CRYPT"]
Positive = Annotated[int, Meta(ge=1)]
Natural = Annotated[int, Meta(ge=0)]


class SettingsError(Exception):
    """The settings can not be used; the text is one sentence for the administrator."""


class Store(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where one database is and how to log in to it."""

    engine: Annotated[Engine, Meta(description="Kind of database; `mariadb` includes MySQL.")]
    path: Annotated[str, Meta(description="SQLite only: the file, relative to the data directory.")] = ""
    host: Annotated[str, Meta(description="Name or address of the database server.")] = "127.0.0.1"
    port: Annotated[Natural, Meta(description="TCP port; 0 is the engine's usual one.")] = 0
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


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of one installation."""

    vmail: Annotated[Store, Meta(description="The accounts: iRedMail's database `vmail`.")] = Store(
        engine="sqlite", path="vmail.db"
    )
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
    listen: Annotated[str, Meta(description="Address and port to serve on.")] = "127.0.0.1:8080"
    workers: Annotated[Positive, Meta(description="Server processes.")] = 1
    pool_size: Annotated[
        Positive,
        Meta(description="Requests at work at once in one process; each store may get two connections for each."),
    ] = 8
    sqlite_group: Annotated[
        str, Meta(description="Group that may read the embedded databases, such as Postfix's and Dovecot's.")
    ] = ""

    enable_restful_api: Annotated[bool, Meta(description="Serve the RESTful API; off answers 404.")] = True
    restrict_api_access: Annotated[
        bool, Meta(description="With an empty list of API clients: true lets nobody in, false everybody.")
    ] = False
    restful_api_clients: Annotated[
        list[str], Meta(description="Addresses and networks that may use the API; empty is everybody.")
    ] = []
    global_admin_ip_list: Annotated[
        list[str],
        Meta(description="Addresses and networks from which global admins may log in; empty is all."),
    ] = []
    trusted_proxies: Annotated[
        list[str], Meta(description="Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.")
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
        str, Meta(description="First part of the codes that prove ownership.", max_length=59)
    ] = "iredmail-domain-verification-"

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
    ] = "/var/vmail/vmail1"
    mailbox_format: Annotated[Literal["maildir", "mdbox", "sdbox"], Meta(description="Format of new mailboxes.")] = (
        "maildir"
    )
    mailbox_folder: Annotated[
        str, Meta(description="Folder of new mailboxes below the user's home.", pattern="^[A-Za-z0-9]{1,20}$")
    ] = "Maildir"
    maildir_hashed: Annotated[bool, Meta(description="Spread mailboxes over three levels of directories.")] = True
    maildir_prepend_domain: Annotated[bool, Meta(description="Begin mailbox paths with the domain.")] = True
    maildir_append_timestamp: Annotated[bool, Meta(description="End mailbox paths with the time of creation.")] = True
    maildir_domain_hashed: Annotated[bool, Meta(description="Spread the domains over two levels as well.")] = False
    additional_enabled_user_services: Annotated[
        list[str], Meta(description="Services switched on for every new user.")
    ] = []
    additional_disabled_user_services: Annotated[
        list[str], Meta(description="Services switched off for every new user.")
    ] = []
    user_alias_cross_all_domains: Annotated[
        bool,
        Meta(description="A user's alias addresses may lie in any hosted domain, not only in the user's own."),
    ] = False
    recipient_delimiters: Annotated[
        str, Meta(description="Characters that begin an address extension, as Postfix's recipient_delimiter.")
    ] = "+"
    dns_servers: Annotated[
        list[str], Meta(description="Addresses of DNS servers, with a port if need be; empty is the system's own.")
    ] = []
    amavisd_spam_subject_prefix: Annotated[
        str, Meta(description="Text before the subject of spam, where a spam policy asks for one.", max_length=64)
    ] = "[SPAM] "
    days_to_keep_removed_mailbox: Annotated[
        Positive, Meta(description="Most days for which a domain admin may keep a removed mailbox.")
    ] = 365


STORES = ("vmail", "iredadmin", "amavisd", "iredapd")
"""The settings that name a database."""
EMBEDDED = {name: {"engine": "sqlite", "path": f"{name}.db"} for name in STORES}
SITE_KEYS = (
    "global_admin_ip_list", "mailbox_folder", "mailbox_format", "max_passwd_length", "min_passwd_length",
    "password_has_letter", "password_has_number", "password_has_special_char", "password_has_uppercase",
    "restful_api_clients",
)  # fmt: skip
"""Settings that a row of the table `iredadmin.settings` overrides, under iRedAdmin's own names."""


def from_mapping(values: Mapping[str, Any]) -> Settings:
    """Return checked settings; a value that can not be used raises `SettingsError` naming it.

    An installation that names no database has all of them embedded; another has those of the policies that it names.
    """
    if not set(STORES) & set(values):
        values = {**EMBEDDED, **values}
    try:
        return msgspec.convert(values, Settings, strict=True)
    except msgspec.ValidationError as error:
        raise SettingsError(f"The settings can not be used: {error}.") from error


def load(file: Path | None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings file, if there is one, and what the environment overrides.

    Environment values are JSON or plain text: `POSTREEVE_WORKERS=4`, `POSTREEVE_TRUSTED_PROXIES='["127.0.0.1"]'`.
    """
    values: dict[str, Any] = {}
    if file:
        try:
            values = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SettingsError(f"The settings file {file} can not be read: {error}.") from error
    for field in msgspec.structs.fields(Settings):
        if (text := environment.get(f"POSTREEVE_{field.name.upper()}")) is not None:
            values[field.name] = _from_environment(text)
    return from_mapping(values)


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
