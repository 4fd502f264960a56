"""The RESTful API over HTTP: the registry's routes, sessions by cookie, and one envelope for every answer."""

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import anyio.to_thread
import msgspec
from anyio import CapacityLimiter, fail_after
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from postreeve import networks, operations
from postreeve.errors import Code, Refused, refuse, true_status
from postreeve.operations import PATH_PARAMETERS, REGISTRY, Answer, Call, Operation
from postreeve.permissions import anyone
from postreeve.sessions.operations import Opened, resume
from postreeve.settings import Settings
from postreeve.web import requests
from postreeve.web.requests import Parameters
from postreeve.work import (
    ConflictError,
    ListServerError,
    LongText,
    Remarks,
    Storage,
    StoreUnavailableError,
    Streamed,
)

COOKIE = "postreeve_api"
PIECE_BYTES = 64 * 1024
UNSENT_SECONDS = 30
"""A client that sends nothing more of its body for so long is refused."""
UNREAD_SECONDS = 60
"""A client that takes nothing of a long answer for so long is dropped: it holds a database connection."""
RETRY_SECONDS = 5

log = logging.getLogger("postreeve.api")
_encoder = msgspec.json.Encoder(enc_hook=str)
Header = tuple[bytes, bytes]


@dataclass(frozen=True)
class Reply:
    """An answer on its way out: a body, or an iterator of pieces of one."""

    status: int
    body: bytes | Iterator[bytes]
    headers: tuple[Header, ...] = ()


@dataclass(frozen=True)
class Client:
    """What is known of who asks."""

    address: str
    is_secure: bool
    token: str
    wants_problems: bool


class Routes:
    """The operations by method and path; a path parameter matches any one segment."""

    def __init__(self, registry: Mapping[str, Operation]) -> None:
        self._by_shape: dict[tuple[str, int], list[tuple[tuple[str, ...], dict[str, Operation]]]] = {}
        for operation in registry.values():
            parts = tuple(operation.template.removeprefix("/api/").split("/"))
            shapes = self._by_shape.setdefault((parts[0], len(parts)), [])
            for known, methods in shapes:
                if known == parts:
                    methods[operation.method] = operation
                    break
            else:
                shapes.append((parts, {operation.method: operation}))
        for shapes in self._by_shape.values():
            shapes.sort(key=lambda shape: sum(part.startswith("<") for part in shape[0]))

    def find(self, method: str, path: tuple[str, ...]) -> tuple[Operation, tuple[str, ...]]:
        """Return the operation and its path arguments; a missing last segment is an empty argument, never "all"."""
        methods, arguments = self._matching(path) or self._matching((*path, "")) or (None, ())
        if methods is None:
            refuse(Code.NO_SUCH_OPERATION)
        return methods.get(method) or refuse(Code.METHOD_NOT_ALLOWED), arguments

    def _matching(self, path: tuple[str, ...]) -> tuple[dict[str, Operation], tuple[str, ...]] | None:
        for parts, methods in self._by_shape.get((path[0], len(path)), ()) if path else ():
            if all(map(_fits, parts, path)):
                return methods, tuple(given for part, given in zip(parts, path, strict=True) if part.startswith("<"))
        return None


def _fits(part: str, given: str) -> bool:
    """Tell whether a segment of a path is what a template has there; a choice among words has to be one of them."""
    if not part.startswith("<"):
        return part == given
    return given.lower() in PATH_PARAMETERS[part].schema.get("enum", (given.lower(),))


