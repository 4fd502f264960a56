"""Files of mailboxes: looked at and removed below the storage roots alone, and never where a symbolic link leads.

Each directory on the way is opened in the one before and held open, so that nobody who may write there can put a link
in the place of what has been looked at. A mailbox that goes is renamed first, where it lies, and then emptied: who gets
the place meanwhile has a new directory.
"""

import errno
import os
import pwd
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple, NoReturn

from postreeve.deleted_mailboxes.store import Contents, DeletedMailbox, KeptError

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
    """Where a mailbox is: its name in an open directory."""

    parent: int
    name: str
    is_aside: bool


class HostMailboxes:
    """Mailboxes on this host, below some roots; they and the directories on the way have to belong to one user."""

    def __init__(self, roots: Sequence[str], owner: str) -> None:
        self.roots = roots
        self.owner = owner

    def look(self, mailbox: DeletedMailbox, told: Told) -> Contents | None:
        with self._found(mailbox) as place:
            if place is None:
                self._require_neighbours(mailbox)
                return None
            with self._opened(place, mailbox.path) as handle:
                return self._contents(handle, mailbox.path, os.fstat(handle).st_dev, told, 1)

    def is_aside(self, mailbox: DeletedMailbox) -> bool:
        with self._found(mailbox) as place:
            return place is not None and place.is_aside

    def set_aside(self, mailbox: DeletedMailbox) -> None:
        with self._found(mailbox) as place:
            if place is None or place.is_aside:
                return
            with self._opened(place, mailbox.path):  # nothing but a directory of the owner
                pass
            try:
                os.rename(place.name, _aside(mailbox), src_dir_fd=place.parent, dst_dir_fd=place.parent)
            except OSError as error:
                _refuse(mailbox.path, error)

    def empty(self, mailbox: DeletedMailbox, told: Told) -> None:
        with self._found(mailbox) as place:
            if place is None or not place.is_aside:
                return
            with self._opened(place, mailbox.path) as handle:
                self._empty(handle, mailbox.path, os.fstat(handle).st_dev, told, 1)
                if _entries(handle, mailbox.path):
                    raise KeptError(f"Somebody writes into {mailbox.path} while it is removed.")

    def remove(self, mailbox: DeletedMailbox) -> None:
        with self._found(mailbox) as place:
            if place is None or not place.is_aside:
                return
            try:
                os.rmdir(place.name, dir_fd=place.parent)
            except OSError as error:
                _refuse(mailbox.path, error)

    # The way to a mailbox

    @contextmanager
    def _found(self, mailbox: DeletedMailbox) -> Iterator[_Place | None]:
        """Find a mailbox that is set aside, else at its path, or where Dovecot has made it in lower case."""
        root, names = self._parts(mailbox.path)
        aside = _aside(mailbox)
        for spelled in _spellings(names):
            with self._entered(root, spelled[:-1]) as parent:
                if parent is None:
                    continue
                for name in (aside, spelled[-1]):
                    if _is_there(parent, name, mailbox.path):
                        yield _Place(parent, name, name == aside)
                        return
        yield None

    def _require_neighbours(self, mailbox: DeletedMailbox) -> None:
        """See that a mailbox that is not there would be there: its domain's directory has something in it.

        Where no directory on the way is named as the domain, the one counts in which the mailbox would be.
        """
        root, names = self._parts(mailbox.path)
        above = [name.lower() for name in names[:-1]]
        domain = mailbox.mail.rpartition("@")[2].lower()
        depth = above.index(domain) + 1 if domain in above else len(above)
        for spelled in _spellings(names):
            with self._entered(root, spelled[:depth]) as handle:
                if handle is not None and _entries(handle, mailbox.path):
                    return
        place = "/".join([root, *names[:depth]])
        raise KeptError(f"{mailbox.path} is not there, and nothing else in {place}: are the mailboxes on this host?")

    @contextmanager
    def _entered(self, root: str, names: Sequence[str]) -> Iterator[int | None]:
        """Open a directory below a root, each one on the way in the one before; None if one is not there."""
        with _held(_root(root)) as handles:
            for number, name in enumerate(names, 1):
                place = f"{root}/{'/'.join(names[:number])}"
                try:
                    handles.append(os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=handles[-1]))
                except FileNotFoundError:
                    yield None
                    return
                except OSError as error:
                    _refuse(place, error)
                self._require_owner(handles[-1], place, {0, *self._owners})
            yield handles[-1]

    @contextmanager
    def _opened(self, place: _Place, path: str) -> Iterator[int]:
        """Open a mailbox."""
        try:
            handle = os.open(place.name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=place.parent)
        except OSError as error:
            _refuse(path, error)
        try:
            self._require_owner(handle, path, self._owners)
            yield handle
        finally:
            os.close(handle)

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
            try:
                below = self._content(handle, entry, path, device, told, depth)
            except FileNotFoundError:  # somebody else removes files, too
                continue
            except OSError as error:
                _refuse(f"{path}/{entry}", error)
            files, octets = files + below.files, octets + below.octets
        return Contents(files, octets)

    def _content(self, handle: int, entry: str, path: str, device: int, told: Told, depth: int) -> Contents:  # noqa: PLR0913
        found = os.stat(entry, dir_fd=handle, follow_symlinks=False)
        if not stat.S_ISDIR(found.st_mode):
            return Contents(1, found.st_size)
        with self._inner(handle, entry, path, device, depth) as inner:
            return self._contents(inner, f"{path}/{entry}", device, told, depth + 1)

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
        except FileNotFoundError:
            raise
        except OSError as error:
            _refuse(place, error)
        try:
            self._require_owner(inner, place, self._owners)
            if os.fstat(inner).st_dev != device:
                raise KeptError(f"{place} is mounted there.")
            yield inner
        finally:
            os.close(inner)


def _aside(mailbox: DeletedMailbox) -> str:
    """Return the name that a mailbox has while it goes: nobody else's, for as long as there is a record of it."""
    return f".postreeve-gone-{mailbox.number}"


def _spellings(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return a path as it was recorded, and in lower case, as Dovecot makes directories."""
    return list(dict.fromkeys([tuple(names), tuple(name.lower() for name in names)]))


def _is_there(parent: int, name: str, path: str) -> bool:
    try:
        os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return False
    except OSError as error:
        _refuse(path, error)
    return True


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
    except FileNotFoundError:  # the directory itself is removed meanwhile
        return []
    except OSError as error:
        _refuse(path, error)


def _refuse(place: str, error: OSError) -> NoReturn:
    if error.errno in _NO_DIRECTORY:
        raise KeptError(f"{place} is a symbolic link, or no directory.") from error
    raise KeptError(f"{place} can not be removed: {error.strerror}.") from error
