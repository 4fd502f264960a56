"""Our settings file: written whole and at once, and closed to others."""

import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from postreeve.settings import SettingsError

_PRIVATE = 0o600


def text_of(settings: Mapping[str, Any], remark: str) -> str:
    """Return settings as TOML: those with one value first, then a table for each store."""
    return "\n".join(_lines(settings, remark)) + "\n"


def _lines(settings: Mapping[str, Any], remark: str) -> Iterator[str]:
    yield f"# {remark}"
    yield ""
    for name, value in settings.items():
        if not isinstance(value, dict):
            yield f"{name} = {_value(value)}"
    for name, table in settings.items():
        if isinstance(table, dict):
            yield ""
            yield f"[{name}]"
            yield from (f"{key} = {_value(value)}" for key, value in table.items())


def _value(value: object) -> str:
    """Return a value in TOML, which JSON's texts, numbers and lists are as well, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")


def write(texts: Mapping[Path, str], *, is_forced: bool) -> None:
    """Write files that nobody else may read, each whole or not at all; those that are there only if that is forced.

    Who owns a file that is replaced, and the group that alone might read it with the owner, go on reading.
    """
    if not is_forced:
        for file in texts:
            if file.exists():
                raise SettingsError(f"There is a file {file} already; --force replaces it. Nothing was written.")
    for file, text in texts.items():
        try:
            _write(file, text, is_forced=is_forced)
        except OSError as error:
            raise SettingsError(f"{error.filename or file} can not be written: {error.strerror}.") from error


def _give_like(file: Path, new: int) -> None:
    try:
        before = file.lstat()
    except FileNotFoundError:
        os.fchmod(new, _PRIVATE)
        return
    made = os.fstat(new)
    if (before.st_uid, before.st_gid) != (made.st_uid, made.st_gid):
        os.fchown(new, before.st_uid, before.st_gid)
    is_closed = not before.st_mode & stat.S_IRWXO
    os.fchmod(new, _PRIVATE | (before.st_mode & stat.S_IRGRP if is_closed else 0))


def _write(file: Path, text: str, *, is_forced: bool) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(f".{file.name}.{os.getpid()}")
    new.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "w", encoding="utf-8") as output:
            if is_forced:
                _give_like(file, output.fileno())
            else:
                os.fchmod(output.fileno(), _PRIVATE)
            output.write(text)
            output.flush()
            os.fsync(output.fileno())
        if is_forced:
            new.replace(file)
        else:
            file.hardlink_to(new)  # fails where somebody else was faster
    finally:
        new.unlink(missing_ok=True)
    handle = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
