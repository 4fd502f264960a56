"""Requests byte by byte, for what well-behaved libraries would put right before sending it."""

import json
import socket
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any

from tests.site import Client, Site

COOKIE = "postreeve_api"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.body)
        assert isinstance(answer["_success"], bool)
        return answer


def place(site: Site) -> tuple[str, int]:
    """Return the host and the port on which a site is served."""
    host, _, port = site.base.split("/")[2].partition(":")
    return host, int(port)


def send(site: Site, text: str | bytes, body: bytes = b"") -> Answer:
    """Send the lines of a request's head (without the empty one at its end) and a body, and read one answer."""
    head = text if isinstance(text, bytes) else text.encode()
    lines = b"\r\n".join(line.strip() for line in head.strip().splitlines())
    with socket.create_connection(place(site), timeout=30) as line:
        line.sendall(lines + b"\r\nHost: postreeve.test\r\nConnection: close\r\n\r\n" + body)
        response = HTTPResponse(line, method=head.split(b" ")[0].decode())
        response.begin()
        return Answer(
            response.status, {name.lower(): value for name, value in response.headers.items()}, response.read()
        )


def token(client: Client) -> str:
    """Return the id of a client's session."""
    found = client.session.cookies[COOKIE]
    assert found
    return found


def cookie(client: Client) -> str:
    """Return the header line with a client's session."""
    return f"Cookie: {COOKIE}={token(client)}"
