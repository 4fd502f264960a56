"""The RESTful API over HTTP: the registry's routes, sessions by cookie, and one envelope for every answer."""

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

import anyio.to_thread
import msgspec
from anyio import CapacityLimiter
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from postreeve import networks, operations
from postreeve.errors import Code, Refused, refuse, true_status
from postreeve.operations import PATH_PARAMETERS, REGISTRY, Answer, Call, Operation
from postreeve.permissions import anyone
from postreeve.sessions.operations import Opened, resume
from postreeve.settings import Settings
from postreeve.web import requests, sending, watching
from postreeve.web.requests import Parameters
from postreeve.web.sending import Header, Reply
from postreeve.work import (
    ConflictError,
    LongText,
    Remarks,
    Storage,
    StoreUnavailableError,
    Streamed,
)

COOKIE = "postreeve_api"
RETRY_SECONDS = 5
GUARDS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))

log = logging.getLogger("postreeve.api")
_encoder = msgspec.json.Encoder(enc_hook=str)


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
            watching.asked_for(operation.method, operation.template, ("api", *path))
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
        guarded = replace(reply, headers=(*reply.headers, *GUARDS))
        await sending.send_reply(guarded, scope, send, self.limiter)

    def _client(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Client:
        peer = requests.peer(scope, headers, self.settings)
        return Client(
            address=peer.address,
            is_secure=peer.is_secure,
            token=requests.cookie(headers, COOKIE),
            wants_problems=self.settings.true_http_status or b"application/problem+json" in headers.get(b"accept", b""),
        )

    async def _parameters(self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive) -> Parameters:
        most = self.settings.max_parameters
        parameters = requests.from_text(scope["query_string"], most)
        body = await requests.whole_body(headers, receive, self.settings.max_request_bytes)
        if body:
            content_type = headers.get(b"content-type", b"").decode("latin-1")
            parameters.join(await requests.from_body(body, content_type, most))
        return parameters

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
            return _refusal(Refused((error.code,), retry_after=RETRY_SECONDS), client, is_true=True)

    def _check_address(self, client: Client) -> None:
        settings = self.storage.site()
        allowed = settings.restful_api_clients
        if (allowed or settings.restrict_api_access) and not networks.lies_in(client.address, allowed):
            refuse(Code.NOT_AUTHORIZED)


def _refuse_foreign_origin(method: str, headers: Mapping[bytes, bytes], client: Client) -> None:
    """Refuse changes that a page of another site asks a browser for."""
    if requests.is_foreign(method, headers):
        log.warning(
            "A foreign page at %r asked for a change, from %s", headers.get(b"origin", b"")[:100], client.address
        )
        refuse(Code.PERMISSION_DENIED, hint="The request comes from a page of another site.")


def _reply(answer: Answer, client: Client, operation: Operation) -> Reply:
    envelope = {"_success": True, **_said(answer.remarks)}
    headers: tuple[Header, ...] = ((b"content-type", b"application/json"),)
    if isinstance(answer.data, Opened):
        headers += ((b"set-cookie", _set_cookie(answer.data.token, client)),)
    elif operation.template == "/api/logout":
        headers += ((b"set-cookie", _set_cookie("", client) + b"; Max-Age=0"),)
    elif isinstance(answer.data, Iterator | LongText | Streamed):
        return Reply(HTTPStatus.OK, sending.begun(_written(answer.data, answer.remarks)), headers)
    elif operation.method == "GET":
        envelope["_data"] = answer.data
    return Reply(HTTPStatus.OK, _encoder.encode(envelope), headers)


def _written(data: Iterator[Any] | LongText | Streamed, remarks: Remarks) -> Iterator[bytes]:
    """Write a long answer as it is read."""
    yield _encoder.encode({"_success": True, **_said(remarks)})[:-1] + b',"_data":'
    yield from _parts(data)
    yield b"}"


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


def _said(remarks: Remarks) -> dict[str, Any]:
    """Return the extra keys of an answer: only those that have something to say."""
    said = {
        "_ignored": remarks.ignored, "_discarded": remarks.discarded,
        "_pending": remarks.pending, "_hint": remarks.hint,
    }  # fmt: skip
    return {key: value for key, value in said.items() if value}


def _refusal(no: Refused, client: Client, *, is_true: bool = False) -> Reply:
    """Return a refusal: HTTP 200 with the envelope, but for outages, defects and what is no operation."""
    watching.refused_with(no.codes[0].name)
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
