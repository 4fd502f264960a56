"""Commands that serve until they are ended: ourselves, and mlmmj for others."""

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Annotated

import typer

from postreeve import app as assembly
from postreeve import logs
from postreeve.commands.shared import SETUP, Data, File, plain_errors
from postreeve.configuration import with_options
from postreeve.jobs import embedded, pending
from postreeve.networks import host_and_port
from postreeve.settings import Settings
from postreeve.web import serving


def serve(
    data: Data = Path("data"),
    settings_file: File = None,
    listen: Annotated[str | None, typer.Option(help="Address and port; the setting `listen` if not given.")] = None,
    workers: Annotated[int | None, typer.Option(help="Server processes; the setting `workers` if not given.")] = None,
    *,
    with_jobs: Annotated[
        bool, typer.Option("--with-jobs", help="Run the jobs as well, where neither cron nor a timer does.")
    ] = False,
) -> None:
    """Serve the API, the panel and self-service."""
    with plain_errors():
        settings = with_options(assembly.settings_of(data, settings_file), listen=listen, workers=workers)
        logs.configure(settings)
        with closing(assembly.storage_of(settings)) as storage:
            pending.run(storage)
        host, port = host_and_port(settings.listen)
        sockets = serving.listeners(host, port)
    os.environ[assembly.DATA] = str(data)
    if settings_file:
        os.environ[assembly.SETTINGS] = str(settings_file)
    typer.echo(_announcement(settings))
    with _jobs(settings) if with_jobs else nullcontext():
        serving.run("postreeve.app:application", sockets, settings.workers, factory=True)


@contextmanager
def _jobs(settings: Settings) -> Iterator[None]:
    """Run the jobs until the end of the block; a signal that ends the server ends them in order."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # the server passes it on when it has ended itself
    with closing(assembly.storage_of(settings)) as storage, embedded.beside(storage, SETUP):
        yield


def mlmmj_agent(
    data: Data = Path("data"),
    settings_file: File = None,
    listen: Annotated[str | None, typer.Option(help="Address and port; `mlmmj_agent_listen` if not given.")] = None,
) -> None:
    """Serve mlmmjadmin's HTTP API over mlmmj on this host, for a Postreeve on another host."""
    with plain_errors():
        settings = assembly.settings_of(data, settings_file)
        agent = assembly.mlmmj_agent(settings)
        address = with_options(settings, listen=listen or settings.mlmmj_agent_listen).listen
        sockets = serving.listeners(*host_and_port(address))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    typer.echo(f"The lists in {settings.mlmmj_spool} are served at http://{address}/api/")
    serving.run(agent, sockets)


def _announcement(settings: Settings) -> str:
    base = f"http://{settings.listen}/iredadmin/"
    if not settings.enable_restful_api:
        return f"Postreeve serves {base} - the API is switched off."
    return f"Postreeve serves {base} - the reference of the API is at {base}api/reference"
