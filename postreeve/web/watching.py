"""What is seen of requests from outside: an id for each, a line in the log, and what is counted."""

import logging
import re
import secrets
import time
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from postreeve import logs, networks
from postreeve.settings import Settings
from postreeve.web import metrics, requests

HEADER = b"x-request-id"
SUCCESS = "success"
SECRETS = frozenset({"<token>"})
"""Parameters of paths that open something to whoever knows them."""
PROBES = frozenset({("healthz",), ("readyz",), ("metrics",)})
"""What balancers and Prometheus ask for all day: it is not counted, and no line of the log."""
_GIVEN = re.compile(rb"[\w.:+/=@-]{1,128}", re.ASCII)

log = logging.getLogger("postreeve.access")


@dataclass
class Seen:
    """What is known of a request so far."""

    operation: str = ""
    """What was asked for, such as `GET /api/user/<mail>`; empty if there is no such thing."""
    path: str = ""
    """Without query string and secrets."""
    outcome: str = SUCCESS
    """The code of a refusal otherwise."""


_seen: ContextVar[Seen] = ContextVar("seen")


def asked_for(method: str, template: str, parts: Sequence[str]) -> None:
    """Note which operation or page the request under way is for; `parts` are those of its path."""
    seen = _current()
    names = template.strip("/").split("/")
    names += [""] * (len(parts) - len(names))
    shown = (name if name in SECRETS else part for name, part in zip(names, parts, strict=False))
    seen.operation, seen.path = f"{method} {template}", "/" + "/".join(shown)


def refused_with(code: str) -> None:
    """Note what the request under way is refused with."""
    _current().outcome = code


def _current() -> Seen:
    return _seen.get(None) or Seen()


class Watch:
    """An application around another one, which sees every request come and go."""

    def __init__(self, inner: ASGIApp, settings: Settings) -> None:
        self.inner = inner
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, with an id that every answer names."""
        started = time.perf_counter()
        headers = dict(scope["headers"])
        own = self._id(scope, headers)
        parts = requests.segments(scope["raw_path"])
        is_probe = parts in PROBES
        seen = Seen(path=_beginning(parts))
        _seen.set(seen)
        logs.request_id.set(own)
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message.get("headers", ()), (HEADER, own.encode())]}
            await send(message)

        if is_probe:
            await self.inner(scope, receive, send_with_id)
            return
        metrics.AT_WORK.inc()
        try:
            await self.inner(scope, receive, send_with_id)
        finally:
            metrics.AT_WORK.dec()
            self._tell(scope, headers, seen, status, time.perf_counter() - started)

    def _id(self, scope: Scope, headers: dict[bytes, bytes]) -> str:
        """Return the id that a trusted proxy gives a request, or a new one."""
        given = headers.get(HEADER, b"")
        trusted = self.settings.trusted_proxies
        peer = networks.plain((scope.get("client") or ("",))[0])
        if trusted and networks.lies_in(peer, trusted) and _GIVEN.fullmatch(given):
            return given.decode()
        return secrets.token_hex(8)

    def _tell(self, scope: Scope, headers: dict[bytes, bytes], seen: Seen, status: int, taken: float) -> None:
        if not status:
            seen.outcome = "GONE"  # the client, before there was an answer
        metrics.count(seen.operation or "other", seen.outcome, taken)
        if log.isEnabledFor(logging.INFO):
            facts = {
                "client": requests.peer(scope, headers, self.settings).address, "method": scope["method"],
                "path": seen.path, "status": status, "outcome": seen.outcome, "ms": round(taken * 1000, 1),
            }  # fmt: skip
            log.info("request", extra={"facts": facts})


def _beginning(parts: tuple[str, ...]) -> str:
    """Return what may be told of a path that nobody knows: what follows may be a secret in a wrong place."""
    shown = parts[:2] if parts[:1] == ("iredadmin",) else parts[:1]
    return "/" + "/".join([*shown, "…"] if len(parts) > len(shown) else shown)
