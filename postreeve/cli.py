"""The command line: setting up, serving, daily work with accounts, and the jobs behind it."""

from typing import Annotated

import typer

from postreeve import __version__
from postreeve.commands.loading import Group, Place, gathered

JOBS = {
    "pending": Place("jobs", "settle_pending"),
    "spf-whitelist": Place("jobs", "ask_for_spf_whitelist"),
    "verify-domains": Place("jobs", "verify_waiting_domains"),
    "cleanup": Place("jobs", "clean_up"),
    "delete-mailboxes": Place("jobs", "delete_mailboxes"),
    "all": Place("jobs", "run_what_is_due"),
    "timers": Place("jobs", "write_timers"),
    "cron": Place("jobs", "print_cron_lines"),
}
COMMANDS: dict[str, Place | Group] = {
    "init": Place("setting_up", "init"),
    "serve": Place("serving", "serve"),
    "adopt": Place("adopt", "adopt"),
    "doctor": Place("doctor", "doctor"),
    "domain": Group("Create, show, list, update and delete domains.", module="accounts"),
    "user": Group("Create, show, list, update, rename and delete users.", module="accounts"),
    "alias": Group("Create, show, list, update, rename and delete mail aliases.", module="accounts"),
    "admin": Group("Create, show, list, update and delete admins.", module="accounts"),
    "list": Group("Create, show, list, update and delete subscribable lists.", module="accounts"),
    "maillist": Group("Create, show, list, update and delete unsubscribable lists.", module="accounts"),
    "import": Group(
        "Add users or mail aliases from a table in CSV.",
        {"users": Place("transfer", "import_users"), "aliases": Place("transfer", "import_aliases")},
    ),
    "export": Group(
        "Write users or mail aliases as a table in CSV.",
        {"users": Place("transfer", "export_users"), "aliases": Place("transfer", "export_aliases")},
    ),
    "admin-password": Place("setting_up", "admin_password"),
    "mail-config": Place("configuration", "mail_config"),
    "ldap-config": Place("configuration", "ldap_config"),
    "subscribe": Place("lists", "subscribe"),
    "ldif": Place("ldif", "ldif"),
    "schema": Place("upgrading", "schema"),
    "mlmmj-agent": Place("serving", "mlmmj_agent"),
    "job": Group("Run one of the jobs that cron or a timer calls.", JOBS),
}
app = gathered(COMMANDS, name="postreeve")


def _tell_version(is_asked: bool) -> None:  # noqa: FBT001 - an option, as Typer hands it over
    if is_asked:
        typer.echo(f"Postreeve {__version__}")
        raise typer.Exit


@app.callback(help=__doc__)
def postreeve(
    *,
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_tell_version, is_eager=True)
    ] = False,
) -> None:
    """Take the options that stand before a command."""
