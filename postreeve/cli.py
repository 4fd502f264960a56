"""The command line: setting up, serving, and the jobs behind it."""

from typing import Annotated

import typer

from postreeve import __version__
from postreeve.commands import adopt, configuration, doctor, jobs, ldif, lists, serving, setting_up, upgrading

app = typer.Typer(name="postreeve", no_args_is_help=True, pretty_exceptions_enable=False)
job = typer.Typer(help="Run one of the jobs that cron or a timer calls.", no_args_is_help=True)


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


app.command("init")(setting_up.init)
app.command("serve")(serving.serve)
app.command("adopt")(adopt.adopt)
app.command("doctor")(doctor.doctor)
app.command("admin-password")(setting_up.admin_password)
app.command("mail-config")(configuration.mail_config)
app.command("ldap-config")(configuration.ldap_config)
app.command("subscribe")(lists.subscribe)
app.command("ldif")(ldif.ldif)
app.command("schema")(upgrading.schema)
app.command("mlmmj-agent")(serving.mlmmj_agent)
job.command("pending")(jobs.settle_pending)
job.command("spf-whitelist")(jobs.ask_for_spf_whitelist)
job.command("verify-domains")(jobs.verify_waiting_domains)
app.add_typer(job, name="job")
