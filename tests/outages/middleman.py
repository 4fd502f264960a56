"""Somebody between us and a database server, who cuts connections or keeps silent where networks do."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import msgspec

from postreeve.settings import Store

_OCTETS = 65536
Pair = tuple[socket.socket, socket.socket]
"""The connection of a client, and the one to the server for it."""


@dataclass
class Middleman:
    """Passes on what both sides say, over TCP to the client and over a Unix socket to the server."""

    listener: socket.socket
    server: str
    loses_the_answer_to: bytes = b""
    """What the client says with these octets reaches the server, and then its connection is gone."""
    pairs: list[Pair] = field(default_factory=list)
    muted: set[Pair] = field(default_factory=set)
    swallowed: threading.Event = field(default_factory=threading.Event)
    """Something that the server said has not reached its client."""

    def store(self, like: Store) -> Store:
        """Return how to reach a database through it."""
        port = self.listener.getsockname()[1]
        return msgspec.structs.replace(like, socket="", host="127.0.0.1", port=port)

    def mute(self) -> None:
        """Let nothing through any more on the connections that there are; none is closed."""
        self.muted.update(self.pairs)

    def cut(self) -> None:
        """Close the connections that there are."""
        for pair in self.pairs:
            _cut(pair)

    def serve(self) -> None:
        with suppress(OSError):  # when the listener is closed
            while True:
                client, _ = self.listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self.server)
                pair = (client, server)
                self.pairs.append(pair)
                for source, target in (pair, pair[::-1]):
                    threading.Thread(target=self._pass_on, args=(pair, source, target), daemon=True).start()

    def _pass_on(self, pair: Pair, source: socket.socket, target: socket.socket) -> None:
        is_clients = source is pair[0]
        with suppress(OSError):
            while said := source.recv(_OCTETS):
                if pair in self.muted:
                    self.swallowed.set()
                elif is_clients and self.loses_the_answer_to and self.loses_the_answer_to in said:
                    self._lose_answer(pair, said)
                else:
                    target.sendall(said)
            target.shutdown(socket.SHUT_WR)

    def _lose_answer(self, pair: Pair, said: bytes) -> None:
        """Hand on what was said, and let the client know nothing of what becomes of it."""
        self.loses_the_answer_to = b""
        self.swallowed.clear()
        self.muted.add(pair)
        pair[1].sendall(said)
        assert self.swallowed.wait(timeout=10)
        _cut(pair)


def _cut(pair: Pair) -> None:
    for side in pair:
        with suppress(OSError):
            side.shutdown(socket.SHUT_RDWR)


@contextmanager
def between(store: Store) -> Iterator[Middleman]:
    """Stand between us and the server of a database until the end of the block."""
    path = f"{store.socket}/.s.PGSQL.{store.port}" if store.engine == "postgresql" else store.socket
    with socket.create_server(("127.0.0.1", 0)) as listener:
        middleman = Middleman(listener, path)
        thread = threading.Thread(target=middleman.serve, daemon=True)
        thread.start()
        yield middleman
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    for pair in middleman.pairs:
        _cut(pair)
        for side in pair:
            side.close()
