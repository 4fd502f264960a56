"""Daemons that are named by host and port: whether somebody answers there."""

import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from postreeve.doctor.findings import Ailment, Finding

SECONDS = 3


@dataclass(frozen=True)
class Daemon:
    """Somebody who is said to listen."""

    name: str
    """In words, such as `Amavisd's quarantine`."""
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.name} at {self.host}:{self.port}"


def silent(daemons: Iterable[Daemon]) -> Iterator[Finding]:
    """Yield those with whom no connection can be made."""
    for daemon in daemons:
        try:
            socket.create_connection((daemon.host, daemon.port), timeout=SECONDS).close()
        except OSError as error:
            reason = error.strerror or str(error)
            yield Finding(Ailment.STORE, daemon.name, f"Nobody answers for {daemon}: {reason}.")
