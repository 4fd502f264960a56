"""Databases that can be taken away and brought back."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tests import servers
from tests.servers import MariadbServer, PostgresqlServer, Server, SqliteFolder


class Fragile(Protocol):
    """A private server, or a folder of files, that can go away."""

    @property
    def server(self) -> Server: ...

    def stop(self) -> None:
        """Take the databases away."""

    def start(self) -> None:
        """Bring them back as they were."""


@dataclass
class Files:
    """SQLite files, moved out of the way."""

    server: SqliteFolder
    moved: list[Path] = field(default_factory=list)

    def stop(self) -> None:
        self.moved = list(self.server.folder.glob("*.db*"))
        for file in self.moved:
            file.rename(f"{file}.away")

    def start(self) -> None:
        for file in self.moved:
            Path(f"{file}.away").rename(file)
        self.moved = []


@dataclass
class Daemon:
    """A server process, ended as an administrator would and started again with the words it had."""

    server: PostgresqlServer | MariadbServer
    user: str
    pid_file: Path
    ending: signal.Signals
    words: list[str] = field(default_factory=list)
    started: "subprocess.Popen[bytes] | None" = None

    def stop(self) -> None:
        pid = int(self.pid_file.read_text().split()[0])
        self.words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]
        os.kill(pid, self.ending)
        while _is_running(pid):
            time.sleep(0.02)
        if self.started:
            self.started.wait()
            self.started = None
        self.pid_file.unlink(missing_ok=True)

    def start(self) -> None:
        folder = self.server.folder
        with (folder / "log").open("ab") as output:
            self.started = subprocess.Popen(
                [*servers._as(self.user, "--pdeathsig=QUIT"), *self.words], cwd=folder, env={"PATH": servers._PATH},
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        servers._wait(self.started, self.server.is_ready, folder / "log")

    def end(self) -> None:
        if self.started:
            self.started.send_signal(signal.SIGQUIT)
            self.started.wait()


@contextmanager
def fragile(like: Server) -> Iterator[Fragile]:
    """Run a private server of the same kind as another."""
    with servers._folder() as folder:
        match like:
            case PostgresqlServer():
                with servers.postgresql(folder / "own") as postgresql:
                    daemon = Daemon(postgresql, "postgres", folder / "own" / "data" / "postmaster.pid", signal.SIGINT)
                    yield daemon
                    daemon.end()
            case MariadbServer(_, driver):
                with servers.mariadb(folder / "own") as mariadb:
                    daemon = Daemon(
                        MariadbServer(mariadb.folder, driver), "mysql", folder / "own" / "pid", signal.SIGTERM
                    )
                    yield daemon
                    daemon.end()
            case _:
                yield Files(SqliteFolder(folder / "own"))


def _is_running(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
