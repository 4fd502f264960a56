"""The log on standard error: lines of text or of JSON, each with the request that it is about.

`facts` of a record are what a program looks for; in text they stand behind the message. No line is longer than its
message: what a client sends can not begin another.
"""

import logging
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import msgspec

from postreeve.settings import Settings

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The request that is answered here, in whatever thread."""


def configure(settings: Settings) -> None:
    """Write the log of this process as the settings want it."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if settings.log_format == "json" else TextLines())
    root = logging.getLogger()
    for other in root.handlers[:]:
        root.removeHandler(other)
    root.addHandler(handler)
    root.setLevel(settings.log_level.upper())
    # Of each single request of ours to others, and of each connection to us, nobody wants to know.
    for name in ("httpx", "httpcore", "uvicorn", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("postreeve.access").disabled = not settings.access_log


class Lines(logging.Formatter):
    """What is written of each record; of what went wrong no more than where, and the first line of what was said.

    In further lines PostgreSQL tells the values of a row that it does not take, hashes of passwords among them.
    """

    def formatException(self, ei: tuple[object, BaseException | None, object]) -> str:  # noqa: N802 - the library's name
        return "".join(_told(ei[1], set())).rstrip("\n")


class TextLines(Lines):
    """One line for people, with what went wrong below it."""

    def format(self, record: logging.LogRecord) -> str:
        words = [_moment(record), record.levelname, record.name.removeprefix("postreeve."), request_id.get() or "-"]
        facts = " ".join(f"{name}={_word(value)}" for name, value in _facts(record).items())
        words += [_one_line(part) for part in (record.getMessage(), facts) if part]
        below = [f"  {_one_line(line)}" for line in self._trace(record).splitlines()]
        return "\n".join([" ".join(words), *below])

    def _trace(self, record: logging.LogRecord) -> str:
        return self.formatException(record.exc_info) if record.exc_info else ""


class JsonLines(Lines):
    """One object on each line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _moment(record), "level": record.levelname.lower(), "logger": record.name,
            "message": record.getMessage(),
        }  # fmt: skip
        if found := request_id.get():
            line["request"] = found
        line |= _facts(record)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


def _told(error: BaseException | None, seen: set[int]) -> Iterator[str]:
    """Yield what led to an error, what it is made of, and itself."""
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    yield from _told(error.__cause__ or (None if error.__suppress_context__ else error.__context__), seen)
    for part in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        yield from _told(part, seen)
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__module__}.{type(error).__qualname__}: {str(error).partition(chr(10))[0]}\n"


def _moment(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _facts(record: logging.LogRecord) -> Mapping[str, Any]:
    found: Mapping[str, Any] = getattr(record, "facts", {})
    return found


def _word(value: object) -> str:
    """Return a value as one word, in quotes where it could be taken for something else."""
    text = str(value)
    return msgspec.json.encode(text).decode() if not text or {" ", '"', "="} & set(text) else text


def _one_line(text: str) -> str:
    """Return a text with its line breaks and other signs that are not to be seen written out."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
