"""What differs from one mail server to the next."""

import re
from dataclasses import dataclass
from pathlib import Path

from postreeve.settings import SettingsError

_HOST_NAME = re.compile(r"([A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)?")
_ACCOUNT_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}")


@dataclass(frozen=True, kw_only=True)
class MailSystem:
    """Where Postfix and Dovecot live and as whom; the defaults are Debian's and iRedMail's."""

    hostname: str = ""
    """Full name of the mail server; empty is the machine's own."""
    interfaces: str = "all"
    """Addresses to listen on, separated by blanks; `all` is every one."""
    networks: str = "127.0.0.0/8 [::1]/128"
    """Clients that may send without logging in."""
    smtp_port: int = 25
    submission_port: int = 587
    imap_port: int = 143
    requires_tls: bool = True
    """Take passwords from other machines over TLS only."""
    slows_guessing: bool = True
    """Let whoever gives a wrong password wait for the answer."""

    look_up_user: str = ""
    """Database role of Postfix's and Dovecot's look-ups; empty is our own."""
    look_up_password: str = ""

    mail_user: str = "vmail"
    """Owner of all mailboxes."""
    mail_group: str = "vmail"
    postfix_user: str = "postfix"
    postfix_group: str = "postfix"
    dovecot_user: str = "dovecot"
    dovecot_group: str = "dovecot"
    login_user: str = "dovenull"
    """Dovecot's user for connections before they have logged in."""
    mlmmj_user: str = "mlmmj"
    """Owner of the mailing lists."""
    mlmmj_group: str = "mlmmj"
    is_privileged: bool = True
    """Start Dovecot as root; otherwise whoever starts it has to be all the users named above."""

    dovecot_directory: Path = Path("/etc/dovecot")
    dovecot_run_directory: Path = Path("/run/dovecot")
    dovecot_state_directory: Path = Path("/var/lib/dovecot")
    dovecot_log: Path | None = None
    """File for Dovecot's log; without one it writes to syslog."""
    queue_directory: Path = Path("/var/spool/postfix")
    postfix_state_directory: Path = Path("/var/lib/postfix")
    postfix_log: Path | None = None
    """File for Postfix's log; without one it writes to syslog."""

    def __post_init__(self) -> None:
        """Refuse names that would mean something else in Postfix's and Dovecot's files."""
        if not _HOST_NAME.fullmatch(self.hostname):
            raise SettingsError(f"{self.hostname!r} is no host name: it has letters, digits, dots and hyphens.")
        for name in (self.mail_user, self.mail_group, self.mlmmj_user, self.mlmmj_group):
            if not _ACCOUNT_NAME.fullmatch(name):
                raise SettingsError(f"{name!r} is no user or group of a system: such have letters, digits, - . and _.")
