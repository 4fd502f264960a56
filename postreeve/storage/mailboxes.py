"""Files of mailboxes: looked at and removed below the storage roots alone, and never where a symbolic link leads.

Each directory on the way is opened in the one before and held open, so that nobody who may write there can put a link
in the place of what has been looked at.
"""

import errno
import os
import pwd
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple, NoReturn

from postreeve.deleted_mailboxes.store import Contents, KeptError

MOST_DEEP = 40
"""Directories in one another, in a mailbox: each one is held open."""
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY
_NO_DIRECTORY = frozenset({errno.ENOTDIR, errno.ELOOP})
_ROUNDS = 3
"""So often a directory is looked at again into which somebody writes while it is removed."""

Told = Callable[[], None]


def normal(path: str) -> str:
    """Return a path as it is compared: Dovecot takes a mailbox's in lower case."""
    return re.sub("/+", "/", path).rstrip("/").lower()


def places_of(path: str) -> list[str]:
    """Return a path, and what is above it, without the topmost directory; as they are compared."""
    parts = normal(path).split("/")
    return ["/".join(parts[:length]) for length in range(len(parts), 1, -1)]


def overlapping(homes: Mapping[str, str], path: str) -> str:
    """Return whose home is at a path, above it or below; the homes are as they are compared."""
    here, *above = places_of(path)
    for place in (here, *above):
        if owner := homes.get(place):
            return owner
    return next((owner for home, owner in homes.items() if home.startswith(f"{here}/")), "")


class _Place(NamedTuple):
    """An open mailbox, in the open directory where its name is."""

    parent: int
    name: str
    handle: int


class HostMailboxes:
    """Mailboxes on this host, below some roots; they and the directories on the way have to belong to one user."""

    def __init__(self, roots: Sequence[str], owner: str) -> None:
        self.roots = roots
        self.owner = owner

    def look(self, path: str, told: Told) -> Contents | None:
        with self._opened(path) as place:
            if place is None:
                return None
            self._require_owner(place.handle, path, self._owners)
            return self._contents(place.handle, path, os.fstat(place.handle).st_dev, told, 1)

    def remove(self, path: str, told: Told) -> None:
        with self._opened(path) as place:
            if place is None:
                return
            self._empty(place.handle, path, os.fstat(place.handle).st_dev, told, 1)
            try:
                os.rmdir(place.name, dir_fd=place.parent)
            except OSError as error:
                _refuse(path, error)

    # The way to a mailbox

    @contextmanager
    def _opened(self, path: str) -> Iterator[_Place | None]:
        root, names = self._parts(path)
        with _held(_root(root)) as handles:
            for number, name in enumerate(names, 1):
                place = f"{root}/{'/'.join(names[:number])}"
                try:
                    handles.append(os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=handles[-1]))
                except FileNotFoundError:
                    if name != name.lower():  # Dovecot has made it in lower case
                        with self._opened(f"{root}/{'/'.join(names).lower()}") as lower:
                            yield lower
                        return
                    yield None
                    return
                except OSError as error:
                    _refuse(place, error)
                if number < len(names):
                    self._require_owner(handles[-1], place, {0, *self._owners})
            yield _Place(handles[-2], names[-1], handles[-1])

    def _parts(self, path: str) -> tuple[str, list[str]]:
        """Return the root below which a path lies, and the names on the way."""
        if not path.startswith("/"):
            raise KeptError(f"{path!r} is no absolute path.")
        names = [name for name in path.split("/") if name]
        if any(name in {".", ".."} or not name.isprintable() for name in names):
            raise KeptError(f"{path!r} is no plain path.")
        for root in self.roots:
            above = [name for name in root.split("/") if name]
            if [name.lower() for name in names[: len(above)]] == [name.lower() for name in above]:
                if len(names) == len(above):
                    raise KeptError(f"{path} is a storage root.")
                return f"/{'/'.join(above)}", names[len(above) :]
        raise KeptError(f"{path} is in none of the storage roots, {', '.join(self.roots)}.")

    @property
    def _owners(self) -> set[int]:
        try:
            return {pwd.getpwnam(self.owner).pw_uid}
        except KeyError as error:
            raise KeptError(f"There is no user {self.owner}, whom mailboxes belong to, on this host.") from error

    def _require_owner(self, handle: int, place: str, owners: set[int]) -> None:
        if os.fstat(handle).st_uid not in owners:
            raise KeptError(f"{place} does not belong to {self.owner}.")

    # What lies in it

    def _contents(self, handle: int, path: str, device: int, told: Told, depth: int) -> Contents:
        files = octets = 0
        for entry in _entries(handle, path):
            told()
            found = os.stat(entry, dir_fd=handle, follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode):
                with self._inner(handle, entry, path, device, depth) as inner:
                    below = self._contents(inner, f"{path}/{entry}", device, told, depth + 1)
                files, octets = files + below.files, octets + below.octets
            else:
                files, octets = files + 1, octets + found.st_size
        return Contents(files, octets)

    def _empty(self, handle: int, path: str, device: int, told: Told, depth: int) -> None:
        for _ in range(_ROUNDS):
            entries = _entries(handle, path)
            for entry in entries:
                told()
                self._remove(handle, entry, path, device, told, depth)
            if not entries:
                return

    def _remove(self, handle: int, entry: str, path: str, device: int, told: Told, depth: int) -> None:  # noqa: PLR0913
        try:
            if stat.S_ISDIR(os.stat(entry, dir_fd=handle, follow_symlinks=False).st_mode):
                with self._inner(handle, entry, path, device, depth) as inner:
                    self._empty(inner, f"{path}/{entry}", device, told, depth + 1)
                os.rmdir(entry, dir_fd=handle)
            else:
                os.unlink(entry, dir_fd=handle)
        except FileNotFoundError:  # somebody else removes files, too
            return
        except OSError as error:
            _refuse(f"{path}/{entry}", error)

    @contextmanager
    def _inner(self, handle: int, name: str, path: str, device: int, depth: int) -> Iterator[int]:
        """Open a directory of a mailbox; of another user or device it is none."""
        place = f"{path}/{name}"
        if depth >= MOST_DEEP:
            raise KeptError(f"{path} has too many directories in one another.")
        try:
            inner = os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=handle)
        except OSError as error:
            _refuse(place, error)
        try:
            self._require_owner(inner, place, self._owners)
            if os.fstat(inner).st_dev != device:
                raise KeptError(f"{place} is mounted there.")
            yield inner
        finally:
            os.close(inner)


def _root(root: str) -> int:
    """Open a storage root, which the administrator may have made a link; an empty one is probably not mounted."""
    try:
        handle = os.open(root, _DIRECTORY)
    except OSError as error:
        raise KeptError(f"The storage root {root} can not be opened: {error.strerror}.") from error
    if not _entries(handle, root):
        os.close(handle)
        raise KeptError(f"Nothing is in the storage root {root}: is it mounted?")
    return handle


@contextmanager
def _held(first: int) -> Iterator[list[int]]:
    handles = [first]
    try:
        yield handles
    finally:
        for handle in handles:
            os.close(handle)


def _entries(handle: int, path: str) -> list[str]:
    try:
        return os.listdir(handle)
    except OSError as error:
        _refuse(path, error)


def _refuse(place: str, error: OSError) -> NoReturn:
    if error.errno in _NO_DIRECTORY:
        raise KeptError(f"{place} is a symbolic link, or no directory.") from error
    raise KeptError(f"{place} can not be removed: {error.strerror}.") from error
