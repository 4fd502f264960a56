"""A server whose process dies, as if killed, at a chosen moment of the next change, and is then replaced by another.

The moments are numbered: the first is before a work makes anything lasting, each next one is before the next thing.
A file tells the number; without one, or when it is higher than there are moments, the process lives. The one that
replaces it has not looked at anything before, like any process after a start.

Run as: mortal.py SETTINGS MOMENT-FILE PORT
"""

import importlib.util
import os
import signal
import socket
import sys
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from postreeve import app as assembly
from postreeve.backends.common import Stores
from postreeve.storage.sql import Session

WRITING = ("INSERT", "UPDATE", "DELETE")
left = threading.local()
"""The moments that a thread has left to live."""


def watch(moment: Path) -> None:
    """Count what is made lasting from the claim of a change on, and end the process when the number is reached."""
    execute, claim = Session._execute, Stores.claim

    def counted_execute(session: Session, verb: str, text: str, *rest: Any) -> None:
        if text == "COMMIT" or (not session.is_in_transaction and text.startswith(WRITING)):
            count()
        execute(session, verb, text, *rest)

    @contextmanager
    def watched_claim(storage: Stores, taken: Collection[str], freed: Collection[str] = ()) -> Iterator[None]:
        left.moments = int(moment.read_text()) if moment.exists() else None
        with claim(storage, taken, freed):
            yield
        left.moments = None

    Session._execute = counted_execute  # type: ignore[method-assign,assignment]
    Stores.claim = watched_claim  # type: ignore[method-assign,assignment]
    if importlib.util.find_spec("ldap"):
        watch_directory()


def watch_directory() -> None:
    """Count what is written to a directory, too."""
    from postreeve.storage.directory.session import Session as Directory

    ask = Directory.ask

    def counted_ask(session: Directory, send: Any) -> Any:
        if getattr(send, "__name__", "") == "carry_out":
            count()
        return ask(session, send)

    Directory.ask = counted_ask  # type: ignore[method-assign,assignment]


def count() -> None:
    """Come one moment nearer to the end."""
    if getattr(left, "moments", None) is not None:
        left.moments -= 1
        if left.moments == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def serve(settings: str, listener: socket.socket) -> None:
    os.environ[assembly.SETTINGS] = settings
    config = uvicorn.Config(assembly.application(), access_log=False, log_level="warning", ws="none")
    uvicorn.Server(config).run([listener])


def main(settings: str, moment: str, port: str) -> None:
    """Replace each process that was killed; end with one that was not."""
    watch(Path(moment))
    listener = socket.create_server(("127.0.0.1", int(port)))
    children: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: os.kill(children[-1], signal.SIGTERM))
    while True:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            serve(settings, listener)
            os._exit(0)
        children.append(child)
        _, status = os.waitpid(child, 0)
        if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
