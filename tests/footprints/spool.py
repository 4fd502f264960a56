"""mlmmj's spool in the tables of footprints: the files that are there, and what a request changes of them."""

import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from postreeve.settings import Settings

PRIVATE_FILE, PRIVATE_DIRECTORY = 0o600, 0o700
PORT = "PORT"
"""What stands in the tables for the port to which lists give their mail."""
_IGNORED = re.compile(r"spool/\.postreeve/$|(.*/)?\.postreeve\.lock$|.*/text/.+")
"""The directory for what is no list, once it is empty; the files that are locked; the mails that mlmmj writes."""
_STAMP = re.compile(r"(?<=-)\d{14}(?=/)")


class File(NamedTuple):
    """What is in a file, or nothing in a directory, and who may do what with it."""

    content: str = ""
    mode: int = PRIVATE_FILE

    def __str__(self) -> str:
        """Return the content, and the mode if others than the owner may read it."""
        mode = "" if self.mode in {PRIVATE_FILE, PRIVATE_DIRECTORY} else f" mode={self.mode:04o}"
        return f"{json.dumps(self.content, ensure_ascii=False)}{mode}"


Tree = Mapping[str, File]
"""Directories, whose paths end with a slash, and files; the paths begin with `spool/` or `archive/`."""


@dataclass(frozen=True)
class Spool:
    """The directories of an installation, and where its lists give their mail."""

    settings: Settings
    port: int

    @property
    def _roots(self) -> Mapping[str, Path]:
        return {"spool": Path(self.settings.mlmmj_spool), "archive": Path(self.settings.mlmmj_archive)}

    def read(self) -> Tree:
        """Return what is there now."""
        found = {}
        for name, root in self._roots.items():
            for path in root.rglob("*"):
                is_directory = path.is_dir()
                content = "" if is_directory else path.read_text(encoding="utf-8")
                told = self._told(f"{name}/{path.relative_to(root)}{'/' * is_directory}", content)
                if not _IGNORED.fullmatch(told):
                    content = f"{PORT}\n" if content == f"{self.port}\n" else content
                    found[told] = File(content, path.stat().st_mode & 0o7777)
        return dict(sorted(found.items()))

    def restore(self, tree: Tree) -> None:
        """Make everything as it was."""
        for root in self._roots.values():
            shutil.rmtree(root, ignore_errors=True)
        for name, file in tree.items():
            place, _, rest = name.partition("/")
            path = self._roots[place] / rest
            path.parent.mkdir(PRIVATE_DIRECTORY, parents=True, exist_ok=True)
            if name.endswith("/"):
                path.mkdir(exist_ok=True)
            else:
                content = f"{self.port}\n" if file.content == f"{PORT}\n" else file.content
                path.write_text(content, encoding="utf-8")
            path.chmod(file.mode)

    @staticmethod
    def _told(path: str, content: str) -> str:
        """Return a path without what differs from run to run: moments near now, and random names."""
        head, _, name = path.rpartition("/")
        if head.endswith(("/subconf", "/unsubconf")) and re.match(r"[0-9a-f]{16}", name):
            return f"{head}/TOKEN-{content.replace('@', '=')}"
        return _STAMP.sub(_moment, path) if path.startswith("archive/") else path


def starting_tree(file: Path) -> Tree:
    """Return what is there before each request, from the lines `+ list`, `+ file` and `- file` of a table."""
    tree: dict[str, File] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        match line.split(" ", 3):
            case ["+", "list", mail]:
                local, _, domain = mail.partition("@")
                tree |= {f"spool/{domain}/": File(mode=PRIVATE_DIRECTORY), **new_list(file, f"spool/{domain}/{local}/")}
            case ["+", "file", path, content]:
                tree[path] = File(json.loads(content))
                for parent in list(Path(path).parents)[:-2]:
                    tree[f"{parent}/"] = File(mode=PRIVATE_DIRECTORY)
            case ["-", "file", path]:
                del tree[path]
    return dict(sorted(tree.items()))


def new_list(file: Path, directory: str) -> Tree:
    """Return what every new list has, from the lines of a table that begin with a star."""
    _, domain, local, _ = directory.split("/")
    tree = {directory: File(mode=PRIVATE_DIRECTORY)}
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("* "):
            _, path, *content = line.split(" ", 2)
            text = json.loads(content[0]) if content else ""
            mode = PRIVATE_DIRECTORY if path.endswith("/") else PRIVATE_FILE
            tree[f"{directory}{path}"] = File(text.replace("LOCAL", local).replace("DOMAIN", domain), mode)
    return tree


@dataclass(frozen=True)
class Change:
    """What differs between two looks at a spool."""

    table: Path
    """The table that says what a new list has."""
    before: Tree
    after: Tree

    def lines(self) -> Iterator[str]:
        """Yield a line for each thing that differs; of a directory that is gone or elsewhere one for all of it."""
        before, after = dict(self.before), dict(self.after)
        for new in _gone_directories(after, before):
            if old := next((old for old in before if _is_archive(new) and _same(before, old, after, new)), ""):
                yield f"~ directory {old} -> {new}"
                _take_out(before, old)
                _take_out(after, new)
        for gone in _gone_directories(before, after):
            if gone in before:
                yield f"- directory {gone}"
                _take_out(before, gone)
        for new in _gone_directories(after, before):
            if re.fullmatch(r"spool/[^/]+/[^/]+/", new):
                local, domain = new.split("/")[2], new.split("/")[1]
                yield f"+ list {local}@{domain}"
                before |= new_list(self.table, new)
            else:
                is_shown = new in after and new not in before
                yield from [f"+ directory {new}"] if is_shown else []
                before.setdefault(new, after[new])
        yield from _files(before, after)


def _files(before: Tree, after: Tree) -> Iterator[str]:
    for path in sorted(before.keys() | after.keys()):
        kind = "directory" if path.endswith("/") else "file"
        match before.get(path), after.get(path):
            case None, new:
                yield f"+ {kind} {path} {new}"
            case old, None:
                yield f"- {kind} {path} {old}"
            case old, new if old != new:
                yield f"~ {kind} {path}: {old} -> {new}"


def _gone_directories(before: Tree, after: Tree) -> list[str]:
    """Return the directories that are gone, those above others first."""
    return sorted(path for path in before.keys() - after.keys() if path.endswith("/"))


def _is_archive(directory: str) -> bool:
    return directory.startswith("archive/") and directory.count("/") == 3


def _same(before: Tree, old: str, after: Tree, new: str) -> bool:
    """Tell whether two directories have the same in them."""
    return old.endswith("/") and _below(before, old) == _below(after, new)


def _below(tree: Tree, directory: str) -> dict[str, File]:
    return {path.removeprefix(directory): file for path, file in tree.items() if path.startswith(directory)}


def _take_out(tree: dict[str, File], directory: str) -> None:
    for path in _paths(tree, directory):
        del tree[path]


def _paths(tree: Iterable[str], directory: str) -> list[str]:
    return [path for path in tree if path.startswith(directory)]


def _moment(found: re.Match[str]) -> str:
    made = datetime.strptime(found[0], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    return "NOW" if abs((datetime.now(UTC) - made).total_seconds()) < 600 else found[0]
