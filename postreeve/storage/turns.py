"""Turns: what works do to one thing they do one after the other, within a process."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from weakref import WeakValueDictionary


class Turns:
    """A lock for each name, as long as somebody holds it or waits for it."""

    def __init__(self) -> None:
        self._guard = Lock()
        self._locks: WeakValueDictionary[str, Lock] = WeakValueDictionary()

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Wait for one's turn with a name, and keep it until the end of the block."""
        with self._guard:
            lock = self._locks.setdefault(name, Lock())
        with lock:
            yield
