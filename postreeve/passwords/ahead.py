"""Hashes that threads make ahead of time, where many new passwords come one after the other.

libcrypt, argon2 and hashlib let go of the interpreter's lock while they work.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from postreeve import passwords
from postreeve.settings import Scheme

T = TypeVar("T")
FOR_EACH_THREAD = 4
"""Passwords that are hashed before their time: so many for each thread."""


@dataclass(frozen=True)
class HashedAhead:
    """The hash of one password, which another thread makes or has made."""

    plain: str
    scheme: Scheme
    future: "Future[str]"

    def is_of(self, plain: str, scheme: Scheme) -> bool:
        return (plain, scheme) == (self.plain, self.scheme)

    def made(self) -> str:
        """Return the hash, when it is there; refuses as `hash_password` does."""
        return self.future.result()


def hashed_ahead(
    items: Iterable[T], password_of: Callable[[T], str], scheme: Scheme, threads: int
) -> Iterator[tuple[T, HashedAhead | None]]:
    """Yield things in their order, each with the hash of its password; those that follow are hashed meanwhile."""
    waiting: deque[tuple[T, HashedAhead | None]] = deque()
    with ThreadPoolExecutor(threads, "hashing") as pool:
        try:
            for item in items:
                plain = password_of(item)
                future = pool.submit(passwords.hash_password, plain, scheme) if plain else None
                waiting.append((item, HashedAhead(plain, scheme, future) if future else None))
                if len(waiting) > threads * FOR_EACH_THREAD:
                    yield waiting.popleft()
            yield from waiting
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
