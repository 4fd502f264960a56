"""Daemons that settings name besides the stores: whether somebody answers there."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass

from postreeve.doctor.findings import Ailment, Finding
from postreeve.networks import host_and_port
from postreeve.settings import Settings

SECONDS = 3


@dataclass(frozen=True)
class Daemon:
    """Somebody who is said to listen."""

    setting: str
    name: str
    place: str
    """`HOST:PORT`, `[IPv6]:PORT` or the path of a socket."""

    def reach(self) -> None:
        """Make a connection, or raise `OSError`."""
        if self.place.startswith("/"):
            with socket.socket(socket.AF_UNIX) as line:
                line.settimeout(SECONDS)
                line.connect(self.place)
        else:
            socket.create_connection(host_and_port(self.place), timeout=SECONDS).close()


def named(settings: Settings) -> Iterator[Daemon]:
    """Yield the daemons that settings name."""
    if settings.amavisd and settings.amavisd_release_server:
        yield Daemon("amavisd_release_server", "Amavisd's AM.PDP", settings.amavisd_release_server)
    if host := settings.notification_smtp_server:
        place = f"[{host}]" if ":" in host else host
        yield Daemon(
            "notification_smtp_server", "the mail server for notices", f"{place}:{settings.notification_smtp_port}"
        )


def silent(settings: Settings) -> Iterator[Finding]:
    """Yield those with whom no connection can be made."""
    for daemon in named(settings):
        try:
            daemon.reach()
        except OSError as error:
            reason = error.strerror or str(error)
            sentence = f"Nobody answers for {daemon.name} at {daemon.place}: {reason}."
            yield Finding(Ailment.STORE, daemon.setting, sentence)
