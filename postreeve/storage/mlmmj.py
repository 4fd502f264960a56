"""mlmmj on this host: a directory for each list, in which small files say how it behaves and who is subscribed.

mlmmj reads the files for each mail, so a change takes effect at once. Its own programs change subscribers too, when
somebody subscribes by mail; the locks here are those that it takes itself. Every file in a directory of subscribers is
one of subscribers to mlmmj, whatever its name.
"""

import contextlib
import fcntl
import os
import shutil
import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from postreeve.shapes import FirstLine, Flag, Lines, MlmmjShape, WholeText
from postreeve.subscribable_lists.store import ListSetting, ListSettings, Subscriber, Version
from postreeve.values import Address
from postreeve.work import ListServerError

VERSIONS: Mapping[Version, str] = {"normal": "subscribers.d", "digest": "digesters.d", "nomail": "nomailsubs.d"}
"""The directories of subscribers."""
DIRECTORIES = (
    "incoming", "queue", "queue/discarded", "archive", "text", "control", "subconf", "unsubconf", "bounce",
    "moderation", "requeue", *VERSIONS.values(),
)  # fmt: skip
ADDRESSES = "listaddress"
APPROVERS = "submod"
ALWAYS_ON = ("tocc", "ifmodsendonlymodmoderate")
"""As mlmmjadmin makes a list: mail need not name it, and of moderators who write only they themselves are asked."""
PEOPLE = ("owner", "moderators", "subscription_moderators")
LOCK = ".postreeve.lock"
SECONDS_OF_A_PROGRAM = 60
_OPTIONS: Mapping[Version, tuple[str, ...]] = {"normal": (), "digest": ("-d",), "nomail": ("-n",)}


@dataclass(frozen=True)
class Host:
    """Where mlmmj is on this host."""

    spool: Path
    archive: Path
    programs: Path = Path("/usr/bin")
    texts: Path = Path("/usr/share/mlmmj/text.skel/en")
    """The mails that mlmmj writes to people; without them it falls back to its own."""
    controls: tuple[tuple[str, str], ...] = ()
    """Further control files of a new list, such as the port to which its mail goes."""