class Api:
    """The ASGI application of everything below `/api`."""

    def __init__(self, storage: Storage, settings: Settings) -> None:
        self.storage = storage
        self.settings = settings
        self.routes = Routes(REGISTRY)
        self.limiter = CapacityLimiter(settings.pool_size)

    async def answer(self, scope: Scope, path: tuple[str, ...], receive: Receive, send: Send) -> None:
        """Answer one request; `path` is what follows `/api`."""
        started = time.monotonic()
        headers = dict(scope["headers"])
        client = self._client(scope, headers)
        is_secretive = False
        try:
            method = scope["method"]
            operation, arguments = self.routes.find("GET" if method == "HEAD" else method, path)
            is_secretive = operation.is_secretive
            _refuse_foreign_origin(method, headers, client)
            parameters = await self._parameters(scope, headers, receive)
            reply = await anyio.to_thread.run_sync(
                self._run, operation, arguments, parameters, client, limiter=self.limiter
            )
        except ClientDisconnect:
            return
        except Refused as no:
            reply = _refusal(no, client)
        except Exception:
            log.exception("A defect answered %s /%s", scope["method"], "/".join(path[:1]))
            reply = _refusal(Refused((Code.INTERNAL_ERROR,)), client, is_true=True)
        if is_secretive and b'"_success":false' in (reply.body if isinstance(reply.body, bytes) else b""):
            due = started + (self.settings.login_answer_ms + 1) / 1000  # a loop's timers may come 1 ms early
            await asyncio.sleep(max(due - time.monotonic(), 0))
        await self._send(reply, send, is_head=scope["method"] == "HEAD")

    def _client(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Client:
        trusted = self.settings.trusted_proxies
        peer = networks.plain((scope.get("client") or ("",))[0])
        is_trusted = bool(trusted) and networks.lies_in(peer, trusted)
        forwarded = headers.get(b"x-forwarded-for", b"").decode("latin-1").split(",") if is_trusted else []
        protocol = headers.get(b"x-forwarded-proto", b"").decode("latin-1") if is_trusted else scope["scheme"]
        return Client(
            address=networks.behind_proxies(peer, [hop for hop in forwarded if hop.strip()], trusted),
            is_secure=protocol == "https",
            token=requests.cookie(headers, COOKIE),
            wants_problems=self.settings.true_http_status or b"application/problem+json" in headers.get(b"accept", b""),
        )

    async def _parameters(self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive) -> Parameters:
        most = self.settings.max_parameters
        parameters = requests.from_text(scope["query_string"], most)
        body = await self._body(headers, receive)
        if body:
            content_type = headers.get(b"content-type", b"").decode("latin-1")
            parameters.join(await requests.from_body(body, content_type, most))
        return parameters

    async def _body(self, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        length = headers.get(b"content-length", b"")
        if length == b"0" or (not length and b"transfer-encoding" not in headers):
            return b""
        most, body = self.settings.max_request_bytes, bytearray()
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

    def _run(self, operation: Operation, arguments: tuple[str, ...], parameters: Parameters, client: Client) -> Reply:
        """Carry out the operation, in a thread, and encode what it answers."""
        try:
            self._check_address(client)
            actor = None
            if operation.allow is not anyone:
                if not client.token:
                    refuse(Code.LOGIN_REQUIRED)
                actor = resume(self.storage, client.token, client.address)
            call = Call(actor, arguments, parameters.values, client.address, "[API]", client.token)
            return _reply(operations.run(operation, call, self.storage), client, operation)
        except (StoreUnavailableError, ConflictError) as error:
            log.warning("A store does not answer: %s", error)
            is_lists = isinstance(error, ListServerError)
            code = Code.MAILING_LIST_SERVICE_UNAVAILABLE if is_lists else Code.SERVICE_UNAVAILABLE
            return _refusal(Refused((code,), retry_after=RETRY_SECONDS), client, is_true=True)

    def _check_address(self, client: Client) -> None:
        settings = self.storage.site()
        allowed = settings.restful_api_clients
        if (allowed or settings.restrict_api_access) and not networks.lies_in(client.address, allowed):
            refuse(Code.NOT_AUTHORIZED)

    async def _send(self, reply: Reply, send: Send, *, is_head: bool) -> None:
        headers = [*reply.headers, (b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
        if isinstance(reply.body, bytes):
            headers.append((b"content-length", str(len(reply.body)).encode()))
            await send({"type": "http.response.start", "status": reply.status, "headers": headers})
            await send({"type": "http.response.body", "body": b"" if is_head else reply.body})
            return
        pieces = reply.body
        try:
            piece = await self._next(pieces)
            await send({"type": "http.response.start", "status": reply.status, "headers": headers})
            while piece is not None and not is_head:
                with fail_after(UNREAD_SECONDS):
                    await send(_part(piece, more=True))
                piece = await self._next(pieces)
            await send(_part(b"", more=False))
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(pieces.close, limiter=self.limiter)  # type: ignore[attr-defined]

    async def _next(self, pieces: Iterator[bytes]) -> bytes | None:
        return await anyio.to_thread.run_sync(next, pieces, None, limiter=self.limiter)


async def _next_of_body(receive: Receive) -> Message:
    try:
        with fail_after(UNSENT_SECONDS):
            return await receive()
    except (TimeoutError, asyncio.CancelledError):  # a server that ends cancels what still waits
        refuse(Code.REQUEST_INCOMPLETE)


def _part(body: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


def _refuse_foreign_origin(method: str, headers: Mapping[bytes, bytes], client: Client) -> None:
    """Refuse changes that a page of another site asks a browser for; scripts send neither header."""
    if method in {"GET", "HEAD"}:
        return
    origin = headers.get(b"origin", b"").decode("latin-1")
    host = headers.get(b"host", b"").decode("latin-1")
    if headers.get(b"sec-fetch-site") == b"cross-site" or (origin and origin.partition("://")[2] != host):
        log.warning("A foreign page at %r asked for a change, from %s", origin[:100], client.address)
        refuse(Code.PERMISSION_DENIED, hint="The request comes from a page of another site.")


def _reply(answer: Answer, client: Client, operation: Operation) -> Reply:
    envelope = {"_success": True, **_said(answer.remarks)}
    headers: tuple[Header, ...] = ((b"content-type", b"application/json"),)
    if isinstance(answer.data, Opened):
        headers += ((b"set-cookie", _set_cookie(answer.data.token, client)),)
    elif operation.template == "/api/logout":
        headers += ((b"set-cookie", _set_cookie("", client) + b"; Max-Age=0"),)
    elif isinstance(answer.data, Iterator | LongText | Streamed):
        return Reply(HTTPStatus.OK, _begun(_pieces(answer.data, answer.remarks)), headers)
    elif operation.method == "GET":
        envelope["_data"] = answer.data
    return Reply(HTTPStatus.OK, _encoder.encode(envelope), headers)


def _pieces(data: Iterator[Any] | LongText | Streamed, remarks: Remarks) -> Iterator[bytes]:
    """Write a long answer as it is read, in pieces of about 64 KB."""
    piece = bytearray(_encoder.encode({"_success": True, **_said(remarks)})[:-1] + b',"_data":')
    for part in _parts(data):
        piece += part
        if len(piece) >= PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece + b"}")


def _parts(data: Iterator[Any] | LongText | Streamed) -> Iterator[bytes]:
    """Yield the parts of a long value: a text, a list, or a profile with a list in it."""
    match data:
        case LongText(pieces):
            yield b'"'
            yield from (_encoder.encode(text)[1:-1] for text in pieces)
            yield b'"'
        case Streamed(profile, key, items):
            yield _encoder.encode(profile)[:-1] + b"," + _encoder.encode(key) + b":"
            yield from _list(items)
            yield b"}"
        case items:
            yield from _list(items)


def _list(items: Iterator[Any]) -> Iterator[bytes]:
    """Yield the parts of a list."""
    separator = b"["
    for item in items:
        yield separator + _encoder.encode(item)
        separator = b","
    yield b"[]" if separator == b"[" else b"]"


def _begun(pieces: Iterator[bytes]) -> bytes | Iterator[bytes]:
    """Read the beginning of a long answer: what fails there can still be said, what is short needs no stream."""
    first, second = next(pieces), next(pieces, None)
    return first if second is None else _continued(first, second, pieces)


def _continued(first: bytes, second: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield second
    yield from pieces


def _said(remarks: Remarks) -> dict[str, Any]:
    """Return the extra keys of an answer: only those that have something to say."""
    said = {
        "_ignored": remarks.ignored, "_discarded": remarks.discarded,
        "_pending": remarks.pending, "_hint": remarks.hint,
    }  # fmt: skip
    return {key: value for key, value in said.items() if value}


def _refusal(no: Refused, client: Client, *, is_true: bool = False) -> Reply:
    """Return a refusal: HTTP 200 with the envelope, but for outages, defects and what is no operation."""
    status = true_status(no.codes[0])
    body: dict[str, Any] = {"_success": False, "_msg": ",".join(code.name for code in no.codes)}
    if no.hint:
        body["_hint"] = no.hint
    headers: tuple[Header, ...] = ((b"content-type", b"application/json"),)
    if client.wants_problems:
        body |= {"type": "about:blank", "title": no.codes[0].value, "status": int(status)}
        headers = ((b"content-type", b"application/problem+json"),)
    elif not is_true and no.codes[0] not in _ALWAYS_TRUE:
        status = HTTPStatus.OK
    if no.codes[0] is Code.REQUEST_INCOMPLETE:
        headers += ((b"connection", b"close"),)  # the rest, if it still came, would be taken for the next request
    if no.retry_after:
        headers += ((b"retry-after", str(no.retry_after).encode()),)
    return Reply(status, _encoder.encode(body), headers)


_ALWAYS_TRUE = frozenset(
    {
        Code.NO_SUCH_OPERATION,
        Code.METHOD_NOT_ALLOWED,
        Code.REQUEST_TOO_LARGE,
        Code.REQUEST_INCOMPLETE,
        Code.SERVICE_UNAVAILABLE,
    }
)


def _set_cookie(token: str, client: Client) -> bytes:
    secure = "; Secure" if client.is_secure else ""
    return f"{COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax{secure}".encode()
