"""How mails leave that Postreeve sends by itself: over SMTP, or through a program on this host."""

import logging
import smtplib
import ssl
import subprocess
from email.headerregistry import Address as Mailbox
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from postreeve.newsletter.store import Letter, Outbox
from postreeve.settings import Settings
from postreeve.values import Address
from postreeve.work import OutboxError

log = logging.getLogger("postreeve.outbox")

LOOPBACK = ("localhost", "127.0.0.1", "::1")
SECONDS = 15
"""For each answer of the server, and for the program."""


def outbox_of(settings: Settings) -> Outbox:
    """Return who takes mails, as the settings have it."""
    return SmtpOutbox(settings) if settings.notification_smtp_server else SendmailOutbox(settings)


class SmtpOutbox:
    """A server that takes mails."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def send(self, letter: Letter) -> None:
        settings = self.settings
        try:
            with smtplib.SMTP(
                settings.notification_smtp_server, settings.notification_smtp_port, timeout=SECONDS
            ) as server:
                if settings.notification_smtp_starttls:
                    server.starttls(context=_encryption(settings.notification_smtp_server))
                if settings.notification_smtp_user:
                    server.login(settings.notification_smtp_user, settings.notification_smtp_password)
                server.send_message(written(letter, settings), letter.sender, [letter.recipient])
        except smtplib.SMTPRecipientsRefused:
            log.info("A mail was not wanted.")
        except (OSError, smtplib.SMTPException) as error:
            where = f"{settings.notification_smtp_server}:{settings.notification_smtp_port}"
            raise OutboxError(f"{where} takes no mail: {error}") from error


class SendmailOutbox:
    """A program that takes mails, such as Postfix's sendmail."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def send(self, letter: Letter) -> None:
        program = self.settings.notification_sendmail
        command = [program, "-i", "-f", letter.sender, "--", letter.recipient]
        content = written(letter, self.settings).as_bytes()
        try:
            subprocess.run(command, input=content, capture_output=True, timeout=SECONDS, check=True)  # noqa: S603 - no shell, and the addresses are parsed
        except (OSError, subprocess.SubprocessError) as error:
            raise OutboxError(f"{program} takes no mail: {error}") from error


def written(letter: Letter, settings: Settings) -> EmailMessage:
    """Return a mail as it is sent; nobody's automatic answer is wanted."""
    message = EmailMessage()
    message["From"] = _mailbox(letter.sender, settings.notification_sender_name)
    message["To"] = _mailbox(letter.recipient)
    message["Subject"] = letter.subject
    message["Date"] = formatdate(localtime=True)
    message["Message-ID"] = make_msgid(domain=letter.sender.domain)
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(letter.text, cte="7bit" if letter.text.isascii() else "quoted-printable")  # links stay whole
    return message


def _encryption(server: str) -> ssl.SSLContext:
    """Return how a connection is encrypted; on this host nobody is in between, and certificates are home-made."""
    context = ssl.create_default_context()
    if server in LOOPBACK:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _mailbox(address: Address, name: str = "") -> Mailbox:
    """Return an address with its name; parts that are unusual are quoted."""
    return Mailbox(name, address.local_part, address.domain)
