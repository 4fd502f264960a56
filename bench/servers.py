"""The applications as processes of their own, on a core of their own where there is one."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from postreeve.settings import Settings

OURS, BARE = "postreeve.app:application", "bench.bare:application"
_START_SECONDS = 30
_CORES = sorted(os.sched_getaffinity(0))
REST, OWN = _CORES[:-1] or _CORES, _CORES[-1:]
"""The cores of the databases and clients, and that of the application."""


@dataclass(frozen=True)
class Application:
    """A running application."""

    port: int
    process: int

    def resident(self, what: str = "VmRSS") -> float:
        """Return the memory that the process has in use in MB, or the most that it had (`VmHWM`)."""
        status = Path(f"/proc/{self.process}/status").read_text(encoding="ascii")
        line = next(line for line in status.splitlines() if line.startswith(f"{what}:"))
        return int(line.split()[1]) / 1024

    def forget_peak(self) -> None:
        Path(f"/proc/{self.process}/clear_refs").write_text("5", encoding="ascii")


def stay_off() -> None:
    """Leave the application's core to it: this process and the databases that it starts from now on."""
    os.sched_setaffinity(0, REST)


@contextmanager
def serving(application: str, settings: Settings, **environment: str) -> Iterator[Application]:
    """Run an application as one server process, as `postreeve serve` does."""
    port = _free_port()
    command = [
        sys.executable, "-m", "uvicorn", "--factory", application, f"--port={port}", "--log-level=warning",
        "--no-access-log", "--no-proxy-headers", "--no-server-header",
    ]  # fmt: skip
    process = subprocess.Popen(command, env={**os.environ, **_environment(settings), **environment})
    try:
        os.sched_setaffinity(process.pid, OWN)
        _wait(process, port)
        yield Application(port, process.pid)
    finally:
        process.terminate()
        process.wait()


def _environment(settings: Settings) -> Mapping[str, str]:
    accounts = {"LDAP": settings.ldap} if settings.ldap else {"VMAIL": settings.vmail}
    stores = {**accounts, "IREDADMIN": settings.iredadmin}
    found = {f"POSTREEVE_{name}": msgspec.json.encode(store).decode() for name, store in stores.items()}
    return {**found, "POSTREEVE_ACCESS_LOG": "false"}  # the bare application writes none either


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        with socket.socket() as line:
            if not line.connect_ex(("127.0.0.1", port)):
                return
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("An application did not start.")
        time.sleep(0.05)
