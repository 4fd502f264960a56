"""The jobs as commands, for cron and timers."""

from pathlib import Path

import typer

from postreeve import app as assembly
from postreeve.commands.shared import SETUP, Data, File, plain_errors
from postreeve.jobs import pending, spf_whitelist, verify_domains


def settle_pending(data: Data = Path("data"), settings_file: File = None) -> None:
    """Settle what a crash or an outage left open."""
    with plain_errors():
        settled, left = pending.run(assembly.storage_of(assembly.settings_of(data, settings_file)))
    typer.echo(f"{settled} settled, {left} left.")
    raise typer.Exit(int(left > 0))


def ask_for_spf_whitelist(data: Data = Path("data"), settings_file: File = None) -> None:
    """Ask the DNS which servers send the mail of the domains that are not greylisted.

    Where the DNS does not answer, the servers known before stay.
    """
    with plain_errors():
        answered, silent = spf_whitelist.run(assembly.storage_of(assembly.settings_of(data, settings_file)))
    typer.echo(f"The DNS answered for {answered} domains; for {silent} the servers known before stay.")


def verify_waiting_domains(data: Data = Path("data"), settings_file: File = None) -> None:
    """Look for the proofs of ownership that domains wait for; those whose owners show them are active then."""
    with plain_errors():
        verified, waiting = verify_domains.run(assembly.storage_of(assembly.settings_of(data, settings_file)), SETUP)
    typer.echo(f"{verified} verified, {waiting} waiting.")
