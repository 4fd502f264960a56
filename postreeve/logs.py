"""The log on standard error: lines of text or of JSON, each with the request that it is about.

`facts` of a record are what a program looks for; in text they stand behind the message. No line is longer than its
message: what a client sends can not begin another.
"""

import logging
import sys
from collections.abc import Mapping
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


class TextLines(logging.Formatter):
    """One line for people, with what went wrong below it."""

    def format(self, record: logging.LogRecord) -> str:
        words = [_moment(record), record.levelname, record.name.removeprefix("postreeve."), request_id.get() or "-"]
        facts = " ".join(f"{name}={_word(value)}" for name, value in _facts(record).items())
        words += [_one_line(part) for part in (record.getMessage(), facts) if part]
        below = [f"  {_one_line(line)}" for line in self._trace(record).splitlines()]
        return "\n".join([" ".join(words), *below])

    def _trace(self, record: logging.LogRecord) -> str:
        return self.formatException(record.exc_info) if record.exc_info else ""


class JsonLines(logging.Formatter):
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
