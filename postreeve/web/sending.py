"""Answers on their way out; long ones are written as they are read, no faster than the client takes them."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import anyio.to_thread
from anyio import CapacityLimiter, fail_after
from starlette.types import Message, Scope, Send

PIECE_BYTES = 64 * 1024
PIECE_SECONDS = 5
"""A long answer that is found out slowly comes in smaller pieces, so that nobody in between gives up."""
UNREAD_SECONDS = 60
"""A client that takes nothing of a long answer for so long is dropped: it holds a database connection."""

Header = tuple[bytes, bytes]


@dataclass(frozen=True)
class Reply:
    """An answer on its way out: a body, or an iterator of pieces of one."""

    status: int
    body: bytes | Iterator[bytes]
    headers: tuple[Header, ...] = ()


def begun(parts: Iterable[bytes]) -> bytes | Iterator[bytes]:
    """Read the beginning of a long answer: what fails there can still be said, what is short needs no stream."""
    pieces = _pieces(parts)
    first, second = next(pieces, b""), next(pieces, None)
    return first if second is None else _continued(first, second, pieces)


async def send_reply(reply: Reply, scope: Scope, send: Send, limiter: CapacityLimiter) -> None:
    """Send an answer; what is read for a long one is closed at its end, whatever the end is."""
    is_head = scope["method"] == "HEAD"
    start: Message = {"type": "http.response.start", "status": reply.status, "headers": [*reply.headers]}
    if isinstance(reply.body, bytes):
        start["headers"].append((b"content-length", str(len(reply.body)).encode()))
        await send(start)
        await send(_part(b"" if is_head else reply.body, more=False))
        return
    pieces = reply.body
    try:
        piece = await _next(pieces, limiter)
        await send(start)
        while piece is not None and not is_head:
            with fail_after(UNREAD_SECONDS):
                await send(_part(piece, more=True))
            piece = await _next(pieces, limiter)
        await send(_part(b"", more=False))
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(pieces.close, limiter=limiter)  # type: ignore[attr-defined]


async def _next(pieces: Iterator[bytes], limiter: CapacityLimiter) -> bytes | None:
    return await anyio.to_thread.run_sync(next, pieces, None, limiter=limiter)


def _part(body: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


def _pieces(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Put parts together to pieces of about 64 KB."""
    piece = bytearray()
    due = time.monotonic() + PIECE_SECONDS
    for part in parts:
        piece += part
        if len(piece) >= PIECE_BYTES or time.monotonic() >= due:
            yield bytes(piece)
            piece.clear()
            due = time.monotonic() + PIECE_SECONDS
    if piece:
        yield bytes(piece)


def _continued(first: bytes, second: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield second
    yield from pieces
