"""AM.PDP, Amavisd's protocol by which quarantined mail is released: over TCP or a Unix socket.

A request is lines of names and values with an empty line at its end, and so is the answer; in it there is a reply of
SMTP for each recipient, in their order. Amavisd hands the mail to Postfix before it answers.
"""

import logging
import re
import socket
import time
from collections.abc import Collection, Sequence
from contextlib import closing
from urllib.parse import unquote_to_bytes

from postreeve import networks
from postreeve.quarantine.store import Held
from postreeve.work import ReleaseServerError

CONNECT_SECONDS, ANSWER_SECONDS = 3.0, 30.0
LONGEST_ANSWER = 1024 * 1024
_IS_DELIVERED = re.compile(r"250 2\.(?!5\.0 No recipients)")
"""The second number is Postfix's, or Amavisd's own 6.0; without anybody to release to, Amavisd says 250 as well."""

log = logging.getLogger("postreeve.ampdp")


class AmPdp:
    """Amavisd where it listens: `host:port`, or the path of a socket."""

    def __init__(self, where: str, answer_seconds: float = ANSWER_SECONDS) -> None:
        self.where = where
        self.answer_seconds = answer_seconds

    def release(self, held: Held, recipients: Collection[str], by: str) -> list[str]:
        wanted = list(recipients)
        answer = self._ask([
            ("request", "release"), ("mail_id", held.place.mail_id), ("secret_id", held.secret_id),
            ("quar_type", "Q"), ("partition_tag", str(held.place.partition)), ("requested_by", f"<{by}>"),
            *(("recipient", f"<{recipient}>") for recipient in wanted),
        ])  # fmt: skip
        replies = [value for name, value in answer if name == "setreply"]
        if refusals := sorted({reply for reply in replies if not _IS_DELIVERED.match(reply)}):
            said = "; ".join(refusals).replace(held.secret_id or "\n", "***")
            log.warning("Amavisd does not release %s: %s", held.place.mail_id, said[:1000])
        if len(replies) != len(wanted):  # one reply for all is a failure of the whole
            return []
        return [mail for mail, reply in zip(wanted, replies, strict=True) if _IS_DELIVERED.match(reply)]

    def _ask(self, request: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        lines = [f"{name}={_encoded(value)}\r\n" for name, value in request]
        try:
            with closing(self._connected()) as connection:
                connection.sendall("".join([*lines, "\r\n"]).encode())
                return _read(self._answer(connection))
        except OSError as error:
            raise ReleaseServerError(f"Amavisd at {self.where}: {error}") from error

    def _connected(self) -> socket.socket:
        if not self.where.startswith("/"):
            return socket.create_connection(networks.host_and_port(self.where), CONNECT_SECONDS)
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(CONNECT_SECONDS)
            connection.connect(self.where)
        except OSError:
            connection.close()
            raise
        return connection

    def _answer(self, connection: socket.socket) -> bytes:
        """Read up to the empty line; whoever drips is not waited for longer than who is silent."""
        answer, deadline = bytearray(), time.monotonic() + self.answer_seconds
        while not answer.replace(b"\r\n", b"\n").endswith(b"\n\n"):
            connection.settimeout(max(deadline - time.monotonic(), 0.001))
            part = connection.recv(65536)
            answer += part
            if not part or len(answer) > LONGEST_ANSWER:
                raise ReleaseServerError(f"Amavisd at {self.where} answers something that is no answer.")
        return bytes(answer)


def _encoded(value: str) -> str:
    return re.sub(rb"[^!-$&-~]", lambda sign: b"%%%02x" % sign[0][0], value.encode()).decode()


def _read(answer: bytes) -> list[tuple[str, str]]:
    pairs = (line.partition(b"=") for line in answer.split(b"\n"))
    return [(_decoded(name), _decoded(value)) for name, _, value in pairs if name.strip()]


def _decoded(text: bytes) -> str:
    return unquote_to_bytes(text.strip()).decode("utf-8", "replace")
