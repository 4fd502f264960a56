"""mlmmj on this host: a directory for each list, in which small files say how it behaves and who is subscribed.

mlmmj reads the files for each mail, so a change takes effect at once. Its own programs change subscribers too, when
somebody subscribes by mail; the locks here are those that it takes itself. Every file in a directory of subscribers is
one of subscribers to mlmmj, whatever its name.
"""

import errno
import os
import subprocess
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from secrets import token_hex

from postreeve.errors import Refused
from postreeve.shapes import FirstLine, Flag, Lines, MlmmjShape, WholeText
from postreeve.storage.folders import Folder, Owner
from postreeve.subscribable_lists.store import ListSetting, ListSettings, Subscriber, Version
from postreeve.values import Address
from postreeve.work import ListServerError

VERSIONS: Mapping[Version, str] = {"normal": "subscribers.d", "digest": "digesters.d", "nomail": "nomailsubs.d"}
"""The directories of subscribers."""
DIRECTORIES = (
    "incoming", "queue", "archive", "text", "control", "subconf", "unsubconf", "bounce", "moderation", "requeue",
    *VERSIONS.values(),
)  # fmt: skip
ADDRESSES = "listaddress"
APPROVERS = "submod"
ALWAYS_ON = ("tocc", "ifmodsendonlymodmoderate")
"""As mlmmjadmin makes a list: mail need not name it, and of moderators who write only they themselves are asked."""
PEOPLE = ("owner", "moderators", "subscription_moderators")
LOCK = ".postreeve.lock"
ASIDE = ".postreeve"
"""A directory of the spool for what is no list yet, or none any more."""
SECONDS_OF_A_PROGRAM = 60
MOST_PROGRAMS = 8
"""At a time: each waits for an SMTP server, most of its life."""
PAUSES = (0.0, 0.01, 0.03, 0.1, 0.3)
"""Seconds before each try: mlmmj-unsub may overwrite a change, since it opens the file before it has the lock."""
_OPTIONS: Mapping[Version, tuple[str, ...]] = {"normal": (), "digest": ("-d",), "nomail": ("-n",)}


class NoListError(ListServerError):
    """There is no such list in the spool, or not any more."""


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
    patience: float = 20
    """How many seconds to wait until somebody else has finished with a list."""