class NativeLists:
    """The lists below the spool directory, as `domain/list`."""

    def __init__(self, host: Host, controls: Mapping[str, MlmmjShape]) -> None:
        self.host = host
        self.controls = controls

    def settings(self, mail: str) -> ListSettings | None:
        with _errors():
            directory = self._directory(mail)
            if not directory.is_dir():
                return None
            return {name: self._read(directory / "control", name) for name in self.controls}

    def create(self, mail: str, settings: ListSettings) -> None:
        with _errors():
            directory = self._directory(mail)
            if directory.exists():  # without an account: a creation that was never finished
                self._put_away(directory)
            _make(directory.parent, self.host.spool)
            fresh = directory.with_name(f".{directory.name}.{os.getpid()}")
            shutil.rmtree(fresh, ignore_errors=True)
            self._build(fresh, mail, settings)
            fresh.rename(directory)

    def _build(self, directory: Path, mail: str, settings: ListSettings) -> None:
        for path in (directory, *(directory / name for name in DIRECTORIES)):
            _make(path, self.host.spool)
        _write(directory / "index", "")
        if self.host.texts.is_dir():
            for text in self.host.texts.iterdir():
                if text.is_file():
                    _write(directory / "text" / text.name, text.read_bytes())
        for name in ALWAYS_ON:
            _write(directory / "control" / name, "")
        for name, value in self.host.controls:
            _write(directory / "control" / name, f"{value}\n")
        self._write_all(directory, mail, {"extra_addresses": (), **settings})

    def write(self, mail: str, settings: ListSettings) -> None:
        with self._locked(mail) as directory:
            before = {name: self._read(directory / "control", name) for name in settings}
            try:
                self._write_all(directory, mail, settings)
            except OSError:
                self._write_all(directory, mail, before)
                raise

    def remove(self, mail: str, *, is_kept: bool) -> None:
        with _errors():
            directory = self._directory(mail)
            if not directory.exists():
                return
            with self._locked(mail):
                if is_kept:
                    self._put_away(directory)
                else:
                    gone = directory.with_name(f".{directory.name}.gone")
                    shutil.rmtree(gone, ignore_errors=True)
                    directory.rename(gone)
                    shutil.rmtree(gone)
            with contextlib.suppress(OSError):  # other lists are in it
                directory.parent.rmdir()

    def subscribers(self, mail: str) -> Iterator[Subscriber]:
        directory = self._present(mail)
        for version, name in VERSIONS.items():
            with _errors():
                found = sorted(_subscribed(directory / name))
            for address in found:
                yield Subscriber(mail=address, subscription=version)

    def subscribe(self, mail: str, addresses: Collection[str], version: Version, *, has_to_confirm: bool) -> None:
        with self._locked(mail) as directory:
            if has_to_confirm:
                subscribed = _subscribed(directory / VERSIONS[version])
                for address in sorted(set(addresses) - subscribed):
                    self._ask(directory, address, version)
                return
            for other, name in VERSIONS.items():
                if other != version:
                    _change(directory / name, (), addresses)
            _change(directory / VERSIONS[version], addresses, ())
            if missing := set(addresses) - _subscribed(directory / VERSIONS[version]):
                raise ListServerError(f"{len(missing)} addresses are not subscribed to {mail}.")

    def unsubscribe(self, mail: str, addresses: Collection[str]) -> None:
        with self._locked(mail) as directory:
            for name in VERSIONS.values():
                _change(directory / name, (), addresses)
                if left := _subscribed(directory / name) & set(addresses):
                    raise ListServerError(f"{len(left)} addresses are still subscribed to {mail}.")

    def subscriptions(self, mails: Iterable[str], address: str) -> dict[str, Version]:
        found: dict[str, Version] = {}
        with _errors():
            for mail in mails:
                for version, name in VERSIONS.items():
                    if mail not in found and address in self._of(mail, name):
                        found[mail] = version
        return found

    def memberships(self, mails: Iterable[str], domain: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for mail in mails:
            with _errors():
                subscribed = {address for name in VERSIONS.values() for address in self._of(mail, name)}
            for address in subscribed:
                if address.endswith(f"@{domain}"):
                    found.setdefault(address, []).append(mail)
        return found

    def people(self, mail: str) -> dict[str, tuple[str, ...]]:
        with _errors():
            control = self._directory(mail) / "control"
            found = {name: self._read(control, name) for name in PEOPLE}
        return {name: value for name, value in found.items() if isinstance(value, tuple)}

    def _of(self, mail: str, version: str) -> set[str]:
        return _subscribed(self._directory(mail) / version)

    def _ask(self, directory: Path, address: str, version: Version) -> None:
        """Let mlmmj send the mail that has to be answered; an older one for the same address is worth nothing then."""
        for waiting in (directory / "subconf").iterdir():
            if waiting.read_text(encoding="utf-8", errors="replace").strip() == address:
                waiting.unlink(missing_ok=True)
        program = self.host.programs / "mlmmj-sub"
        command = [str(program), "-L", str(directory), "-a", address, "-C", "-s", *_OPTIONS[version]]
        done = subprocess.run(  # noqa: S603 - no shell, and the address is parsed
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS_OF_A_PROGRAM, check=False
        )
        if done.returncode:
            raise ListServerError(f"{program.name} ended with {done.returncode}.")

    @contextmanager
    def _locked(self, mail: str) -> Iterator[Path]:
        """Keep other works away from a list: mlmmj's own programs lose changes that are made at the same time."""
        directory = self._present(mail)
        with _errors(), (directory / LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not directory.is_dir():
                raise ListServerError(f"{mail} has just been removed.")
            yield directory

    def _present(self, mail: str) -> Path:
        directory = self._directory(mail)
        if not directory.is_dir():
            raise ListServerError(f"There is no list {mail} in the spool.")
        return directory

    def _directory(self, mail: str) -> Path:
        """Return a list's directory; a name never leaves the spool."""
        address = Address.parse(mail)
        if "/" in address.local_part or address.local_part.startswith("."):
            raise ListServerError(f"{mail} is no name of a directory.")
        return self.host.spool / address.domain / address.local_part

    def _put_away(self, directory: Path) -> None:
        stamp = f"{datetime.now(UTC):%Y%m%d%H%M%S}"
        target = self.host.archive / directory.parent.name / f"{directory.name}-{stamp}"
        _make(target.parent, self.host.spool)
        number = 1
        while target.exists():
            number += 1
            target = target.with_name(f"{directory.name}-{stamp}-{number}")
        shutil.move(directory, target)

    def _read(self, control: Path, name: str) -> ListSetting:
        shape = self.controls[name]
        text = _text(control / shape.file)
        match shape:
            case Flag():
                return text is not None
            case FirstLine():
                line = (text or "").partition("\n")[0].strip()
                return (int(line) if line.isdigit() else 0) if shape.file == "maxmailsize" else line
            case WholeText():
                return text or ""
            case Lines(file):
                lines = tuple(line.strip() for line in (text or "").splitlines() if line.strip())
                return lines[1:] if file == ADDRESSES else lines

    def _write_all(self, directory: Path, mail: str, settings: ListSettings) -> None:
        for name, value in settings.items():
            shape = self.controls[name]
            content = _content(shape, value, mail)
            if shape.file == APPROVERS:  # one file is both the switch and the list
                content = _approvers(settings, directory / "control")
            path = directory / "control" / shape.file
            if content is None:
                path.unlink(missing_ok=True)
            else:
                _write(path, content)


def _approvers(settings: ListSettings, control: Path) -> str | None:
    is_on, named = settings.get("moderate_subscription"), settings.get("subscription_moderators")
    if is_on is False or (is_on is None and not named):
        return None
    if isinstance(named, tuple):
        return "".join(f"{line}\n" for line in named)
    return _text(control / APPROVERS) or ""


def _content(shape: MlmmjShape, value: ListSetting, mail: str) -> str | None:
    """Return what a control file holds for a value; None if it is not to be there."""
    match shape, value:
        case Flag(), _:
            return "" if value else None
        case Lines(file), tuple():
            lines = (mail, *value) if file == ADDRESSES else value
            return "".join(f"{line}\n" for line in lines) or None
        case WholeText(), _:
            return str(value) or None
        case _:
            return f"{value}\n" if value else None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None


def _subscribed(directory: Path) -> set[str]:
    """Return the addresses in a directory of subscribers."""
    found: set[str] = set()
    for file in directory.iterdir() if directory.is_dir() else ():
        if not file.name.startswith(".") and not file.name.endswith((".new", ".lock")) and file.is_file():
            found |= {line.strip().lower() for line in (_text(file) or "").splitlines() if "@" in line}
    return found


def _change(directory: Path, added: Collection[str], removed: Collection[str]) -> None:
    """Add and remove subscribers, in the files that mlmmj would take: one for each first letter."""
    files = {address[0] for address in added}
    if removed:
        files |= {file.name for file in directory.iterdir() if not file.name.startswith(".")}
    for name in sorted(files):
        _change_file(directory / name, [address for address in added if address[0] == name], set(removed))


def _change_file(file: Path, added: Iterable[str], removed: set[str]) -> None:
    with _as_mlmmj_locks(file):
        before = [line.strip() for line in (_text(file) or "").splitlines() if line.strip()]
        known = {line.lower() for line in before}
        after = [line for line in before if line.lower() not in removed]
        after += [address for address in dict.fromkeys(added) if address not in known]
        if after == before:
            return
        if after:
            _write(file, "".join(f"{line}\n" for line in after), temporary=file.with_name(f"{file.name}.new"))
        else:
            file.unlink(missing_ok=True)


@contextmanager
def _as_mlmmj_locks(file: Path) -> Iterator[None]:
    """Take the two locks that mlmmj takes while it changes a file of subscribers."""
    lock = file.with_name(f".{file.name}.lock")
    with lock.open("a") as outer:
        fcntl.lockf(outer, fcntl.LOCK_EX)
        try:
            with contextlib.ExitStack() as stack:
                if file.exists():
                    inner = stack.enter_context(file.open("r+"))
                    fcntl.lockf(inner, fcntl.LOCK_EX)
                yield
        finally:
            lock.unlink(missing_ok=True)


def _write(path: Path, content: str | bytes, temporary: Path | None = None) -> None:
    """Write a file at once, for the owner of its directory alone; who reads it sees the old one or the new one."""
    fresh = temporary or path.with_name(f".{path.name}.{os.getpid()}")
    data = content if isinstance(content, bytes) else content.encode()
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    _own(fresh, path.parent)
    fresh.rename(path)


def _make(directory: Path, owner: Path) -> None:
    directory.mkdir(mode=0o700, exist_ok=True, parents=not directory.parent.exists())
    _own(directory, owner)


def _own(path: Path, like: Path) -> None:
    """Let a file belong to whom another belongs to, where we may: mlmmj runs as a user of its own."""
    if os.geteuid() == 0:
        owner = like.stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ListServerError(str(error)) from error
