"""What the names in iRedAdmin's settings mean here; releases 2.x and 4.x write them alike."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from postreeve.adopt.reading import ANY, Literal, Written
from postreeve.configuration import lenient
from postreeve.settings import Scheme, SettingsError

ENGINES = {"mysql": "mariadb", "pgsql": "postgresql", "ldap": "mariadb"}
"""The engine of the databases, by the word for the back end; beside a directory it is MariaDB's."""
_POSTGRESQL_PORT = 5432
_RELEASE_PORT = "9998"
_SWITCHES: Mapping[str, tuple[str, ...]] = {
    "amavisd": ("amavisd_enable_logging", "amavisd_enable_quarantine", "amavisd_enable_policy_lookup"),
    "iredapd": ("iredapd_enabled",),
}
"""The settings that switch a database on."""
_SAME = (
    "ADDITIONAL_DISABLED_USER_SERVICES", "ADDITIONAL_ENABLED_USER_SERVICES", "ADMIN_LOGIN_IP_LIST",
    "AMAVISD_REMOVE_MAILLOG_IN_DAYS", "AMAVISD_REMOVE_QUARANTINED_IN_DAYS", "AMAVISD_SPAM_SUBJECT_PREFIX",
    "API_HIDDEN_ADMIN_PROFILES", "API_HIDDEN_USER_PROFILES", "DAYS_TO_KEEP_REMOVED_MAILBOX",
    "DEFAULT_PASSWORD_SCHEME", "DOMAIN_OWNERSHIP_EXPIRE_DAYS", "DOMAIN_OWNERSHIP_VERIFY_CODE_PREFIX",
    "DOMAIN_OWNERSHIP_VERIFY_TIMEOUT", "ENABLE_RESTFUL_API", "GLOBAL_ADMIN_IP_LIST", "IREDADMIN_LOG_KEPT_DAYS",
    "MAILBOX_FOLDER", "MAILBOX_FORMAT", "MAILDIR_APPEND_TIMESTAMP", "MAILDIR_DOMAIN_HASHED", "MAILDIR_HASHED",
    "MAILDIR_PREPEND_DOMAIN", "NEWSLETTER_SUBSCRIPTION_REQUEST_EXPIRE_HOURS",
    "NEWSLETTER_SUBSCRIPTION_REQUEST_KEEP_HOURS", "NEWSLETTER_UNSUBSCRIPTION_REQUEST_EXPIRE_HOURS",
    "NOTIFICATION_SENDER_NAME", "NOTIFICATION_SMTP_PASSWORD", "NOTIFICATION_SMTP_PORT", "NOTIFICATION_SMTP_SERVER",
    "NOTIFICATION_SMTP_STARTTLS", "NOTIFICATION_SMTP_USER", "PASSWORD_HAS_LETTER", "PASSWORD_HAS_NUMBER",
    "PASSWORD_HAS_SPECIAL_CHAR", "PASSWORD_HAS_UPPERCASE", "PASSWORD_SPECIAL_CHARACTERS", "RECIPIENT_DELIMITERS",
    "REQUIRE_DOMAIN_OWNERSHIP_VERIFICATION", "RESTFUL_API_CLIENTS", "RESTRICT_API_ACCESS", "SESSION_TIMEOUT",
    "SET_PASSWORD_CHANGE_DATE_FOR_NEW_USER", "USER_ALIAS_CROSS_ALL_DOMAINS", "default_mta_transport",
    "max_passwd_length", "min_passwd_length", "storage_base_directory",
)  # fmt: skip
_NAMES: Mapping[str, str] = {
    **{name: name.lower() for name in _SAME},
    "MLMMJADMIN_API_AUTH_HEADER": "mlmmjadmin_header",
    "MLMMJADMIN_API_BASE_URL": "mlmmjadmin_url",
    "MLMMJADMIN_API_VERIFY_SSL": "mlmmjadmin_verify_tls",
    "MLMMJ_MTA_TRANSPORT_NAME": "mlmmj_transport",
}
"""Our settings under iRedAdmin's names; stores have names of their own."""
_UNSAID: Mapping[str, object] = {
    "ENABLE_RESTFUL_API": False, "DEFAULT_PASSWORD_SCHEME": "SSHA", "MLMMJADMIN_API_VERIFY_SSL": False,
}  # fmt: skip
"""iRedAdmin's own defaults where ours are others."""
_IDLE: Mapping[str, str] = {
    **dict.fromkeys(("webmaster", "SKIN", "CHECK_NEW_VERSION"), "there is no such thing here"),
    "default_language": "the browser says it, until an account has a language of its own",
    **dict.fromkeys(
        ("PAGE_SIZE_LIMIT", "SELF_SERVICE_DEFAULT_PAGE", "REDIRECT_TO_DOMAIN_LIST_AFTER_LOGIN"),
        "the panel has its own way",
    ),
    **dict.fromkeys(
        (
            "AMAVISD_SHOW_NON_LOCAL_DOMAINS",
            "AMAVISD_CLEANUP_QUERY_SIZE_LIMIT",
            "IREDAPD_QUERY_INSECURE_OUTBOUND_IN_HOURS",
        ),
        "there is no such thing here",
    ),
    **dict.fromkeys(
        ("ADDITIONAL_ENABLED_DOMAIN_SERVICES", "ADDITIONAL_DISABLED_DOMAIN_SERVICES"),
        "new domains have the services that iRedMail's own have",
    ),
    **dict.fromkeys(("LDAP_ATTR_MEMBER", "LDAP_ADD_MEMBER_DN_TO_GROUP"), "lists keep their members like iRedMail's"),
    "LDAP_SERVER_PRODUCT_NAME": "only OpenLDAP is known here",
    "ldap_protocol_version": "it is always version 3",
    "LOCAL_TIMEZONE": "an account has a time zone of its own; without one it is the server's",
    "SESSION_IGNORE_CHANGE_IP": "a session does not depend on the client's address",
    "STORE_PASSWORD_IN_PLAIN_TEXT": "passwords are never stored in clear text",
    "STORE_PLAIN_PASSWORD_IN_ADDITIONAL_ATTR": "passwords are never stored in clear text",
    "HASHES_WITHOUT_PREFIXED_PASSWORD_SCHEME": "every hash has a prefix",
    "SHOW_USED_QUOTA": "it is always shown",
    "SQL_TBL_USED_QUOTA": "the table is used_quota",
    "SHOW_GLOBAL_ADMINS_IN_PER_DOMAIN_ADMIN_LIST": "global admins are no admins of a domain here",
    "DAYS_TO_KEEP_REMOVED_MAILBOX_FOR_GLOBAL_ADMIN": "a global admin may choose any number of days",
    "NEWSLETTER_BASE_URL": "newsletter_url is a whole URL here, and has to be set where there are newsletters",
    "LOCAL_TRANSPORTS": "every transport is shown as it is stored",
}
_FAMILIES: Mapping[str, str] = {
    "BRAND_": "there is no such thing here",
    "NOTIFICATION_": "it is for notices about quarantined mail, which iRedAdmin's own script sends",
    "fail2ban_": "Fail2ban goes on without a panel",
    "policyd_": "Cluebringer is not known here",
    "SYSLOG_": "the log goes to standard error, for journald",
    "LOG_TARGET": "the log goes to standard error, for journald",
}
"""Names that begin alike."""
_BOUNDS = frozenset({"ADMIN_LOGIN_IP_LIST", "GLOBAL_ADMIN_IP_LIST", "RESTFUL_API_CLIENTS", "RESTRICT_API_ACCESS"})
"""Names that keep people out: without them we would let in more than iRedAdmin did."""
_ABOUT_STORES = ("backend", "vmail_db_", "iredadmin_db_", "ldap_")
_SECRET = ("password", "token")
_HERE = re.compile(r"ldap://(127\.[\d.]+|localhost|\[::1\])(:\d+)?/?$")