class NativeLists:
    """The lists below the spool directory, as `domain/list`."""

    def __init__(self, host: Host, controls: Mapping[str, MlmmjShape]) -> None:
        self.host = host
        self.controls = controls

    def close(self) -> None:
        """Nothing stays open."""

    def settings(self, mail: str) -> ListSettings | None:
        try:
            with self._folder(mail) as directory, directory.folder("control", is_made=True) as control:
                return {name: self._read(control, name) for name in self.controls}
        except NoListError:
            return None

    def known(self) -> Iterator[str]:
        with _errors(), suppress(FileNotFoundError), Folder.opened(self.host.spool) as spool:
            for domain in spool.names():
                with suppress(OSError), spool.folder(domain) as home:
                    yield from (f"{name}@{domain}" for name in home.names() if _is_list(home, name))

    def create(self, mail: str, settings: ListSettings) -> None:
        domain, name = _place(mail)
        with self._spool() as spool, self._aside(spool) as aside:
            self._build(aside, name, mail, settings)
            with spool.locked(LOCK, self.host.patience), spool.folder(domain, is_made=True) as home:
                if home.has(name):  # without an account: a creation that was never finished
                    self._put_away(home, domain, name)
                aside.move(name, home, name)

    def _build(self, aside: Folder, name: str, mail: str, settings: ListSettings) -> None:
        with aside.folder(name, is_made=True) as directory:
            for inner in DIRECTORIES:
                directory.make(inner)
            directory.write("index", b"")
            with directory.folder("queue") as queue:
                queue.make("discarded")
            with directory.folder("text") as text:
                for path in self.host.texts.iterdir() if self.host.texts.is_dir() else ():
                    if path.is_file():
                        text.write(path.name, path.read_bytes())
            with directory.folder("control") as control:
                more = {**dict.fromkeys(ALWAYS_ON, ""), **{file: f"{value}\n" for file, value in self.host.controls}}
                _write_all(control, {file: value.encode() for file, value in more.items()})
                _write_all(control, self._contents(control, mail, {"extra_addresses": (), **settings}))

    def write(self, mail: str, settings: ListSettings) -> None:
        with self._locked(mail) as directory, directory.folder("control", is_made=True) as control:
            contents = self._contents(control, mail, settings)
            if not control.read(ADDRESSES):  # mlmmjadmin removes it with the further addresses; mlmmj crashes then
                contents.setdefault(ADDRESSES, f"{mail}\n".encode())
            before = {file: control.read(file) for file in contents}
            try:
                _write_all(control, contents)
            except OSError:
                _write_all(control, before)
                raise

    def remove(self, mail: str, *, is_kept: bool) -> None:
        domain, name = _place(mail)
        with self._spool() as spool, self._aside(spool) as aside:
            with suppress(NoListError), self._locked(mail), spool.folder(domain) as home:
                if is_kept:
                    self._put_away(home, domain, name)
                else:
                    home.move(name, aside, name)
            with spool.locked(LOCK, self.host.patience), suppress(OSError):  # other lists are in it
                os.rmdir(domain, dir_fd=spool.handle)

    def subscribers(self, mail: str) -> Iterator[Subscriber]:
        with self._folder(mail):  # that there is none is said at once
            return self._subscribers(mail)

    def _subscribers(self, mail: str) -> Iterator[Subscriber]:
        for version in VERSIONS:
            with self._folder(mail) as directory:
                found = sorted(_subscribed(directory, version))
            for address in found:
                yield Subscriber(mail=address, subscription=version)

    def subscribe(self, mail: str, addresses: Collection[str], version: Version, *, has_to_confirm: bool) -> None:
        with self._locked(mail) as directory:
            strangers = set(addresses) - _subscribed(directory, *VERSIONS) if has_to_confirm else set()
            known = set(addresses) - strangers
            _insist(lambda: self._move(directory, known, version), f"could not be subscribed to {mail}")
        if strangers:
            self._ask(mail, strangers, version)

    def propose(self, mail: str, address: str) -> None:
        program, path = self.host.programs / "mlmmj-sub", self.host.spool.joinpath(*_place(mail)).absolute()
        with self._folder(mail) as directory, directory.folder("moderation", is_made=True) as moderation:
            _run([str(program), "-L", str(path), "-s", "-a", address], directory.owner)
            proposed = {text.partition("\n")[0] for text in _waiting(moderation).values()}
            if address not in proposed | _subscribed(directory, *VERSIONS):
                raise ListServerError(f"{program.name} has not proposed an address.")

    def unsubscribe(self, mail: str, addresses: Collection[str]) -> None:
        with self._locked(mail) as directory:
            _insist(lambda: self._forget(directory, set(addresses)), f"could not be unsubscribed from {mail}")

    def subscriptions(self, mails: Iterable[str], address: str) -> dict[str, Version]:
        found: dict[str, Version] = {}
        for mail in mails:
            with suppress(NoListError), self._folder(mail) as directory:
                for version in VERSIONS:
                    if mail not in found and address in _subscribed(directory, version):
                        found[mail] = version
        return found

    def memberships(self, mails: Iterable[str], domain: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for mail in mails:
            with suppress(NoListError), self._folder(mail) as directory:
                for address in _subscribed(directory, *VERSIONS):
                    if address.endswith(f"@{domain}"):
                        found.setdefault(address, []).append(mail)
        return found

    def people(self, mail: str) -> dict[str, tuple[str, ...]]:
        settings = self.settings(mail) or {}
        found = {name: settings[name] for name in PEOPLE if name in settings}
        return {name: value for name, value in found.items() if isinstance(value, tuple)}

    def _move(self, directory: Folder, addresses: set[str], version: Version) -> set[str]:
        """Let addresses be subscribed to one version alone; return those for which that is not so."""
        others = [other for other in VERSIONS if other != version]
        self._change(directory, version, addresses, set())
        for other in others:
            self._change(directory, other, set(), addresses)
        return (addresses - _subscribed(directory, version)) | (addresses & _subscribed(directory, *others))

    def _forget(self, directory: Folder, addresses: set[str]) -> set[str]:
        """Unsubscribe addresses; return those for which that is not so."""
        for version in VERSIONS:
            self._change(directory, version, set(), addresses)
        return addresses & _subscribed(directory, *VERSIONS)

    def _change(self, directory: Folder, version: Version, added: set[str], removed: set[str]) -> None:
        """Add and remove subscribers; a new one goes where mlmmj would write it, into the file of its first letter."""
        with directory.folder(VERSIONS[version], is_made=True, begun_in=directory) as folder:
            present = {file: set(_addresses(folder.read(file))) for file in folder.files()}
            new = added.difference(*present.values())
            # mlmmj-unsub writes a file beside the one that it changes; only a dead one leaves it there.
            files = {file.removesuffix(".new") for file, addresses in present.items() if addresses & removed}
            for file in sorted(files | {address[0] for address in added}):
                self._change_file(folder, file, sorted(address for address in new if address[0] == file), removed)

    def _change_file(self, folder: Folder, name: str, added: Iterable[str], removed: set[str]) -> None:
        lock, unfinished = f".{name}.lock", f"{name}.new"
        with folder.locked(lock, self.host.patience):
            is_done = False
            try:
                while not is_done:
                    before = folder.read(name) or b""
                    present = [*_addresses(before), *_addresses(folder.read(unfinished)), *added]
                    after = [address for address in dict.fromkeys(present) if address not in removed]
                    content = "".join(f"{address}\n" for address in after).encode(errors="surrogateescape")
                    is_done = folder.swap(name, before, content, self.host.patience)
                folder.remove(unfinished)
            finally:
                folder.remove(lock)

    def _ask(self, mail: str, addresses: set[str], version: Version) -> None:
        """Let mlmmj send mails that have to be answered; older ones are worth nothing then."""
        program, path = self.host.programs / "mlmmj-sub", self.host.spool.joinpath(*_place(mail)).absolute()
        command = [str(program), "-L", str(path), "-C", "-s", *_OPTIONS[version]]
        with self._folder(mail) as directory, directory.folder("subconf", is_made=True) as waiting:
            for file, asked in _waiting(waiting).items():
                if asked in addresses:
                    waiting.remove(file)
            with ThreadPoolExecutor(MOST_PROGRAMS) as threads:
                # Reading the answers raises what has failed.
                list(threads.map(lambda address: _run([*command, "-a", address], directory.owner), sorted(addresses)))
            asked_or_in = {*_waiting(waiting).values(), *_subscribed(directory, *VERSIONS)}
        if missing := addresses - asked_or_in:
            raise ListServerError(f"{program.name} has not asked {len(missing)} addresses.")

    @contextmanager
    def _spool(self) -> Iterator[Folder]:
        with _errors():
            _make(self.host.spool, None)
            with Folder.opened(self.host.spool) as spool:
                yield spool

    @contextmanager
    def _aside(self, spool: Folder) -> Iterator[Folder]:
        """Give a directory that is erased in the end; what crashes have left of others is erased first."""
        mine = token_hex(8)
        with ExitStack() as stack, spool.folder(ASIDE, is_made=True) as aside:
            with spool.locked(LOCK, self.host.patience):
                for left in aside.names():
                    _erase_left(aside, left)
                place = stack.enter_context(aside.folder(mine, is_made=True))
                place.take()
            try:
                yield place
            finally:
                aside.erase(mine)

    @contextmanager
    def _folder(self, mail: str) -> Iterator[Folder]:
        domain, name = _place(mail)
        missing = NoListError(f"There is no list {mail} in the spool.")
        with _errors(), ExitStack() as stack:
            try:
                home = stack.enter_context(Folder.opened(self.host.spool))
                home = stack.enter_context(home.folder(domain))
                directory = stack.enter_context(home.folder(name))
            except FileNotFoundError:
                raise missing from None
            try:
                yield directory
            except OSError as error:
                if directory.is_at(name, home):
                    raise
                raise missing from error  # it has just been removed

    @contextmanager
    def _locked(self, mail: str) -> Iterator[Folder]:
        """Keep other works away from a list; mlmmj's own programs come in between."""
        with self._folder(mail) as directory, directory.locked(LOCK, self.host.patience):
            yield directory

    def _put_away(self, home: Folder, domain: str, name: str) -> None:
        _make(self.host.archive, home.owner)
        stamp = f"{datetime.now(UTC):%Y%m%d%H%M%S}"
        with Folder.opened(self.host.archive, home.owner) as archive, archive.folder(domain, is_made=True) as target:
            names = (f"{name}-{stamp}" + (f"-{number}" if number else "") for number in count())
            new = next(new for new in names if not target.has(new))
            try:
                home.move(name, target, new)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                begun = f".{name}.begun"
                target.erase(begun)
                home.copy(name, target, begun)
                target.move(begun, target, new)
                home.erase(name)

    def _read(self, control: Folder, name: str) -> ListSetting:
        shape = self.controls[name]
        content = control.read(shape.file)
        text = (content or b"").decode(errors="replace")
        match shape:
            case Flag():
                return content is not None
            case FirstLine():
                line = text.partition("\n")[0].strip()
                return (int(line) if line.isdecimal() else 0) if shape.file == "maxmailsize" else line
            case WholeText():
                return text
            case Lines(file):
                lines = tuple(line.strip() for line in text.split("\n") if line.strip())
                return lines[1:] if file == ADDRESSES else lines

    def _contents(self, control: Folder, mail: str, settings: ListSettings) -> dict[str, bytes | None]:
        """Return what the control files hold for settings; None for one that is not to be there."""
        contents: dict[str, bytes | None] = {}
        for name, value in settings.items():
            shape = self.controls[name]
            # One file is both the switch and the list.
            text = self._approvers(control, settings) if shape.file == APPROVERS else _content(shape, value, mail)
            contents[shape.file] = None if text is None else text.encode()
        return contents

    def _approvers(self, control: Folder, settings: ListSettings) -> str | None:
        """Return who approves of subscribers, nobody for the owners; None if nobody has to."""
        switch, names = "moderate_subscription", "subscription_moderators"
        named = settings.get(names, self._read(control, names))
        is_on = settings.get(switch, bool(settings.get(names)) or self._read(control, switch))
        return "".join(f"{address}\n" for address in named) if is_on and isinstance(named, tuple) else None


def _is_list(home: Folder, name: str) -> bool:
    try:
        with home.folder(name) as directory:
            return directory.has("control")
    except OSError:
        return False


def _place(mail: str) -> tuple[str, str]:
    """Return the names of a list's two directories; such a name never leaves the spool."""
    try:
        address = Address.parse(mail)
    except Refused as error:
        raise ListServerError(f"{mail} is no address of a list.") from error
    if "/" in address:
        raise ListServerError(f"{mail} is no address of a list.")
    return address.domain, address.local_part


def _content(shape: MlmmjShape, value: ListSetting, mail: str) -> str | None:
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


def _write_all(control: Folder, contents: Mapping[str, bytes | None]) -> None:
    """Write control files: first people and texts, then switches, which may need them, and removals last."""
    for file, content in sorted(contents.items(), key=lambda item: (item[1] is None, not item[1], item[0])):
        control.write(file, content)


def _addresses(content: bytes | None) -> list[str]:
    """Return the addresses in a file of subscribers, spelled as mlmmj spells them."""
    lines = (content or b"").decode(errors="surrogateescape").split("\n")
    return [line.strip().lower() for line in lines if line.strip()]


def _subscribed(directory: Folder, *versions: Version) -> set[str]:
    """Return who is subscribed to one of some versions."""
    found: set[str] = set()
    for version in versions:
        with suppress(FileNotFoundError), directory.folder(VERSIONS[version]) as folder:
            for file in folder.files():
                found.update(address for address in _addresses(folder.read(file)) if "@" in address)
    return found


def _waiting(folder: Folder) -> dict[str, str]:
    """Return whose answer is waited for, by file."""
    return {file: (folder.read(file) or b"").decode(errors="replace").strip().lower() for file in folder.files()}


def _insist(change: Callable[[], Collection[str]], failure: str) -> None:
    """Change subscribers until they are as they are to be."""
    for pause in PAUSES:
        time.sleep(pause)
        if not (wrong := change()):
            return
    raise ListServerError(f"{len(wrong)} addresses {failure}.")


def _run(command: list[str], owner: Owner | None) -> None:
    """Run one of mlmmj's programs as the user to whom the lists belong."""
    done = subprocess.run(  # noqa: S603 - no shell, and the address is parsed
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS_OF_A_PROGRAM,
        check=False,
        user=owner.user if owner else None,
        group=owner.group if owner else None,
        extra_groups=() if owner else None,
    )
    if done.returncode:
        raise ListServerError(f"{Path(command[0]).name} ended with {done.returncode}.")


def _erase_left(aside: Folder, name: str) -> None:
    with suppress(OSError):
        with aside.folder(name) as left:
            is_free = left.take()
        if is_free:
            aside.erase(name)


def _make(path: Path, owner: Owner | None) -> None:
    """Make a directory that the settings name, and those above it."""
    if path.is_dir():
        return
    _make(path.parent, owner)
    with Folder.opened(path.parent, owner) as parent:
        parent.make(path.name)


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ListServerError(str(error)) from error
