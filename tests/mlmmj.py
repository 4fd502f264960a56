"""mlmmj's own programs on a spool of our own, and an SMTP server that takes what they send.

The lists are made as the API makes them. Run by root, the spool belongs to a user without any rights, and so do the
programs: mlmmj works for the owner of a list alone.
"""

import os
import shutil
import socket
import subprocess
import tempfile
from asyncio import AbstractServer
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from postreeve.storage.mlmmj import Host, NativeLists
from postreeve.subscribable_lists import rules
from postreeve.subscribable_lists.fields import CONTROLS, NEW_LIST
from postreeve.values import Address

OWNER = 64_999
"""A user that nothing else belongs to; it need not be known by name."""
PROGRAMS = Path("/usr/bin")
LOOPBACK = "127.0.0.1"
LIST = Address("news@lists.test")
SECONDS = 20


@dataclass(frozen=True)
class Mail:
    """A mail as it arrives, with its envelope."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.content, EmailMessage, policy=policy.default)

    @property
    def text(self) -> str:
        return self.content.decode(errors="replace")


class Sink:
    """An SMTP server that keeps what it gets."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802 - its name
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        self.mails.append(Mail(envelope.mail_from or "", tuple(envelope.rcpt_tos), content))
        return "250 OK"

    def taken(self) -> dict[str, Mail]:
        """Return the mails that have arrived since the last time by their recipients, sorted, one for each."""
        mails, self.mails = self.mails, []
        found = {recipient: mail for mail in mails for recipient in mail.recipients}
        if len(found) < sum(len(mail.recipients) for mail in mails):
            raise AssertionError([mail.recipients for mail in mails])
        return dict(sorted(found.items()))


class _Quick(SMTP):
    """SMTP to a program that sends a line in several pieces, each of which waits until the one before has arrived."""

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        assert self.transport is not None
        self.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


class _OnAnyPort(Controller):
    """A server on a port that is free, which the library's own has to be told."""

    def __init__(self, handler: Sink, address: str, **options: Any) -> None:
        self.socket = socket.create_server((address, 0))
        super().__init__(handler, address, self.socket.getsockname()[1], server_hostname="sink.test", **options)

    def factory(self) -> SMTP:
        return _Quick(self.handler, **self.SMTP_kwargs)

    def _create_server(self) -> Coroutine[Any, Any, AbstractServer]:
        return self.loop.create_server(self._factory_invoker, sock=self.socket)


@contextmanager
def sink(mails: Sink | None = None, address: str = LOOPBACK, **options: Any) -> Iterator[tuple[Sink, int]]:
    """Run a sink, and tell its port; the options are aiosmtpd's."""
    mails = mails or Sink()
    controller = _OnAnyPort(mails, address, **options)
    controller.start()
    try:
        yield mails, controller.port
    finally:
        controller.stop()


class Lists:
    """A spool with lists, and mlmmj at work on them."""

    def __init__(self, host: Host, mails: Sink, owner: int = OWNER) -> None:
        self.host = host
        self.mails = mails
        self.owner = owner
        self.server = NativeLists(host, CONTROLS)

    def directory(self, mail: str = LIST) -> Path:
        local, _, domain = mail.partition("@")
        return self.host.spool / domain / local

    def create(self, mail: str = LIST, *subscribers: str, alias_domains: Sequence[str] = (), **parameters: str) -> None:
        """Make a list as the API makes it."""
        address, changes = Address(mail), NEW_LIST.read({name: [value] for name, value in parameters.items()})
        if changes.ignored:
            raise AssertionError(changes.ignored)
        policy = rules.access(changes, None)
        resolved = rules.resolved(address, changes, policy, rules.DEFAULTS, alias_domains)
        self.server.create(mail, {**rules.DEFAULTS, **resolved})
        self.subscribe(*subscribers, mail=mail)

    def subscribe(self, *subscribers: str, mail: str = LIST) -> None:
        self.server.subscribe(mail, subscribers, "normal", has_to_confirm=False)

    def subscribed(self, mail: str = LIST) -> dict[str, str]:
        """Return who is subscribed, and to what."""
        return {each["mail"]: each["subscription"] for each in self.server.subscribers(mail)}

    def receive(self, message: EmailMessage, mail: str = LIST, program: str = "mlmmj-receive") -> None:
        """Give a message to mlmmj, as Postfix does; all that follows of it has happened afterwards."""
        content = f"Return-Path: <{parseaddr(str(message['From']))[1]}>\n".encode() + message.as_bytes()
        self.run(program, "-F", mail=mail, stdin=content)

    def post(
        self, sender: str, text: str = "Good day.\n", *,
        mail: str = LIST, to: str = "", headers: Mapping[str, str] = {},
    ) -> dict[str, Mail]:  # fmt: skip
        """Write to a list, or to another of its addresses; return what mlmmj sends, by recipient."""
        self.receive(message(sender, to or mail, text, headers), mail)
        return self.mails.taken()

    def command(self, sender: str, extension: str, mail: str = LIST) -> dict[str, Mail]:
        """Write to `list+extension@domain`; return what mlmmj sends, by recipient."""
        local, _, domain = mail.partition("@")
        return self.post(sender, to=f"{local}+{extension}@{domain}", mail=mail)

    def answer(self, sender: str, to: Mail, mail: str = LIST) -> dict[str, Mail]:
        """Answer a mail of mlmmj's; return what it sends, by recipient."""
        return self.post(sender, to=str(to.message["Reply-To"]), mail=mail)

    def listed(self, option: str, mail: str = LIST) -> set[str]:
        """Return what `mlmmj-list` says: `-s` subscribers, `-d` of digests, `-n` without mail, `-o` owners."""
        return set(self.run("mlmmj-list", option, mail=mail).splitlines())

    def run(self, program: str, *options: str, mail: str = LIST, stdin: bytes = b"") -> str:
        done = subprocess.run(
            self.words(program, *options, mail=mail), input=stdin, capture_output=True, timeout=SECONDS, check=True
        )
        return done.stdout.decode()

    def words(self, program: str, *options: str, mail: str = LIST) -> list[str]:
        """Return the command that runs a program on a list as its owner; mlmmj wants absolute paths."""
        identity = (
            ["setpriv", f"--reuid={self.owner}", f"--regid={self.owner}", "--clear-groups"] if os.geteuid() == 0 else []
        )
        return [*identity, str(PROGRAMS / program), "-L", str(self.directory(mail)), *options]


def message(sender: str, to: str, text: str, headers: Mapping[str, str] = {}) -> EmailMessage:
    """Return a mail; its subject is a greeting where the headers have no other."""
    made = EmailMessage()
    for name, value in {"From": sender, "To": to, "Subject": "Hello", **headers}.items():
        made[name] = value
    made.set_content(text)
    return made


@contextmanager
def private_lists(mails: Sink, port: int, owner: int = OWNER) -> Iterator[Lists]:
    """Give an empty spool, from which mail goes to a sink."""
    home = Path(tempfile.mkdtemp(prefix="postreeve-lists-", dir="/tmp"))
    home.chmod(0o755)
    spool = home / "spool"
    spool.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(spool, owner, owner)
    controls = (("relayhost", LOOPBACK), ("smtpport", str(port)), ("smtphelo", "lists.test"))
    mails.taken()
    try:
        yield Lists(Host(spool, home / "archive", controls=controls), mails, owner)
    finally:
        shutil.rmtree(home)
