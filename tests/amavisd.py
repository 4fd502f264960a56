"""A real Amavisd of our own: in a temporary directory, on free ports of loopback, over a database of a test.

It keeps forbidden attachments in the quarantine, as iRedMail configures it; there is no SpamAssassin and no virus
scanner. What it lets through and what it releases arrives at a sink, which stands for Postfix's port for what has been
looked at.
"""

import os
import pwd
import shutil
import signal
import smtplib
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from functools import cache
from pathlib import Path

from postreeve.settings import Store
from tests.mail_system import LOOPBACK, PATH, private_directory

USER = "amavis"
PATIENCE = 30.0


@dataclass(frozen=True)
class Amavisd:
    """Where it takes mail and where it releases."""

    smtp_port: int
    release_port: int
    socket: Path

    @property
    def release_server(self) -> str:
        return f"{LOOPBACK}:{self.release_port}"

    def take(self, sender: str, recipients: list[str], mail: EmailMessage) -> None:
        """Hand in a mail as Postfix does."""
        with smtplib.SMTP(LOOPBACK, self.smtp_port, timeout=PATIENCE) as connection:
            connection.send_message(mail, sender, recipients)


class _SaysYes(socketserver.StreamRequestHandler):
    """Answers each request for release as if every recipient had got the mail."""

    def handle(self) -> None:
        recipients = 0
        for line in self.rfile:
            recipients += line.startswith(b"recipient=")
            if not line.strip():
                self.wfile.write(b"setreply=250 2.0.0 Ok\r\n" * recipients + b"\r\n")
                recipients = 0


@cache
def agreeable() -> str:
    """Return where something stands for Amavisd that says yes to everything, for laws that hold without any."""
    server = socketserver.ThreadingTCPServer((LOOPBACK, 0), _SaysYes)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"{LOOPBACK}:{server.server_address[1]}"


@contextmanager
def amavisd(store: Store, next_port: int) -> Iterator[Amavisd]:
    """Run Amavisd over a database; what it gives on goes to a port."""
    smtp_port, release_port = _free_port(), _free_port()
    with private_directory() as home:
        settings, state = home / "settings", home / "state"
        for path in (settings, state, state / "tmp"):
            path.mkdir()
        running = Amavisd(smtp_port, release_port, state / "release.sock")
        (settings / "amavisd.conf").write_text(_configuration(state, store, running, next_port), encoding="utf-8")
        settings.chmod(0o555)  # it starts only if it could not change its own configuration
        if os.geteuid() == 0:
            for path in (state, state / "tmp"):
                shutil.chown(path, USER, USER)
        program = shutil.which("amavisd", path=PATH)
        assert program, "The tests need the program amavisd, which is not installed: run `make dev`."
        log = home / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [program, "-c", str(settings / "amavisd.conf"), "foreground"],
                cwd=state, env={"PATH": PATH}, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        try:
            _wait_for(running, process, log)
            yield running
        finally:
            process.terminate()
            process.wait()
            _wait_for_end(process.pid)
            settings.chmod(0o755)


def _configuration(state: Path, store: Store, running: Amavisd, next_port: int) -> str:
    user = USER if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    name = {
        "postgresql": f"DBI:Pg:dbname={store.database};host={store.socket};port={store.port or 5432}",
        "mariadb": f"DBI:mysql:database={store.database};mysql_socket={store.socket}",
    }[store.engine]
    return f"""\
use strict;
$daemon_user = $daemon_group = '{user}';
$MYHOME = '{state}';
$TEMPBASE = "$MYHOME/tmp";
$QUARANTINEDIR = undef;
$pid_file = "$MYHOME/pid";
$lock_file = "$MYHOME/lock";
$myhostname = 'mail.postreeve.test';
$mydomain = 'postreeve.test';
$enable_db = 0;
$max_servers = 2;
$log_level = 1;
$do_syslog = 0;
$inet_socket_bind = '{LOOPBACK}';
$inet_socket_port = [{running.smtp_port}, {running.release_port}];
$unix_socketname = '{running.socket}';
$unix_socket_mode = 0666;
$interface_policy{{'{running.release_port}'}} = $interface_policy{{'SOCK'}} = 'RELEASE';
$policy_bank{{'RELEASE'}} = {{ protocol => 'AM.PDP', auth_required_release => 1 }};
$forward_method = $notify_method = $release_method = 'smtp:[{LOOPBACK}]:{next_port}';
@local_domains_maps = (1);
@bypass_virus_checks_maps = @bypass_spam_checks_maps = @bypass_header_checks_maps = (1);
$banned_filename_re = new_RE(qr'\\.exe$'i);
$final_banned_destiny = D_DISCARD;
$banned_files_quarantine_method = 'sql:';
@storage_sql_dsn = @lookup_sql_dsn = (['{name}', '{store.user}', '{store.password}']);
$sql_allow_8bit_address = 1;
$timestamp_fmt_mysql = 1;
1;
"""


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        return int(listener.getsockname()[1])


def _wait_for(running: Amavisd, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        is_coming = process.poll() is None and time.monotonic() < deadline
        assert is_coming, log.read_text(encoding="utf-8", errors="replace")
        try:
            socket.create_connection((LOOPBACK, running.release_port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return


def _wait_for_end(group: int) -> None:
    """Wait until the workers have ended as well: they clear away what they have in the directory."""
    deadline = time.monotonic() + PATIENCE
    with suppress(ProcessLookupError):
        while time.monotonic() < deadline:
            os.killpg(group, 0)
            time.sleep(0.02)
        os.killpg(group, signal.SIGKILL)