@dataclass(frozen=True)
class Understood:
    """A setting of iRedAdmin's and what becomes of it."""

    name: str
    setting: str
    value: object
    """As it is written for us; secrets are left out."""
    line: int
    """0 is iRedAdmin's own default."""


@dataclass(frozen=True)
class Left:
    """A setting that comes to nothing here, and why."""

    name: str
    line: int
    reason: str


@dataclass
class Adopted:
    """The settings of an installation as they are here, and what became of each line."""

    settings: dict[str, Any] = field(default_factory=dict)
    token: str = field(default="", repr=False)
    """Of mlmmjadmin, which has a file of its own."""
    understood: list[Understood] = field(default_factory=list)
    idle: list[Left] = field(default_factory=list)
    """What is known and means nothing here."""
    not_understood: list[Left] = field(default_factory=list)


def translate(written: Written) -> Adopted:
    """Say in our words what a settings file says; `SettingsError` if it does not name the stores."""
    return _Translation(written).made()


class _Translation:
    """Goes through the names once, and crosses off those that it has used."""

    def __init__(self, written: Written) -> None:
        self.literals = written.literals
        self.unread = written.unread
        self.left = set(written.literals)
        self.missing: list[str] = []
        self.adopted = Adopted()

    def made(self) -> Adopted:
        backend = self._text("backend")
        if backend not in ENGINES:
            self._refuse_unread(["backend"])
            raise SettingsError(f"This is no settings file of iRedAdmin: backend is none of {', '.join(ENGINES)}.")
        self._note("backend", "ldap" if backend == "ldap" else "vmail.engine", backend)
        self._refuse_unread(_BOUNDS | {name for name in self.literals if name.startswith(_ABOUT_STORES)})
        self._stores(backend)
        if self.missing:
            self._refuse_unread(self.missing)
            raise SettingsError(f"The settings file does not say {', '.join(self.missing)}.")
        self._lists()
        self._amavisd()
        for name, setting in _NAMES.items():
            if name in self.literals or name in _UNSAID:
                self._plain(name, setting)
        self._rest()
        return self.adopted

    def _refuse_unread(self, names: Iterable[str]) -> None:
        """Refuse a name whose value is not known; settings from a file that is not there may be any of those above."""
        unknown = set(names) - self.literals.keys()
        open_to_change = unknown | {name for name in set(names) - unknown if not self.literals[name].is_last}
        for line in self.unread:
            if line.name == ANY and open_to_change:
                words = f"{line.reason}, which may say {min(open_to_change)}"
                raise SettingsError(f"Line {line.line}: {words}. Write those settings there instead.")
            if line.name in unknown:
                raise SettingsError(
                    f"Line {line.line}: {line.name} is no literal: {line.reason}. Write its value there."
                )

    # Stores

    def _stores(self, backend: str) -> None:
        if backend == "ldap":
            self._directory()
        else:
            self._database("vmail", ENGINES[backend])
        self._database("iredadmin", ENGINES[backend])
        for name, switches in _SWITCHES.items():
            self.left -= set(switches)
            values = [self.literals[switch].value for switch in switches if switch in self.literals]
            if f"{name}_db_name" in self.literals and (any(values) or not values):
                self._database(name, ENGINES[backend])
            else:
                self._skip(name)

    def _database(self, name: str, engine: str) -> None:
        parts = {part: self._text(f"{name}_db_{part}") for part in ("host", "port", "name", "user", "password")}
        self.missing += [f"{name}_db_{part}" for part in ("host", "name", "user") if not parts[part]]
        if parts["port"] and not parts["port"].isdecimal():
            raise SettingsError(f"{name}_db_port is no number.")
        port = int(parts["port"] or 0)
        if port == _POSTGRESQL_PORT:
            engine = "postgresql"
        host = parts["host"]
        where: dict[str, Any] = {"socket": host} if host.startswith("/") else {"host": host}
        self.adopted.settings[name] = {
            "engine": engine, **where, **({"port": port} if port else {}), "database": parts["name"],
            "user": parts["user"], "password": parts["password"],
        }  # fmt: skip
        for part, key in (("host", next(iter(where))), ("port", "port"), ("name", "database"), ("user", "user"),
                          ("password", "password")):  # fmt: skip
            self._note(f"{name}_db_{part}", f"{name}.{key}", parts[part])

    def _skip(self, name: str) -> None:
        for key in sorted(key for key in self.left if key.startswith(f"{name}_db_")):
            self.left.remove(key)
            self.adopted.idle.append(Left(key, self.literals[key].line, "the database is switched off"))

    def _directory(self) -> None:
        names = ("ldap_uri", "ldap_basedn", "ldap_domainadmin_dn", "ldap_bind_dn", "ldap_bind_password")
        url, domains, admins, account, password = map(self._text, names)
        self.missing += [name for name in names if not self._text(name) and name != "ldap_domainadmin_dn"]
        if not domains or self.missing:
            return
        container, _, suffix = domains.partition(",")
        if container.replace(" ", "").lower() != "o=domains" or not suffix:
            raise SettingsError(
                "ldap_basedn does not begin with o=domains: the accounts are not where iRedMail has them."
            )
        suffix = suffix.strip()
        if admins and admins.replace(" ", "").lower() != f"o=domainadmins,{suffix}".replace(" ", "").lower():
            raise SettingsError(f"ldap_domainadmin_dn is not o=domainAdmins,{suffix}, where iRedMail has the admins.")
        self.adopted.settings["ldap"] = {**_place(url), "suffix": suffix, "bind_dn": account, "password": password}
        for name, key in zip(names, ("url", "suffix", "suffix", "bind_dn", "password"), strict=True):
            self._note(name, f"ldap.{key}", self.adopted.settings["ldap"][key])
        if "start_tls" in self.adopted.settings["ldap"]:
            self._note("ldap_uri", "ldap.start_tls", value=True)

    def _lists(self) -> None:
        """Where mlmmjadmin's token is named, lists go through its API, as they have."""
        self.adopted.token = self._text("mlmmjadmin_api_auth_token")
        if self.adopted.token:
            self._note("mlmmjadmin_api_auth_token", "mlmmjadmin_token_file", "")
            self.adopted.settings["mlmmj"] = "remote"
        else:
            self.left -= {"mlmmjadmin_api_auth_token"}

    def _amavisd(self) -> None:
        """Say where quarantined mail is released: where its database is, if nothing else is said."""
        if "amavisd" not in self.adopted.settings:
            return
        host = self._text("AMAVISD_QUARANTINE_HOST") or self.adopted.settings["amavisd"].get("host", "")
        host = host if host and not host.startswith("/") else "127.0.0.1"
        server = f"{f'[{host}]' if ':' in host else host}:{self._text('amavisd_quarantine_port') or _RELEASE_PORT}"
        is_on = self.literals.get("amavisd_enable_quarantine", Literal(value=True, line=0)).value
        self.adopted.settings["amavisd_release_server"] = server if is_on else ""
        for name in ("AMAVISD_QUARANTINE_HOST", "amavisd_quarantine_port", "amavisd_enable_quarantine"):
            self._note(name, "amavisd_release_server", self.adopted.settings["amavisd_release_server"])

    # Everything else

    def _plain(self, name: str, setting: str) -> None:
        literal = self.literals.get(name) or Literal(_UNSAID.get(name), 0)
        if not literal.line and name.startswith("MLMMJ") and not self.adopted.token:
            return
        try:
            convert = _CONVERTERS.get(name)
            value = lenient(setting, convert(literal.value) if convert else literal.value, name)
        except (SettingsError, ValueError, TypeError) as error:
            if name in _BOUNDS:
                raise SettingsError(f"Line {literal.line}: {str(error).rstrip('.')}. It bounds who gets in.") from error
            self.left.discard(name)
            self.adopted.not_understood.append(Left(name, literal.line, str(error).rstrip(".")))
            return
        self.adopted.settings[setting] = value
        self._note(name, setting, value)

    def _rest(self) -> None:
        for name in sorted(self.left, key=lambda name: self.literals[name].line):
            line = self.literals[name].line
            reason = _IDLE.get(name) or next((said for start, said in _FAMILIES.items() if name.startswith(start)), "")
            if reason:
                self.adopted.idle.append(Left(name, line, reason))
            elif not name.startswith("_"):
                self.adopted.not_understood.append(Left(name, line, "the name is not known here"))
        for unread in self.unread:
            name = "" if unread.name == ANY else unread.name
            self.adopted.not_understood.append(Left(name, unread.line, unread.reason))
        self.adopted.not_understood.sort(key=lambda left: left.line)

    def _text(self, name: str) -> str:
        """Return a text, or a number as one; nothing where there is no such name."""
        self.left.discard(name)
        value = self.literals[name].value if name in self.literals else ""
        return (
            str(value).strip()
            if isinstance(value, str | int) and not name.lower().endswith(_SECRET)
            else str(value or "")
        )

    def _note(self, name: str, setting: str, value: object) -> None:
        self.left.discard(name)
        line = self.literals[name].line if name in self.literals else 0
        shown = "" if name.lower().endswith(_SECRET) else value
        if line or name in _UNSAID:
            self.adopted.understood.append(Understood(name, setting, shown, line))


