"""The server: its sockets first, so that what is announced is true; then one process or several behind them."""

import socket
from collections.abc import Sequence
from contextlib import suppress

import uvicorn
from starlette.types import ASGIApp
from uvicorn.supervisors import Multiprocess

from postreeve.settings import SettingsError
from postreeve.web import metrics

ENDING_SECONDS = 10
"""A server that is told to stop waits so long for the requests that are under way."""
_WAITING_CONNECTIONS = 2048


def listeners(host: str, port: int) -> list[socket.socket]:
    """Return sockets that listen on every address of a host; `SettingsError` says why there are none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise SettingsError(f"Postreeve can not listen on {host}: {error.strerror}.") from error
    try:
        return [
            socket.create_server(address[:2], family=family, backlog=_WAITING_CONNECTIONS)
            for family, address in dict.fromkeys((family, address) for family, _, _, _, address in found)
        ]
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (while ")[0]
        raise SettingsError(f"Postreeve can not listen on {host}, port {port}: {reason}.") from error


def run(
    application: ASGIApp | str, sockets: Sequence[socket.socket], workers: int = 1, *, factory: bool = False
) -> None:
    """Serve until a signal ends it; several processes need the name of the function that makes the application."""
    config = uvicorn.Config(
        application, factory=factory, workers=workers, access_log=False, proxy_headers=False, server_header=False,
        log_config=None, log_level="warning", ws="none", timeout_graceful_shutdown=ENDING_SECONDS,
    )  # fmt: skip
    with suppress(KeyboardInterrupt):
        if workers > 1:
            with metrics.gathered():
                Multiprocess(config, list(sockets)).run()
        else:
            uvicorn.Server(config).run(list(sockets))
