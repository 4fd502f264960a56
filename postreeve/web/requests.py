"""What clients send: where they are, paths, parameters and bodies in every form that scripts and browsers use."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from urllib.parse import parse_qsl, unquote_to_bytes

import msgspec
from anyio import fail_after
from python_multipart.exceptions import FormParserError
from starlette import types
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from postreeve import networks
from postreeve.errors import Code, refuse
from postreeve.settings import Settings

UNSENT_SECONDS = 30
"""A client that sends nothing more of its body for so long is refused."""


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


@dataclass(frozen=True)
class Peer:
    """Who asks, as the connection and the word of trusted proxies have it."""

    address: str
    is_secure: bool


def peer(scope: types.Scope, headers: Mapping[bytes, bytes], settings: Settings) -> Peer:
    """Return who asks."""
    trusted = settings.trusted_proxies
    address = networks.plain((scope.get("client") or ("",))[0])
    is_trusted = bool(trusted) and networks.lies_in(address, trusted)
    forwarded = headers.get(b"x-forwarded-for", b"").decode("latin-1").split(",") if is_trusted else []
    protocol = headers.get(b"x-forwarded-proto", b"").decode("latin-1") if is_trusted else scope["scheme"]
    hops = [hop for hop in forwarded if hop.strip()]
    return Peer(networks.behind_proxies(address, hops, trusted), protocol == "https")


def is_foreign(method: str, headers: Mapping[bytes, bytes]) -> bool:
    """Tell whether a page of another site asks a browser for a change; scripts send neither header."""
    if method in {"GET", "HEAD"}:
        return False
    origin = headers.get(b"origin", b"").decode("latin-1")
    host = headers.get(b"host", b"").decode("latin-1")
    return headers.get(b"sec-fetch-site") == b"cross-site" or bool(origin and origin.partition("://")[2] != host)


async def whole_body(headers: Mapping[bytes, bytes], receive: types.Receive, most: int) -> bytes:
    """Read a body of bounded size to its end."""
    length = headers.get(b"content-length", b"")
    if length == b"0" or (not length and b"transfer-encoding" not in headers):
        return b""
    body = bytearray()
    if length.isdigit() and int(length) > most:
        refuse(Code.REQUEST_TOO_LARGE, hint=f"{most} bytes are the most.")
    while True:
        message = await _next_of_body(receive)
        if message["type"] == "http.disconnect":  # half a body may say something else than the whole
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > most:
            refuse(Code.REQUEST_TOO_LARGE, hint=f"{most} bytes are the most.")
        if not message.get("more_body"):
            return bytes(body)


async def _next_of_body(receive: types.Receive) -> types.Message:
    try:
        with fail_after(UNSENT_SECONDS):
            return await receive()
    except (TimeoutError, asyncio.CancelledError):  # a server that ends cancels what still waits
        refuse(Code.REQUEST_INCOMPLETE)


async def from_body(body: bytes, content_type: str, most: int, *, most_files: int = 0) -> Parameters:
    """Read a body by its type; one without a type is a form (a Go client sends such). A file counts as its text."""
    message = Message()
    message["content-type"] = content_type or "application/x-www-form-urlencoded"
    if not body:
        return Parameters()
    match message.get_content_type():
        case "application/json":
            return _from_json(body, most)
        case "multipart/form-data":
            return await _from_multipart(body, content_type, most, most_files)
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


async def _from_multipart(body: bytes, content_type: str, most: int, most_files: int) -> Parameters:
    async def chunks() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        parser = MultiPartParser(
            Headers({"content-type": content_type}), chunks(), max_files=most_files, max_fields=most,
            max_part_size=len(body),
        )  # fmt: skip
        form = await parser.parse()
    except (MultiPartException, FormParserError, UnicodeDecodeError, KeyError, ValueError, LookupError):
        no = f"it may have {most_files} file" if most_files else "it may not have files"
        refuse(Code.INVALID_VALUE, hint=f"The multipart body can not be read; {no}.")
    parameters = Parameters()
    try:
        for name, value in form.multi_items():
            text = await _text_of(value) if isinstance(value, UploadFile) else value
            parameters.values.setdefault(name, []).append(text)
    finally:
        await form.close()
    return parameters


async def _text_of(file: UploadFile) -> str:
    try:
        return (await file.read()).decode("utf-8-sig")
    except UnicodeDecodeError:
        refuse(Code.INVALID_VALUE, hint="The file is not UTF-8.")


def cookie(headers: Mapping[bytes, bytes], name: str) -> str:
    """Return the value of a cookie, or nothing."""
    for part in headers.get(b"cookie", b"").decode("latin-1").split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value.strip('"')
    return ""
