"""A web server on loopback that says what it is told to, over http and https, and remembers what it was asked."""

import socket
import socketserver
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

LOOPBACK = "127.0.0.1"
PAUSE = 0.05


def page(text: str, status: str = "200 OK", headers: str = "") -> bytes:
    """Return an answer of HTTP."""
    body = text.encode()
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


class WebServer:
    """What a server answers, by path; both may be changed while it serves.

    `asked` has a line such as `http ex.com /code` for each request. What is in `slow` is sent byte by byte.
    """

    def __init__(self) -> None:
        self.answers: dict[str, bytes] = {}
        self.slow: set[str] = set()
        self.asked: list[str] = []
        self.connections = 0
        self.ports: dict[str, int] = {}

    def answer(self, scheme: str, connection: socket.socket) -> None:
        request = b""
        while b"\r\n\r\n" not in request and (piece := connection.recv(4096)):
            request += piece
        lines = request.decode(errors="replace").split("\r\n")
        path = lines[0].split(" ")[1] if len(lines) > 1 else ""
        host = next((line[6:] for line in lines if line.startswith("Host: ")), "")
        self.asked.append(f"{scheme} {host} {path}")
        content = self.answers.get(path, page("", "404 Not Found"))
        for piece in [content[at : at + 1] for at in range(len(content))] if path in self.slow else [content]:
            connection.sendall(piece)
            time.sleep(PAUSE if path in self.slow else 0)


@contextmanager
def web_server(address: str = LOOPBACK) -> Iterator[WebServer]:
    """Serve on two random ports of loopback."""
    server = WebServer()
    with ExitStack() as running:
        for scheme in ("http", "https"):
            listener = running.enter_context(_listener(server, scheme, address))
            thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            running.callback(thread.join)
            running.callback(listener.shutdown)
            server.ports[scheme] = listener.server_address[1]
        yield server


class _Threads(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


class _Threads6(_Threads):
    address_family = socket.AF_INET6


def _listener(server: WebServer, scheme: str, address: str) -> socketserver.TCPServer:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            server.connections += 1
            connection: socket.socket = self.request
            try:
                if scheme == "https":
                    connection = unknown_certificate().wrap_socket(connection, server_side=True)
                server.answer(scheme, connection)
            except OSError:
                return  # the client is gone
            finally:
                connection.close()

    return (_Threads6 if ":" in address else _Threads)((address, 0), Handler)


@cache
def unknown_certificate() -> ssl.SSLContext:
    """Return TLS with a certificate that nobody knows."""
    folder = Path(mkdtemp(prefix="postreeve-web-"))
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-subj", "/CN=nobody.test", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    for path in (key, certificate):
        path.unlink()
    folder.rmdir()
    return context
