"""Looks for a code that proves ownership: in the TXT records of a name, and in a file of its web server.

A stranger chose the name. So the web server is asked at a public address alone, and that is decided on the very address
that the connection goes to: the DNS is asked by us, once. No redirection is followed. Time and bytes are bounded as a
whole, however slowly somebody sends.
"""

import io
import socket
import ssl
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from typing import Any, TypeVar, cast
from urllib.parse import quote

from dns.exception import DNSException
from dns.rdata import Rdata
from dns.rdtypes.ANY.TXT import TXT
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA
from dns.resolver import NXDOMAIN, NoAnswer

from postreeve import networks
from postreeve.resolvers import SECONDS_TO_ANSWER, resolver_of

PORTS = {"http": 80, "https": 443}
MOST_ADDRESSES = 4
"""Addresses of a web server that are tried."""
MOST_BYTES = 64 * 1024
"""Of an answer, with its headers."""
LONGEST_FILE = 4096
_REQUEST = (
    "GET /{path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Postreeve\r\nAccept: text/plain\r\n"
    "Accept-Encoding: identity\r\nConnection: close\r\n\r\n"
)
_Record = TypeVar("_Record", bound=Rdata)


class NotFoundError(Exception):
    """The code is nowhere; the text says in a sentence for each place what is there instead."""


@dataclass(frozen=True)
class Bounds:
    """How a look is bounded."""

    dns_servers: Sequence[str]
    seconds: float
    reachable: Sequence[str]
    """Networks that may be reached though they are not public."""


def urls(name: str, code: str) -> list[str]:
    """Return where a file with the code is looked for."""
    return [f"{scheme}://{name}/{quote(code)}" for scheme in PORTS]


def code_among(codes: Collection[str], name: str, bounds: Bounds) -> str:
    """Return which of some codes the owner of a name shows, or raise `NotFoundError`."""
    look, whole, failures = _Look(name, bounds), _Time(bounds.seconds), []
    files = [partial(look.in_file, code, scheme) for code in codes for scheme in PORTS]
    places = [partial(look.in_dns, codes), *files]
    for index, place in enumerate(places):
        try:
            return place(whole.part(len(places) - index))
        except NotFoundError as no:
            failures.append(str(no))
    raise NotFoundError(" ".join(dict.fromkeys(failures)))


class _Time:
    """The time that something has; it is over with a `TimeoutError`."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        seconds = self._end - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds

    def part(self, of: int) -> "_Time":
        """Return the time of one of several that share what is left."""
        return _Time(max(self._end - time.monotonic(), 0) / of)


class _Look:
    """A look at the places of one name."""

    def __init__(self, name: str, bounds: Bounds) -> None:
        self.name = name
        self.bounds = bounds
        self._addresses: list[str] | None = None

    def in_dns(self, codes: Collection[str], limit: _Time) -> str:
        records = self._records(TXT, limit)
        found = {b"".join(record.strings).decode("ascii", "replace").strip() for record in records}
        if not (shown := [code for code in codes if code in found]):
            raise NotFoundError(f"DNS: no TXT record of {self.name} is the code.")
        return shown[0]

    def in_file(self, code: str, scheme: str, limit: _Time) -> str:
        addresses = self._reachable(limit)
        problem = f"{self.name} has no address at which a web server may be asked."
        for index, address in enumerate(addresses):
            try:
                status, text = self._fetched(code, scheme, address, limit.part(len(addresses) - index))
            except TimeoutError:
                problem = "no answer in time."
            except (OSError, HTTPException, ValueError):
                problem = "no proper answer."
            else:
                if status == HTTPStatus.OK and text == code:
                    return code
                is_there = status == HTTPStatus.OK
                problem = "the file is another one." if is_there else f"the answer has the status {status}."
        raise NotFoundError(f"{scheme}: {problem}" if addresses else problem)

    def _fetched(self, code: str, scheme: str, address: str, limit: _Time) -> tuple[int, str]:
        """Return the status and the text of a file, from the web server at one address."""
        with self._connected(scheme, address, limit) as connection:
            connection.settimeout(limit.left)
            connection.sendall(_REQUEST.format(path=quote(code), host=self.name).encode())
            response = HTTPResponse(cast("socket.socket", _Received(connection, limit)))
            response.begin()
            content = response.read(LONGEST_FILE + 1)
            is_too_long = len(content) > LONGEST_FILE
            return response.status, "" if is_too_long else content.decode("utf-8-sig", "replace").strip()

    def _connected(self, scheme: str, address: str, limit: _Time) -> socket.socket:
        connection = socket.create_connection((address, PORTS[scheme]), limit.left)
        if scheme == "http":
            return connection
        try:
            connection.settimeout(limit.left)
            return _unverified().wrap_socket(connection, server_hostname=self.name)
        except BaseException:
            connection.close()
            raise

    def _reachable(self, limit: _Time) -> list[str]:
        """Return the addresses at which the web server may be asked; the DNS is asked for them once."""
        if self._addresses is None:
            found = [record.address for record in self._records(A, limit)]
            found += [record.address for record in self._records(AAAA, limit)]
            self._addresses = [address for address in found if self._may_reach(address)][:MOST_ADDRESSES]
        return self._addresses

    def _may_reach(self, address: str) -> bool:
        return networks.is_public(address) or networks.lies_in(address, self.bounds.reachable)

    def _records(self, kind: type[_Record], limit: _Time) -> list[_Record]:
        """Return the name's records of one kind, if the DNS answers in time."""
        try:
            resolver = resolver_of(self.bounds.dns_servers, seconds=min(limit.left, SECONDS_TO_ANSWER))
            answer = resolver.resolve(f"{self.name}.", kind.__name__)
        except (NXDOMAIN, NoAnswer):
            return []
        except (DNSException, OSError) as error:
            raise NotFoundError(f"DNS: no answer about {self.name}.") from error
        return [record for record in answer if isinstance(record, kind)]


class _Received(io.RawIOBase):
    """What comes over a connection, until the time is over or it is too much."""

    def __init__(self, connection: socket.socket, limit: _Time) -> None:
        self._connection = connection
        self._limit = limit
        self._left = MOST_BYTES

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return a file to read from, as a socket does."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - a buffer has no type in Python 3.11
        if not self._left:
            raise OSError("The answer is too long.")
        self._connection.settimeout(self._limit.left)
        length = self._connection.recv_into(buffer, min(len(buffer), self._left))
        self._left -= length
        return length


def _unverified() -> ssl.SSLContext:
    """Return what TLS needs; a file over http is a proof as well, so a certificate would prove nothing more."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
