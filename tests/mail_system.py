"""Real Postfix and Dovecot of our own: in a temporary directory, on free ports of the loopback address.

The files are those of `postreeve mail-config`, for another `MailSystem`. Look-ups by `PostfixMaps` need no
daemon; `Doveadm` asks a running `Dovecot`; `MailServer` is both programs, and mail goes through it. Postfix
and therefore `MailServer` must be started by root; everything else works for ordinary users as well.
"""

import getpass
import grp
import imaplib
import os
import shutil
import smtplib
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from email import message_from_bytes
from email.message import EmailMessage, Message
from pathlib import Path
from typing import Literal, Self

from postreeve.mail_config import MailSystem, write
from postreeve.settings import Settings

LOOPBACK = "127.0.0.1"
PATIENCE = 20.0
SECONDS_PER_COMMAND = 30
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin:/usr/lib/postfix/sbin"
# As Postfix's own list has them, postfix-files; `postfix check` would make them as slowly as a shell does.
QUEUES = (
    "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming",
    "private", "saved", "trace",
)  # fmt: skip
GROUP_QUEUES = {"maildrop": 0o730, "public": 0o710}
Protection = Literal["", "secured", "tls"]

NOT_FOUND = 1
NO_SUCH_USER = 67
REFUSED = 77


