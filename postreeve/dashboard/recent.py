"""Answers that cost much are kept for a while: to find them out takes at most a twentieth of a process's time."""

import time
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")

CHEAP_SECONDS = 0.2
"""What costs less is found out each time."""
TIMES = 20
MOST_KEPT = 500


class _Kept(NamedTuple):
    value: Any
    until: float


class Recent:
    """Answers of one server process, by what was asked."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, _Kept] = {}
        self._locks: dict[Hashable, Lock] = {}
        self._lock = Lock()

    def answer(self, question: Hashable, find_out: Callable[[], T]) -> T:
        """Return what was found out lately, or find it out now; of several who ask at once one finds out."""
        with self._lock:
            if len(self._locks) >= MOST_KEPT:
                self._kept.clear()
                self._locks.clear()
            lock = self._locks.setdefault(question, Lock())
        with lock:
            kept = self._kept.get(question)
            started = time.monotonic()
            if kept and started < kept.until:
                found: T = kept.value
                return found
            found = find_out()
            took = time.monotonic() - started
            if took >= CHEAP_SECONDS:
                self._kept[question] = _Kept(found, started + took * TIMES)
            return found