def _place(uri: str) -> dict[str, Any]:
    """Return where a directory is: by `ldaps://` iRedAdmin means StartTLS at that port, with whatever certificate.

    On this host nobody listens in between, and no certificate has its name.
    """
    urls = uri.split()
    if not all(url.startswith("ldaps://") for url in urls):
        return {"url": uri}
    plain = [f"ldap://{url.removeprefix('ldaps://')}" for url in urls]
    return {"url": " ".join(plain), **({} if all(map(_HERE.match, plain)) else {"start_tls": True})}


def _scheme(value: object) -> str:
    """Return the first of the schemes that are joined by `+` which we make, too."""
    words = [word.strip().upper() for word in str(value).split("+")]
    known = [word for word in words if word in get_args(Scheme)]
    if not known:
        raise ValueError("new passwords can not be stored so; those that are there go on working")
    return known[0]


def _joined(value: object) -> object:
    return "".join(map(str, value)) if isinstance(value, list | tuple) else value


def _longest(value: object) -> object:
    """Return the longest of the times to choose from."""
    return max(value, default=None) if isinstance(value, list | tuple) else value


_CONVERTERS: Mapping[str, Callable[[object], object]] = {
    "DEFAULT_PASSWORD_SCHEME": _scheme, "RECIPIENT_DELIMITERS": _joined, "DAYS_TO_KEEP_REMOVED_MAILBOX": _longest,
}  # fmt: skip
