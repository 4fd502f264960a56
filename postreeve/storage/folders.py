"""Directories that are held open: what is done in one is done there, never where a symbolic link leads.

So a program with all rights can work in a directory that belongs to another user, who may put links into it. What is
made here belongs to that user. A file is there with all of its content, or not yet.
"""

import fcntl
import os
import shutil
import stat
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Self

_PRIVATE_FILE, _PRIVATE_DIRECTORY = 0o600, 0o700
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY
_SECONDS_BETWEEN_TRIES = 0.005
# struct flock of fcntl(2): type, whence, start, length, pid.
_WHOLE_FILE = struct.pack("hhqqi0q", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)


@dataclass(frozen=True)
class Owner:
    """Whom new files and directories belong to."""

    user: int
    group: int


class Folder:
    """An open directory; names that are given to it have no slash."""

    def __init__(self, handle: int, owner: Owner | None, begun_in: "Folder | None" = None) -> None:
        """`owner` is None where new files are the process's own."""
        self.handle = handle
        self.owner = owner
        self._begun_in = begun_in or self

    @classmethod
    @contextmanager
    def opened(cls, path: Path, owner: Owner | None = None) -> Iterator[Self]:
        """Open a directory; what is made in it belongs to its own owner, if no other is named."""
        with _closing(os.open(path, _DIRECTORY)) as handle:
            yield cls(handle, owner or owner_of(path))

    @contextmanager
    def folder(self, name: str, *, is_made: bool = False, begun_in: "Folder | None" = None) -> Iterator[Self]:
        """Open a directory in this one, a new one if it may be; its files may be begun elsewhere."""
        if is_made:
            self.make(name)
        with _closing(os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=self.handle)) as handle:
            yield type(self)(handle, self.owner, begun_in)

    def make(self, name: str) -> None:
        """Make a directory; one that is there is left alone."""
        with suppress(FileExistsError):
            os.mkdir(name, _PRIVATE_DIRECTORY, dir_fd=self.handle)
            if self.owner:
                os.chown(name, self.owner.user, self.owner.group, dir_fd=self.handle, follow_symlinks=False)

    def names(self) -> list[str]:
        with os.scandir(self.handle) as entries:
            return [entry.name for entry in entries]

    def files(self) -> list[str]:
        """Return the names of regular files."""
        with os.scandir(self.handle) as entries:
            return sorted(entry.name for entry in entries if entry.is_file(follow_symlinks=False))

    def has(self, name: str) -> bool:
        return self._identity(name) is not None

    def is_at(self, name: str, parent: "Folder") -> bool:
        """Tell whether this directory still has its name."""
        of = os.fstat(self.handle)
        return (of.st_dev, of.st_ino) == parent._identity(name)  # noqa: SLF001 - another of the same kind

    def read(self, name: str) -> bytes | None:
        """Return a file's content; None if it is not there."""
        try:
            handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=self.handle)
        except FileNotFoundError:
            return None
        with os.fdopen(handle, "rb") as file:
            return file.read()

    def write(self, name: str, content: bytes | None) -> None:
        """Replace a file at once, or remove it."""
        if content is None:
            self.remove(name)
            return
        with self._begun(content) as begun:
            os.rename(begun, name, src_dir_fd=self._begun_in.handle, dst_dir_fd=self.handle)

    def swap(self, name: str, before: bytes, after: bytes, patience: float) -> bool:
        """Replace a file if it still is what it was, lasting a power failure; an empty one is removed.

        Others who lock the file wait for no more than that, since those who have opened it would change the old one.
        """
        with self._begun(after, is_precious=True) as begun, self.locked(name, patience):
            if self.read(name) != before:
                return False
            if after:
                os.rename(begun, name, src_dir_fd=self._begun_in.handle, dst_dir_fd=self.handle)
            else:
                self.remove(name)
        return True

    def remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.handle)

    def move(self, name: str, target: "Folder", new: str) -> None:
        os.rename(name, new, src_dir_fd=self.handle, dst_dir_fd=target.handle)

    def copy(self, name: str, target: "Folder", new: str) -> None:
        """Copy a directory with its files and directories; links and other things are left out."""
        target.make(new)
        with self.folder(name) as source, target.folder(new) as copy:
            for inner in source.names():
                mode = os.stat(inner, dir_fd=source.handle, follow_symlinks=False).st_mode
                if stat.S_ISDIR(mode):
                    source.copy(inner, copy, inner)
                elif stat.S_ISREG(mode):
                    copy.write(inner, source.read(inner))
                    written = os.stat(inner, dir_fd=source.handle, follow_symlinks=False).st_mtime_ns
                    os.utime(inner, ns=(written, written), dir_fd=copy.handle, follow_symlinks=False)

    def erase(self, name: str) -> None:
        """Remove a directory with everything in it; one that is not there is removed already."""
        with suppress(FileNotFoundError):
            shutil.rmtree(name, dir_fd=self.handle)

    @contextmanager
    def locked(self, name: str, patience: float) -> Iterator[None]:
        """Keep a file of that name locked; `TimeoutError` if somebody else has it for too long.

        The lock is one of an open file: between threads too, and against the locks of other programs' processes.
        """
        end = time.monotonic() + patience
        while True:
            with self._lock_file(name) as handle:
                _wait_for(lambda: fcntl.fcntl(handle, fcntl.F_OFD_SETLK, _WHOLE_FILE), end, name)
                of = os.fstat(handle)
                if (of.st_dev, of.st_ino) == self._identity(name):  # who had it before may have removed it
                    yield
                    return

    def take(self) -> bool:
        """Keep this directory for as long as it is open; tell whether nobody else keeps it."""
        try:
            fcntl.flock(self.handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    @contextmanager
    def _lock_file(self, name: str) -> Iterator[int]:
        while True:
            try:
                handle = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=self.handle)
            except FileNotFoundError:
                self._add(name)
                continue
            with _closing(handle):
                yield handle
            return

    def _add(self, name: str) -> None:
        """Make an empty file, unless another one was faster."""
        with self._begun() as begun, suppress(FileExistsError):
            os.link(begun, name, src_dir_fd=self._begun_in.handle, dst_dir_fd=self.handle)

    @contextmanager
    def _begun(self, content: bytes = b"", *, is_precious: bool = False) -> Iterator[str]:
        name = f".postreeve-{token_hex(8)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with _closing(os.open(name, flags, _PRIVATE_FILE, dir_fd=self._begun_in.handle)) as handle:
            try:
                if self.owner:
                    os.fchown(handle, self.owner.user, self.owner.group)
                with os.fdopen(handle, "wb", closefd=False) as file:
                    file.write(content)
                if is_precious:
                    os.fsync(handle)
                yield name
            finally:
                self._begun_in.remove(name)

    def _identity(self, name: str) -> tuple[int, int] | None:
        try:
            of = os.stat(name, dir_fd=self.handle, follow_symlinks=False)
        except FileNotFoundError:
            return None
        return of.st_dev, of.st_ino


def owner_of(path: Path) -> Owner | None:
    """Return whom a directory belongs to; None if what is made in it can only be our own."""
    of = path.stat()
    return Owner(of.st_uid, of.st_gid) if os.geteuid() == 0 else None


@contextmanager
def _closing(handle: int) -> Iterator[int]:
    try:
        yield handle
    finally:
        os.close(handle)


def _wait_for(lock: Callable[[], object], end: float, name: str) -> None:
    while True:
        try:
            lock()
        except BlockingIOError:
            if time.monotonic() > end:
                raise TimeoutError(f"Somebody else keeps {name} locked.") from None
            time.sleep(_SECONDS_BETWEEN_TRIES)
        else:
            return