@contextmanager
def private_directory() -> Iterator[Path]:
    """Give a directory that the daemons' users may enter, with a path short enough for sockets."""
    path = Path(tempfile.mkdtemp(prefix="postreeve-mail-", dir="/tmp"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path)


def private_system(home: Path, **look_ups: str) -> MailSystem:
    """Return a system below `home`, and make its directories; run by root, it has the daemons' own users.

    `look_ups` may name who asks for accounts.
    """
    run, state, mail, queue, postfix_state = (
        _directory(home / name) for name in ("run", "state", "mail", "queue", "postfix-state")
    )
    _directory(queue / "private")
    smtp_port, submission_port, imap_port = _free_ports(3)
    users: dict[str, str] = {}
    if os.geteuid() == 0:
        users = {"mail_user": "mail", "mail_group": "mail", "mlmmj_user": "list", "mlmmj_group": "list"}
        shutil.chown(mail, "mail", "mail")
        shutil.chown(postfix_state, "postfix")
        _make_queue(queue)
    else:
        for kind in ("mail", "postfix", "dovecot"):
            users |= {f"{kind}_user": getpass.getuser(), f"{kind}_group": grp.getgrgid(os.getegid()).gr_name}
        users["login_user"] = getpass.getuser()
    return MailSystem(
        hostname="mail.postreeve.test",
        interfaces=LOOPBACK,
        networks="",
        smtp_port=smtp_port,
        submission_port=submission_port,
        imap_port=imap_port,
        requires_tls=False,
        slows_guessing=False,
        is_privileged=os.geteuid() == 0,
        dovecot_directory=home / "config/dovecot",
        dovecot_run_directory=run,
        dovecot_state_directory=state,
        dovecot_log=home / "dovecot.log",
        queue_directory=queue,
        postfix_state_directory=postfix_state,
        postfix_log=home / "postfix.log",
        **users,
        **look_ups,
    )


def configure(settings: Settings, data: Path, home: Path, **look_ups: str) -> MailSystem:
    """Write the files of a private system into `home / "config"`."""
    system = private_system(home, **look_ups)
    earlier = time.time() - 60
    for file in write(settings, data, home / "config", system):
        # Postfix waits until a file is two seconds old, lest it be still written.
        os.utime(file, (earlier, earlier))
    return system


class PostfixMaps:
    """Postfix's look-ups, by its own `postmap`; `config` is where `write` wrote."""

    def __init__(self, config: Path) -> None:
        self._config = config / "postfix"
        self._files = {file.stem: file for file in self._config.glob("*/*.cf")}
        self.names = set(self._files)

    def complaints(self) -> str:
        """Return what Postfix finds strange in main.cf and master.cf."""
        return "".join(_check(_run("postconf", "-c", self._config, *option)).stderr for option in ((), ("-M",)))

    def query(self, name: str, key: str) -> str | None:
        """Return what the map says about the key; several rows are joined by commas."""
        file = self._files[name]
        answer = _run("postmap", "-c", self._config, "-q", key, f"{file.parent.name}:{file}")
        # An error says why; a key that is not there says nothing.
        if answer.returncode == NOT_FOUND and not answer.stderr:
            return None
        _check(answer)
        return answer.stdout.rstrip("\n")

    def destinations(self, name: str, key: str) -> set[str]:
        """Return the answer as a set, since databases give rows in any order."""
        return set((self.query(name, key) or "").split(",")) - {""}

    def table(self, name: str, keys: Iterable[str]) -> dict[str, set[str]]:
        """Return the answers to those of many keys that are there; one process asks for all of them."""
        file = self._files[name]
        lines = "".join(f"{key}\n" for key in keys)
        answer = _run("postmap", "-c", self._config, "-q", "-", f"{file.parent.name}:{file}", text=lines)
        if answer.stderr:
            raise AssertionError(answer.stderr)
        _check(answer, NOT_FOUND)
        found = (line.partition("\t") for line in answer.stdout.splitlines())
        return {key: set(value.split(",")) for key, _, value in found}


class Doveadm:
    """Questions to a running Dovecot, by its own `doveadm`; `config` is where `write` wrote."""

    def __init__(self, config: Path) -> None:
        self._file = config / "dovecot/dovecot.conf"

    def auth_test(
        self, user: str, password: str, *, service: str = "", protection: Protection = "", remote: str = ""
    ) -> bool:
        """Say whether the login works; no service is "doveadm", no remote address a local program."""
        given = {"service": service, "secured": protection, "rip": remote}
        answer = self._ask("auth", "test", *_options(given), user, password)
        if "temp_fail" in answer.stdout + answer.stderr:
            raise AssertionError(answer.stdout + answer.stderr)
        _check(answer, REFUSED)
        return answer.returncode == 0

    def user(self, name: str, *, service: str = "") -> dict[str, str] | None:
        """Return the user's fields, as a delivery or an IMAP session gets them."""
        answer = self._ask("user", *_options({"service": service}), name)
        if answer.returncode == NO_SUCH_USER:
            return None
        _check(answer)
        lines = (line.partition("\t") for line in answer.stdout.splitlines()[1:])
        return {name: value for name, _, value in lines}

    def users(self) -> set[str]:
        """Return all users, as commands for everybody see them."""
        answer = _check(self._ask("user", "*"))
        return set(answer.stdout.split())

    def quota(self, user: str) -> str:
        """Return what Dovecot says about the user's quota, after counting anew."""
        for command in ("recalc", "get"):
            answer = _check(self._ask("quota", command, "-u", user))
        return answer.stdout

    def hashed(self, password: str, scheme: str) -> str:
        """Return a hash as Dovecot makes it."""
        return _check(self._ask("pw", "-s", scheme, "-p", password)).stdout.strip()

    def _ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return _run("doveadm", "-c", self._file, *arguments)


class Dovecot:
    """A running Dovecot; `with` starts and stops it."""

    def __init__(self, config: Path, system: MailSystem) -> None:
        self._daemon = _Daemon(["dovecot", "-F", "-c", config / "dovecot/dovecot.conf"], system.dovecot_log)
        self._system = system
        self.doveadm = Doveadm(config)

    def __enter__(self) -> Self:
        self._daemon.start(lambda: _answers(self._system.imap_port))
        return self

    def __exit__(self, *_: object) -> None:
        self._daemon.stop()


class Postfix:
    """A running Postfix; `with` starts and stops it. Only root can."""

    def __init__(self, config: Path, system: MailSystem) -> None:
        self._config = config / "postfix"
        self._daemon = _Daemon(["master", "-c", self._config, "-s"], system.postfix_log)
        self._system = system
        self.maps = PostfixMaps(config)

    def __enter__(self) -> Self:
        ports = self._system.smtp_port, self._system.submission_port
        self._daemon.start(lambda: all(map(_answers, ports)))
        return self

    def __exit__(self, *_: object) -> None:
        self._daemon.stop()


class MailServer:
    """Postfix and Dovecot together, for the accounts of some settings; `with` starts and stops them.

    New users belong into `home / "mail"` (the setting `storage_base_directory`): there Dovecot may write.
    """

    def __init__(self, settings: Settings, data: Path, home: Path, **look_ups: str) -> None:
        self.config = home / "config"
        self.system = configure(settings, data, home, **look_ups)
        if settings.vmail.engine == "sqlite" and not settings.ldap:
            shutil.chown(data / settings.vmail.path, group=self.system.postfix_group)
        self.dovecot = Dovecot(self.config, self.system)
        self.postfix = Postfix(self.config, self.system)
        self.maps = self.postfix.maps
        self.doveadm = self.dovecot.doveadm

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.dovecot)
            stack.enter_context(self.postfix)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @contextmanager
    def submission(self, user: str = "", password: str = "") -> Iterator[smtplib.SMTP]:
        """Open a connection as a user's mail program does; the login is tried when a user is given."""
        with smtplib.SMTP(LOOPBACK, self.system.submission_port, "client.test", PATIENCE) as smtp:
            if user:
                smtp.login(user, password)
            yield smtp

    @contextmanager
    def smtp(self) -> Iterator[smtplib.SMTP]:
        """Open a connection as another mail server does."""
        with smtplib.SMTP(LOOPBACK, self.system.smtp_port, "client.test", PATIENCE) as smtp:
            yield smtp

    @contextmanager
    def imap(self, user: str, password: str) -> Iterator[imaplib.IMAP4]:
        """Log in to the mailbox."""
        with imaplib.IMAP4(LOOPBACK, self.system.imap_port, PATIENCE) as imap:
            imap.login(user, password)
            yield imap

    def send(self, sender: str, password: str, recipient: str, subject: str) -> None:
        """Send a message as a user who logs in."""
        with self.submission(sender, password) as smtp:
            smtp.send_message(_message(sender, recipient, subject))

    def receive(self, recipient: str, subject: str) -> None:
        """Take a message from outside; its envelope names no sender, so nobody asks the DNS for one."""
        with self.smtp() as smtp:
            smtp.send_message(_message("someone@outside.test", recipient, subject), from_addr="<>")

    def wait_for(self, user: str, password: str, subject: str) -> Message:
        """Return the message with that subject from the user's inbox as soon as it is there."""
        with self.imap(user, password) as imap:
            found: list[bytes] = []

            def arrived() -> bool:
                imap.select("INBOX")
                _, answer = imap.search(None, "SUBJECT", f'"{subject}"')
                found[:] = answer[0].split()
                return bool(found)

            self._wait_until(arrived, f"“{subject}” has not arrived at {user}.")
            _, parts = imap.fetch(found[-1].decode(), "(RFC822)")
        match parts[0]:
            case (_, bytes() as content):
                return message_from_bytes(content)
            case other:
                raise AssertionError(other)

    def subjects(self, user: str, password: str, count: int) -> list[str]:
        """Return the subjects in the user's inbox, sorted, as soon as so many are there."""
        with self.imap(user, password) as imap:
            found: list[str] = []

            def are_there() -> bool:
                _, present = imap.select("INBOX")
                # An empty mailbox has no first message that could be asked for.
                if int(present[0] or 0) >= count:
                    _, parts = imap.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
                    messages = [message_from_bytes(part[1]) for part in parts if isinstance(part, tuple)]
                    found[:] = sorted(message["Subject"] for message in messages)
                return len(found) >= count

            self._wait_until(are_there, f"{user} has got fewer than {count} messages.")
            return found

    def _wait_until(self, is_so: Callable[[], bool], failure: str) -> None:
        try:
            wait_until(is_so, failure)
        except AssertionError as error:
            error.add_note(self.logs())
            raise

    def logs(self) -> str:
        """Return what the programs said, for the report of a failure."""
        files = (self.system.postfix_log, self.system.dovecot_log)
        return "".join(f"\n{file.name}:\n{file.read_text()}" for file in files if file and file.exists())


