"""Clients over loopback that cost as little as possible: kept connections, raw bytes, one request at a time in each."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlencode

import uvloop

_END_OF_CHUNKS = b"\r\n0\r\n\r\n"
_PATIENCE_SECONDS = 60
_SUCCESS = b'"_success":true'


@dataclass(frozen=True)
class Address:
    """Where an application listens, and how its requests begin."""

    port: int
    prefix: str
    cookie: str

    def request(self, method: str, path: str, **form: str) -> bytes:
        """Return a request as bytes."""
        body = urlencode(form).encode()
        head = f"{method} {self.prefix}/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {self.cookie}\r\n"
        if body:
            head += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
        return f"{head}\r\n".encode() + body


class RefusedError(Exception):
    """An application did not do what it was asked for."""


def rate(port: int, requests: Iterator[bytes], *, clients: int, seconds: float) -> float:
    """Send requests for some seconds and return how many were answered in one."""
    return uvloop.run(_rate(port, requests, clients, seconds))


def answer(port: int, request: bytes, bytes_a_second: int = 0) -> bytes | int:
    """Send one request and return the answer's body; with a pace it is thrown away, and the length returned."""
    return uvloop.run(_answer(port, request, bytes_a_second))


async def _rate(port: int, requests: Iterator[bytes], clients: int, seconds: float) -> float:
    loop = asyncio.get_running_loop()
    lines = [_Line(requests, time.perf_counter() + seconds, loop.create_future()) for _ in range(clients)]
    started = time.perf_counter()
    for line in lines:
        await loop.create_connection(lambda line=line: line, "127.0.0.1", port)  # type: ignore[misc]
    async with asyncio.timeout(seconds + _PATIENCE_SECONDS):
        await asyncio.gather(*(line.ended for line in lines))
    return sum(line.answered for line in lines) / (max(line.last for line in lines) - started)


class _Line(asyncio.Protocol):
    """One connection, which sends the next request when an answer is complete."""

    def __init__(self, requests: Iterator[bytes], deadline: float, ended: asyncio.Future[None]) -> None:
        self.requests = requests
        self.deadline = deadline
        self.ended = ended
        self.answered = 0
        self.last = 0.0
        self._head = b""
        self._left = 0
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's are none by name
        self.transport.write(next(self.requests))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(exc or RefusedError("The connection was closed."))

    def data_received(self, data: bytes) -> None:
        if self._left > 0:
            self._left -= len(data)
        elif self._left < 0:
            self._tail = (self._tail + data)[-len(_END_OF_CHUNKS) :]
            self._left = 0 if self._tail == _END_OF_CHUNKS else -1
        else:
            self._begin(data)
        if not self._left and not self._head:
            self._end()

    def _begin(self, data: bytes) -> None:
        """Read the head of an answer: its length, or that it comes in chunks (`_left` below zero)."""
        self._head += data
        head, blank, body = self._head.partition(b"\r\n\r\n")
        if not blank or len(body) < len(_SUCCESS) + 2:
            return
        if b" 200 " not in head[:16] or _SUCCESS not in body[:64]:
            self.ended.set_exception(RefusedError(self._head[:400].decode(errors="replace")))
            self.transport.abort()
            return
        self._head = b""
        head = head.lower()
        at = head.find(b"content-length: ")
        if at >= 0:
            self._left = int(head[at + 16 :].partition(b"\r")[0]) - len(body)
        else:
            self._tail = body[-len(_END_OF_CHUNKS) :]
            self._left = 0 if self._tail == _END_OF_CHUNKS else -1

    def _end(self) -> None:
        self.answered += 1
        self.last = time.perf_counter()
        if self.last < self.deadline:
            self.transport.write(next(self.requests))
            return
        self.ended.set_result(None)
        self.transport.close()


async def _answer(port: int, request: bytes, bytes_a_second: int) -> bytes | int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
    started, length, kept = time.perf_counter(), 0, bytearray()
    while piece := await reader.read(1 << 18):
        length += len(piece)
        if bytes_a_second:
            await asyncio.sleep(max(started + length / bytes_a_second - time.perf_counter(), 0))
        else:
            kept += piece
    writer.close()
    return length if bytes_a_second else bytes(kept.partition(b"\r\n\r\n")[2])
