"""What clients send: paths, parameters and bodies in every form that scripts use."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from urllib.parse import parse_qsl, unquote_to_bytes

import msgspec
from python_multipart.exceptions import FormParserError
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException, MultiPartParser

from postreeve.errors import Code, refuse

MOST_FILES = 0
"""No operation takes a file."""


@dataclass
class Parameters:
    """The parameters of a request, each with all its values; the body wins over the query string."""

    values: dict[str, list[str]] = field(default_factory=dict)

    def join(self, other: "Parameters") -> None:
        self.values.update(other.values)


def segments(raw_path: bytes) -> tuple[str, ...]:
    """Split a path into its decoded segments: `//` and a trailing `/` are folded, `%2F` stays inside its segment.

    What is not UTF-8 becomes a character that is in no name, so that its segment is refused.
    """
    return tuple(unquote_to_bytes(part).decode(errors="replace") for part in raw_path.split(b"/") if part)


def from_text(text: bytes, most: int) -> Parameters:
    """Read a query string or a form body: raw blanks and raw UTF-8 count as themselves."""
    try:
        pairs = parse_qsl(text.decode(), keep_blank_values=True, errors="strict", max_num_fields=most)
    except UnicodeDecodeError:
        refuse(Code.INVALID_VALUE, hint="The parameters are not UTF-8.")
    except ValueError:
        refuse(Code.REQUEST_TOO_LARGE, hint=f"{most} parameters are the most.")
    parameters = Parameters()
    for name, value in pairs:
        parameters.values.setdefault(name, []).append(value)
    return parameters


async def from_body(body: bytes, content_type: str, most: int) -> Parameters:
    """Read a body by its type; one without a type is a form (a Go client sends such)."""
    message = Message()
    message["content-type"] = content_type or "application/x-www-form-urlencoded"
    if not body:
        return Parameters()
    match message.get_content_type():
        case "application/json":
            return _from_json(body, most)
        case "multipart/form-data":
            return await _from_multipart(body, content_type, most)
        case _:
            return from_text(body, most)


def _from_json(body: bytes, most: int) -> Parameters:
    try:
        given = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        refuse(Code.INVALID_VALUE, hint="The body is not JSON.")
    if not isinstance(given, dict):
        refuse(Code.INVALID_VALUE, hint="The body is not a JSON object.")
    if len(given) > most:
        refuse(Code.REQUEST_TOO_LARGE, hint=f"{most} parameters are the most.")
    return Parameters({name: _as_texts(name, value) for name, value in given.items()})


def _as_texts(name: str, value: object) -> list[str]:
    """Return the values of a JSON member as a form would repeat them; an empty array is an empty value."""
    if not isinstance(value, list):
        return [_as_text(name, value)]
    if any(item is None for item in value):
        refuse(Code.INVALID_VALUE, hint=name[:64])
    return [_as_text(name, item) for item in value] or [""]


def _as_text(name: str, value: object) -> str:
    """Return a JSON value as a form would carry it: true and false as yes and no, null as nothing."""
    match value:
        case None:
            text = ""
        case bool():
            text = "yes" if value else "no"
        case str() | int() | float():
            text = str(value)
        case _:
            refuse(Code.INVALID_VALUE, hint=name[:64])
    return text


async def _from_multipart(body: bytes, content_type: str, most: int) -> Parameters:
    async def chunks() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        parser = MultiPartParser(
            Headers({"content-type": content_type}), chunks(), max_files=MOST_FILES, max_fields=most,
            max_part_size=len(body),
        )  # fmt: skip
        form = await parser.parse()
    except (MultiPartException, FormParserError, UnicodeDecodeError, KeyError, ValueError, LookupError):
        refuse(Code.INVALID_VALUE, hint="The multipart body can not be read; it may not have files.")
    parameters = Parameters()
    for name, value in form.multi_items():
        parameters.values.setdefault(name, []).append(str(value))
    return parameters


def cookie(headers: Mapping[bytes, bytes], name: str) -> str:
    """Return the value of a cookie, or nothing."""
    for part in headers.get(b"cookie", b"").decode("latin-1").split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value.strip('"')
    return ""