def wait_until(is_so: Callable[[], bool], failure: str) -> None:
    """Wait for something that happens soon."""
    end = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > end:
            raise AssertionError(failure)
        time.sleep(0.02)


class _Daemon:
    """A program in the foreground that we started and end by its process."""

    def __init__(self, command: list[str | Path], log: Path | None) -> None:
        self._command = command
        self._log = log

    def start(self, is_ready: Callable[[], bool]) -> None:
        self._process = subprocess.Popen(
            # It ends with this process, even if that is killed.
            ["setpriv", "--pdeathsig=TERM", *self._command],
            env={"PATH": PATH},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with ExitStack() as on_failure:
            on_failure.callback(self.stop)
            wait_until(lambda: self._is_gone() or is_ready(), f"{self._command} does not answer.")
            if self._is_gone():
                raise AssertionError(f"{self._command} has ended: {self._last_words()}")
            on_failure.pop_all()

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _is_gone(self) -> bool:
        return self._process.poll() is not None

    def _last_words(self) -> str:
        return self._log.read_text() if self._log and self._log.exists() else "it left no log"


def _run(*command: str | Path, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        input=text,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": PATH},
        timeout=SECONDS_PER_COMMAND,
    )


def _check(answer: subprocess.CompletedProcess[str], *expected: int) -> subprocess.CompletedProcess[str]:
    if answer.returncode not in (0, *expected):
        raise AssertionError(f"{answer.args} ended with {answer.returncode}: {answer.stdout}{answer.stderr}")
    return answer


def _options(given: dict[str, str]) -> list[str]:
    return [part for name, value in given.items() if value for part in ("-x", f"{name}={value}")]


def _message(sender: str, recipient: str, subject: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, recipient, subject
    message.set_content("Good day.\n")
    return message


def _directory(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o755)
    return path


def _make_queue(queue: Path) -> None:
    for name in QUEUES:
        path = _directory(queue / name)
        path.chmod(0o700)
        shutil.chown(path, "postfix")
    for name, mode in GROUP_QUEUES.items():
        path = _directory(queue / name)
        shutil.chown(path, "postfix", "postdrop")
        path.chmod(mode)
    _directory(queue / "pid")


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex((LOOPBACK, port)) == 0
