"""The agent's HTTP: who may ask, what a request says, and mlmmjadmin's envelope around every answer."""

import hmac
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import anyio.to_thread
import msgspec
from anyio import CapacityLimiter, fail_after
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from postreeve import networks
from postreeve.errors import Code, Refused, refuse
from postreeve.mlmmj_agent.lists import Asked, Lists, NoProgramError, Question, SilentNo, question
from postreeve.storage.mlmmj import Host, NoListError
from postreeve.storage.mlmmjadmin import HEADER
from postreeve.values import Address
from postreeve.web import requests
from postreeve.web.requests import Parameters
from postreeve.work import ListServerError

AT_WORK = 8
"""Requests at work at once."""
UNSENT_SECONDS = 30
_REASONS = {Code.NO_SUCH_ACCOUNT: "NO_SUCH_ACCOUNT", Code.INVALID_MAIL: "INVALID_EMAIL"}
"""mlmmjadmin's words for ours; everything else that is refused is a parameter."""
_STATUSES = {
    Code.NO_SUCH_OPERATION: (HTTPStatus.NOT_FOUND, b"not found"),
    Code.METHOD_NOT_ALLOWED: (HTTPStatus.METHOD_NOT_ALLOWED, b"method not allowed"),
    Code.REQUEST_TOO_LARGE: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"request too large"),
    Code.REQUEST_INCOMPLETE: (HTTPStatus.REQUEST_TIMEOUT, b"request incomplete"),
}
"""What never reaches a list, and so is said as mlmmjadmin's web server says it."""
log = logging.getLogger("postreeve.mlmmj_agent")
_encoder = msgspec.json.Encoder(enc_hook=str)


@dataclass(frozen=True)
class Access:
    """Who may ask."""

    tokens: tuple[str, ...] = field(repr=False)
    header: str = HEADER
    clients: tuple[str, ...] = ()
    """Addresses and networks; empty is everybody who has a token."""


@dataclass(frozen=True)
class Reply:
    """An answer on its way out."""

    body: bytes
    status: HTTPStatus = HTTPStatus.OK
    content_type: bytes = b"application/json"


class Agent:
    """The ASGI application."""

    def __init__(
        self, host: Host, access: Access, *, most_bytes: int = 8 * 1024 * 1024, most_parameters: int = 1000
    ) -> None:
        self.lists = Lists(host)
        self.access = access
        self.most_bytes = most_bytes
        self.most_parameters = most_parameters
        self._limiter = CapacityLimiter(AT_WORK)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        if scope["type"] != "http":
            return
        try:
            reply = await self._answer(scope, receive)
        except ClientDisconnect:
            return
        except Refused as no:
            reply = _refusal(no)
        except Exception:
            log.exception("A defect answered %s", scope["method"])
            reply = Reply(b"internal server error", HTTPStatus.INTERNAL_SERVER_ERROR, b"text/plain")
        headers = [
            (b"content-type", reply.content_type), (b"content-length", str(len(reply.body)).encode()),
            (b"cache-control", b"no-store"),
        ]  # fmt: skip
        await send({"type": "http.response.start", "status": int(reply.status), "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    async def _answer(self, scope: Scope, receive: Receive) -> Reply:
        headers = dict(scope["headers"])
        client = networks.plain((scope.get("client") or ("",))[0])
        if reason := self._closed_to(client, headers):
            log.warning("%s is refused: %s", client, reason)
            return _said({"_success": False, "_msg": reason})
        path = requests.segments(scope["raw_path"])
        if path[:1] != ("api",):
            refuse(Code.NO_SUCH_OPERATION)
        asked_for, addresses = question(scope["method"], path[1:])
        parameters = requests.from_text(scope["query_string"], self.most_parameters)
        if body := await self._body(headers, receive):
            content_type = headers.get(b"content-type", b"").decode("latin-1")
            parameters.join(await requests.from_body(body, content_type, self.most_parameters))
        reply = await anyio.to_thread.run_sync(self._run, asked_for, addresses, parameters, limiter=self._limiter)
        if scope["method"] != "GET":
            log.info("%s %s by %s: %s", scope["method"], "/".join(path[1:]), client, reply.body[:200].decode())
        return reply

    def _closed_to(self, client: str, headers: Mapping[bytes, bytes]) -> str:
        """Return why somebody may not ask, or nothing."""
        if self.access.clients and not networks.lies_in(client, self.access.clients):
            return "NOT_AUTHORIZED_API_CLIENT"
        given = headers.get(self.access.header.lower().encode("latin-1"), b"")
        if not given:
            return "NO_API_AUTH_TOKEN"
        is_known = [hmac.compare_digest(given, token.encode()) for token in self.access.tokens]
        return "" if any(is_known) else "INVALID_MLMMJADMIN_API_AUTH_TOKEN"

    async def _body(self, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        length, body = headers.get(b"content-length", b""), bytearray()
        if length.isdigit() and int(length) > self.most_bytes:
            refuse(Code.REQUEST_TOO_LARGE)
        while True:
            message = await _next_of_body(receive)
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body += message.get("body", b"")
            if len(body) > self.most_bytes:
                refuse(Code.REQUEST_TOO_LARGE)
            if not message.get("more_body"):
                return bytes(body)

    def _run(self, asked_for: Question, addresses: list[Address], parameters: Parameters) -> Reply:
        """Do what is asked, in a thread."""
        first, *others = addresses
        try:
            answer = asked_for(self.lists, Asked(first, next(iter(others), None), parameters.values))
        except Refused as no:
            return _refusal(no)
        except NoListError as error:
            return _refusal(Refused((Code.NO_SUCH_ACCOUNT,), str(error)))
        except ListServerError as error:
            log.warning("mlmmj: %s", error)
            reason = "SUB_COMMAND_NOT_FOUND" if isinstance(error, NoProgramError) else "INTERNAL_ERROR"
            return _said({"_success": False, "_msg": reason})
        if isinstance(answer, SilentNo):
            return _said({"_success": False})
        return _said({"_success": True, **({} if answer is None else {"_data": answer})})


def _said(envelope: Mapping[str, Any]) -> Reply:
    return Reply(_encoder.encode(envelope))


def _refusal(no: Refused) -> Reply:
    if (found := _STATUSES.get(no.codes[0])) is not None:
        status, body = found
        return Reply(body, status, b"text/plain")
    envelope = {"_success": False, "_msg": _REASONS.get(no.codes[0], "INVALID_PARAM")}
    return _said({**envelope, "_hint": no.hint} if no.hint else envelope)


async def _next_of_body(receive: Receive) -> Message:
    try:
        with fail_after(UNSENT_SECONDS):
            return await receive()
    except TimeoutError:
        refuse(Code.REQUEST_INCOMPLETE)


async def _live(receive: Receive, send: Send) -> None:
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})
