"""HAProxy before the nodes of Postreeve and before those of the databases, as `docs/several-nodes.md` advises."""

import re
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests import servers

ROOT = Path(__file__).parent.parent.parent
ADVICE = ROOT / "deploy" / "haproxy.cfg"
_START_SECONDS = 10
_SERVER = re.compile(r"^    server (\w+) \S+(.*)$", re.MULTILINE)


def configuration(fronts: Mapping[str, int], backs: Mapping[str, Sequence[int]]) -> str:
    """Return the advised configuration with ports of loopback: of what listens, and of the servers behind it."""
    sections = re.split(r"^(?=\w)", ADVICE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return "".join(_section(text, fronts, backs) for text in sections)


def _section(text: str, fronts: Mapping[str, int], backs: Mapping[str, Sequence[int]]) -> str:
    kind, _, name = text.partition("\n")[0].partition(" ")
    if kind != "listen":
        return text
    ports = iter(backs[name])
    text = re.sub(r"^    bind .*$", f"    bind 127.0.0.1:{fronts[name]}", text, flags=re.MULTILINE)
    return _SERVER.sub(lambda found: f"    server {found[1]} 127.0.0.1:{next(ports)}{found[2]}", text)


@contextmanager
def balancer(folder: Path, fronts: Mapping[str, int], backs: Mapping[str, Sequence[int]]) -> Iterator[None]:
    """Run HAProxy until the end of the block."""
    file = folder / "haproxy.cfg"
    file.write_text(configuration(fronts, backs), encoding="utf-8")
    words = [*servers._as("haproxy", "--pdeathsig=KILL"), servers._program("haproxy"), "-db", "-f", str(file)]
    with (folder / "haproxy.log").open("wb") as output:
        program = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        _wait(program, fronts, folder / "haproxy.log")
        yield
    finally:
        program.terminate()
        program.wait()


def _wait(program: "subprocess.Popen[bytes]", fronts: Mapping[str, int], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    for port in fronts.values():
        while True:
            with socket.socket() as line:
                if line.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if program.poll() is not None or time.monotonic() > deadline:
                raise servers.ServerError(f"HAProxy did not start:\n{log.read_text()}")
            time.sleep(0.02)
