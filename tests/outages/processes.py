"""Server processes as administrators start them, on the databases of a test."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from postreeve.settings import Ldap, Store
from tests.site import Client

START_SECONDS = 30
PROGRAM = Path(sys.executable).with_name("postreeve")


@dataclass(frozen=True)
class Process:
    """A server process, and where it answers."""

    program: "subprocess.Popen[bytes]"
    base: str
    log: Path

    def client(self) -> Client:
        return Client(self.base)

    def kill(self) -> None:
        """End it as the kernel would when memory runs out."""
        self.program.send_signal(signal.SIGKILL)
        self.program.wait()


def settings_file(folder: Path, stores: Mapping[str, Store | Ldap], **values: Any) -> Path:
    """Write the settings of an installation on some databases and a directory, and return the file."""
    lines = [f"{name} = {json.dumps(value)}" for name, value in {"login_answer_ms": 0, **values}.items()]
    for name, store in stores.items():
        given = {key: value for key, value in msgspec.to_builtins(store).items() if value}
        lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in given.items())]
    file = folder / "settings.toml"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def environment(**values: str) -> dict[str, str]:
    """Return an environment without settings of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("POSTREEVE_")}
    return {**kept, "PYTHONUNBUFFERED": "1", **values}


def ran(command: str, file: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of ours to its end."""
    words = [str(PROGRAM), *command.split(), f"--data={file.parent}", f"--settings={file}", *options]
    return subprocess.run(words, env=environment(), capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def serving(file: Path) -> Iterator[Process]:
    """Serve from a process of its own until the end of the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = file.parent / f"{port}.log"
    words = [str(PROGRAM), "serve", f"--data={file.parent}", f"--settings={file}", f"--listen=127.0.0.1:{port}"]
    with log.open("wb") as output:
        program = subprocess.Popen(words, env=environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    process = Process(program, f"http://127.0.0.1:{port}/iredadmin/api", log)
    try:
        _wait(process, port)
        yield process
    finally:
        program.terminate()
        program.wait()


@contextmanager
def both(file: Path, number: int = 2) -> Iterator[Sequence[Process]]:
    """Serve from some processes at once."""
    with ExitStack() as stack:
        yield [stack.enter_context(serving(file)) for _ in range(number)]


def _wait(process: Process, port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        with socket.socket() as line:
            if line.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.program.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"A server process did not start:\n{process.log.read_text()}")
        time.sleep(0.05)
